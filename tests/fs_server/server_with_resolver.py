"""The product's server with a resolver, or as a user, that the test chooses.

    python tests/fs_server/server_with_resolver.py NAME ARGUMENTS-OF-SERVE…

`nobody` is the server's own choice of a resolver, in a process that is no root: no permission holds root back.

`stuck` is the stepwise resolver on a file system that hangs: whoever looks up a FIFO by the name `stuck` waits in the
kernel until somebody opens its other end.
"""

import sys
from pathlib import Path

# Started by path, so that Python looks for packages here and not in the repository.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from fs_server.protocol import claim_stdio  # noqa: E402

WIRE = claim_stdio()

import codecs  # noqa: E402
import os  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402

from fs_server import app  # noqa: E402
from fs_server.config import flags, load  # noqa: E402
from sandbox import BACKENDS, Resolver  # noqa: E402
from sandbox.resolve import Found, choose  # noqa: E402
from sandbox.resolve._stepwise import StepwiseResolver  # noqa: E402

NOBODY = 65534


class StuckResolver(StepwiseResolver):
    """Hangs in open(2), as a lookup on a dead network mount does."""

    name = "stuck"

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        if parts and parts[-1] == "stuck":
            os.close(os.open("stuck", os.O_RDONLY, dir_fd=root))
        return super().resolve(root, parts, directory=directory)


def become_nobody() -> None:
    codecs.lookup("ascii")  # root's own Python may be out of the user's reach, and this is imported only when used
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def main() -> int:
    name, *arguments = sys.argv[1:]
    invocation = flags.parse(["serve", *arguments])
    settings = load.load(invocation.layer, os.environ, invocation.config)
    resolvers: dict[str, Callable[[], Resolver]] = {**BACKENDS, "stuck": StuckResolver, "nobody": choose}
    if name == "nobody":
        become_nobody()
    return app.run(settings, WIRE, resolver=resolvers[name]())


if __name__ == "__main__":
    sys.exit(main())
