"""How many calls are worked on at once, and how many may begin in a minute."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fs_server.errors import Failure

__all__ = ["Admission"]

MINUTE_S = 60.0

PATIENCE_S = 10.0
"""Seconds that a call waits for its turn. File calls take milliseconds, so a burst passes; whoever waits longer
stands behind work that may take minutes, and is told so while the client still listens."""


class Admission:
    """Let a call in, at once or when its turn comes, or refuse it.

    Not for threads: all calls begin and end on the event loop.
    """

    def __init__(
        self,
        concurrent_calls: int = 32,
        calls_per_minute: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Set the two limits; `calls_per_minute` of 0 is none."""
        self._concurrent_calls = concurrent_calls
        self._calls_per_minute = calls_per_minute
        self._clock = clock
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(concurrent_calls)
        self._begun: deque[float] = deque()

    @asynccontextmanager
    async def call(self, *, resumed: bool = False, waits: bool = False) -> AsyncIterator[None]:
        """Count one call while the block runs. One that was too fast does not count against the minute.

        A call that is `resumed`, since somebody had to be waited for, has been counted already. One that only `waits`,
        for a program, takes nobody's place.

        Raises:
            Failure: `busy`, with the seconds to wait.
        """
        if not resumed:
            self._refuse_if_too_fast()
        if waits:
            yield
            return
        await self._take_a_place()
        try:
            yield
        finally:
            self._places.release()

    async def _take_a_place(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError as error:
            fact = f"{self._concurrent_calls} calls are running, the limit, and none ended in {self._patience_s:g} s"
            raise Failure(
                "busy", "This call was not started", fact, "Wait 10 s for one to end, then repeat it"
            ) from error

    def _refuse_if_too_fast(self) -> None:
        if not self._calls_per_minute:
            return
        now = self._clock()
        while self._begun and self._begun[0] <= now - MINUTE_S:
            self._begun.popleft()
        if len(self._begun) >= self._calls_per_minute:
            wait_s = math.ceil(self._begun[0] + MINUTE_S - now)
            fact = f"The limit is {self._calls_per_minute} calls in a minute"
            raise Failure("busy", "This call was not started", fact, f"Wait {wait_s} s, then repeat it")
        self._begun.append(now)
