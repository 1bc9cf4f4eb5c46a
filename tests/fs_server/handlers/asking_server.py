"""The product's server with tools that ask, instead of its own.

    python tests/fs_server/handlers/asking_server.py ANSWER_S MOST_OPEN ARGUMENTS-OF-SERVE…

The first two are for `Questions`.
"""

import sys
from pathlib import Path

# Started by path, so that Python looks for packages here and not in the repository.
sys.path[0] = str(Path(__file__).resolve().parents[3])

from fs_server.protocol import claim_stdio  # noqa: E402

WIRE = claim_stdio()

import asyncio  # noqa: E402
import os  # noqa: E402
from typing import Annotated  # noqa: E402

from pydantic import Field  # noqa: E402

from fs_server import app  # noqa: E402
from fs_server.config import flags, load  # noqa: E402
from fs_server.errors import quoted  # noqa: E402
from fs_server.handlers.consent import Questions  # noqa: E402
from fs_server.protocol.serving import serve  # noqa: E402
from fs_server.services import Services  # noqa: E402
from fs_server.tools import Effect, Tool  # noqa: E402
from fs_server.tools.answer import Answer, Text  # noqa: E402
from fs_server.tools.arguments import Arguments  # noqa: E402
from fs_server.tools.consent import Consent  # noqa: E402
from fs_server.tools.tool import tool  # noqa: E402


class Empty(Arguments):
    path: Annotated[str, Field(description="Directory")]


@tool(title="Empty a directory", effect=Effect.DESTROY)
async def empty(asked: Empty, services: Services, consent: Consent) -> Answer:
    """Remove the files of a directory, whatever their number."""
    directory = Path(services.workspace.roots[0].path, asked.path)
    names = sorted(os.listdir(directory))  # noqa: PTH208
    consent.require(
        f"Remove {len(names)} files from {quoted(asked.path)}?",
        about="/".join(names),
        otherwise="Remove them one by one",
    )
    for name in names:
        (directory / name).unlink()
    return Answer((Text(f"removed {len(names)}"),))


class Several(Arguments):
    questions: Annotated[int, Field(description="How many")] = 1


@tool(title="Ask much", effect=Effect.WRITE)
async def several(asked: Several, _services: Services, consent: Consent) -> Answer:
    """Ask one question after the other."""
    for number in range(asked.questions):
        consent.require(f"Is it {number}?", about="", otherwise="Guess")
    return Answer((Text(f"{asked.questions} times yes"),))


@tool(title="Ask nothing", effect=Effect.READ)
async def plain(_asked: Several, _services: Services) -> Answer:
    """Do without an answer."""
    return Answer((Text("served"),))


TOOLS: list[Tool] = [empty, several, plain]


def main() -> int:
    answer_s, most_open, *arguments = sys.argv[1:]
    invocation = flags.parse(["serve", *arguments])
    services = app.open_services(load.load(invocation.layer, os.environ, invocation.config))
    questions = Questions(answer_s=float(answer_s), most_open=int(most_open))
    return asyncio.run(serve(app.build(services, tools=TOOLS, questions=questions), wire=WIRE))


if __name__ == "__main__":
    sys.exit(main())
