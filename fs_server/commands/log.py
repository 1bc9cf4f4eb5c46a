"""The beginning of an output, up to a bound: in memory while it is short, then in a file without a name.

The file is made beneath the state directory, for the server's user alone, and its name is removed at once. So it is
gone when the process is, however that ends.
"""

import os
from pathlib import Path

from fs_server.errors import Failure
from fs_server.journal.directory import make_private, open_ours

__all__ = ["Log"]

MEMORY_BYTES = 128 << 10
"""Up to here an output is kept in memory."""


class Log:
    """Takes bytes up to a bound, and gives them back from any place.

    Attributes:
        size: bytes that it has.
        full: it takes no more: the bound is reached, or the disk has no room.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.size = 0
        self.full = False
        self._directory = directory
        self._most_bytes = most_bytes
        self._memory = bytearray()
        self._file = -1

    def add(self, piece: memoryview) -> int:
        """Take as much of a piece as there is room for; return how much that was."""
        piece = piece[: self._most_bytes - self.size]
        taken = 0
        if not self.full and len(piece):
            taken = self._taken(piece)
        self.size += taken
        self.full = self.full or self.size >= self._most_bytes or taken < len(piece)
        return taken

    def _taken(self, piece: memoryview) -> int:
        if self._file < 0 and len(self._memory) + len(piece) <= MEMORY_BYTES:
            self._memory += piece
            return len(piece)
        try:
            if self._file < 0:
                self._file = self._made()
            os.lseek(self._file, 0, os.SEEK_END)
            return os.write(self._file, piece)
        except (OSError, Failure):  # no disk, no room: what is here by now can be read, and of the rest the end
            return 0

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of what it has."""
        start = len(self._memory)
        piece = bytes(self._memory[offset : offset + size])
        size -= len(piece)
        if self._file >= 0 and size > 0:
            os.lseek(self._file, max(offset - start, 0), os.SEEK_SET)
            piece += os.read(self._file, size)
        return piece

    def close(self) -> None:
        """Let go of what it has. A second call does nothing."""
        self.full = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _made(self) -> int:
        make_private(self._directory)
        path = self._directory / os.urandom(8).hex()
        handle = open_ours(path, os.O_CREAT | os.O_EXCL)
        path.unlink()
        return handle
