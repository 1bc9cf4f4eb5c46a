"""The one bridge from the event loop to blocking file work.

Work runs in threads of a lane. Each root has a lane of its own, so a file system that hangs takes up the threads
of its own root and no other; a caller is answered when its time is over, whatever the thread is stuck in.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import aiofiles

from sandbox.limits import Stop
from sandbox.open_file import CHUNK, OpenFile

__all__ = ["Lane", "chunks_of"]

Result = TypeVar("Result")


class Lane:
    """A bounded number of threads for one kind of blocking work.

    A thread that is stuck stays counted until it comes back, so a disk that never answers costs no more than these.
    (anyio's limiter would give its place away when the caller leaves, and each call would add a stuck thread.)
    """

    def __init__(self, threads: int) -> None:
        """Allow `threads` at a time; further work waits its turn, within its own time."""
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="lane")

    async def run(self, work: Callable[[Stop], Result], *, timeout_s: float) -> Result:
        """Return what `work` returns, run in a thread.

        `work` is told through its `Stop` when the caller was cancelled or the time is over. It may still return
        what it has by then; a moment later it is abandoned. Work whose turn did not come is never begun.

        Raises:
            TimeoutError: it did not return in time.
        """
        stop = Stop(timeout_s)
        try:
            # A moment more than the work itself is given, so that work which looks at its clock can answer.
            async with asyncio.timeout(timeout_s + min(1.0, timeout_s / 4)):
                return await asyncio.get_running_loop().run_in_executor(self.threads, work, stop)
        finally:
            stop.set()


async def chunks_of(file: OpenFile, lane: Lane, *, size: int = CHUNK) -> AsyncIterator[bytes]:
    """Yield the content of an open file from its beginning, without holding up the event loop.

    aiofiles is given a descriptor that is open already, never a path: the name is not looked at. The copy is made
    in the thread, because one made here would stay open if the caller left before the thread began.
    """
    copy = aiofiles.open(
        "", "rb", buffering=0, executor=lane.threads, opener=lambda _name, _flags: os.dup(file.fileno())
    )
    async with copy as reader:
        await reader.seek(0)
        while chunk := await reader.read(size):
            yield chunk
