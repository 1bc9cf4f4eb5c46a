"""What is forgotten, so that the journal stays small: the oldest changes, and what only they needed.

An intent is never forgotten, because somebody has to finish it or take it back, nor what still has something to let go
of, nor the newest change.
"""

import logging
from collections.abc import Callable

from fs_server.journal.contents import Contents
from fs_server.journal.database import Database
from fs_server.journal.records import Records

__all__ = ["Retention"]

_log = logging.getLogger(__name__)

BATCH = 100
"""Changes that are forgotten at a time, so that other servers need not wait long."""

HOUR_NS = 3_600 * 10**9
S_TO_NS = 10**9


class Retention:
    """The bounds of one journal."""

    def __init__(
        self,
        database: Database,
        records: Records,
        contents: Contents,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._records = records
        self._contents = contents
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age_s * S_TO_NS)
        self._clock = clock
        self._aged_ns = 0

    def enforce_sometimes(self) -> None:
        """Forget some of what has to be forgotten, if the bound is exceeded by more than a little, or once an hour.

        Never so much that whoever waits for it would notice; what is left comes with the next change.

        Raises:
            Failure: the database cannot be written.
        """
        row = self._database.row("SELECT bytes FROM totals")
        too_much = row is not None and row[0] > self._max_bytes + self._max_bytes // 64
        if too_much or abs(self._clock() - self._aged_ns) > HOUR_NS:
            self._aged_ns = self._clock()
            if self._enforce_batch() == BATCH:
                self._aged_ns = 0

    def enforce(self) -> None:
        """Forget what is too old, and the oldest of what is too much, and give its room back to the disk.

        From the oldest on, up to the first that may stay. So a change whose time is wrong, because the clock was, is
        kept as long as its neighbours.

        Raises:
            Failure: the database cannot be written.
        """
        self._aged_ns = self._clock()
        while self._enforce_batch() == BATCH:
            pass
        self._database.shrink(free_bytes=self._max_bytes // 8)  # which are used again soon

    def _enforce_batch(self) -> int:
        """Forget the oldest changes, and return how many they were."""
        oldest_ns = self._clock() - self._max_age_ns
        select = (
            "SELECT number, position, time_ns FROM changes WHERE position IS NOT NULL AND NOT waiting"
            " ORDER BY position LIMIT ?"
        )
        forgotten = 0
        with self._database.transaction():
            # One more than is forgotten: whoever has no successor is the newest.
            *candidates, _newest = self._database.rows(select, (BATCH + 1,)) or [()]
            for number, position, time_ns in candidates:
                if time_ns >= oldest_ns and not self._too_much():
                    break
                self._contents.drop_unused(self._records.drop(number))
                self._database.write("UPDATE totals SET dropped = ?", (position,))
                forgotten += 1
        if forgotten:
            _log.info("The journal of changes: %d changes were forgotten.", forgotten)
        return forgotten

    def _too_much(self) -> bool:
        row = self._database.row("SELECT bytes FROM totals")
        return row is not None and row[0] > self._max_bytes
