"""Where the lines of a large file are: the number of line ends before each of its chunks.

Made by the pass that the first deep window needs anyway, and kept, so that the next one reads a single chunk. Eight
bytes a chunk: 8 kB for 1 GB.
"""

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from fs_server.files.decoding import LineEnd
from fs_server.files.readable import CHUNK, Readable, Stop, go_on

__all__ = ["LineIndex", "LineIndexes"]

Key = tuple[tuple[int, ...], LineEnd, int, int]


@dataclass(slots=True)
class LineIndex:
    """How many lines end before each chunk of a file, as far as it has been gone through.

    Attributes:
        start: where the text begins, behind the byte order mark.
        chunk: bytes in each chunk but the last.
        counts: line ends before chunk 0, 1, 2 …; the last entry stands for what has not been counted yet.
        total_lines: once the end was reached.
    """

    start: int
    chunk: int
    counts: "array[int]" = field(default_factory=lambda: array("q", [0]))
    total_lines: int | None = None

    def extend(self, file: Readable, line_end: LineEnd, *, until: int | None, stop: Stop | None) -> None:
        """Count on to the chunk in which the `until`-th line ends, or to the end of the file.

        Raises:
            Failure: `cancelled`.
        """
        while self.total_lines is None and (until is None or self.counts[-1] < until):
            go_on(stop)
            offset = self.start + (len(self.counts) - 1) * self.chunk
            chunk = file.read_at(offset, min(self.chunk, file.size - offset))
            ends = self.counts[-1] + line_end.count(chunk)
            if len(chunk) == self.chunk:
                self.counts.append(ends)
            else:
                self.total_lines = ends + self._unended(file, line_end, offset + len(chunk))

    def _unended(self, file: Readable, line_end: LineEnd, end: int) -> bool:
        """Whether the last line of a file, which is `end` bytes long, has no line end."""
        if (end - self.start) % line_end.width:
            return True  # half a character
        return end > self.start and file.read_at(end - line_end.width, line_end.width) != line_end.data

    def copy(self) -> "LineIndex":
        """Return one that is extended on its own."""
        return LineIndex(self.start, self.chunk, self.counts[:], self.total_lines)

    def offset(self, file: Readable, line_end: LineEnd, line: int) -> int | None:
        """Return where `line` (from 1) begins, or None where it lies beyond what is counted.

        Reads one chunk.
        """
        before = line - 1
        if before == 0:
            return self.start
        # The chunk in which that many lines have ended: the last one that begins with fewer.
        at = bisect_left(self.counts, before) - 1
        offset = self.start + at * self.chunk
        chunk = file.read_at(offset, self.chunk)
        wanted = before - self.counts[at]
        return offset + line_end.after(chunk, wanted) if line_end.count(chunk) >= wanted else None


class LineIndexes:
    """The indexes of the files that were read last; safe to use from several threads.

    Args:
        most: files to remember.
    """

    def __init__(self, most: int = 32) -> None:
        self._most: Final = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, LineIndex] = OrderedDict()

    def get(self, file: Readable, line_end: LineEnd, start: int, chunk: int = CHUNK) -> LineIndex:
        """Return a copy of what is known of `file`, to extend and give back."""
        key = (file.identity, line_end, start, chunk)
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                return LineIndex(start, chunk)
            self._kept.move_to_end(key)
            return known.copy()

    def put(self, file: Readable, line_end: LineEnd, index: LineIndex) -> None:
        """Remember `index`, unless more is known already."""
        key = (file.identity, line_end, index.start, index.chunk)
        with self._lock:
            known = self._kept.get(key)
            if known is None or len(known.counts) <= len(index.counts):
                self._kept[key] = index.copy()
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
