r"""Edits by quotation: text that stands in a file is replaced by other text.

A quotation is looked for as it is, and if it is not there, with all line ends taken for equal: a reader may not see
which ones a file has. What is put in then gets the line ends of the lines that it replaces, and what the old and
the new text have in common is not touched. So a file with several kinds of line ends keeps them.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from fs_server.errors import Failure
from fs_server.files.alignment import changes
from fs_server.files.eol import Eol, eol
from fs_server.files.near import near
from fs_server.files.text import (
    LineEndings,
    Splice,
    Text,
    changed,
    check_writable,
    encoded,
    even,
    stored_places,
    trimmed,
)

__all__ = ["Edit", "Edited", "edited"]

MOST_EDITS: Final = 1_000
"""In one call."""

MOST_OCCURRENCES: Final = 500_000
"""That are replaced in one call; each takes about 2 µs."""

MOST_READ: Final = 2 << 30
"""Characters that the edits of one call may go through in all: each looks at the whole text. About 4 s."""

MOST_GROWTH: Final = 64 << 20
"""Characters that one call may add: an edit of every "a" into "aa" doubles a text each time."""

_ENDINGS: Final[dict[Eol, str]] = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
_LINE: Final = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_NUMBERS_SHOWN: Final = 110
"""Characters of a list of line numbers in a refusal."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `new_text` in the place of `old_text`, where it stands once, at its first place, or at each."""

    old_text: str
    new_text: str
    occurrence: Literal["only", "first", "all"] = "only"


@dataclass(frozen=True, slots=True)
class Edited:
    """What a text becomes.

    Attributes:
        splices: what differs from the text as it was, as little as possible, in order; two never touch.
        text: the new text.
        content: the new file.
        occurrences: how many places were replaced, by all edits together.
    """

    splices: tuple[Splice, ...]
    text: str
    content: bytes
    occurrences: int


def edited(text: Text, edits: Sequence[Edit], *, subject: str) -> Edited:
    """Return what `text` becomes by `edits`: each works on what those before it have made, and all do or none.

    Args:
        text: as it is.
        edits: in order.
        subject: the file in the caller's words, quoted.

    Raises:
        Failure: `no_match`, `ambiguous_match`; `invalid_argument`; `unsupported_encoding`; `too_large`. It says
            which edit it was. Line numbers are those of the file as it is.
    """
    if not edits:
        raise Failure("invalid_argument", subject, "There is no edit in edits", "Give at least one")
    if len(edits) > MOST_EDITS:
        raise _too_large(f"There are {len(edits)}; the limit is {MOST_EDITS}").about(subject)
    work = _Work(text)
    for number, edit in enumerate(edits, 1):
        try:
            work.do(edit)
        except Failure as failure:
            raise failure.about(f"{subject}, edit {number} of {len(edits)}, nothing was changed") from failure
    splices = work.splices()
    try:
        content = text.spliced(splices)
    except Failure as failure:
        raise failure.about(f"{subject}, nothing was changed") from failure
    return Edited(splices, work.now, content, work.occurrences)


