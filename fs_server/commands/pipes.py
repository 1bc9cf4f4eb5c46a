"""The server's ends of a command's pipes. Nothing here ever waits: the event loop says when there is work."""

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable

__all__ = ["Drain", "Feed"]

PIPE_BYTES = 1 << 20
"""What Linux gives a pipe of an ordinary user at most (pipe(7)). With less, whoever prints waits for us often."""

ONCE = 4
"""Reads in a row of one pipe: others have a turn too."""


class Drain:
    """Reads a pipe to its end, whatever comes.

    Attributes:
        done: set when the other end was closed by all who had it, or when nobody wants more.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        """Give every piece to `take`."""
        self.done = asyncio.Event()
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._end, self.theirs = _pipe()
        _never_wait(self._end)
        self._loop.add_reader(self._end, self._read)

    def _read(self) -> None:
        try:
            for _ in range(ONCE):
                piece = os.read(self._end, PIPE_BYTES)
                if not piece:
                    self.close()
                    return
                self._take(piece)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Read no more. A second call does nothing."""
        if self._end >= 0:
            self._loop.remove_reader(self._end)
            os.close(self._end)
            self._end = -1
            self.done.set()


class Feed:
    """Writes to a pipe as fast as its reader takes it.

    Attributes:
        waiting: bytes that nobody has read yet.
        closed: no more can be sent: its end was asked for, or its reader is gone.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.closed = False
        self._pieces: deque[memoryview] = deque()
        self._writes = False
        self._loop = asyncio.get_running_loop()
        self.theirs, self._end = _pipe()
        _never_wait(self._end)

    def send(self, data: bytes, *, last: bool) -> None:
        """Write this when there is room; nothing comes after the `last`."""
        if self.closed:
            return
        self.closed = last
        if data:
            self._pieces.append(memoryview(data))
            self.waiting += len(data)
        self._write()

    def _write(self) -> None:
        try:
            while self._pieces:
                written = os.write(self._end, self._pieces[0])
                self.waiting -= written
                rest = self._pieces.popleft()[written:]
                if len(rest):
                    self._pieces.appendleft(rest)
        except BlockingIOError:
            if not self._writes:
                self._writes = True
                self._loop.add_writer(self._end, self._write)
            return
        except OSError:  # its reader has closed it
            self.close()
        else:
            self._rest()
            if self.closed:
                self.close()

    def _rest(self) -> None:
        if self._writes:
            self._writes = False
            self._loop.remove_writer(self._end)

    def close(self) -> None:
        """Send no more. A second call does nothing."""
        self.closed = True
        if self._end >= 0:
            self._rest()
            os.close(self._end)
            self._end = -1
            self._pieces.clear()
            self.waiting = 0


def _pipe() -> tuple[int, int]:
    """Return the reading and the writing end of a new pipe, which no other process inherits."""
    reading, writing = os.pipe()
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - Windows has none

        with contextlib.suppress(OSError):  # the user has many large ones already
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reading, writing


def _never_wait(end: int) -> None:
    if sys.platform != "win32":  # there before Python 3.12 pipes cannot; and no commands are offered there
        os.set_blocking(end, False)
