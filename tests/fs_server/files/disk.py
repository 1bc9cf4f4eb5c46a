"""A real file, open for reading, without the sandbox: these tests are about bytes, not about places."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from fs_server.files.readable import CHUNK


class DiskFile:
    """Counts what is read from it, so that a test can say how much was."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self.stat = os.fstat(self._descriptor)
        self.size = self.stat.st_size
        self.bytes_read = 0

    @property
    def identity(self) -> tuple[int, ...]:
        return (self.stat.st_dev, self.stat.st_ino, self.size, self.stat.st_mtime_ns)

    def fileno(self) -> int:
        return self._descriptor

    def read_at(self, offset: int, size: int) -> bytes:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        data = os.read(self._descriptor, size)
        self.bytes_read += len(data)
        return data

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[bytes]:
        while chunk := self.read_at(start, size):
            yield chunk
            start += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
