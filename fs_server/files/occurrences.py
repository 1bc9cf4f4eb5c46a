r"""Where a text or an expression stands in a file, and what comes in its place.

Line ends are taken as equal: a query with `\n` finds `\r\n` as well, and what is put in gets the line ends of its
place. Upper and lower case differ. Nothing is replaced where nothing stands: an expression that fits the empty text is
not wrong, because `\s*$` does and is useful, but its empty matches are passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from fs_server.errors import Failure, quoted
from fs_server.files.bad_pattern import bad_pattern
from fs_server.files.expression import Expression
from fs_server.files.readable import Stop, go_on
from fs_server.files.text import LineEndings, Splice, Text

__all__ = ["Found", "Query", "Replacement", "occurrences"]

MOST_OCCURRENCES: Final = 100_000
"""In one file. Each takes 150 bytes of memory."""

MOST_CHARS: Final = 32 << 20
"""Characters that are put into one file."""

LONGEST_TEMPLATE: Final = 100_000
"""Characters of a replacement that is read for groups; that takes 0.1 s at most."""

_REFERENCE: Final = re.compile(r"\$(?:(\$)|([0-9A-Za-z_]+)|\{([^${}]*)\})")
_LONGEST_NUMBER: Final = 4


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for.

    Attributes:
        text: as the caller wrote it.
        expression: that the text is; None for the text itself.
    """

    text: str
    expression: Expression | None

    @classmethod
    def of(cls, text: str, *, regex: bool) -> "Query":
        """Return the query.

        Raises:
            Failure: `bad_pattern`.
        """
        if not text:
            raise bad_pattern("query", text, None, "it is empty", "Give the text that is to be replaced")
        return cls(text, Expression.of(text) if regex else None)

    def replacement(self, text: str) -> "Replacement":
        """Return what comes in its place.

        For an expression, `$1`, `${1}` and `${name}` stand for its groups and `$$` for a dollar sign, as in ripgrep.
        A name reaches as far as it can: it is `${1}a`, not `$1a`.

        Raises:
            Failure: `bad_pattern`, for a group that does not exist, or a text that is too long to be read for them.
        """
        if self.expression is None:
            return Replacement((_plain(text),))
        if len(text) > LONGEST_TEMPLATE:
            fact = f"with regex=true it may have {LONGEST_TEMPLATE} characters, not {len(text)}"
            raise bad_pattern("replacement", text, None, fact, "Use a shorter one, or the exact text with regex=false")
        pieces: list[str | int] = []
        end = 0
        for reference in _REFERENCE.finditer(text):
            dollar, name, braced = reference.groups()
            pieces.append(_plain(text[end : reference.start()]))
            pieces.append(dollar or _group(self.expression, text, reference.start(), braced if name is None else name))
            end = reference.end()
        pieces.append(_plain(text[end:]))
        return Replacement(tuple(piece for piece in pieces if piece != ""))


@dataclass(frozen=True, slots=True)
class Replacement:
    r"""What comes in the place of an occurrence: texts with `\n` for each line end, and numbers of groups."""

    pieces: tuple[str | int, ...]

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups that it needs."""
        return tuple({piece for piece in self.pieces if isinstance(piece, int)})

    @property
    def breaks(self) -> bool:
        """Whether it has line ends of its own."""
        return any("\n" in piece for piece in self.pieces if isinstance(piece, str))

    def written(self, ending: str, groups: Mapping[int, str]) -> str:
        """Return the text for a place whose lines end in `ending`.

        Raises:
            Failure: `too_large`, before it takes the memory.
        """
        if sum(len(groups[piece] if isinstance(piece, int) else piece) for piece in self.pieces) > MOST_CHARS:
            raise _too_large("One occurrence")
        return "".join(
            groups[piece] if isinstance(piece, int) else piece.replace("\n", ending) for piece in self.pieces
        )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _group(expression: Expression, text: str, at: int, name: str) -> int:
    if name in expression.names:
        return expression.names[name]
    if name.isascii() and name.isdecimal() and len(name) <= _LONGEST_NUMBER and int(name) <= expression.groups:
        return int(name)
    known = ", ".join(["0", *map(str, range(1, expression.groups + 1)), *expression.names])
    raise bad_pattern(
        "replacement",
        text,
        at,
        f"the expression has no group {quoted(name)}; it has {known}",
        "Write $$ for $, ${1}a for group 1 and a",
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The occurrences in one text.

    Attributes:
        splices: what to put in their places, in their order.
        empty: the expression fits the empty text somewhere too, which was passed over.
    """

    splices: tuple[Splice, ...]
    empty: bool = False


