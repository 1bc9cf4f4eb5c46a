"""The journal as a person opens it: the same one that the servers of this user write."""

import os
import sys

from fs_server.config import file, load
from fs_server.errors import Failure
from fs_server.journal.directory import is_begun
from fs_server.journal.journal import Journal

__all__ = ["change_bytes", "opened"]

FOR_EVER_S = 1e9
"""Seconds; thirty years."""


def opened() -> Journal:
    """Return the journal.

    Raises:
        Failure: it cannot be opened; `nothing_to_undo`, no server of this user has changed anything yet.
    """
    directory = file.journal_path()
    if not is_begun(directory):
        raise Failure("nothing_to_undo", "There is no history yet", "No server of yours has changed anything")
    # The limits are the servers' own, which may have them from flags: whoever only looks makes nothing forgotten.
    return Journal.open(directory, max_bytes=sys.maxsize, max_age_s=FOR_EVER_S)


def change_bytes() -> int:
    """Return how much of one change is kept.

    Raises:
        ConfigError: the configuration file cannot be used.
    """
    return load.settings(load.choose({}, os.environ)).limits.change_bytes
