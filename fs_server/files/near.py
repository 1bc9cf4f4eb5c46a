"""Where a quotation nearly stands, and what differs: for a refusal that lets the caller quote better.

Nothing found here is ever changed. Files may be large and made by a stranger, so the whole is only gone through with
searches of fixed strings, and no more than a few dozen of them; what they lead to is compared line by line.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fs_server.errors import quoted
from fs_server.files.text import even, stored_places

__all__ = ["Near", "near"]

MOST: Final = 3
"""Places that are told of."""

_LONGEST_NORMALISED: Final = 2_000
"""Characters that are put into a normal form, which takes the square of the length where marks are stacked."""

_LONGEST_COMPARED: Final = 300
"""Characters that are compared by what they have in common, which takes the square of the length."""

_LONGEST_PART: Final = 2_000
"""Characters of a line in which a part of it is looked for."""

_STEP: Final = 1 << 16
_LINES_COMPARED: Final = 500
_LINES_SEARCHED: Final = 12
_WORDS_SEARCHED: Final = 24
_WORDS_FROM: Final = 4_000
"""Characters of a quotation whose words are looked for."""

_BLOCK_HITS: Final = 50
_LINE_HITS: Final = 6
"""Places of a line; one that stands more often says little about where the quotation is from."""

_WORD_HITS: Final = 200
_SHORTEST_SHARED: Final = 3
_SHORTEST: Final = 4
"""Characters, without blanks, of what may be looked for within other text."""

_SHORTEST_KNOWN: Final = 8
"""Characters of a new text that is told to stand there already; shorter ones do by chance."""

_ALIKE: Final = 0.6
"""Share of a quotation that a place has to have in common with it."""

_BLANKS: Final = " \t\v\f\u00a0\u2002\u2003\u2009\u200b\u202f\u3000\ufeff"
_SIGNS: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    "\u2026": "...",
    "\u00d7": "x",
    "\uff08": "(",
    "\uff09": ")",
    "\uff0c": ",",
    "\uff1a": ":",
    "\uff1b": ";",
}
_NUMBERED: Final = re.compile(r"[ ]{0,8}[0-9]{1,9}(?:\t|: |- )")
_WORD: Final = re.compile(r"[^\W\d_]{3,8}|[0-9]{3,8}")


@dataclass(frozen=True, slots=True)
class Near:
    """A place that resembles a quotation.

    Attributes:
        offset: where the line begins.
        differs: what differs there, in words for the caller.
    """

    offset: int
    differs: str


def near(text: str, old: str, new: str = "") -> list[Near]:
    """Return up to three places of `text` that resemble `old`, the most likely first.

    Args:
        text: that `old` does not stand in, not even with other line ends.
        old: one line or several, or a part of them.
        new: what was to be put in its place; it may stand there already.
    """
    flat, old, new = even(text), even(old), even(new)
    found = list(islice(_places(flat, old, new), MOST))
    offsets = sorted({place for place, _ in found})
    stored = dict(zip(offsets, stored_places(text, offsets), strict=True))
    return [Near(stored[place], differs) for place, differs in found]


def _places(text: str, old: str, new: str) -> Iterator[tuple[int, str]]:
    """Yield the beginning of a line and what differs there, by the first way of looking that finds something."""
    for other, differs in _written_otherwise(text, old):
        at = text.find(other)
        if other != old and at >= 0:
            yield _line_at(text, at), differs
            return
    folded, wanted = _folded(text), _folded(old).split("\n")
    lines = _of_the_whole(folded, wanted)
    if not lines:
        known = text.find(new) if len(new.strip()) >= _SHORTEST_KNOWN and new not in old else -1
        if known >= 0:
            yield _line_at(text, known), "where new_text stands already"
        lines = _of_single_lines(folded, wanted) or _of_words(text, old)
    for line in lines:
        start = _line_start(text, line)
        wanted = old.removesuffix("\n").split("\n")
        yield start, _difference(_lines_from(text, start, len(wanted)), wanted)


def _written_otherwise(text: str, old: str) -> Iterator[tuple[str, str]]:
    """Yield what may have been meant by `old`, and in which way that differs."""
    ended = old.rstrip("\n")
    if ended not in {"", old} and text.endswith(ended):
        yield ended, "where the file ends without a line end"
    lines = old.split("\n")
    if all(_NUMBERED.match(line) for line in lines if line):
        yield "\n".join(_NUMBERED.sub("", line, 1) for line in lines), "without the line numbers of old_text"
    if "\\" in old:
        plain = old.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
        yield plain, "without the backslashes of old_text"
    if not old.isascii() and len(old) <= _LONGEST_NORMALISED:
        for form in ("NFC", "NFD"):
            yield unicodedata.normalize(form, old), f"with the same characters in another Unicode form, {form}"


def _folded(text: str) -> str:
    """Return `text` without blanks, in one case, with plain signs. Its lines stay."""
    for blank in _BLANKS:
        text = text.replace(blank, "")
    if not text.isascii():
        for sign, plain in _SIGNS.items():
            text = text.replace(sign, plain)
    return text.casefold()


def _of_the_whole(folded: str, wanted: Sequence[str]) -> list[int]:
    """Return the lines, from 0, where all of what is wanted begins; first where it is whole lines."""
    whole = "\n".join(wanted)
    block = whole.strip("\n")
    if not block:
        return []
    above = len(whole) - len(whole.lstrip("\n"))
    ranked: list[tuple[int, int]] = []
    for at in islice(_hits(folded, block), _BLOCK_HITS):
        cut = not folded.startswith("\n", at - 1) if at else 0
        cut += not folded.startswith("\n", at + len(block)) and at + len(block) < len(folded)
        if not cut or len(block) >= _SHORTEST:
            ranked.append((cut, at))
    places = sorted(at for _, at in sorted(ranked)[:MOST])
    line_of = dict(zip(places, _lines(folded, places), strict=True))
    return [max(line_of[at] - above, 0) for _, at in sorted(ranked)[:MOST]]


def _of_single_lines(folded: str, wanted: Sequence[str]) -> list[int]:
    """Return the lines, from 0, where most of the longest lines of what is wanted stand, as far from each other."""
    framed = f"\n{folded}\n"
    index_of = {line: index for index, line in reversed(list(enumerate(wanted))) if len(line) >= _SHORTEST}
    found: list[tuple[int, int, int]] = []
    for line in sorted(index_of, key=len, reverse=True)[:_LINES_SEARCHED]:
        hits = list(islice(_hits(framed, f"\n{line}\n"), _LINE_HITS + 1))
        if len(hits) <= _LINE_HITS:
            found += ((at, index_of[line], len(line)) for at in hits)
    starts = _starts(folded, found)
    return [start for start, weight in starts if 2 * weight >= starts[0][1]]


def _of_words(text: str, old: str) -> list[int]:
    """Return the lines, from 0, that have the most words of `old`, if they are like it."""
    index_of: dict[str, int] = {}
    for index, line in enumerate(old[:_WORDS_FROM].split("\n")):
        for word in _WORD.findall(line):
            index_of.setdefault(word, index)
    found: list[tuple[int, int, int]] = []
    for word in sorted(index_of, key=len, reverse=True)[:_WORDS_SEARCHED]:
        found += ((at, index_of[word], len(word)) for at in islice(_hits(text, word), _WORD_HITS))
    sample = old[:_LONGEST_COMPARED].casefold()
    alike: list[tuple[float, int]] = []
    for number, _ in _starts(text, found, most=4 * MOST):
        start = _line_start(text, number)
        share = _share(text[start : start + 2 * _LONGEST_COMPARED], sample)
        if share >= _ALIKE:
            alike.append((-share, number))
    return [number for _, number in sorted(alike)]


def _share(part: str, sample: str) -> float:
    """Return how much of `sample` stands in `part` in the same order, single characters apart."""
    part = "\n".join(part.split("\n")[: sample.count("\n") + 1]).casefold()
    blocks = difflib.SequenceMatcher(None, part, sample, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= _SHORTEST_SHARED) / len(sample)


def _starts(text: str, found: list[tuple[int, int, int]], most: int = MOST) -> list[tuple[int, int]]:
    """Return the lines where the whole may begin, and how much speaks for it, those with the most first.

    Args:
        text: that was searched.
        found: places in it, which line of the whole stands there, and how much that says.
        most: how many to return. Of two that differ by less than the whole has lines, only the better one.
    """
    votes: Counter[int] = Counter()
    found.sort()
    for (_, index, weight), line in zip(found, _lines(text, [at for at, _, _ in found]), strict=True):
        votes[max(line - index, 0)] += weight
    height = max((index for _, index, _ in found), default=0)
    chosen: list[tuple[int, int]] = []
    for line, weight in sorted(votes.items(), key=lambda one: (-one[1], one[0])):
        if len(chosen) < most and all(abs(line - other) > height for other, _ in chosen):
            chosen.append((line, weight))
    return chosen


def _hits(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _lines(text: str, places: Iterable[int]) -> Iterator[int]:
    """Yield the line, from 0, of each place, in rising order."""
    line = counted = 0
    for place in places:
        line += text.count("\n", counted, place)
        counted = place
        yield line


def _line_at(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _line_start(text: str, line: int) -> int:
    """Return where a line begins, which is there; counted from 0."""
    start = 0
    while (ends := text.count("\n", start, start + _STEP)) < line:
        line -= ends
        start += _STEP
    for _ in range(line):
        start = text.index("\n", start) + 1
    return start


def _lines_from(text: str, start: int, count: int) -> list[str]:
    """Return the line that begins at `start` and those after it, so many, if there are."""
    lines: list[str] = []
    while len(lines) < min(count, _LINES_COMPARED) and start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        lines.append(text[start:end])
        start = end + 1
    return lines


def _difference(lines: list[str], wanted: list[str]) -> str:
    """Return in words how the lines of a file differ from those of a quotation, which may begin and end within one."""
    kinds: dict[str, int] = {}
    for at, line in enumerate(wanted[:_LINES_COMPARED]):
        where = f"old_text line {at + 1} of {len(wanted)}: " if len(wanted) > 1 else ""
        if at == len(lines):
            return f"{where}the file ends before it"
        stored = _part(lines[at], line) if at in {0, len(wanted) - 1} else lines[at]
        if stored == line:
            continue
        kind = _kind(stored, line)
        if kind is None:
            return f"{where}the file has {quoted(lines[at])}"
        kinds[kind] = kinds.get(kind, 0) + 1
    many = f", in {sum(kinds.values())} lines" if sum(kinds.values()) > 1 else ""
    return " and ".join(list(kinds)[:2]) + many or f"behind line {_LINES_COMPARED} of old_text"


def _part(line: str, wanted: str) -> str:
    """Return the part of `line` that `wanted` is meant to be, if it stands there but for blanks, case and signs."""
    if len(line) > _LONGEST_PART:
        return line
    places = [at for at, char in enumerate(line) for _ in _folded(char)]
    part = _folded(wanted)
    at = _folded(line).find(part)
    if at < 0 or not part:
        return line
    start, end = places[at], places[at + len(part) - 1] + 1
    # Blanks around it belong to it where those of the quotation may be meant for them.
    before, after = line[:start], line[end:]
    if before.strip(_BLANKS) == "" or wanted[:1] in _BLANKS:
        start = len(before.rstrip(_BLANKS))
    if after.strip(_BLANKS) == "" or wanted[-1:] in _BLANKS:
        end += len(after) - len(after.lstrip(_BLANKS))
    return line[start:end]


def _kind(stored: str, wanted: str) -> str | None:
    """Return in words how a line differs from a quoted one; None where it is another line."""
    if stored.rstrip() == wanted.rstrip():
        return "blanks at the end of the line"
    if stored.strip(" \t") == wanted.strip(" \t"):
        return f"indentation: the file has {_indentation(stored)}, old_text {_indentation(wanted)}"
    return _other_sign(stored, wanted) or _other_writing(stored, wanted)


def _other_sign(stored: str, wanted: str) -> str | None:
    """Return which sign stands in the place of one that looks alike, if that is the first to differ."""
    if len(stored) != len(wanted) or _folded(stored) != _folded(wanted):
        return None
    one, other = next((one, other) for one, other in zip(stored, wanted, strict=True) if one != other)
    if (one + other).isascii() or one.casefold() == other.casefold():
        return None
    return f"the file has U+{ord(one):04X}, old_text U+{ord(other):04X}"


def _other_writing(stored: str, wanted: str) -> str | None:
    if "".join(stored.split()) == "".join(wanted.split()):
        return "blanks within the line"
    if stored.casefold() == wanted.casefold():
        return "upper and lower case"
    if _folded(stored) == _folded(wanted):
        return "blanks, case or signs that look alike"
    if max(len(stored), len(wanted)) <= _LONGEST_NORMALISED and _composed(stored) == _composed(wanted):
        return "another Unicode form of the same characters"
    return None


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _indentation(line: str) -> str:
    """Return in words what a line begins with."""
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    counts = [(blanks.count("\t"), "tab"), (blanks.count(" "), "space")]
    return " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count) or "none"
