"""The product's server with a resolver, or as a user, that the test chooses.

    python tests/fs_server/server_with_resolver.py NAME ARGUMENTS-OF-SERVE…

`nobody` is the server's own choice of a resolver, in a process that is no root: no permission holds root back.

`misbehaving` is the stepwise resolver on a bad file system. What it does wrong hangs on a name: whoever looks up a
FIFO `stuck` waits in the kernel until somebody opens its other end; `broken` is a defect of ours; `bad-disk` opens and
cannot be read; `forbidden` cannot be opened; `growing` becomes longer after the look at it; a directory that holds
`endless` never comes to its end.
"""

import sys
from pathlib import Path

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

# Started by path, so that Python looks for packages here and not in the repository.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from fs_server.protocol import claim_stdio  # noqa: E402

WIRE = claim_stdio()

import codecs  # noqa: E402
import importlib  # noqa: E402
import itertools  # noqa: E402
import os  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402

from fs_server import app  # noqa: E402
from fs_server.config import flags, load  # noqa: E402
from sandbox import BACKENDS, Kind, PermissionDenied, Resolver  # noqa: E402
from sandbox.resolve import Found, choose  # noqa: E402
from sandbox.resolve._stepwise import StepwiseResolver  # noqa: E402

NOBODY = 65534


class MisbehavingResolver(StepwiseResolver):
    """Fails as a dead network mount, a bad disk and a programmer do."""

    name = "misbehaving"

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        match parts:
            case [*_, "stuck"]:
                os.close(os.open("stuck", os.O_RDONLY, dir_fd=root))
            case [*_, "broken"]:
                raise RuntimeError("SECRET of the implementation")
        return super().resolve(root, parts, directory=directory)

    def readable(self, found: Found) -> int:
        again = f"/proc/self/fd/{found.handle}"
        match found.parts[-1]:
            case "bad-disk":
                return os.open(again, os.O_WRONLY)  # every read of it fails
            case "forbidden":
                raise PermissionDenied
            case "growing":
                with open(again, "ab") as file:  # noqa: PTH123
                    file.write(bytes(200_000))
        return super().readable(found)

    def names(self, directory: int) -> Iterator[tuple[str, Kind]]:
        for name, kind in super().names(directory):
            yield name, kind
            if name == "endless":
                yield from ((f"e{number}", Kind.FILE) for number in itertools.count())


def become_nobody() -> None:
    # Root's own Python may be out of the user's reach, and these are imported only when they are used.
    codecs.lookup("ascii")
    for module in ("fs_server.journal.journal", "fs_server.journal.recovery"):
        importlib.import_module(module)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def main() -> int:
    name, *arguments = sys.argv[1:]
    invocation = flags.parse(["serve", *arguments])
    settings = load.load(invocation.layer, os.environ, invocation.config)
    resolvers: dict[str, Callable[[], Resolver]] = {**BACKENDS, "misbehaving": MisbehavingResolver, "nobody": choose}
    if name == "nobody":
        become_nobody()
    return app.run(settings, WIRE, resolver=resolvers[name]())


if __name__ == "__main__":
    sys.exit(main())
