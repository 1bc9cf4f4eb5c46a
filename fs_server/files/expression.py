r"""Regular expressions of a stranger: found in time in proportion to the text, whatever they say.

RE2 matches them, which never goes back to try again. Its syntax is nearly that of ripgrep; what the two would read
differently is refused here, so that one expression never finds two things. Both know only ASCII in `\d`, `\w`, `\s`
and `\b` here: see docs/decisions/0010-regular-expressions.md.

A match stays within its line, as in ripgrep, unless the expression names a line end (`\n`) or sets `(?s)`. `^` and `$`
hold at every line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fs_server.errors import Failure, quoted
from fs_server.files.bad_pattern import bad_pattern
from fs_server.files.readable import Stop, go_on

__all__ = ["Expression", "Match"]

LONGEST_PATTERN: Final = 2_000
"""Characters of an expression. To compile one takes 0.1 s at most then, during which nothing else runs."""

MOST_STEPS: Final = 30_000
r"""Instructions of a compiled expression. A class such as `\pL` has some hundreds, again for each repetition."""

MOST_WORK: Final = 3_000_000_000
"""Instructions times bytes of one look at the text, which nothing can interrupt: 30 s at the worst, mostly 10 ms.

Only in the bytes of one line, where a match stays within one.
"""

_WORK_AT_ONCE: Final = 200_000_000
_LARGEST_BLOCK: Final = 1 << 20
_MEMORY: Final = 2 << 20
"""Bytes that RE2 may take for an expression and for what it remembers while matching."""

_FLAGS: Final = re.compile(r"\?([a-zA-Z]*)(?:-[a-zA-Z]*)?[:)]")
_CODE: Final = re.compile(r"\\x(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2}))")
_LOOKS: Final = ("?=", "?!", "?<=", "?<!")

_UNSURE: Final[Mapping[str, str]] = {
    "<": r"Use \b at the beginning and the end of a word",
    ">": r"Use \b at the beginning and the end of a word",
    "C": "Use . for any character",
    "Q": "Put a backslash before each special character, or use regex=false",
    "E": "Put a backslash before each special character, or use regex=false",
}
"""What ripgrep does not know, or takes for something else, and what to write in its place."""

# The next step for a refusal of RE2 that has one.
_STEPS: Final[Mapping[str, str]] = {
    "invalid repetition size": "Repeat at most 1000 times, inner repetitions multiplied; the smaller number first",
    "no argument for repetition operator": "Put something before it, or a backslash for the character itself",
    "bad repetition operator": "Repeat once; put what is repeated twice into brackets: (?:a*)*",
    "invalid character class range": r"Known are \p{L}, \p{Greek}, [[:alpha:]] and the like; ranges go upwards",
    "invalid escape sequence": r"Write \x{20AC} for a character by its number, \\ for a backslash",
    "invalid perl operator": "Groups are (…), (?:…) and (?P<name>…), flags i, m, s and U",
    "pattern too large": "Use smaller repetitions, or fewer classes such as \\pL in them",
}


class Match(Protocol):
    """One place that fits."""

    def span(self, group: int = 0, /) -> tuple[int, int]:
        """Return where a group begins and ends, in bytes; (-1, -1) where it took no part."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        groups: how many it has.
        names: of those that have one, their numbers.
        multiline: a match may go beyond a line.
        steps: instructions of the compiled expression: what a byte of text costs at most.
    """

    groups: int
    names: Mapping[str, int]
    multiline: bool
    steps: int
    _compiled: Any

    @classmethod
    def of(cls, pattern: str) -> "Expression":
        """Compile `pattern`.

        Raises:
            Failure: `bad_pattern`, with the place and the reason.
        """
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - 10 ms of import that only expressions pay

        multiline, understood = _read(pattern)
        options = re2.Options()
        options.log_errors = False  # they would go to standard error
        options.max_mem = _MEMORY
        options.never_nl = not multiline
        try:
            compiled = re2.compile(b"(?m)" + understood.encode(), options)
        except UnicodeEncodeError as error:
            raise bad_pattern("regex", pattern, error.start, "this is half of a character", "Leave it out") from error
        except re2.error as error:
            raise _refused(pattern, error.args[0].decode("utf-8", "replace")) from error
        finally:
            re2.purge()  # it would keep 128 of them, with all that they remember
        if compiled.programsize > MOST_STEPS:
            raise _refused(pattern, "pattern too large")
        names = {name.decode(): number for name, number in compiled.groupindex.items()}
        return cls(compiled.groups, names, multiline, compiled.programsize, compiled)

    def matches(self, data: bytes, *, stop: Stop | None) -> Iterator[Match]:
        r"""Yield what fits in `data`, which is UTF-8 with `\n` for each line end; one after the other, none overlap.

        Raises:
            Failure: `cancelled`; `too_large`, for a line, or a text where matches go beyond lines.
        """
        start = 0
        while start < len(data):
            go_on(stop)
            end = self._end_of_block(data, start)
            if (end - start) * self.steps > MOST_WORK:
                raise Failure(
                    "too_large",
                    "The text" if self.multiline else "A line",
                    f"It has {end - start} bytes; {MOST_WORK // self.steps} are looked at with this expression",
                    "Use a simpler expression, or one without \\n and (?s)" if self.multiline else "Use a simpler one",
                )
            for match in self._compiled.finditer(data, start, end):
                # Each time: where matches fail late, looking for the next one goes through the whole block again.
                go_on(stop)
                yield match
            start = end

    def _end_of_block(self, data: bytes, start: int) -> int:
        """Return how far to look in one go: RE2 cannot be interrupted, but sees beyond the end that it is given."""
        size = min(_WORK_AT_ONCE // self.steps, _LARGEST_BLOCK)
        if self.multiline or start + size >= len(data):
            return len(data)
        return data.find(b"\n", start + size) + 1 or len(data)


def _refused(pattern: str, told: str) -> Failure:
    """Return RE2's refusal with the place that it is about, where that is plain."""
    reason, _, part = told.partition(": ")
    once = bool(part) and pattern.count(part) == 1
    step = next((step for start, step in _STEPS.items() if reason.startswith(start)), "Write it another way")
    fact = f"{reason} {quoted(part)}" if part else reason
    return bad_pattern("regex", pattern, pattern.index(part) if once else None, fact, step)


