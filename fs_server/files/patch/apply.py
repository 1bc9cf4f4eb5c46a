"""From hunks to splices: what of a text changes, to the character.

A hunk is compared without line ends, and changes none. Only what differs between its old and its new lines becomes a
splice; each new line gets the end of the line that it replaces, or that of its neighbours. Only where a file has no
line end at all, it gets that of the patch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fs_server.errors import Failure, quoted
from fs_server.files.patch.file_patch import Hunk
from fs_server.files.patch.line_table import LineTable
from fs_server.files.patch.placing import Placing
from fs_server.files.text import Splice, Text

__all__ = ["added_text", "applied", "require_whole"]


def applied(text: Text, hunks: Sequence[Hunk], *, subject: str) -> tuple[Splice, ...]:
    """Return what makes the changes of `hunks` to `text`: sorted, and not overlapping.

    Args:
        text: of the file.
        hunks: from top to bottom.
        subject: the file in the caller's words, quoted.

    Raises:
        Failure: `patch_failed`, one of the hunks does not apply; `ambiguous_match`, it does in several places.
    """
    split = [_split(hunk, text.line_end) for hunk in hunks]
    table = LineTable(text, (line for hunk in split for _, line in hunk.signed()), subject=subject)
    placing = Placing(table, split, subject=subject)
    change = _Change(table, split)
    splices: list[Splice] = []
    for number, hunk in enumerate(split):
        place = placing.place(number)
        if hunk.old == hunk.new and not hunk.ends_change and _changes_ends(hunk):
            raise Failure(
                "patch_failed",
                f"{subject}: hunk {number + 1} of {len(hunks)} (line {hunk.patch_line} of the patch) changes nothing",
                "Its old and new lines differ in their line ends only, and patches keep those",
                "Leave it out, or write the whole file with write_file",
            )
        for block in _blocks(hunk, place):
            splices += change.splices(block)
            place = block.end
        placing.move_on(place)
    return tuple(splices)


def added_text(hunks: Sequence[Hunk]) -> str:
    r"""Return the content of a file that a patch adds. Its lines end as those of the patch: with `\n` or `\r\n`."""
    lines = [line[1:] for hunk in hunks for line in hunk.lines]
    bare = bool(hunks) and hunks[-1].new_is_bare
    return "\n".join(lines) + "\n" * (bool(lines) and not bare)


def require_whole(text: Text, hunks: Sequence[Hunk], *, subject: str) -> None:
    """Do nothing, if the old lines of `hunks` are all of `text`: the patch deletes what the file holds.

    Raises:
        Failure: `patch_failed`, with the first line that differs.
    """
    old = [line for hunk in hunks for line in _split(hunk, text.line_end).old]
    table = LineTable(text, old, subject=subject)
    if len(old) == table.count and table.find(table.encoded(old), 0) == 0:
        return
    differs = next(
        (at for at, (stored, listed) in enumerate(zip(table.lines(), old, strict=False)) if stored != listed),
        min(len(old), table.count),
    )
    stored = quoted(table.line(differs)) if differs < table.count else "missing"
    listed = quoted(old[differs]) if differs < len(old) else "missing"
    raise Failure(
        "patch_failed",
        f"{subject}: the file is not what the patch deletes",
        f"It has {table.count} lines, the patch {len(old)}; line {differs + 1} is {stored}, and {listed} in the patch",
        "Read the file; if it can go all the same, use delete_path",
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of the file, from `begin` up to `end`, that become `lines`.

    Attributes:
        begin: the first of them, from 0.
        end: the line behind the last.
        lines: what they become, without their ends.
        is_bare: whether the last line of the file has no end afterwards; None where that stays as it is.
    """

    begin: int
    end: int
    lines: Sequence[str]
    is_bare: bool | None


