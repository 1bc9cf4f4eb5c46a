"""What is said where the journal's own disk fails it. Its place is the operator's business: it goes to the log only."""

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

from fs_server.errors import Failure, failed_io

__all__ = ["JOURNAL", "damaged", "disk_full", "lost", "occupied", "told"]

_log = logging.getLogger(__name__)

JOURNAL = "The journal of changes"


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell in words which system call failed on the journal's own file `path`.

    Raises:
        Failure: `disk_full` or `io_error`.
    """
    try:
        yield
    except OSError as error:
        _log.warning("%s: %s: %s", JOURNAL, path, error)
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise disk_full() if full else failed_io(JOURNAL, error) from error


def disk_full() -> Failure:
    """Return that there is no room for what would be needed to undo a change."""
    return Failure(
        "disk_full",
        JOURNAL,
        "Its disk, or the user's quota there, is full; a change that could not be undone is not made",
        "Ask the user to make room where the server keeps its state",
    )


def damaged() -> Failure:
    """Return that the database was found damaged, and begun anew."""
    return Failure(
        "io_error",
        JOURNAL,
        "Its database was damaged. It was moved aside, and what was done before cannot be undone any more",
        "Try once more",
    )


def lost() -> Failure:
    """Return that a content which was kept for a change is no longer there."""
    return Failure(
        "io_error", JOURNAL, "A content that it had kept for this change is gone or damaged", "Try once more"
    )


def occupied() -> Failure:
    """Return that another server holds the journal for too long."""
    return Failure(
        "busy", JOURNAL, "Another server has been writing it for more than 5 s", "Try again in a few seconds"
    )
