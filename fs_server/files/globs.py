"""Which files of a directory are meant: patterns of names, as in .gitignore and behind ripgrep's `-g`.

`*.py` holds at any depth, `src/**/*.ts` from the directory on; what names a directory means all that is in it; `{a,b}`
is one or the other. Matching takes time in proportion to the name, see docs/decisions/0009-gitignore-in-linear-time.md.
`?` and `[…]` take one byte of a name, as they do in git and in ripgrep.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fs_server.errors import Failure
from fs_server.files.bad_pattern import bad_pattern
from sandbox import Rule, rules_of

__all__ = ["Globs"]

LONGEST_GLOB: Final = 1_000
MOST_PATTERNS: Final = 200
"""Patterns that all globs of one list become once their braces are written out."""

MOST_CHARS: Final = 10_000
"""Characters of all these patterns. To compile them takes 0.1 s at most then."""

DEEPEST_BRACES: Final = 8

_EXAMPLE: Final = "Write it as in *.py or src/**"


@dataclass(frozen=True, slots=True)
class Globs:
    """What is included, and what of that is left out again.

    Attributes:
        included: without any, everything is.
        excluded: wins.
    """

    included: tuple[Rule, ...] = ()
    excluded: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, include: Sequence[str], exclude: Sequence[str]) -> "Globs":
        """Read the globs. One of `include` that begins with `!` excludes, as behind ripgrep's `-g`.

        Raises:
            Failure: `bad_pattern`, with the place and the reason.
        """
        for glob in exclude:
            if glob.startswith("!"):
                raise _bad(glob, 0, "exclude leaves out without a ! already", "Leave the ! out, or use include")
        return cls(
            _rules([glob for glob in include if not glob.startswith("!")]),
            _rules([*exclude, *(glob[1:] for glob in include if glob.startswith("!"))]),
        )

    def fit(self, names: Sequence[str]) -> bool:
        """Tell whether the file with these names beneath the directory is meant."""
        encoded = [os.fsencode(name) for name in names]
        included = not self.included or _covers(self.included, encoded)
        return included and not _covers(self.excluded, encoded)


def _covers(rules: Sequence[Rule], names: Sequence[bytes]) -> bool:
    """Tell whether one of the rules names the file, or a directory that it lies in."""
    return any(
        rule.matches(names[:depth], directory=depth < len(names))
        for rule in rules
        for depth in range(len(names), 0, -1)
    )


def _rules(globs: Sequence[str]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    chars = 0
    for glob in globs:
        if len(glob) > LONGEST_GLOB:
            raise _bad(glob, None, f"it has {len(glob)} characters; {LONGEST_GLOB} are allowed", "Use a shorter one")
        patterns = _Reader(glob, MOST_PATTERNS - len(rules)).alternatives()
        chars += sum(map(len, patterns))
        if chars > MOST_CHARS:
            fact = f"the globs have more than {MOST_CHARS} characters with their braces written out"
            raise _bad(glob, None, fact, "Use fewer or shorter ones")
        rules += [_rule(glob, pattern) for pattern in patterns]
    return tuple(rules)


def _rule(glob: str, text: str) -> Rule:
    """Return what `text` means, which `glob` stands for."""
    pattern = text.removeprefix(".") if text.startswith("./") else text
    if {"", ".", ".."} & {*pattern.removeprefix("/").removesuffix("/").split("/")}:
        raise _bad(glob, None, "a name in it is empty, . or .., which no file has", _EXAMPLE)
    if "/" in glob.removesuffix("/") and not pattern.startswith("/"):  # of {src/a,b}, b is in the directory itself too
        pattern = f"/{pattern}"
    if pattern.startswith(("#", "!")):  # they mean something else in a .gitignore
        pattern = f"\\{pattern}"
    try:
        rule = next(rules_of(os.fsencode(pattern)), None)
    except UnicodeEncodeError as error:
        raise _bad(glob, None, "it holds half of a character", "Leave it out") from error
    if rule is None:
        raise _bad(glob, None, "it fits no name", _EXAMPLE)
    return rule


def _bad(glob: str, at: int | None, fact: str, step: str) -> Failure:
    return bad_pattern("glob", glob, at, fact, step)


class _Reader:
    """Writes the braces of a glob out, going through it once."""

    def __init__(self, glob: str, room: int) -> None:
        self.glob = glob
        self.room = room
        self.at = 0

    def alternatives(self, depth: int = 0) -> list[str]:
        """Return the texts that what follows stands for, up to the end of this alternative."""
        texts = [""]
        while self.at < len(self.glob):
            char = self.glob[self.at]
            if depth and char in ",}":
                break
            pieces = self.braces(depth + 1) if char == "{" else [self.plain(depth)]
            if len(texts) * len(pieces) > self.room:
                fact = f"the globs mean more than {MOST_PATTERNS} patterns with their braces written out"
                raise _bad(self.glob, None, fact, "Use fewer braces")
            texts = [text + piece for text in texts for piece in pieces]
        return texts

    def braces(self, depth: int) -> list[str]:
        start = self.at
        if depth > DEEPEST_BRACES:
            raise _bad(self.glob, start, f"braces stand in braces {depth} deep", "Use fewer")
        found: list[str] = []
        while not found or self.glob.startswith(",", self.at):
            self.at += 1
            found += self.alternatives(depth)
        if self.at == len(self.glob):
            raise _bad(self.glob, start, "this { is never closed", r"Close it, or write \{ for the character itself")
        self.at += 1
        return found

    def plain(self, depth: int) -> str:
        """Return what follows up to the next brace: names, stars, brackets."""
        start = self.at
        ends = "{,}" if depth else "{"
        while self.at < len(self.glob) and self.glob[self.at] not in ends:
            self.step()
        return self.glob[start : self.at]

    def step(self) -> None:
        """Go past one character, one that a backslash makes plain, or a bracket."""
        start = self.at
        char = self.glob[start]
        self.at += 1
        if char in "\n\r\0":
            raise _bad(self.glob, start, "this is a line end or a NUL", "Leave it out")
        if char == "\\":
            self.at += 1
            if self.at > len(self.glob):
                raise _bad(self.glob, start, "this backslash has nothing after it", "Use / between names")
        elif char == "[":
            self.bracket(start)

    def bracket(self, start: int) -> None:
        self.at += self.glob[self.at : self.at + 1] in {"!", "^"}
        first = self.at
        while self.at == first or not self.glob.startswith("]", self.at):
            if self.at >= len(self.glob):
                raise _bad(
                    self.glob,
                    start,
                    "this [ is never closed",
                    r"Close it, or write \[ for the character itself",
                )
            named = self.glob.find(":]", self.at) if self.glob.startswith("[:", self.at) else -1
            self.at = named + 2 if named >= 0 else self.at + 1 + (self.glob[self.at] == "\\")
        self.at += 1
