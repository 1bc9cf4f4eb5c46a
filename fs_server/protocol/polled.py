"""Read and write descriptors that the event loop can watch: pipes, sockets and terminals.

O_NONBLOCK is never set. It belongs to the open file, not to the descriptor, so it would reach the parent's
terminal, a shared socket or the next process of a shell pipeline, and stay there if this process is killed.
Instead each system call is made only when it cannot block: a read after the descriptor was readable, and a
write of at most PIPE_BUF bytes after it was writable.

Source: pipe(7), and the documentation of select.PIPE_BUF.
"""

import asyncio
import fcntl
import os
import select
import stat
import sys
from collections import deque
from collections.abc import Callable

from fs_server.protocol.backlog import Backlog

assert sys.platform != "win32"

__all__ = ["PolledSink", "PolledSource"]

CHUNK_BYTES = 64 * 1024
"""A pipe on Linux holds as much, so a read never gives more."""

BURST_BYTES = 1024 * 1024
"""How much is written to a reader that keeps up before other tasks get their turn."""


class PolledSource:
    """The reading side. Wants to be the only reader: after a rival's read of what woke us, ours would block."""

    def __init__(self, fd: int) -> None:
        """Watch `fd`.

        Raises:
            PermissionError: epoll refuses regular files and the null device.
        """
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, lambda: None)
        self._loop.remove_reader(fd)
        self._waiter: asyncio.Future[None] | None = None
        self._stopped = False

    async def read(self) -> bytes:
        """Wait for bytes. There are none at the end of the stream, after an error of it, and after `stop`."""
        if not self._stopped and not _ready(reading=[self._fd]):
            await self._wait_until_readable()
        if self._stopped:
            return b""
        try:
            return os.read(self._fd, CHUNK_BYTES)
        except OSError:  # ECONNRESET from a socket; some systems give EIO from a terminal
            return b""

    def stop(self) -> None:
        """Let `read` end, now and ever after."""
        self._stopped = True
        self._wake()

    def hung_up(self) -> bool:
        """Whether the writer is gone, even while bytes from it are still unread."""
        poll = select.poll()
        poll.register(self._fd, 0)  # POLLHUP comes unasked
        return bool(poll.poll(0))

    async def _wait_until_readable(self) -> None:
        self._waiter = self._loop.create_future()
        # Watched only while someone waits: a loop that reports unread bytes again and again would spin.
        self._loop.add_reader(self._fd, self._wake)
        try:
            await self._waiter
        finally:
            self._loop.remove_reader(self._fd)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class PolledSink:
    """The writing side: takes everything at once, writes it in order as the client reads it."""

    def __init__(self, fd: int, backlog: Backlog, on_broken: Callable[[], None]) -> None:
        """Write to `fd`; `on_broken` is called once if nobody can read any more."""
        self._fd = fd
        self._backlog = backlog
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._queue: deque[memoryview] = deque()
        self._watching = False
        self._broken = False
        if _is_one_way_pipe(fd):
            # The write end of a pipe is never readable, so what the loop reports is that the reader left.
            # Sockets tell only when written to: theirs may be the same one that requests come from.
            self._loop.add_reader(fd, self._break)

    def write(self, line: bytes) -> None:
        """Take one line. Never waits; the backlog says how much is still here."""
        if self._broken:
            return
        self._queue.append(memoryview(line))
        self._backlog.change(len(line))
        if not self._watching:
            self._drain()

    def _drain(self) -> None:
        """Write as much as can be written without blocking, then have the loop call again."""
        allowed = BURST_BYTES
        try:
            while self._queue and allowed > 0 and _ready(writing=[self._fd]):
                allowed -= self._write_some()
        except OSError:
            self._break()
        else:
            self._watch(bool(self._queue))

    def _write_some(self) -> int:
        line = self._queue[0]
        written = os.write(self._fd, line[: select.PIPE_BUF])
        if written == len(line):
            self._queue.popleft()
        else:
            self._queue[0] = line[written:]
        self._backlog.change(-written)
        return written

    def _watch(self, wanted: bool) -> None:  # noqa: FBT001 - it is the one thing this sets
        if not wanted:
            if self._watching:
                self._loop.remove_writer(self._fd)
        else:
            try:
                self._loop.add_writer(self._fd, self._drain)
            except PermissionError:  # a regular file: always writable, and unknown to epoll
                self._loop.call_soon(self._drain)
        self._watching = wanted

    def _break(self) -> None:
        self._broken = True
        self._queue.clear()
        self._backlog.forget()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._on_broken()


def _ready(*, reading: list[int] | None = None, writing: list[int] | None = None) -> bool:
    # Not poll: on macOS it does not know terminals.
    return any(select.select(reading or [], writing or [], [], 0))


def _is_one_way_pipe(fd: int) -> bool:
    writes_only = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
    return writes_only and stat.S_ISFIFO(os.fstat(fd).st_mode)
