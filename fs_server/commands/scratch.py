"""A directory for the temporary files of commands, where they have no /tmp of their own; gone when the server ends.

It is locked while its server lives, so that the next server removes what one left that was killed.
"""

# ruff: noqa: E402 - the platform is asserted before anything is imported that only this platform has
import contextlib
import os
import shutil
import sys
from pathlib import Path

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from fs_server.journal.directory import make_private, try_lock

__all__ = ["Scratch"]


class Scratch:
    """One directory.

    Attributes:
        path: absolute.
        handle: of it, until it is removed.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = str(path)
        self.handle = handle

    @classmethod
    def make(cls, above: Path) -> "Scratch":
        """Make one in `above`, and remove those of servers that are dead.

        Raises:
            Failure: it cannot be made.
        """
        make_private(above)
        for left in above.iterdir():
            _remove_if_left(left)
        path = above / os.urandom(8).hex()
        make_private(path)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try_lock(handle)
        return cls(path, handle)

    def remove(self) -> None:
        """Remove it with all that it holds. A second call does nothing."""
        if self.handle >= 0:
            _remove(self.path)
            os.close(self.handle)
            self.handle = -1


def _remove_if_left(path: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if try_lock(handle):
                _remove(str(path))
        finally:
            os.close(handle)


def _remove(path: str) -> None:
    # By handles, so that no link in it leads anywhere: what is in it was made by commands.
    shutil.rmtree(path, ignore_errors=True)
