"""The one bridge from the event loop to blocking file work.

Work runs in threads of a lane. Each root has a lane of its own, so a file system that hangs takes up the threads
of its own root and no other; a caller is answered when its time is over, whatever the thread is stuck in.
"""

import os
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import aiofiles
import anyio
import anyio.to_thread

from sandbox.limits import Stop
from sandbox.place import CHUNK, OpenFile

__all__ = ["Lane", "chunks_of"]

Result = TypeVar("Result")


class Lane:
    """A bounded number of threads for one kind of blocking work."""

    def __init__(self, threads: int) -> None:
        """Allow `threads` at a time; further work waits its turn, within its own time."""
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[[Stop], Result], *, timeout_s: float) -> Result:
        """Return what `work` returns, run in a thread.

        `work` is told through its `Stop` when the caller was cancelled or the time is over. It may still return
        what it has by then; a moment later it is abandoned.

        Raises:
            TimeoutError: it did not return in time.
        """
        stop = Stop(timeout_s)
        try:
            # A moment more than the work itself is given, so that work which looks at its clock can answer.
            with anyio.fail_after(timeout_s + min(1.0, timeout_s / 4)):
                return await anyio.to_thread.run_sync(work, stop, abandon_on_cancel=True, limiter=self._limiter)
        finally:
            stop.set()


async def chunks_of(file: OpenFile, *, size: int = CHUNK) -> AsyncIterator[bytes]:
    """Yield the content of an open file from its beginning, without holding up the event loop.

    aiofiles is given a descriptor that is open already, never a path.
    """
    async with aiofiles.open(os.dup(file.fileno()), "rb", buffering=0) as reader:
        await reader.seek(0)
        while chunk := await reader.read(size):
            yield chunk
