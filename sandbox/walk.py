"""A bounded walk through a directory, in a stated order, that can be taken up again where it ended.

It goes by handles, never follows a link, and never raises on the way: what cannot be looked at is counted under
its reason; only the first directory itself has to be readable. Its memory does not grow with the directory: of a
million siblings only a batch is held at a time.
"""

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.entry import Entry
from sandbox.errors import NameTooLong, SandboxError
from sandbox.ignore import NOTHING_IGNORED, Ignored
from sandbox.limits import Stop
from sandbox.open_directory import OpenDirectory
from sandbox.resolve import Kind

__all__ = ["DEEPEST", "Key", "Order", "Walk"]

DEEPEST = 64
"""Levels that a walk goes down; one directory is held open for each."""

LONGEST_WAY = 1_000
"""Characters of the names from the walk's directory to one that it enters: so long a cursor may become."""

BATCH = 20_000
"""Siblings held at a time. A larger directory is read once per batch that is really needed."""

Key = tuple[int, str]
"""Where an entry stands among its siblings: the number that the order is about, then the name by code point."""


class Order(enum.StrEnum):
    """How siblings follow each other. Ties are broken by name."""

    NAME = "name"
    MODIFIED = "modified"  # newest first
    SIZE = "size"  # largest first


@dataclass(slots=True)
class _Level:
    """One directory on the way: what is left of it."""

    directory: OpenDirectory
    ignored: Ignored
    siblings: Iterator[tuple[Key, Kind]]
    resume: Sequence[Key]


class Walk:
    """Iterates over the entries beneath a directory, each directory's siblings in order, children after their parent.

    Attributes:
        skipped: how many were left out, by reason: `ignored`, or the code of the refusal. Grows while iterating.
        total: names in the directory itself, once they have been read; None before.
        keys: the place of the entry that was yielded last; a later walk continues after it.
        stopped: why the walk ended early, or "".
    """

    def __init__(
        self,
        directory: OpenDirectory,
        *,
        depth: int = 1,
        order: Order = Order.NAME,
        ignored: Ignored | None = NOTHING_IGNORED,
        after: Sequence[Key] = (),
        stop: Stop | None = None,
    ) -> None:
        """Prepare to walk `depth` levels down from `directory`, which stays the caller's.

        `ignored` is what is in force in it, None to leave nothing out. `after` are the `keys` to continue behind.
        """
        self.skipped: Counter[str] = Counter()
        self.total: int | None = None
        self.keys: tuple[Key, ...] = ()
        self.stopped = ""
        self._depth = min(depth, DEEPEST)
        self._order = order
        self._leaves_out = ignored is not None
        self._stop = stop or Stop()
        self._top = directory
        self._after = after
        self._ignored = ignored or NOTHING_IGNORED

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries.

        Raises:
            SandboxError: the directory itself cannot be read; without a subject.
        """
        levels = [self._level(self._top, self._ignored, self._after)]
        keys: list[Key] = []
        try:
            while levels:
                level = levels[-1]
                following = self._next(level)
                if self._stop.is_set():
                    self.stopped = "timeout" if self._stop.expired() else "cancelled"
                    return
                if following is None:
                    self._leave(levels.pop())
                    del keys[-1:]
                    continue
                key, kind = following
                resumed = bool(level.resume) and key == level.resume[0]
                below = level.resume[1:] if resumed else ()
                level.resume = ()
                entry = None if resumed else self._entry(level, key[1], kind)
                if entry is not None:
                    self.keys = (*keys, key)
                    yield entry
                if (resumed or entry is not None) and self._enters(levels, kind):
                    child = self._descend(level, key[1], below)
                    if child is not None:
                        levels.append(child)
                        keys.append(key)
        finally:
            for level in levels:
                self._leave(level)

    def _level(self, directory: OpenDirectory, ignored: Ignored, resume: Sequence[Key]) -> _Level:
        return _Level(directory, ignored, self._siblings(directory, resume[0] if resume else None), resume)

    def _next(self, level: _Level) -> tuple[Key, Kind] | None:
        try:
            return next(level.siblings, None)
        except SandboxError as refusal:
            if level.directory is self._top:
                raise
            self.skipped[refusal.code] += 1
            return None

    def _entry(self, level: _Level, name: str, kind: Kind) -> Entry | None:
        parts = (*level.directory.parts, name)
        if self._leaves_out and level.ignored.covers(parts, directory=kind is Kind.DIRECTORY):
            self.skipped["ignored"] += 1
            return None
        try:
            return level.directory.entry(name)
        except SandboxError as refusal:
            self.skipped[refusal.code] += 1
            return None

    def _enters(self, levels: Sequence[_Level], kind: Kind) -> bool:
        return kind is Kind.DIRECTORY and len(levels) < self._depth

    def _descend(self, level: _Level, name: str, resume: Sequence[Key]) -> _Level | None:
        way = level.directory.parts[len(self._top.parts) :]
        try:
            if sum(map(len, way)) + len(way) + len(name) > LONGEST_WAY:
                raise NameTooLong
            directory = level.directory.descend(name)
        except SandboxError as refusal:
            self.skipped[refusal.code] += 1
            return None
        ignored = level.ignored.within(directory) if self._leaves_out else NOTHING_IGNORED
        return self._level(directory, ignored, resume)

    def _leave(self, level: _Level) -> None:
        if level.directory is not self._top:
            level.directory.close()

    def _siblings(self, directory: OpenDirectory, first: Key | None) -> Iterator[tuple[Key, Kind]]:
        """Yield the keys and kinds of a directory's entries in order, from `first` on, itself included."""
        beyond: Key | None = None
        while True:
            batch, whole = self._batch(directory, first, beyond)
            yield from batch
            if whole:
                return
            beyond = batch[-1][0]

    def _batch(
        self, directory: OpenDirectory, first: Key | None, beyond: Key | None
    ) -> tuple[list[tuple[Key, Kind]], bool]:
        """Return the least `BATCH` entries from `first` on and beyond `beyond`, and whether those are all."""
        batch: list[tuple[Key, Kind]] = []
        whole = True
        seen = 0
        for name, kind in directory.names():
            seen += 1
            if seen % 1024 == 0 and self._stop.is_set():
                break
            key = self._key(directory, name)
            if key is None or (first is not None and key < first) or (beyond is not None and key <= beyond):
                continue
            batch.append((key, kind))
            if len(batch) == 2 * BATCH:
                batch.sort()
                del batch[BATCH:]
                whole = False
        if directory is self._top:
            self.total = seen
        batch.sort()
        if len(batch) > BATCH:
            del batch[BATCH:]
            whole = False
        return batch, whole

    def _key(self, directory: OpenDirectory, name: str) -> Key | None:
        if self._order is Order.NAME:
            return (0, name)
        try:
            facts = directory.stat(name)
        except SandboxError as refusal:
            self.skipped[refusal.code] += 1
            return None
        return (-(facts.st_mtime_ns if self._order is Order.MODIFIED else facts.st_size), name)
