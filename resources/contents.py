"""The bytes of one file, whole, up to a cap."""

from dataclasses import dataclass

from sandbox import Lane, OpenFile, chunks_of

__all__ = ["Content", "TooLarge", "read"]


class TooLarge(Exception):
    """The file is larger than the cap: `size` and `limit` in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, and the names that it really has beneath its root."""

    parts: tuple[str, ...]
    data: bytes


async def read(file: OpenFile, lane: Lane, *, limit: int) -> Content:
    """Return what an open file holds, read in threads of `lane`.

    A file that grows while it is read is cut off by the cap too.

    Raises:
        TooLarge: it holds more than `limit` bytes.
    """
    if file.size > limit:
        raise TooLarge(file.size, limit)
    data = bytearray()
    async for chunk in chunks_of(file, lane):
        data += chunk
        if len(data) > limit:
            raise TooLarge(len(data), limit)
    return Content(file.parts, bytes(data))
