r"""What differs between two texts, for a reader: a unified diff, with the headers that git writes.

A line ends as `read_file` counts it. Where the lines of one hunk do not all end in the same way, the ends that are no
plain line feed are shown, so that a change of line ends can be seen: `␍` at the end of a line for `\r\n`; in a file
whose lines end with `\r`, `␍`, `␍␊` and `␊` for each. Within a line they are shown always. A long line is cut to what
surrounds its first difference. So this is to be read; it is no patch that restores every byte.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Final

from fs_server.files.alignment import Change, changes
from fs_server.files.eol import line_end
from fs_server.files.text import Splice, changed, trimmed

__all__ = ["Diff", "diff_of", "diff_of_splices"]

CONTEXT: Final = 3
"""Lines that are shown before and after a change."""

LONGEST_LINE: Final = 1_000
"""Characters of a line that are shown."""

_MOST_ALIGNED: Final = 200_000
"""Lines, old and new, that are compared with each other; of more, all old ones stand before all new ones."""

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_ANY_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SHOWN: Final = str.maketrans("\r\n", "␍␊")
_NO_END: Final = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs.

    Attributes:
        text: the unified diff, cut behind a line; empty where nothing differs.
        added: lines, also those that do not fit into the text.
        removed: lines.
        left_out: how many of the added and removed lines do not fit into the text.
    """

    text: str
    added: int
    removed: int
    left_out: int


def diff_of(before: str | None, after: str | None, *, path: str, max_chars: int, new_path: str = "") -> Diff:
    """Return what differs between any two texts; None is no file.

    Args:
        before: the old text.
        after: the new text.
        path: of the file, for the header.
        max_chars: length of the diff at most.
        new_path: what the path has become, if that is not the same.
    """
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{new_path or path}")
    old, new = before or "", after or ""
    whole = trimmed(old, Splice(0, len(old), new))
    splices = [whole] if whole.start < whole.end or whole.new else []
    return _diff(old, splices, names, max_chars, line_end(old if "\n" in old or "\r" in old else new))


def diff_of_splices(before: str, splices: Sequence[Splice], *, path: str, max_chars: int) -> Diff:
    """Return what `splices` change in a text, sorted and not overlapping; it costs no more than they are long.

    Args:
        before: the text that they belong to.
        splices: what is changed.
        path: of the file, for the header.
        max_chars: length of the diff at most.
    """
    return _diff(before, splices, (f"a/{path}", f"b/{path}"), max_chars, line_end(before))


@dataclass(frozen=True, slots=True)
class _Change:
    """Whole lines in the place of others: `old` stands from `start` to `end`, behind `line` lines."""

    start: int
    end: int
    line: int
    old: list[str]
    new: list[str]


def _diff(text: str, splices: Sequence[Splice], names: tuple[str, str], max_chars: int, char: str) -> Diff:
    found = list(_changes(text, splices, char))
    added = sum(len(change.new) for change in found)
    removed = sum(len(change.old) for change in found)
    if not found and "/dev/null" not in names:
        return Diff("", 0, 0, 0)
    written: list[str] = []
    room, left_out = max_chars, added + removed
    for mark, line in _lines(text, found, names, char):
        room -= len(line)
        if room < 0:
            break
        written.append(line)
        left_out -= mark in {"-", "+"}
    return Diff("".join(written), added, removed, left_out)


def _changes(text: str, splices: Sequence[Splice], char: str) -> Iterator[_Change]:
    """Yield the lines that differ; between two changes there is a line at least."""
    line = counted = 0
    for start, end, within in _by_lines(text, splices, char):
        line += text.count(char, counted, start)
        counted = start
        moved = [Splice(one.start - start, one.end - start, one.new) for one in within]
        old = _split(text[start:end], char)
        new = _split(changed(text[start:end], moved), char)
        offsets = list(accumulate(map(len, old), initial=start))
        whole = [Change(0, len(old), 0, len(new))]
        for one in changes(old, new) if len(old) + len(new) <= _MOST_ALIGNED else whole:
            lines = old[one.start : one.end], new[one.other_start : one.other_end]
            yield _Change(offsets[one.start], offsets[one.end], line + one.start, *lines)


