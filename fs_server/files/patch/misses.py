"""Why a hunk belongs nowhere, in words: where it nearly does, and the first line that differs there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fs_server.errors import quoted
from fs_server.files.near import near
from fs_server.files.patch.file_patch import Hunk
from fs_server.files.patch.line_table import LineTable

__all__ = ["Miss", "miss"]

_IN_ORDER: Final = "Put the hunks in the order of the file, and no line into two of them"

# Bounds of the search for what is near; a hunk and a file may have a million lines.
_MOST_OLD: Final = 200
_MOST_STANDING: Final = 500
_MOST_ALIKE: Final = 4
_MOST_RESEMBLED: Final = 20
_LONGEST_RESEMBLED: Final = 2_000

_SHOWN: Final = 40
"""Characters of a line in a refusal."""

_SHOWN_BEFORE: Final = 12
"""Of them, those before the first that differs."""


@dataclass(frozen=True, slots=True)
class Miss:
    """What a refusal says of a hunk that does not apply: why, and what to do."""

    fact: str
    step: str


def miss(table: LineTable, hunk: Hunk, old: Sequence[str], *, hint: int | None, low: int) -> Miss:
    """Return why a hunk has no place in a file.

    Args:
        table: the lines of the file.
        hunk: that has none.
        old: its old lines.
        hint: the line that they were expected at, from 0.
        low: where the changes of the hunk before this one end.
    """
    if not old:
        return Miss(f"Its @@ line stands before the end of the hunk above it, line {low}", _IN_ORDER)
    there = _applied_already(table, hunk.new, old, hint)
    if there is not None:
        fact = f"It is already applied, it seems: its new lines stand at line {there + 1}"
        return Miss(fact, "Leave out what is applied already")
    there = _place(table, old)
    if there is None:
        return _nearly(table, old, hint)
    if hunk.at_end_of_file:
        fact = f"It should end the file, and its old lines stand at line {there + 1} of {table.count}"
        return Miss(fact, "Give the real last lines, or leave out the mark of the end of the file")
    what = "the end of the hunk above it" if there < low else "its @@ line"
    return Miss(f"Its old lines stand at line {there + 1}, before {what}", _IN_ORDER)


def _applied_already(table: LineTable, new: Sequence[str], old: Sequence[str], hint: int | None) -> int | None:
    """Return where `new` stands, if it does where it was expected, or in no second place.

    What is a part of `old` says nothing: context stands there before and after.
    """
    pattern = table.encoded(new)
    if pattern in table.encoded(old):
        return None
    if hint is not None and hint <= table.count and table.find(pattern, hint, hint + len(pattern)) is not None:
        return hint
    there = table.find(pattern, 0)
    return None if there is None or table.find(pattern, there + 1) is not None else there


def _place(table: LineTable, lines: Sequence[str]) -> int | None:
    pattern = table.encoded(lines)
    return table.find(pattern, 0) if pattern else None


def _nearly(table: LineTable, old: Sequence[str], hint: int | None) -> Miss:
    place = _nearest(table, old, hint=hint)
    if place is None:
        resembling = near(table.text.text, "\n".join(old[:_MOST_RESEMBLED])[:_LONGEST_RESEMBLED])
        place = table.text.line_of(resembling[0].offset) - 1 if resembling else None
    if place is not None:
        return Miss(f"Nearest is line {max(place, 0) + 1}: {_difference(table, old, place)}", _reread(place))
    there_is = f"; line {hint + 1} is {_shown(table.line(hint), 0)}" if hint is not None and hint < table.count else ""
    first = f"not even {_shown(old[0], 0)}" if len(old) == 1 else f"none of its {len(old)} old lines"
    fact = f"In the file, of {table.count} lines, stands {first}{there_is}"
    return Miss(fact, "Read the file, and make the patch anew")


def _nearest(table: LineTable, old: Sequence[str], *, hint: int | None) -> int | None:
    """Return the line where most of `old` stands in a row, white space aside; None if nothing of it does.

    It is negative where the file begins with the end of `old`.
    """
    wanted: dict[str, list[int]] = {}
    for number, line in enumerate(old[:_MOST_OLD]):
        alike = wanted.setdefault(_loose(line), [])
        if len(alike) < _MOST_ALIKE:
            alike.append(number)
    if len(wanted) > 1:
        wanted.pop("", None)  # blank lines stand everywhere
    votes: Counter[int] = Counter()
    standing: Counter[str] = Counter()
    for at, line in enumerate(table.lines()):
        key = _loose(line)
        if key in wanted and standing[key] < _MOST_STANDING:
            standing[key] += 1
            votes.update(at - number for number in wanted[key])
    if not votes:
        return None
    expected = hint or 0
    return max(votes, key=lambda place: (votes[place], -abs(place - expected), -place))


def _difference(table: LineTable, old: Sequence[str], place: int) -> str:
    """Return the first line that differs, of the file and of the patch, where `old` is put at the line `place`."""
    if place < 0:
        return f"the file begins later than the hunk, whose first line is {_shown(old[0], 0)}"
    at = place
    while at < table.count and table.line(at) == old[at - place]:
        at += 1
    wanted = old[at - place]
    if at == table.count:
        return f"the file ends at line {table.count}, and the patch goes on with {_shown(wanted, 0)}"
    stored = table.line(at)
    differs = next((i for i, (a, b) in enumerate(zip(stored, wanted, strict=False)) if a != b), None)
    begin = min(len(stored), len(wanted)) if differs is None else differs
    shown = f"line {at + 1} is {_shown(stored, begin)}, and in the patch {_shown(wanted, begin)}"
    return f"{shown} ({_in_space(stored, wanted)} differs)" if _loose(stored) == _loose(wanted) else shown


def _in_space(stored: str, wanted: str) -> str:
    if stored.rstrip() == wanted.rstrip():
        return "white space at its end"
    return "indentation" if stored.strip() == wanted.strip() else "white space"


def _loose(line: str) -> str:
    return "".join(line.split())


def _shown(line: str, differs: int) -> str:
    """Return what a line has around the character `differs`."""
    begin = max(differs - _SHOWN_BEFORE, 0) if len(line) > _SHOWN else 0
    part = line[begin : begin + _SHOWN]
    return quoted(f"{'…' * (begin > 0)}{part}{'…' * (begin + len(part) < len(line))}")


def _reread(place: int) -> str:
    return f"Read the file from line {max(place, 0) + 1} on (start_line), and make this hunk anew"
