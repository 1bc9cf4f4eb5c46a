"""The lines that a change of a text touches, as they were and as they become."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fs_server.files.text import Splice, Text

__all__ = ["ChangedLines", "changed_lines"]


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """Lines that stand together.

    Attributes:
        old_line: number of the first one before, from 1.
        old: the lines before, without their ends.
        new_line: number of the first one after.
        new: the lines after.
        column: characters of the first line in front of the change.
        splices: how many make the change.
    """

    old_line: int
    old: tuple[str, ...]
    new_line: int
    new: tuple[str, ...]
    column: int
    splices: int


def changed_lines(text: Text, splices: Sequence[Splice]) -> Iterator[ChangedLines]:
    """Yield the lines that `splices` touch, which are in order; not those of which only the end changes."""
    whole, end_of_line = text.text, text.line_end
    counted, line, shift, after = 0, 1, 0, 0
    while after < len(splices):
        first = after
        start = whole.rfind(end_of_line, 0, splices[first].start) + 1
        end = start
        while after == first or (after < len(splices) and splices[after].start < end):
            if splices[after].end >= end:
                end = whole.find(end_of_line, splices[after].end) + 1 or len(whole)
            after += 1
        line += whole.count(end_of_line, counted, start)
        counted = start
        old = whole[start:end]
        new = _changed(whole, splices[first:after], start, end)
        found = _without_equal_ends(old, new, end_of_line)
        if found is not None:
            same, was, becomes = found
            column = 0 if same else splices[first].start - start
            yield ChangedLines(line + same, was, line + shift + same, becomes, column, after - first)
        shift += new.count(end_of_line) - old.count(end_of_line)


def _changed(whole: str, splices: Sequence[Splice], start: int, end: int) -> str:
    pieces: list[str] = []
    for splice in splices:
        pieces += (whole[start : splice.start], splice.new)
        start = splice.end
    return "".join([*pieces, whole[start:end]])


def _without_equal_ends(old: str, new: str, end_of_line: str) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    """Return how many lines are equal at the beginning, and the lines between those and the equal ones at the end."""
    was, becomes = _lines(old, end_of_line), _lines(new, end_of_line)
    shorter = min(len(was), len(becomes))
    same = next((at for at in range(shorter) if was[at] != becomes[at]), shorter)
    shorter -= same
    tail = next((at for at in range(shorter) if was[-1 - at] != becomes[-1 - at]), shorter)
    was, becomes = was[same : len(was) - tail], becomes[same : len(becomes) - tail]
    return (same, tuple(was), tuple(becomes)) if was or becomes else None


def _lines(text: str, end_of_line: str) -> list[str]:
    lines = [line.removesuffix("\r") for line in text.split(end_of_line)]
    return lines if lines[-1] else lines[:-1]
