"""What these modules need of a file: `sandbox.OpenFile` has it, and so does text that is already in memory."""

import itertools
from collections.abc import Iterator
from typing import Protocol

from fs_server.errors import Failure

__all__ = ["CHUNK", "InMemory", "Readable", "Stop", "go_on"]

CHUNK = 1 << 20
"""Bytes taken at a time where a whole file is gone through."""


class Readable(Protocol):
    """A regular file, open for reading, whose position nobody else moves."""

    @property
    def size(self) -> int:
        """In bytes, when it was opened."""

    @property
    def identity(self) -> tuple[int, ...]:
        """What tells one content of one file from any other, as far as the system knows."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end."""

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the bytes from `start` on, `size` at a time."""


_MADE = itertools.count()


class InMemory:
    """Bytes that were made from a file, such as the text of a document, to be read like one."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)
        # No file has this: device numbers are not negative. Counted, because the id of an object that is gone is
        # given to another one, and what is remembered of the first would be told of that.
        self.identity = (-1, next(_MADE), self.size, 0)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end."""
        return self._content[offset : offset + size]

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the bytes from `start` on, `size` at a time."""
        for offset in range(start, self.size, size):
            yield self._content[offset : offset + size]


class Stop(Protocol):
    """A `threading.Event`, seen from the one who has to stop."""

    def is_set(self) -> bool:
        """Whether nobody waits for the result any more."""


def go_on(stop: Stop | None) -> None:
    """Do nothing, unless told to stop.

    Raises:
        Failure: `cancelled`.
    """
    if stop is not None and stop.is_set():
        raise Failure("cancelled", "Reading was stopped", "The caller gave up")
