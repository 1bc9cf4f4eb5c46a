"""How the server is started: by us, and by a host that is told to."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import fs_server
from fs_server.config.flags import PROGRAM

__all__ = ["for_hosts", "server_command"]

_PACKAGE = Path(fs_server.__file__).parent
_WHERE = "import sys, fs_server; sys.stdout.buffer.write(fs_server.__file__.encode(errors='surrogateescape'))"
_PROBE_S = 20


def server_command(directory: str) -> tuple[str, ...]:
    """Return the command line that serves `directory`, with this interpreter and this very package.

    `-I` keeps out what the working directory, the environment and the user's own packages would bring along. Where
    the package is not installed, as in a checkout, `-I` would not find it, so its directory is named.
    """
    if _found_isolated():
        return (sys.executable, "-I", "-m", "fs_server", directory)
    paths = [str(_PACKAGE.parent), *_user_packages()]
    start = f"import sys; sys.path[:0] = {json.dumps(paths)}; from fs_server.__main__ import main; sys.exit(main())"
    return (sys.executable, "-I", "-c", start, directory)


def for_hosts(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a host should be given: the same command, unless its interpreter stands in a cache.

    `uvx` runs a program from an environment in its cache, which is emptied now and then; a path into it would stop
    to work some day.

    Source: https://docs.astral.sh/uv/concepts/tools/ ; caches carry the tag of https://bford.info/cachedir/
    """
    if any((parent / "CACHEDIR.TAG").exists() for parent in Path(sys.prefix).parents):
        return (shutil.which("uvx") or "uvx", PROGRAM, command[-1])
    return command


def _found_isolated() -> bool:
    """Tell whether an isolated interpreter finds this package: only running one shows what `.pth` files add."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter, and words that stand above
            [sys.executable, "-I", "-c", _WHERE], capture_output=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    found = answer.stdout.decode(errors="surrogateescape")
    return answer.returncode == 0 and Path(found).parent == _PACKAGE


def _user_packages() -> list[str]:
    """Return the user's own packages, if they are where our dependencies were found: `-I` leaves them out."""
    import mcp  # noqa: PLC0415 - only its place is of interest, and only here

    place = str(Path(mcp.__file__).parent.parent)
    return [] if place.startswith(sys.prefix) else [place]