class _Work:
    """A text between two edits."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._layers = _Layers()
        self._read = 0
        self.now = text.text
        self.occurrences = 0

    def do(self, edit: Edit) -> None:
        """Let one edit happen."""
        self._read += len(self.now)
        if self._read > max(MOST_READ, len(self.now)):
            raise _too_large(f"The edits go through more than {MOST_READ} characters in all")
        _check(edit, self._text.encoding.name)
        places = self._places(edit)
        self.occurrences += len(places.spans)
        if self.occurrences > MOST_OCCURRENCES:
            raise _too_large(f"More than {MOST_OCCURRENCES} places would be replaced")
        splices = _fitted(self.now, places, edit.new_text)
        if not splices:
            raise Failure(
                "invalid_argument",
                "old_text and new_text differ in line ends only",
                "The file does not have those of old_text there, and keeps its own",
                "To change line ends, quote those that the file has",
            )
        grown = sum(len(splice.new) - splice.end + splice.start for splice in splices)
        if len(self.now) + grown > len(self._text.text) + MOST_GROWTH:
            raise _too_large(f"The edits would add more than {MOST_GROWTH} characters")
        self.now = changed(self.now, splices)
        self._layers.add(splices)

    def splices(self) -> tuple[Splice, ...]:
        """Return what differs from the text as it was."""
        found = (trimmed(self._text.text, splice) for splice in self._layers.whole())
        return tuple(splice for splice in found if splice.start < splice.end or splice.new)

    def _places(self, edit: Edit) -> "_Places":
        places = _found(self.now, edit)
        if not places.spans:
            raise self._missed(edit)
        if edit.occurrence == "only" and len(places.spans) > 1:
            raise self._ambiguous(edit, places)
        return places

    def _ambiguous(self, edit: Edit, two: "_Places") -> Failure:
        # Those that do not overlap, or if there is only one of them, the two that do.
        apart = _found(self.now, Edit(edit.old_text, edit.new_text, "all"))
        spans = max(apart.spans, two.spans, key=len)
        count = f"more than {MOST_OCCURRENCES}" if len(spans) > MOST_OCCURRENCES else f"{len(spans)}"
        lines = list(dict.fromkeys(self._lines([start for start, _ in spans])))
        return Failure(
            "ambiguous_match",
            f"old_text stands there {count} times",
            _listed(lines),
            'Quote more of what stands around it, or pass occurrence="first" or "all"',
        )

    def _missed(self, edit: Edit) -> Failure:
        what = "old_text does not stand there"
        found = near(self.now, edit.old_text, edit.new_text)
        if not found:
            step = "Read the file again with read_file, or find the place with search_text"
            return Failure("no_match", what, "Nothing there resembles it", step)
        offsets = sorted(one.offset for one in found)
        line_of = dict(zip(offsets, self._lines(offsets), strict=True))
        told = "; ".join(f"line {line_of[one.offset]}, {one.differs}" for one in found)
        start = max(line_of[found[0].offset] - 2, 1)
        return Failure("no_match", what, f"Nearest: {told}", f"Quote exactly what read_file shows, start_line={start}")

    def _lines(self, places: Iterable[int]) -> Iterator[int]:
        """Yield for each offset into the text as it is now, in rising order, its line in the file as it was."""
        splices = self._layers.whole()
        line = 1
        counted = index = shift = 0
        for place in places:
            while index < len(splices) and splices[index].start + shift + len(splices[index].new) <= place:
                shift += len(splices[index].new) - splices[index].end + splices[index].start
                index += 1
            origin = place - shift if index == len(splices) else min(place - shift, splices[index].start)
            line += self._text.text.count(self._text.line_end, counted, origin)
            counted = origin
            yield line


def _check(edit: Edit, encoding: str) -> None:
    code = "invalid_argument"
    if not edit.old_text:
        raise Failure(code, "old_text is empty", "", "Quote what to replace; to insert, a line beside the place")
    if edit.old_text == edit.new_text:
        raise Failure(code, "old_text and new_text are the same", "", "Leave this edit out")
    check_writable(edit.new_text, "new_text cannot be written")
    encoded(edit.new_text, encoding)


def _too_large(fact: str) -> Failure:
    return Failure("too_large", "These are too many edits for one call", fact, "Make fewer in one call")


def _listed(lines: list[int]) -> str:
    """Return the line numbers in words; of too many the first, and how many more there are."""
    if len(lines) == 1:
        return f"All in line {lines[0]}"
    told = f"In lines {lines[0]}"
    for at, line in enumerate(lines[1:], 1):
        if len(told) > _NUMBERS_SHOWN:
            return f"{told} and {len(lines) - at} more"
        told += f", {line}"
    return told


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a quotation stands: spans in order, and whether the new text keeps the line ends that it is given with."""

    spans: list[tuple[int, int]]
    as_given: bool = False


def _found(text: str, edit: Edit) -> _Places:
    """Return where the old text stands: one place, for `only` two if there are, or all up to one over the limit."""
    old, new = edit.old_text, edit.new_text
    exact = _spans(text, old, edit.occurrence)
    # One that begins with the \n of an \r\n is quoted for the whole line end.
    halves = old.startswith("\n") and "\r" not in old and "\r" in text
    if exact and not (halves and any(text.startswith("\r", max(start - 1, 0)) for start, _ in exact)):
        # Whoever quotes the line ends of the file, or writes other ones than \n, means them as they are.
        return _Places(exact, as_given="\n" in old or "\r" in old or "\r" in new)
    if ("\r" not in text and "\r" not in old) or ("\r" in old and not old.strip("\r\n")):
        # The second: whoever looks for carriage returns alone does not mean any line end.
        return _Places([])
    old = even(old)
    ending = _ENDINGS.get(eol(text))
    if ending:
        return _Places(_spans(text, old.replace("\n", ending), edit.occurrence))
    spans = _spans(even(text), old, edit.occurrence)
    begins = stored_places(text, [start for start, _ in spans])
    ends = stored_places(text, [end for _, end in spans])
    return _Places(list(zip(begins, ends, strict=True)))


def _spans(text: str, old: str, occurrence: Literal["only", "first", "all"]) -> list[tuple[int, int]]:
    most = {"first": 1, "only": 2, "all": MOST_OCCURRENCES + 1}[occurrence]
    # Two that overlap are two to choose from, but not two to replace.
    apart = 1 if occurrence == "only" else len(old)
    spans: list[tuple[int, int]] = []
    at = text.find(old)
    while at >= 0 and len(spans) < most:
        spans.append((at, at + len(old)))
        at = text.find(old, at + apart)
    return spans


