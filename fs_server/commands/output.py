"""What a command has printed: the beginning in a log, the end in memory, and a count of what lies between."""

from pathlib import Path

from fs_server.commands.log import Log

__all__ = ["TAIL_BYTES", "Output"]

TAIL_BYTES = 64 << 10
"""Of the end of an output that outgrew its log."""


class Output:
    """One of the two outputs of a command.

    Attributes:
        total: bytes that came, kept or not.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        """Keep `most_bytes` from the beginning, in a file in `directory` if they are many."""
        self.total = 0
        self._log = Log(directory, most_bytes)
        self._tail = bytearray()

    @property
    def kept(self) -> int:
        """Bytes of the beginning that are kept."""
        return self._log.size

    @property
    def omitted(self) -> int:
        """Bytes between the beginning and the end that nobody can read any more."""
        return self.total - self._log.size - len(self._end)

    def add(self, piece: bytes) -> None:
        """Take what was printed."""
        self.total += len(piece)
        rest = memoryview(piece)
        rest = rest[self._log.add(rest) :]
        if len(rest):
            self._tail += rest[-TAIL_BYTES:]
            # Not each time: what is cut off at the front moves the rest.
            if len(self._tail) > 2 * TAIL_BYTES:
                del self._tail[:-TAIL_BYTES]

    def read(self, offset: int, size: int) -> tuple[int, bytes]:
        """Return bytes from `offset` on, at most `size`, and where they begin: later, where some are omitted."""
        if offset < self._log.size:
            return offset, self._log.read(offset, size)
        end = self._end
        start = max(offset, self.total - len(end))
        skip = start - (self.total - len(end))
        return start, bytes(end[skip : skip + size])

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    @property
    def _end(self) -> memoryview:
        return memoryview(self._tail)[-TAIL_BYTES:]
