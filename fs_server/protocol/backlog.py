"""Count the bytes that wait to be written, and let others wait until there are fewer."""

import asyncio

__all__ = ["Backlog"]


class Backlog:
    """Bytes between us and a client that may not read.

    Attributes:
        room: set while at most `high_bytes` wait.
        congested: the opposite of `room`.
        empty: set while none wait.
    """

    def __init__(self, high_bytes: int) -> None:
        self._high_bytes = high_bytes
        self._waiting = 0
        self.room = asyncio.Event()
        self.congested = asyncio.Event()
        self.empty = asyncio.Event()
        self.change(0)

    def change(self, added: int) -> None:
        """Note bytes that came (more than 0) or left (less than 0)."""
        self._waiting += added
        _hold(self.room, self._waiting <= self._high_bytes)
        _hold(self.congested, self._waiting > self._high_bytes)
        _hold(self.empty, self._waiting == 0)

    def forget(self) -> None:
        """Note that what waits will never be written."""
        self.change(-self._waiting)


def _hold(event: asyncio.Event, value: bool) -> None:  # noqa: FBT001 - the value of an event is a bool
    if value:
        event.set()
    else:
        event.clear()
