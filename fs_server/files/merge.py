"""Two changes of one file, made at the same time, put together line by line.

What one side has changed is taken, byte for byte; where both have changed the same lines, or lines beside each other,
nobody can know what is meant. Lines count as the same only if their bytes are.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fs_server.errors import Failure
from fs_server.files.alignment import Change, changes
from fs_server.files.text import Text, text_of

__all__ = ["Merged", "Overlap", "merged"]

LARGEST: Final = 64 << 20
"""Bytes of a file that is merged."""

_MOST_TOLD: Final = 20
_WIDE: Final = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_STORED_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Merged:
    """Both changes in one.

    Attributes:
        content: the file.
        taken: how many places only the other side has changed.
    """

    content: bytes
    taken: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """The changes cannot be put together.

    Attributes:
        reason: `overlap` for changes of the same lines; `no text` for contents that have no lines, or not the same
            encoding; `too large`.
        lines: where the overlaps begin in the other side's file, from 1; the first twenty.
        mine: the first line of the first overlap that is not the same on both sides, without its end; None where
            there is none.
        theirs: the same line on the other side.
    """

    reason: Literal["overlap", "no text", "too large"]
    lines: tuple[int, ...] = ()
    mine: str | None = None
    theirs: str | None = None


def merged(base: bytes, mine: bytes, theirs: bytes) -> Merged | Overlap:
    """Return what `base` becomes by the changes that led to `mine` and by those that led to `theirs`."""
    if theirs in (base, mine):
        return Merged(mine, 0)
    if mine == base:
        return Merged(theirs, 1)
    if max(len(base), len(mine), len(theirs)) > LARGEST:
        return Overlap("too large")
    try:
        texts = [text_of(content, subject="") for content in (base, mine, theirs)]
    except Failure:
        return Overlap("no text")
    name = _encoding(texts)
    return _by_lines(texts, name) if name else Overlap("no text")


def _by_lines(texts: Sequence[Text], name: str) -> Merged | Overlap:
    base, mine, theirs = (_lines(text, name) for text in texts)
    content: list[bytes] = [texts[1].encoding.bom]
    overlaps: list[_Region] = []
    taken = 0
    for region in _regions(base, mine, theirs):
        if region.theirs in (region.base, region.mine):
            content += region.mine
        elif region.mine == region.base:
            content += region.theirs
            taken += 1
        else:
            overlaps.append(region)
    if overlaps:
        return _told(overlaps, theirs, name, texts[2].line_end)
    return Merged(b"".join(content), taken)


def _encoding(texts: Sequence[Text]) -> str | None:
    """Return the encoding that all texts have, or None where there is no such."""
    marks = {text.encoding.bom for text in texts}
    names = {text.encoding.name for text in texts}
    if len(names) > 1 and not names & _WIDE:
        # ASCII alone is found to be UTF-8, and agrees with all others that can be found.
        names = {text.encoding.name for text in texts if not text.content.isascii()}
    return names.pop() if len(names) == 1 and len(marks) == 1 else None


def _lines(text: Text, name: str) -> list[bytes]:
    """Return the bytes of each line with its end, which all encodings that are found leave alone within characters."""
    if name in _WIDE:
        # There is one form only of every text in these.
        return [line.encode(name) for line in _LINE.findall(text.text)]
    return _STORED_LINE.findall(text.content, len(text.encoding.bom))


@dataclass(frozen=True, slots=True)
class _Region:
    """The same lines in the base and on both sides: kept by both, or changed by one or both."""

    base: list[bytes]
    mine: list[bytes]
    theirs: list[bytes]
    their_start: int

    def first_difference(self) -> int:
        """Return the index of the first line that is not the same on both sides."""
        pairs = enumerate(zip(self.mine, self.theirs, strict=False))
        return next((at for at, (one, other) in pairs if one != other), min(len(self.mine), len(self.theirs)))


def _regions(base: list[bytes], mine: list[bytes], theirs: list[bytes]) -> Iterator[_Region]:
    """Yield all lines in order: in turn those that both sides have kept, and those that one or both have changed.

    Changes that touch are in one region: whether they were made to stand beside each other cannot be known.
    """
    sides = deque(changes(base, mine)), deque(changes(base, theirs))
    at = (0, 0, 0)
    for start, end, shifts in _touching(sides):
        kept = (start, at[1] + start - at[0], at[2] + start - at[0])
        yield _region(base, mine, theirs, at, kept)
        at = (end, kept[1] + end - start + shifts[0], kept[2] + end - start + shifts[1])
        yield _region(base, mine, theirs, kept, at)
    yield _region(base, mine, theirs, at, (len(base), len(mine), len(theirs)))


def _touching(sides: tuple[deque[Change], deque[Change]]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield spans of the base that hold all changes that touch, and how many lines they add on each side."""
    while sides[0] or sides[1]:
        start = end = min(side[0].start for side in sides if side)
        added = [0, 0]
        while near := [which for which in (0, 1) if sides[which] and sides[which][0].start <= end]:
            change = sides[near[0]].popleft()
            end = max(end, change.end)
            added[near[0]] += change.other_end - change.other_start - change.end + change.start
        yield start, end, added


def _region(
    base: list[bytes],
    mine: list[bytes],
    theirs: list[bytes],
    start: tuple[int, int, int],
    end: tuple[int, int, int],
) -> _Region:
    return _Region(base[start[0] : end[0]], mine[start[1] : end[1]], theirs[start[2] : end[2]], start[2])


def _told(overlaps: list[_Region], theirs: list[bytes], name: str, line_end: str) -> Overlap:
    """Return where both sides have changed the same lines."""
    end = line_end.encode(name)
    numbers: list[int] = []
    for region in overlaps[:_MOST_TOLD]:
        above = theirs[: region.their_start + region.first_difference()]
        numbers.append(sum(line.endswith(end) for line in above) + 1)
    first = overlaps[0]
    at = first.first_difference()
    mine, other = (
        side[at].decode(name).rstrip("\r\n") if at < len(side) else None for side in (first.mine, first.theirs)
    )
    return Overlap("overlap", tuple(numbers), mine, other)