def _fitted(text: str, places: _Places, new: str) -> list[Splice]:
    """Return the changes to `text` that put `new` into each of the places."""
    endings = LineEndings(text)
    fits = not places.as_given and "\n" in even(new)
    made: dict[tuple[str, str], list[Splice]] = {}
    splices: list[Splice] = []
    for start, end in places.spans:
        old, ending = text[start:end], endings.at(start) if fits else ""
        found = made.get((old, ending))
        if found is None:
            found = made[old, ending] = list(_replaced(old, ending, new, as_given=places.as_given))
        splices += [Splice(start + one.start, start + one.end, one.new) for one in found]
    return splices


def _replaced(old: str, ending: str, new: str, *, as_given: bool) -> Iterator[Splice]:
    """Yield the changes that make `new` of `old`; lines that both have are kept as they stand in `old`.

    Unless the line ends of `new` are meant as given, each line gets that of the line in whose place it stands. Further
    ones get that of a neighbour in `old`, or `ending`.
    """
    before, after = _lines_of(old), _lines_of(new)
    ends = [end for _, end in before]
    offsets = list(accumulate((len(content) + len(end) for content, end in before), initial=0))
    if as_given:
        differing = changes(before, after)
    else:
        differing = changes([(line, bool(end)) for line, end in before], [(line, bool(end)) for line, end in after])
    for change in differing:
        lines = after[change.other_start : change.other_end]
        if not as_given:
            replaced = ends[change.start : change.end]
            around = (*reversed(replaced), *ends[: change.start][-1:], *ends[change.end :][:1], ending)
            lines = _with_ends(lines, replaced, next((end for end in around if end), ""))
        made = "".join(line + end for line, end in lines)
        yield trimmed(old, Splice(offsets[change.start], offsets[change.end], made))


def _with_ends(lines: list[tuple[str, str]], ends: list[str], more: str) -> list[tuple[str, str]]:
    """Return the lines with these ends in turn, and where there are none left with `more`; one without stays so."""
    fitting = [*ends, *[more] * len(lines)]
    return [(line, end and (own or more)) for (line, end), own in zip(lines, fitting, strict=False)]


def _lines_of(text: str) -> list[tuple[str, str]]:
    """Return each line and its end; the last may have none."""
    lines: list[tuple[str, str]] = _LINE.findall(text)
    return lines[:-1] if lines[-1] == ("", "") else lines


class _Layers:
    """Lots of splices, each made to what those before it have made.

    Lots are put together in pairs, and those in pairs again: a splice is copied as often as the number of lots has
    binary digits, not once for each lot that follows.
    """

    def __init__(self) -> None:
        self._lots: list[tuple[int, list[Splice]]] = []

    def add(self, splices: list[Splice]) -> None:
        """Add a lot."""
        depth = 0
        while self._lots and self._lots[-1][0] == depth:
            splices = _composed(self._lots.pop()[1], splices)
            depth += 1
        self._lots.append((depth, splices))

    def whole(self) -> list[Splice]:
        """Return the splices of the first text that do the same as all lots; two never touch."""
        splices: list[Splice] = []
        for _, lot in reversed(self._lots):
            splices = _composed(lot, splices)
        return splices


def _composed(first: list[Splice], then: list[Splice]) -> list[Splice]:
    """Return the splices that do at once what `first` does, and `then` to what that makes; two never touch."""
    splices: list[Splice] = []
    at = other = shift = 0  # `shift`: by how much the text between the two is longer, up to here
    while at < len(first) or other < len(then):
        # All that touch become one. `start` and `end` are offsets into the text between the two.
        start = end = min(
            first[at].start + shift if at < len(first) else sys.maxsize,
            then[other].start if other < len(then) else sys.maxsize,
        )
        origin = start - shift
        made: list[tuple[int, str]] = []
        then_from = other
        while True:
            if at < len(first) and first[at].start + shift <= end:
                splice = first[at]
                made.append((splice.start + shift, splice.new))
                end = max(end, splice.start + shift + len(splice.new))
                shift += len(splice.new) - splice.end + splice.start
                at += 1
            elif other < len(then) and then[other].start <= end:
                end = max(end, then[other].end)
                other += 1
            else:
                break
        splices.append(Splice(origin, end - shift, "".join(_overlaid(made, then[then_from:other], end))))
    return splices


def _overlaid(made: list[tuple[int, str]], then: list[Splice], end: int) -> Iterator[str]:
    """Yield what the pieces in `made`, each at its offset, become by `then`, up to `end`.

    Where no piece is there is a splice.
    """
    index = told = 0
    for splice in [*then, Splice(end, end, "")]:
        while index < len(made) and made[index][0] < splice.start:
            offset, piece = made[index]
            yield piece[max(told - offset, 0) : splice.start - offset]
            if offset + len(piece) > splice.start:
                break
            index += 1
        yield splice.new
        told = splice.end
