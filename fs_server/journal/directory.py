"""The directory of the journal, which is the operator's alone, and locks on files in it.

A lock is one of flock(2): it belongs to the open file, and the system takes it back when the process ends, however
that happens. Windows has none, so no journal is offered there.
"""

import contextlib
import errno
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fs_server.errors import Failure
from fs_server.journal.trouble import JOURNAL, occupied, told

__all__ = [
    "OURS",
    "WAIT_S",
    "is_begun",
    "locked",
    "make_private",
    "open_ours",
    "sync_directory",
    "sync_file",
    "try_lock",
    "until",
]

_log = logging.getLogger(__name__)

WAIT_S = 5.0
"""How long one server waits for another."""

if sys.platform == "win32":
    OURS = 0

    def try_lock(handle: int) -> bool:
        """Refuse: there is no lock of this kind."""
        raise Failure("unsupported_op", JOURNAL, "It is not offered on Windows", f"Go on without it ({handle})")

else:
    import fcntl

    # A link, and a FIFO that would wait for its other end, are nothing of ours.
    OURS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

    def try_lock(handle: int) -> bool:
        """Lock an open file for this handle alone; False where another handle has the lock.

        Raises:
            OSError: the file system has no locks.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_begun(directory: Path) -> bool:
    """Tell whether there is a journal in `directory` already; False too where nobody may look: a change tells that."""
    return os.path.exists(directory / "journal")  # noqa: PTH110 # before Python 3.12, Path.exists raises EACCES


def make_private(directory: Path) -> None:
    """Make `directory`, and what leads to it, so that nobody else can look into it.

    Raises:
        Failure: it cannot be made, or is another user's.
    """
    with told(directory):
        missing = [place for place in (directory, *directory.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            sync_directory(place.parent)
        facts = directory.stat()
        if not stat.S_ISDIR(facts.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if sys.platform != "win32" and facts.st_uid != os.geteuid():
            _log.warning("The directory %s is another user's, so no change can be written down there.", directory)
            raise Failure(
                "io_error",
                JOURNAL,
                "Its directory belongs to another user of this machine",
                "Ask the user to give this server a state directory of its own (XDG_STATE_HOME)",
            )
        if stat.S_IMODE(facts.st_mode) & 0o077:
            directory.chmod(0o700)


def open_ours(path: Path, flags: int = 0) -> int:
    """Open a file of ours for reading and writing. A link, a FIFO or a device in its place is refused.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDWR | OURS | flags, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return handle


if sys.platform == "darwin":

    def sync_file(handle: int) -> None:
        """Return when the content of a file is on the disk: fsync(2) there ends with the drive's cache."""
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)

else:

    def sync_file(handle: int) -> None:
        """Return when the content of a file is on the disk, without the time when it was read, if that can be."""
        getattr(os, "fdatasync", os.fsync)(handle)


def sync_directory(directory: Path) -> None:
    """Return when the names in a directory are on the disk.

    Raises:
        OSError: the disk fails.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on the file `path`, which is made where it is missing.

    Raises:
        Failure: it cannot be made, or another process holds it for more than `WAIT_S`.
    """
    with told(path):
        handle = open_ours(path, os.O_CREAT)
    try:
        with told(path):
            until(lambda: try_lock(handle))
        yield
    finally:
        os.close(handle)


def until(attempt: Callable[[], bool]) -> None:
    """Make an attempt again and again until it succeeds.

    Not by waiting for a lock, because a process that was stopped while it had one must not stop us too.

    Raises:
        Failure: it did not succeed within `WAIT_S`.
    """
    latest = time.monotonic() + WAIT_S
    while not attempt():
        if time.monotonic() > latest:
            raise occupied()
        time.sleep(0.005)
