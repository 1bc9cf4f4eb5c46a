"""A handle and whoever gives it back, exactly once: by `close`, or when nobody has it any more."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["Held"]


class Held:
    """A handle; a context manager. After `close`, whatever is asked of it fails.

    Attributes:
        handle: as the system numbers it; -1 once it is given back.
    """

    def __init__(self, handle: int, give_back: Callable[[int], None]) -> None:
        self.handle = handle
        self._give_back = give_back

    def close(self) -> None:
        """Give the handle back. A second call does nothing."""
        # Taken before it is closed: the number may be another file's the moment after.
        handle, self.handle = self.handle, -1
        if handle >= 0:
            self._give_back(handle)

    def __del__(self) -> None:
        # Whoever asked may have left while a thread was still opening: then nobody else gives it back.
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
