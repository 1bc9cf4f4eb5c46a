"""One at a time: a lock that the kernel takes back when its holder dies, however it dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def exclusive(file: Path, *, waiting: str) -> Iterator[int]:
    """Hold `file` alone; say `waiting` on standard error if someone else does at first.

    Yields:
        The descriptor that holds the lock. On POSIX a child that inherits it keeps the lock as long as it lives:
        an installer that outlives its killed parent still keeps others away from what it writes.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if not _take(descriptor, wait=False):
            print(f"install_scripts: {waiting}", file=sys.stderr, flush=True)
            while not _take(descriptor, wait=True):
                pass
        yield descriptor
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _take(descriptor: int, *, wait: bool) -> bool:
        try:
            # LK_LOCK tries once a second for ten seconds.
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _take(descriptor: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