def _by_lines(text: str, splices: Sequence[Splice], char: str) -> Iterator[tuple[int, int, list[Splice]]]:
    """Yield spans of whole lines, and the splices in them; those that are beside each other in one."""
    start = end = 0
    within: list[Splice] = []
    for splice in splices:
        before = text.rfind(char, end, splice.start)
        if before >= 0 and within:
            yield start, end, within
            within = []
        if not within:
            start = before + 1
        if not within or splice.end >= end:
            # The line behind it too: it may have become one with what is put in.
            end = text.find(char, splice.end) + 1 or len(text)
        within.append(splice)
    if within:
        yield start, end, within


def _split(text: str, char: str) -> list[str]:
    """Return the lines of `text` with their ends."""
    return (_LINE if char == "\n" else _ANY_LINE).findall(text)


def _lines(text: str, found: Sequence[_Change], names: tuple[str, str], char: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of the diff, each with the sign that it begins with."""
    yield "", f"--- {names[0]}\n"
    yield "", f"+++ {names[1]}\n"
    shift = 0
    for hunk in _hunks(found):
        parts = list(_parts(text, hunk, char))
        old = sum(len(part.lines) for part in parts if part.mark != "+")
        new = sum(len(part.lines) for part in parts if part.mark != "-")
        first = hunk[0].line - len(parts[0].lines)
        yield "", f"@@ -{_range(first, old)} +{_range(first + shift, new)} @@\n"
        ends = _shown_ends(parts, char)
        for part in parts:
            for line, other in zip_longest(part.lines, part.others[: len(part.lines)]):
                end = next(end for end in ends if line.endswith(end))
                content = _shortened(line.removesuffix(end), other).translate(_SHOWN)
                yield part.mark, f"{part.mark}{content}{ends[end]}\n{'' if end else _NO_END}"
        shift += new - old


def _hunks(found: Sequence[_Change]) -> Iterator[list[_Change]]:
    """Yield changes that are near enough to each other to be shown in one."""
    hunk: list[_Change] = []
    for change in found:
        if hunk and change.line - hunk[-1].line - len(hunk[-1].old) > 2 * CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of a hunk with one sign; `others` are those that they replace or are replaced by."""

    mark: str
    lines: list[str]
    others: list[str]


def _parts(text: str, hunk: Sequence[_Change], char: str) -> Iterator[_Part]:
    start = hunk[0].start
    for _ in range(CONTEXT):
        start = text.rfind(char, 0, max(start - 1, 0)) + 1
    for change in hunk:
        yield _Part(" ", _split(text[start : change.start], char), [])
        yield _Part("-", change.old, change.new)
        yield _Part("+", change.new, change.old)
        start = change.end
    end = start
    for _ in range(CONTEXT):
        end = text.find(char, end) + 1 or len(text)
    yield _Part(" ", _split(text[start:end], char), [])


def _range(first: int, count: int) -> str:
    """Return the lines of one side as a header has them; of none, the line before."""
    return f"{first + (count > 0)}" if count == 1 else f"{first + (count > 0)},{count}"


def _shown_ends(parts: Sequence[_Part], char: str) -> dict[str, str]:
    """Return how each line end is shown in a hunk: not at all, where all are alike and as in the file before."""
    found = {part.mark: Counter[str]() for part in parts}
    for part in parts:
        joined = "".join(part.lines)
        crlf = joined.count("\r\n")
        found[part.mark] += Counter({"\r\n": crlf, "\n": joined.count("\n") - crlf, "\r": joined.count("\r") - crlf})
    kinds = {end for ends in found.values() for end in ends}
    before = found[" "].keys() | found["-"].keys()
    within = char == "\n" and "\r" in kinds  # shown as well, and not to be taken for the end of a line
    if len(kinds) <= 1 and not within and (kinds <= {"\n"} or before):
        return dict.fromkeys(("\r\n", "\n", "\r", ""), "")
    if char == "\n":
        return {"\r\n": "␍", "\n": "", "": ""}
    return {end: end.translate(_SHOWN) for end in ("\r\n", "\n", "\r", "")}


def _shortened(line: str, other: str | None) -> str:
    """Return a long line cut to what surrounds its first difference from another."""
    if len(line) <= LONGEST_LINE:
        return line
    around = trimmed(line, Splice(0, len(line), other)).start if other else 0
    start = max(min(around - LONGEST_LINE // 4, len(line) - LONGEST_LINE), 0)
    end = start + LONGEST_LINE
    return f"{'…' * (start > 0)}{line[start:end]}{'…' * (end < len(line))}"
