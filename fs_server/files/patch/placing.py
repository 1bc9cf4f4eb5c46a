"""Where the hunks of a file belong: one place each, or a refusal."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Final

from fs_server.errors import Failure, quoted
from fs_server.files.patch.file_patch import Hunk
from fs_server.files.patch.line_table import LineTable
from fs_server.files.patch.misses import miss

__all__ = ["Placing"]

_ENOUGH: Final = 2
"""Places that a hunk fits in, to be sure that it is ambiguous."""

_MOST_TOLD: Final = 8
"""Line numbers in a refusal."""

_MOST_CUT: Final = 16
"""Anchors that are only the beginnings of lines, so that a thousand of them do not take a thousand times as long."""


class Placing:
    """Finds the places of the hunks of one file, from the first to the last.

    A hunk belongs where its old lines stand, exactly, and behind what the hunk before it changes. Where they stand
    more than once, its line number decides for the nearest, or its anchors for the next behind them.
    """

    def __init__(self, table: LineTable, hunks: Sequence[Hunk], *, subject: str) -> None:
        self._table = table
        self._hunks = hunks
        self._subject = subject
        self._low = 0
        self._drift = 0
        hints = [hunk.hint for hunk in hunks if hunk.hint is not None]
        # Hunks go from top to bottom. Numbers that do not were made up, all of them: `@@ -1,3 +1,4 @@` each time.
        self._trusts_hints = all(one < other for one, other in pairwise(hints))
        self._anchored = self._anchor_lines()

    def place(self, number: int) -> int:
        """Return the line, from 0, at which the hunk `number`, from 0, begins.

        Raises:
            Failure: `patch_failed`, `ambiguous_match`.
        """
        hunk, old = self._hunks[number], self._hunks[number].old
        hint = self._hint(hunk)
        places = self._places(number, self._table.encoded(old), hint)
        if not places:
            raise self._miss(number, old, hint)
        if len(places) > 1:
            raise self._ambiguous(number, places)
        if hint is not None:
            self._drift += places[0] - hint
        return places[0]

    def move_on(self, line: int) -> None:
        """Let all further hunks change nothing before `line`."""
        self._low = line

    def _hint(self, hunk: Hunk) -> int | None:
        """Return the line, from 0, that the hunk is expected at; it is off by what the hunk before it was off."""
        return None if hunk.hint is None or not self._trusts_hints else max(hunk.hint - 1 + self._drift, 0)

    def _places(self, number: int, pattern: str, hint: int | None) -> Sequence[int]:
        """Return the place of a hunk: none, or several where it may belong."""
        table, hunk = self._table, self._hunks[number]
        if hunk.at_end_of_file:
            place = table.count - len(pattern)
            return [place] if place >= self._low and table.find(pattern, place) is not None else []
        if hunk.anchors:
            return self._behind_anchors(number, pattern)
        if not pattern:
            if table.count:
                raise self._nowhere(number)
            return [0]
        if hint is not None:
            return table.nearest(pattern, hint, self._low)
        return self._all(pattern, self._low)

    def _all(self, pattern: str, start: int) -> list[int]:
        """Return all places from `start` on; of more than can be told, the first."""
        places: list[int] = []
        place = self._table.find(pattern, start)
        while place is not None and len(places) <= _MOST_TOLD:
            places.append(place)
            place = self._table.find(pattern, place + 1)
        return places

    def _behind_anchors(self, number: int, pattern: str) -> list[int]:
        """Return the next place behind the anchors; two, if they stand in several places that lead to different ones.

        An anchor that stands before the hunk before this one counts too: both may be in the same function.
        """
        standing = [self._anchored[anchor] for anchor in self._hunks[number].anchors]
        if _next_chain(standing, -1) is None:
            raise self._no_anchor(number, standing)
        places: list[int] = []
        # Without old lines the place is the line behind the anchors, which must not be one that has changed.
        behind = -1 if pattern else self._low - 2
        while len(places) < _ENOUGH and (last := _next_chain(standing, behind)) is not None:
            place = self._table.find(pattern, max(last, self._low)) if pattern else last + 1
            if place is None:
                break
            places.append(place)
            behind = place if pattern else last
        return places

    def _anchor_lines(self) -> dict[str, "array[int]"]:
        """Return where each anchor stands: equal lines but for space around them, else lines that begin with it."""
        found = {anchor: array("L") for hunk in self._hunks for anchor in hunk.anchors}
        if found:
            for number, line in enumerate(self._table.lines()):
                if (lines := found.get(line.strip())) is not None:
                    lines.append(number)
        missing = tuple(islice((anchor for anchor, lines in found.items() if not lines), _MOST_CUT))
        if missing:
            for number, line in enumerate(self._table.lines()):
                if (beginning := line.lstrip()).startswith(missing):
                    for anchor in missing:
                        found[anchor].extend([number] * beginning.startswith(anchor))
        return found

    def _what(self, number: int) -> str:
        hunk = self._hunks[number]
        return f"{self._subject}: hunk {number + 1} of {len(self._hunks)} (line {hunk.patch_line} of the patch)"

    def _miss(self, number: int, old: Sequence[str], hint: int | None) -> Failure:
        hunk = self._hunks[number]
        found = miss(self._table, hunk, old, hint=hint, low=self._low)
        return Failure("patch_failed", f"{self._what(number)} does not apply", found.fact, found.step)

    def _ambiguous(self, number: int, places: Sequence[int]) -> Failure:
        told = ", ".join(str(place + 1) for place in places[:_MOST_TOLD])
        more = " and more" if len(places) > _MOST_TOLD else ""
        return Failure(
            "ambiguous_match",
            f"{self._what(number)} fits in several places",
            f"Its old lines stand at lines {told}{more}",
            "Give more lines of context, or the line number: @@ -LINE,COUNT +LINE,COUNT @@",
        )

    def _nowhere(self, number: int) -> Failure:
        return Failure(
            "patch_failed",
            f"{self._what(number)} only adds lines, and nothing tells where",
            f"It has no line of context, and the file has {self._table.count} lines",
            "Give the lines around the place as context, with a space in front",
        )

    def _no_anchor(self, number: int, standing: Sequence[Sequence[int]]) -> Failure:
        anchors = self._hunks[number].anchors
        missing = next((at for at, lines in enumerate(standing) if not lines), len(anchors) - 1)
        return Failure(
            "patch_failed",
            f"{self._what(number)} does not apply",
            f"No line is {quoted(anchors[missing])}{', behind the ones above it' if standing[missing] else ''}",
            "Write the @@ line as it stands in the file, or leave it out and give context",
        )


def _next_chain(standing: Sequence[Sequence[int]], behind: int) -> int | None:
    """Return the first line after `behind` at which a chain of anchors ends: each stands next behind the one before it.

    `standing` has the lines of each anchor, sorted.
    """

    def end(first: int) -> int | None:
        line = standing[0][first]
        for lines in standing[1:]:
            at = bisect_right(lines, line)
            if at == len(lines):
                return None
            line = lines[at]
        return line

    # A chain that begins further down does not end further up.
    never = behind + 1
    first = bisect_right(range(len(standing[0])), behind, key=lambda at: never if (line := end(at)) is None else line)
    return end(first) if first < len(standing[0]) else None
