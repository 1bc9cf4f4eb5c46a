"""From the first word of a command to the program that it names, as execvp(3) does it."""

import errno
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

__all__ = ["candidates", "execute"]


def candidates(name: bytes, environment: Mapping[bytes, bytes]) -> list[bytes]:
    """Return where a program of this name may be, in order. One with a slash is where it says.

    Relative entries of `PATH`, the empty one too, are passed over: they would be the directory of the command.
    """
    if b"/" in name:
        return [name]
    entries = environment.get(b"PATH", os.fsencode(os.defpath)).split(b":")
    return [os.path.join(entry, name) for entry in entries if entry.startswith(b"/")]


def execute(argv: list[bytes], environment: Mapping[bytes, bytes]) -> NoReturn:
    """Become the program.

    Raises:
        OSError: there is none of that name (`ENOENT`), or there is one that cannot be executed: why it cannot.
    """
    refused = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in candidates(argv[0], environment):
        try:
            os.execve(path, argv, environment)  # noqa: S606 - there is no shell, on purpose
        except OSError as error:
            # Behind a directory that is missing, or that may not be looked into, the next is asked.
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.EACCES}:
                raise
            if error.errno == errno.EACCES or refused.errno == errno.ENOENT:
                refused = error
    raise refused
