"""The lines of a patch, and how a refusal names one of them."""

from typing import Final

from fs_server.errors import Failure, quoted
from fs_server.files.eol import line_end

__all__ = ["PatchLines"]

MOST_HUNKS: Final = 100_000


class PatchLines:
    r"""The lines of a patch, counted from 0.

    A line behind the last one is "" wherever one is asked for.

    Attributes:
        raw: without their `\n`. A `\r` before it stays, unless the line has nothing else: a blank line is a
            separator, or context that lost its space.
    """

    def __init__(self, patch: str) -> None:
        self.raw = patch.removeprefix("\ufeff").split(line_end(patch))
        if not self.raw[-1]:
            self.raw.pop()
        elif len(self.raw) > 1 and self.raw[-2].endswith("\r") and not self.raw[-1].endswith("\r"):
            self.raw[-1] += "\r"  # only the last line end was left out
        if "\r" in patch:
            self.raw = ["" if line == "\r" else line for line in self.raw]
        self._hunks = 0

    def __len__(self) -> int:
        return len(self.raw)

    def text(self, at: int) -> str:
        """Return the line `at`, without its end."""
        return self.raw[at].removesuffix("\r") if at < len(self.raw) else ""

    def starts(self, at: int, *beginnings: str) -> bool:
        """Tell whether the line `at` begins with one of these."""
        return at < len(self.raw) and self.raw[at].startswith(beginnings)

    def is_blank(self, at: int) -> bool:
        """Tell whether there is a line `at` with nothing on it."""
        return at < len(self.raw) and not self.raw[at]

    def behind_blanks(self, at: int) -> int:
        """Return the first line from `at` on that has something on it."""
        while self.is_blank(at):
            at += 1
        return at

    def count_hunk(self, at: int) -> None:
        """Count one more hunk, which begins at the line `at`.

        Raises:
            Failure: `patch_failed`, there are too many.
        """
        self._hunks += 1
        if self._hunks > MOST_HUNKS:
            raise self.wrong(at, f"It begins hunk {self._hunks}; the limit is {MOST_HUNKS}", "Send several patches")

    def wrong(self, at: int, fact: str, step: str) -> Failure:
        """Return the refusal of the line `at`."""
        return Failure("patch_failed", f"Line {at + 1} of the patch, {quoted(self.text(at))}", fact, step)
