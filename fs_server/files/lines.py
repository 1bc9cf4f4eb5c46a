"""A window of lines of a file of any size, in flat memory."""

from dataclasses import dataclass
from typing import Final

from fs_server.errors import Failure
from fs_server.files.decoding import Decoder, LineEnd, clean, content_of, line_end_of
from fs_server.files.encoding import Encoding
from fs_server.files.line_index import LineIndexes
from fs_server.files.readable import CHUNK, Readable, Stop, go_on

__all__ = ["Window", "window"]

COUNTED_BYTES: Final = 64 << 20
"""Of a file up to this size the lines are counted for their own sake; that takes about 20 ms at most."""

_STEP: Final = 1 << 16
_INDEXES: Final = LineIndexes()


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive lines of a file.

    Attributes:
        text: the lines as they are stored, line ends and all; without the byte order mark.
        start_line: number of the first, from 1; None where there is none, or the count from the start is not known.
        end_line: number of the last.
        total_lines: of the file; None where it is large and has not been counted.
        next_start_line: where to go on, negative where lines are counted from the end; None at the end.
        truncated: lines that were asked for do not fit.
        cut_line_bytes: length of the only line here, which is longer than fits and is cut; None for whole lines.
        undecodable: how many places are shown as U+FFFD because their bytes mean nothing in this encoding.
        line_end: the character that ends a line.
    """

    text: str
    start_line: int | None
    end_line: int | None
    total_lines: int | None
    next_start_line: int | None
    truncated: bool
    cut_line_bytes: int | None
    undecodable: int
    line_end: str

    def lines(self) -> list[str]:
        """Return the lines one by one, each with its end."""
        lines = [line + self.line_end for line in self.text.split(self.line_end)]
        lines[-1] = lines[-1].removesuffix(self.line_end)
        return lines if lines[-1] else lines[:-1]


def window(
    file: Readable,
    encoding: Encoding,
    *,
    start_line: int = 1,
    line_count: int = 0,
    max_chars: int,
    stop: Stop | None = None,
    chunk: int = CHUNK,
) -> Window:
    r"""Return lines from `start_line` on.

    A line ends with `\n`; in a file that has only `\r`, with that. A start behind the end gives no text.

    Args:
        file: to read from.
        encoding: what its bytes mean.
        start_line: from 1, or from -1 for the last line backwards.
        line_count: how many; 0 for as many as fit.
        max_chars: length of the text at most. It is cut behind a line; a single line that is longer is cut inside.
        stop: set when nobody waits any more.
        chunk: bytes to go through at a time; a multiple of 4.

    Raises:
        Failure: `invalid_argument`, `cancelled`, or `too_large` for a stateful encoding.
    """
    if start_line == 0 or line_count < 0:
        raise Failure(
            "invalid_argument",
            f"start_line {start_line} with line_count {line_count} names no lines",
            "Lines count from 1, or from -1 for the last line; line_count 0 means as many as fit",
        )
    file, encoding = content_of(file, encoding)
    reader = _Reader(file, encoding, line_end_of(file, encoding), stop, chunk)
    return reader.window(start_line, line_count, max_chars)


@dataclass(frozen=True, slots=True)
class _Lines:
    """What was read at an offset: `text` is `lines` lines, or the beginning of one of `cut_bytes`."""

    text: str
    lines: int
    undecodable: int = 0
    cut_bytes: int | None = None
    truncated: bool = False
    more: bool = False


class _Reader:
    """One question to one file."""

    def __init__(self, file: Readable, encoding: Encoding, line_end: LineEnd, stop: Stop | None, chunk: int) -> None:
        self.file = file
        self.encoding = encoding
        self.line_end = line_end
        self.stop = stop
        self.chunk = chunk
        self.start = len(encoding.bom)
        self.index = _INDEXES.get(file, line_end, self.start, chunk)

    def window(self, start_line: int, line_count: int, max_chars: int) -> Window:
        if start_line < 0:
            total = self.total_if_cheap()
            if total is None:
                return self.window_at_end(-start_line, line_count, max_chars)
            start_line = max(total + 1 + start_line, 1)
        offset = self.offset(start_line)
        if offset is None or offset >= self.file.size:
            return self.nothing()
        found = self.read(offset, line_count, max_chars)
        end_line = start_line + found.lines - 1
        total = self.total_if_cheap() if found.more else end_line
        return self.answer(found, start_line, total, end_line + 1 if found.more else None)

    def window_at_end(self, lines: int, line_count: int, max_chars: int) -> Window:
        """Return lines from the `lines`-th last on, without knowing how many are before."""
        offset = self.offset_from_the_end(lines)
        if offset == self.start:
            return self.window(1, line_count, max_chars)
        found = self.read(offset, line_count, max_chars)
        return self.answer(found, None, None, found.lines - lines if found.more else None)

    def nothing(self) -> Window:
        self.count_until(None)
        return self.answer(_Lines("", 0), None, self.index.total_lines, None)

    def answer(self, found: _Lines, start_line: int | None, total: int | None, following: int | None) -> Window:
        return Window(
            text=found.text,
            start_line=start_line,
            end_line=None if start_line is None else start_line + found.lines - 1,
            total_lines=total,
            next_start_line=following,
            truncated=found.truncated,
            cut_line_bytes=found.cut_bytes,
            undecodable=found.undecodable,
            line_end=self.line_end.char,
        )

    def total_if_cheap(self) -> int | None:
        if self.file.size <= COUNTED_BYTES:
            self.count_until(None)
        return self.index.total_lines

    def count_until(self, line: int | None) -> None:
        known = self.index.copy()
        self.index.extend(self.file, self.line_end, until=line, stop=self.stop)
        if len(self.index.counts) > 1 and self.index != known:
            _INDEXES.put(self.file, self.line_end, self.index)

    def offset(self, line: int) -> int | None:
        """Return where `line` begins; None where there are fewer."""
        if line > 1:
            self.count_until(line - 1)
        return self.index.offset(self.file, self.line_end, line)

    def offset_from_the_end(self, lines: int) -> int:
        """Return where the `lines`-th last line begins, or the first where there are fewer."""
        width = self.line_end.width
        end = self.file.size - (self.file.size - self.start) % width
        ended = end == self.file.size and self.file.read_at(end - width, width) == self.line_end.data
        wanted = lines + ended
        while end > self.start:
            go_on(self.stop)
            begin = max(end - min(self.chunk, _STEP), self.start)
            chunk = self.file.read_at(begin, end - begin)
            ends = self.line_end.count(chunk)
            if ends >= wanted:
                return begin + self.line_end.after(chunk, ends - wanted + 1)
            wanted -= ends
            end = begin
        return self.start

    def read(self, offset: int, line_count: int, max_chars: int) -> _Lines:
        """Return up to `line_count` lines from `offset` on, where a line begins, in at most `max_chars`."""
        text, final = self.decode(offset, line_count, max_chars)
        char = self.line_end.char
        wanted = len(text)
        if line_count:
            parts = text.split(char, line_count)
            wanted -= len(parts[line_count]) if len(parts) > line_count else 0
        cut = wanted if wanted <= max_chars else text.rfind(char, 0, max_chars) + 1
        cut_bytes = None
        more = not final or cut < len(text)
        if wanted > max_chars and cut == 0:
            cut = max_chars
            cut_bytes, more = self.line_bytes(offset)
        shown, undecodable = clean(text[:cut])
        lines = shown.count(char) + (not shown.endswith(char))
        return _Lines(shown, lines, undecodable, cut_bytes, wanted > max_chars, more)

    def decode(self, offset: int, line_count: int, max_chars: int) -> tuple[str, bool]:
        """Return text from `offset` on that holds what is asked, and whether it reaches the end of the file."""
        decoder = Decoder(self.encoding.name)
        pieces: list[str] = []
        chars = ends = 0
        step = min(max(max_chars, _STEP), self.chunk)
        while True:
            go_on(self.stop)
            data = self.file.read_at(offset, min(step, self.file.size - offset))
            offset += len(data)
            final = len(data) < step or offset >= self.file.size
            piece = decoder.feed(data, final=final)
            pieces.append(piece)
            chars += len(piece)
            ends += piece.count(self.line_end.char)
            if final or chars > max_chars or (line_count and ends >= line_count):
                return "".join(pieces), final

    def line_bytes(self, offset: int) -> tuple[int, bool]:
        """Return the length of the line that begins at `offset`, and whether another follows it."""
        length = 0
        for chunk in self.file.chunks(offset, self.chunk):
            go_on(self.stop)
            if self.line_end.count(chunk):
                length += self.line_end.after(chunk, 1)
                return length, offset + length < self.file.size
            length += len(chunk)
        return length, False
