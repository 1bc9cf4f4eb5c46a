"""The lines of a file, made for finding sequences of them.

Each line that the patch knows becomes one character, the same for equal lines, and the file becomes a string of
them. So a hunk is found by `str.find`, which takes linear time however often lines repeat.
"""

import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from typing import Final

from fs_server.errors import Failure
from fs_server.files.text import Text

__all__ = ["LineTable"]

# The numbers are those of `read_file`: both kinds of line end have one `\r` a line where `\r` ends one.
_LINES: Final = {"\n": re.compile(r"[^\n]*+\n|[^\n]++"), "\r": re.compile(r"[^\r]*+\r\n?|[^\r]++")}
_ENDS: Final = ("\r\n", "\n", "\r")

_BLOCK: Final = 1 << 18
"""Characters that are taken apart in one go."""

MOST_KNOWN: Final = sys.maxunicode
"""Different lines of a patch: each is one character."""

MOST_STEPS: Final = 1_000_000_000
"""Comparisons of lines for one file: some seconds. Hunks with line numbers that are nearly right take next to none."""

_TINY: Final = 2_500
_SHORT: Final = 30_000
"""Characters below which `str.find` may compare every one with the whole pattern, or with a hundred of it.

Source: `fastsearch.h` of CPython, which is linear for longer ones since 3.10.
"""

_FIRST_RADIUS: Final = 64


class LineTable:
    """The lines of a text, counted from 0, and where sequences of them stand.

    Attributes:
        text: the file.
        count: of lines. What follows the last line end is one, if it is not empty.
    """

    def __init__(self, text: Text, wanted: Iterable[str], *, subject: str) -> None:
        self.text = text
        self.count = 0
        self._subject = subject
        self._steps = 0
        self._code_of = {line: code for code, line in enumerate(dict.fromkeys(wanted), 1)}
        if len(self._code_of) > MOST_KNOWN:
            raise self._too_much()
        self._starts = array("Q", [0])
        codes = array("I")
        for lines in self._blocks():
            self._starts.extend(accumulate(map(len, lines), initial=self._starts.pop()))
            codes.extend(map(self._code_of.get, map(_without_end, lines), repeat(0)))
        self.count = len(codes)
        self._codes = codes.tobytes().decode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
        self._backwards = ""

    def start(self, line: int) -> int:
        """Return the offset of a line, or of the end for the line behind the last."""
        return self._starts[line]

    def line(self, at: int) -> str:
        """Return the line `at` without its end."""
        return _without_end(self._whole(at))

    def lines(self) -> Iterator[str]:
        """Yield all lines without their ends."""
        return (_without_end(line) for lines in self._blocks() for line in lines)

    def ending(self, at: int) -> str:
        """Return the end of the line `at`; "" only for the last one."""
        whole = self._whole(at)
        return next((end for end in _ENDS if whole.endswith(end)), "")

    def is_bare(self) -> bool:
        """Tell whether there is a last line, and it has no end."""
        return bool(self.text.text) and not self.is_ended(self.count - 1)

    def ending_near(self, at: int) -> str | None:
        """Return the end that a line put before the line `at` should get: that of its neighbours, if they have one."""
        near = (line for line in (at - 1, at, at - 2) if 0 <= line < self.count and self.is_ended(line))
        first = next(near, None)
        return None if first is None else self.ending(first)

    def encoded(self, lines: Sequence[str]) -> str:
        """Return a pattern for `find`. All of `lines` are known from the beginning."""
        return "".join(chr(self._code_of[line]) for line in lines)

    def find(self, pattern: str, start: int, stop: int | None = None) -> int | None:
        """Return the first line from `start` on at which `pattern` stands, whole before the line `stop`.

        Raises:
            Failure: `patch_failed`, it was too much work.
        """
        stop = self.count if stop is None else stop
        found = self._codes.find(pattern, start, stop)
        self._spend((stop if found < 0 else found + len(pattern)) - start, pattern)
        return None if found < 0 else found

    def nearest(self, pattern: str, at: int, low: int) -> list[int]:
        """Return the place from `low` on that is nearest to `at`: none, one, or two that are equally near."""
        at = min(max(at, low), self.count)
        if self._codes.startswith(pattern, at):
            return [at]
        radius = _FIRST_RADIUS
        while True:
            after = self.find(pattern, at, min(at + radius + len(pattern), self.count))
            before = self._last(pattern, max(at - radius, low), at)
            found = [place for place in (before, after) if place is not None]
            if found:
                least = min(abs(place - at) for place in found)
                return [place for place in found if abs(place - at) == least]
            if at - radius <= low and at + radius >= self.count:
                return []
            radius *= 4

    def _last(self, pattern: str, low: int, high: int) -> int | None:
        """Return the last line before `high`, and from `low` on, at which `pattern` stands."""
        # Backwards, for `str.rfind` is not linear.
        self._backwards = self._backwards or self._codes[::-1]
        start = max(self.count - high - len(pattern) + 1, 0)
        found = self._backwards.find(pattern[::-1], start, self.count - low)
        self._spend(self.count - low - start, pattern)
        return None if found < 0 else self.count - found - len(pattern)

    def _spend(self, length: int, pattern: str) -> None:
        """Count what `str.find` may take: for short strings it is not linear, but simple."""
        width = len(pattern) if length < _TINY else min(len(pattern), 100) if length < _SHORT else 1
        self._steps += max(length, 0) * width + len(pattern)
        if self._steps > MOST_STEPS:
            raise self._too_much()

    def _too_much(self) -> Failure:
        return Failure(
            "patch_failed",
            f"{self._subject}: finding the places of the hunks takes too long",
            f"The file has {self.count} lines, and the patch needs too many comparisons with them",
            "Give line numbers (@@ -LINE,COUNT +LINE,COUNT @@), and send fewer hunks at a time",
        )

    def is_ended(self, at: int) -> bool:
        """Tell whether the line `at` has an end that counts as one; only the last may have none."""
        return self.text.line_end in self.ending(at)

    def _whole(self, at: int) -> str:
        return self.text.text[self._starts[at] : self._starts[at + 1]]

    def _blocks(self) -> Iterator[list[str]]:
        """Yield the lines as they are stored, many at a time, but never all of a large file."""
        text, end = self.text.text, self.text.line_end
        start = 0
        while start < len(text):
            stop = text.find(end, start + _BLOCK) + 1 or len(text)
            stop += end == "\r" and text.startswith("\n", stop)
            yield _LINES[end].findall(text, start, stop)
            start = stop


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