def _split(hunk: Hunk, line_end: str) -> Hunk:
    r"""Return `hunk` with the lines of the file, in which `line_end` ends one.

    Git takes a file that has only `\r` for a single line.
    """
    if line_end != "\r" or not any("\r" in line[:-1] for line in hunk.lines):
        return hunk
    lines = [line[0] + part for line in hunk.lines for part in line[1:].removesuffix("\r").split("\r")]
    olds, news = ([line for line in hunk.lines if line[0] != sign] for sign in "+-")
    return replace(
        hunk,
        lines=tuple(lines),
        old_is_bare=hunk.old_is_bare and not olds[-1].endswith("\r"),
        new_is_bare=hunk.new_is_bare and not news[-1].endswith("\r"),
    )


def _changes_ends(hunk: Hunk) -> bool:
    r"""Tell whether a line has `\r` at its end before and not afterwards, or the other way round."""
    old, new = ([line[1:] for line in hunk.lines if line[0] != sign] for sign in "+-")
    return old != new


def _blocks(hunk: Hunk, place: int) -> Iterator[_Block]:
    """Yield what changes where `hunk` stands at `place`: its runs of old and new lines, without what both have."""
    for begin, old, new, is_last in _runs(hunk, place):
        is_bare = hunk.new_is_bare if is_last and hunk.ends_change else None
        # Of the last line of the file, the end counts too.
        ends_count = is_last and (hunk.old_is_bare or hunk.new_is_bare)
        head = _same(old, new[:-1] if ends_count else new)
        tail = 0 if is_bare is not None else _same(reversed(old[head:]), reversed(new[head:]))
        yield _Block(begin + head, begin + len(old) - tail, new[head : len(new) - tail], is_bare)


def _runs(hunk: Hunk, place: int) -> Iterator[tuple[int, list[str], list[str], bool]]:
    """Yield where lines go and come, which, and whether no line of context follows."""
    old: list[str] = []
    new: list[str] = []
    for sign, line in hunk.signed():
        if sign == " " and (old or new):
            yield place, old, new, False
            place += len(old)
            old, new = [], []
        if sign == " ":
            place += 1
        else:
            (old if sign == "-" else new).append(line)
    if old or new:
        yield place, old, new, True


def _same(one: Iterable[str], other: Iterable[str]) -> int:
    """Return how many lines both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


class _Change:
    """Makes splices of blocks that come in the order of the file."""

    def __init__(self, table: LineTable, hunks: Sequence[Hunk]) -> None:
        self._table = table
        is_crlf = any(line[0] == "+" and line.endswith("\r") for hunk in hunks for line in hunk.lines)
        self._ending_of_patch = "\r\n" if is_crlf else "\n"
        self._was_bare = table.is_bare()
        self._is_bare = self._was_bare
        """Whether what the file has become so far ends without a line end."""

    def splices(self, block: _Block) -> Iterator[Splice]:
        """Yield the splice that makes this change, if it is one."""
        table = self._table
        new = "".join(self._pieces(block))
        start, end = table.start(block.begin), table.start(block.end)
        if block.end == table.count and (block.lines or block.begin < block.end):
            self._is_bare = bool(block.lines) and self._ends_bare(block)
        if table.text.text[start:end] != new:
            yield Splice(start, end, new)

    def _pieces(self, block: _Block) -> Iterator[str]:
        """Yield the new lines with their ends."""
        table = self._table
        if block.lines and block.begin == table.count and self._is_bare:
            yield self._ending_near(table.count)
        last = len(block.lines) - 1
        for number, line in enumerate(block.lines):
            at = block.begin + number
            yield line
            if number == last and block.end == table.count and self._ends_bare(block):
                # A \r alone ends no line where \n does: it belongs to the line.
                yield table.ending(block.end - 1) if block.begin < block.end and block.is_bare is None else ""
            elif at < block.end and table.is_ended(at):
                yield table.ending(at)
            else:
                yield self._ending_near(block.end)

    def _ending_near(self, line: int) -> str:
        return self._table.ending_near(line) or self._ending_of_patch

    def _ends_bare(self, block: _Block) -> bool:
        return self._was_bare if block.is_bare is None else block.is_bare
