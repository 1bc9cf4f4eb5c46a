"""A regular file that was found and opened: from here on, no name is looked at."""

import os
import sys
import threading
from collections.abc import Iterator

from sandbox.entry import Entry
from sandbox.errors import from_os_error
from sandbox.held import Held
from sandbox.resolve import Found, Kind

__all__ = ["CHUNK", "OpenFile"]

CHUNK = 1 << 20
"""Bytes read at a time where a whole file is gone through: large enough that a call costs nothing beside it."""


class OpenFile(Held):
    """A regular file, open for reading; a context manager. Safe to read from several threads.

    Attributes:
        parts: its real names beneath the root.
        stat: taken when it was opened.
        size: in bytes, when it was opened.
    """

    def __init__(self, descriptor: int, found: Found) -> None:
        super().__init__(descriptor, os.close)
        self._lock = threading.Lock()
        self.parts = found.parts
        self.stat = found.stat
        self.size = found.stat.st_size

    @property
    def identity(self) -> tuple[int, ...]:
        """Device, inode, size and times of change: equal as long as the content is, by the system's clock.

        The time of the inode's change too, because nobody can set that one back.
        """
        return (self.stat.st_dev, self.stat.st_ino, self.size, self.stat.st_mtime_ns, self.stat.st_ctime_ns)

    def entry(self) -> Entry:
        """Return the facts of this file, as they were when it was opened."""
        return Entry(self.parts, Kind.FILE, self.stat)

    def fileno(self) -> int:
        """Return the descriptor; it stays this object's."""
        return self.handle

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of the file.

        Raises:
            IoFailure: the device or the network behind the file failed.
        """
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self._read(offset, size)
            except OSError as error:
                raise from_os_error(error, "") from error
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, offset: int, size: int) -> bytes:
        if sys.platform == "win32":
            with self._lock:  # one position per descriptor, and no call that leaves it alone
                os.lseek(self.handle, offset, os.SEEK_SET)
                return os.read(self.handle, size)
        return os.pread(self.handle, size, offset)

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the content from `start` on, `size` bytes at a time, up to where the file ends now."""
        while chunk := self.read_at(start, size):
            yield chunk
            start += len(chunk)
