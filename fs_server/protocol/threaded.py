"""Read and write descriptors that the event loop cannot watch: regular files, and everything on Windows.

The threads are daemons: one that blocks in a system call must not keep the process alive.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from fs_server.protocol.backlog import Backlog

__all__ = ["ThreadedSink", "ThreadedSource"]

CHUNK_BYTES = 64 * 1024


class ThreadedSource:
    """The reading side. Holds one chunk at most, so a client that floods us is slowed down by its pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._chunk: bytes | None = None
        self._changed = asyncio.Event()
        self._taken = threading.Event()
        self._stopped = False
        threading.Thread(target=self._read_all, name="stdin", daemon=True).start()

    async def read(self) -> bytes:
        """Wait for bytes. There are none at the end of the stream, after an error of it, and after `stop`."""
        await self._changed.wait()
        if self._stopped or not self._chunk:
            return b""
        chunk, self._chunk = self._chunk, None
        self._changed.clear()
        self._taken.set()
        return chunk

    def stop(self) -> None:
        """Let `read` end, now and ever after."""
        self._stopped = True
        self._changed.set()
        self._taken.set()

    def hung_up(self) -> bool:
        """Unknown here until the bytes before it are read, so never."""
        return False

    def _read_all(self) -> None:
        while not self._stopped:
            try:
                chunk = os.read(self._fd, CHUNK_BYTES)
            except OSError:  # Windows: EINVAL or EPIPE when the writer is gone
                chunk = b""
            if not _tell(self._loop, self._arrived, chunk) or not chunk:
                return
            self._taken.wait()
            self._taken.clear()

    def _arrived(self, chunk: bytes) -> None:
        self._chunk = chunk
        self._changed.set()


class ThreadedSink:
    """The writing side: takes everything at once, writes it in order as the client reads it."""

    def __init__(self, fd: int, backlog: Backlog, on_broken: Callable[[], None]) -> None:
        """Write to `fd`; `on_broken` is called once if nobody can read any more."""
        self._fd = fd
        self._backlog = backlog
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._broken = False
        threading.Thread(target=self._write_all, name="stdout", daemon=True).start()

    def write(self, line: bytes) -> None:
        """Take one line. Never waits; the backlog says how much is still here."""
        if not self._broken:
            self._backlog.change(len(line))
            self._queue.put(line)

    def _write_all(self) -> None:
        while True:
            rest = memoryview(self._queue.get())
            try:
                while rest:
                    written = os.write(self._fd, rest)
                    rest = rest[written:]
                    if not _tell(self._loop, self._backlog.change, -written):
                        return
            except OSError:
                _tell(self._loop, self._break)
                return

    def _break(self) -> None:
        self._broken = True
        self._backlog.forget()
        self._on_broken()


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> bool:
    """Call back on the loop's thread; False if the loop is closed, which ends the thread that tells."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *args)
        return True
    return False
