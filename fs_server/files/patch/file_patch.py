"""What a patch says, whichever form it is written in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["FilePatch", "Hunk", "Kind"]

Kind = Literal["add", "update", "delete", "copy"]


@dataclass(frozen=True, slots=True)
class Hunk:
    r"""Lines that stand somewhere in a file, and what they become.

    Attributes:
        lines: as they stand in the patch, without `\n`. The first character is the sign: a space for what stays, `-`
            for what goes, `+` for what comes. A `\r` at the end may be the line end of the patch or of the file.
        patch_line: number of the line of the patch that the hunk begins with, from 1.
        hint: number of the line of the file that it should begin at, from 1; None where the patch says none. Models
            count badly: it only chooses among places where the lines do stand.
        anchors: lines of the file that stand before the place, one after the other.
        at_end_of_file: the last old line is the last line of the file.
        old_is_bare: the patch says that the file ends without a line end before.
        new_is_bare: it says so of the file afterwards. Where it says neither, it says nothing about that.
    """

    lines: tuple[str, ...]
    patch_line: int
    hint: int | None = None
    anchors: tuple[str, ...] = ()
    at_end_of_file: bool = False
    old_is_bare: bool = False
    new_is_bare: bool = False

    @property
    def old(self) -> list[str]:
        """The lines that have to stand in the file, without their ends."""
        return [text for sign, text in self.signed() if sign != "+"]

    @property
    def new(self) -> list[str]:
        """The lines that stand there afterwards, without their ends."""
        return [text for sign, text in self.signed() if sign != "-"]

    @property
    def ends_change(self) -> bool:
        """Whether the patch gives the last line of the file a line end, or takes it."""
        return self.old_is_bare != self.new_is_bare

    def signed(self) -> Iterator[tuple[str, str]]:
        """Yield the sign and the text of each line, without its end."""
        return ((line[0], line[1:].removesuffix("\r")) for line in self.lines)


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a patch wants of one file. Everything is said of the files as they are before the whole patch.

    Attributes:
        kind: an `add` has `+` lines only. An `update` without hunks moves, or changes the executable bit. A
            `delete` lists the whole content, or has no hunks. A `copy` leaves `path` alone and makes `new_path`.
        path: of the file, as the patch writes it, but for the prefixes of git.
        new_path: where it moves or is copied to; None where it stays.
        hunks: from the top of the file to its end.
        executable: the executable bit afterwards; None where the patch does not say.
        patch_line: number of the line of the patch that this begins with, from 1.
    """

    kind: Kind
    path: str
    new_path: str | None
    hunks: tuple[Hunk, ...]
    executable: bool | None
    patch_line: int