def occurrences(text: Text, query: Query, replacement: Replacement, *, stop: Stop | None) -> Found:
    """Return where `query` stands in `text`, from left to right and never overlapping, and what comes there.

    Raises:
        Failure: `cancelled`; `too_large`, for more occurrences or more new text than one file may have.
    """
    found: Iterator[Splice | None]
    if query.expression is None:
        found = _literally(text, query.text, replacement, stop)
    else:
        found = _expressed(text, query.expression, replacement, stop)
    splices: list[Splice] = []
    chars = 0
    empty = False
    for splice in found:
        if splice is None:
            empty = True
            continue
        chars += len(splice.new)
        if len(splices) == MOST_OCCURRENCES or chars > MOST_CHARS:
            raise _too_large(quoted(query.text))
        splices.append(splice)
    return Found(tuple(splices), empty)


def _too_large(what: str) -> Failure:
    limits = f"{MOST_OCCURRENCES} occurrences and {MOST_CHARS} characters of new text"
    return Failure("too_large", what, f"One file may have {limits}", "Look for a longer text, or put in a shorter one")


def _literally(text: Text, wanted: str, replacement: Replacement, stop: Stop | None) -> Iterator[Splice]:
    unified = _Unified(text.text, _plain(wanted))
    endings = LineEndings(text.text)
    breaks = replacement.breaks
    written = replacement.written("\n", {})
    end = 0
    while (start := unified.text.find(unified.wanted, end)) >= 0:
        go_on(stop)
        first = unified.forward(unified.text[end:start])
        end = start + len(unified.wanted)
        last = unified.forward(unified.text[start:end])
        yield Splice(first, last, replacement.written(endings.at(first), {}) if breaks else written)


def _expressed(
    text: Text, expression: Expression, replacement: Replacement, stop: Stop | None
) -> Iterator[Splice | None]:
    """Yield what to put where the expression fits; None where it fits the empty text."""
    unified = _Unified(text.text)
    endings = LineEndings(text.text)
    groups, breaks = replacement.groups, replacement.breaks
    written = "" if groups or breaks else replacement.written("\n", {})
    data = unified.text.encode()
    end = 0
    for match in expression.matches(data, stop=stop):
        start, until = match.span()
        if start == until:
            yield None
            continue
        spans = [match.span(group) for group in groups]
        # Offsets are found by going forward, whatever the order of the groups is.
        places = sorted({start, until, *chain(*spans)} - {-1}) if groups else (start, until)
        offsets = {-1: 0}
        for place in places:
            offsets[place] = unified.forward(data[end:place].decode())
            end = place
        first, last = offsets[start], offsets[until]
        if groups or breaks:
            taken = (text.text[offsets[left] : offsets[right]] for left, right in spans)
            ending = endings.at(first) if breaks else "\n"
            written = replacement.written(ending, dict(zip(groups, taken, strict=True)))
        yield Splice(first, last, written)


class _Unified:
    r"""A text with `\n` for each of its line ends, and the way back from it. `\r` ends lines where nothing else does.

    Attributes:
        text: unified, as far as that is needed to find `wanted`.
        wanted: what to look for in it.
    """

    def __init__(self, text: str, wanted: str = "\n") -> None:
        self.text = text
        self.wanted = wanted
        self._original = text
        self._offset = 0
        if "\n" not in text:
            self.text = text.replace("\r", "\n")
            self.wanted = wanted.replace("\r", "\n")
        elif "\n" in wanted or "\r" in wanted:
            self.text = _plain(text)
        self._crlfs = len(text) - len(self.text)
        self._only_crlf = self._crlfs == self.text.count("\n")

    def forward(self, passed: str) -> int:
        """Go past the characters that follow, and return the offset in the original behind them."""
        if self._crlfs and not self._only_crlf:
            before = 0
            while (at := passed.find("\n", before)) >= 0:
                self._offset += at - before
                self._offset += 2 if self._original.startswith("\r\n", self._offset) else 1
                before = at + 1
            self._offset += len(passed) - before
        else:
            self._offset += len(passed) + (passed.count("\n") if self._crlfs else 0)
        return self._offset
