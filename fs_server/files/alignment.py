"""Which lines of two texts are the same, in bounded time.

Lines that both have once hold the texts together, as in "patience diff": unlike the longest common subsequence, that
does not pair the blank lines and brackets of unrelated parts. What lies between them is compared by Myers'
algorithm. Where a limit is reached the lines in question count as replaced: that is never wrong, only longer.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

__all__ = ["Change", "changes"]

_PASSES: Final = 16
"""How often each line may be looked at, on average."""

_MOST_STEPS: Final = 1_000_000
"""Of Myers' algorithm in all; about 0.3 s."""

_MOST_DIFFERENCES: Final = 500
"""Lines that Myers' algorithm may find removed and added in one place; it keeps the square of this many numbers."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """Items `start` to `end` of the one sequence stand in the place of `other_start` to `other_end` of the other."""

    start: int
    end: int
    other_start: int
    other_end: int


def changes(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Change]:
    """Return what differs, in order: `start` and `end` count in `before`, the others in `after`.

    Two changes never touch: an item that both have is between them.
    """
    return sorted(_Alignment(before, after).changes())


class _Alignment:
    def __init__(self, before: Sequence[Hashable], after: Sequence[Hashable]) -> None:
        self._before = before
        self._after = after
        self._looks = _PASSES * (len(before) + len(after))
        self._steps = _MOST_STEPS

    def changes(self) -> Iterator[Change]:
        """Yield what differs, in no order."""
        parts = [Change(0, len(self._before), 0, len(self._after))]
        while parts:
            part = self._trimmed(parts.pop())
            size, other_size = part.end - part.start, part.other_end - part.other_start
            if size == 0 or other_size == 0 or size == other_size == 1:
                if size or other_size:
                    yield part
                continue
            self._looks -= size + other_size
            same = self._anchors(part) if self._looks > 0 else []
            if same:
                parts += _between(part, same)
            else:
                yield from _between(part, self._common(part))

    def _trimmed(self, part: Change) -> Change:
        """Return the part without what both have at its beginning and at its end."""
        before, after = self._before, self._after
        start, end, other_start, other_end = part.start, part.end, part.other_start, part.other_end
        while start < end and other_start < other_end and before[start] == after[other_start]:
            start += 1
            other_start += 1
        while start < end and other_start < other_end and before[end - 1] == after[other_end - 1]:
            end -= 1
            other_end -= 1
        return Change(start, end, other_start, other_end)

    def _anchors(self, part: Change) -> list[tuple[int, int]]:
        """Return where items stand that both have exactly once: as many as are in the same order in both."""
        once = _once(self._before, part.start, part.end)
        other = _once(self._after, part.other_start, part.other_end)
        return _rising([(at, other[item]) for item, at in once.items() if item in other])

    def _common(self, part: Change) -> list[tuple[int, int]]:
        """Return where a longest common subsequence stands; nothing if it takes too long to find.

        Source: E. Myers, An O(ND) Difference Algorithm and Its Variations, 1986, figure 2.
        """
        before = self._before[part.start : part.end]
        after = self._after[part.other_start : part.other_end]
        rows = [{1: 0}]
        for differences in range(min(_MOST_DIFFERENCES, len(before) + len(after)) + 1):
            row = rows[-1].copy()
            # Diagonals that lie outside of both texts are left out.
            lowest = 2 * max(differences - len(after), 0) - differences
            highest = differences - 2 * max(differences - len(before), 0)
            for diagonal in range(lowest, highest + 1, 2):
                at = start = _step(rows[-1], diagonal)
                while at < len(before) and at - diagonal < len(after) and before[at] == after[at - diagonal]:
                    at += 1
                row[diagonal] = at
                self._steps -= 1 + at - start
                if at == len(before) and at - diagonal == len(after):
                    rows.append(row)
                    return [(x + part.start, y + part.other_start) for x, y in _path(rows, at, diagonal)]
            if self._steps < 0:
                return []
            rows.append(row)
        return []


def _step(row: dict[int, int], diagonal: int) -> int:
    """Return how far one more difference leads on a diagonal: an item of `after` added, or one of `before` removed."""
    added, removed = row.get(diagonal + 1, -1), row.get(diagonal - 1, -2) + 1
    return max(added, removed)


def _path(rows: list[dict[int, int]], at: int, diagonal: int) -> list[tuple[int, int]]:
    """Return the common items on the way that led to `at`, in order."""
    same: list[tuple[int, int]] = []
    for row in reversed(rows[:-1]):
        start = _step(row, diagonal)
        same += ((x, x - diagonal) for x in range(at - 1, start - 1, -1))
        added = row.get(diagonal + 1, -1) == start
        at = start if added else start - 1
        diagonal += 1 if added else -1
    same.reverse()
    return same


def _between(part: Change, same: list[tuple[int, int]]) -> Iterator[Change]:
    """Yield what is left of `part` without the items that are the same."""
    ends = [(part.start - 1, part.other_start - 1), *same, (part.end, part.other_end)]
    for (x, y), (next_x, next_y) in pairwise(ends):
        if next_x - x > 1 or next_y - y > 1:
            yield Change(x + 1, next_x, y + 1, next_y)


def _once(items: Sequence[Hashable], start: int, end: int) -> dict[Hashable, int]:
    """Return where each item stands that there is one of, in order."""
    counted = Counter(items[start:end])
    return {items[at]: at for at in range(start, end) if counted[items[at]] == 1}


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest part of `pairs`, which rise in the first number, that rises in the second one too."""
    lasts: list[int] = []  # the smallest number that a rising part of this length ends with
    ends: list[int] = []  # and where that pair is
    before: list[int] = []  # for each pair, the one before it in its part
    for at, (_, other) in enumerate(pairs):
        length = bisect_left(lasts, other)
        before.append(ends[length - 1] if length else -1)
        lasts[length : length + 1] = [other]
        ends[length : length + 1] = [at]
    rising: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        rising.append(pairs[at])
        at = before[at]
    rising.reverse()
    return rising