def _read(pattern: str) -> tuple[bool, str]:
    r"""Return whether the pattern means to go beyond lines, and the pattern for a text in which `\n` ends each.

    Raises:
        Failure: `bad_pattern`.
    """
    if len(pattern) > LONGEST_PATTERN:
        fact = f"it has {len(pattern)} characters; {LONGEST_PATTERN} are allowed"
        raise bad_pattern("regex", pattern, None, fact, "Use a shorter one, or the exact text with regex=false")
    reader = _Reader(pattern)
    reader.read()
    return reader.multiline, "".join(reader.understood)


class _Reader:
    """Goes through a pattern once, and refuses what is not closed and what RE2 and ripgrep read differently."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.open: list[int] = []
        self.multiline = False
        self.understood: list[str] = []

    def read(self) -> None:
        while self.at < len(self.pattern):
            start = self.at
            match self.pattern[start]:
                case "\\":
                    self.escape()
                    if self.pattern.startswith(r"\r\n", start):
                        continue  # a line end of the text is \n alone
                case "[":
                    self.bracket()
                case "(":
                    self.group()
                case ")":
                    if not self.open:
                        raise self.bad(start, "this ) closes nothing", r"Open it before, or write \) for the character")
                    self.open.pop()
                    self.at += 1
                case char:
                    self.multiline |= char == "\n"
                    self.at += 1
                    if self.pattern.startswith("\r\n", start):
                        continue
            self.understood.append(self.pattern[start : self.at])
        if self.open:
            raise self.bad(self.open[-1], "this ( is never closed", r"Close it, or write \( for the character itself")

    def bad(self, at: int, fact: str, step: str) -> Failure:
        return bad_pattern("regex", self.pattern, at, fact, step)

    def escape(self, *, in_bracket: bool = False) -> None:
        """Go past a backslash and what it belongs to."""
        start = self.at
        char = self.pattern[start + 1 : start + 2]
        self.at += 2
        if not char:
            raise self.bad(start, "this backslash has nothing after it", r"Write \\ for a backslash itself")
        if char in "0123456789":
            raise self.bad(start, "there are no references back", "Name what may be there twice, without a reference")
        if char in _UNSURE or (char == "b" and not in_bracket and self.pattern.startswith("{", self.at)):
            step = _UNSURE.get(char, _UNSURE["<"])
            raise self.bad(start, f"programs differ in what \\{char} is", step)
        self.multiline |= self.names_line_end(start)

    def names_line_end(self, start: int) -> bool:
        code = _CODE.match(self.pattern, start)
        return self.pattern[start + 1] == "n" or (code is not None and int(code[1] or code[2], 16) == ord("\n"))

    def bracket(self) -> None:
        """Go past a class. One that is negated does not mean to go beyond a line by naming its end."""
        start, before = self.at, self.multiline
        negated = self.pattern.startswith("^", start + 1)
        self.at += 1 + negated
        first = self.at
        while self.at == first or not self.pattern.startswith("]", self.at):
            self.in_bracket(start)
        self.at += 1
        if negated:
            self.multiline = before

    def in_bracket(self, start: int) -> None:
        pair = self.pattern[self.at : self.at + 2]
        if not pair:
            raise self.bad(start, "this [ is never closed", r"Close it, or write \[ for the character itself")
        if pair == "[:" and (end := self.pattern.find(":]", self.at + 2)) >= 0:
            self.at = end + 2
        elif pair[0] == "[" or pair in {"&&", "--", "~~"}:
            raise self.bad(
                self.at, f"a class cannot hold {quoted(pair)}", rf"Write \{pair[0]} for the character itself"
            )
        elif pair[0] == "\\":
            self.escape(in_bracket=True)
        else:
            self.multiline |= pair[0] == "\n"
            self.at += 1

    def group(self) -> None:
        """Go past the beginning of a group."""
        self.open.append(self.at)
        self.at += 1
        if self.pattern.startswith(_LOOKS, self.at):
            raise self.bad(
                self.at - 1, "there is no looking ahead or behind", "Match what is beside too, and keep it: $1"
            )
        flags = _FLAGS.match(self.pattern, self.at)
        self.multiline |= flags is not None and "s" in flags[1]
