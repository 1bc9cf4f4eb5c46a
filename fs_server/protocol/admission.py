"""How many calls may run at once, and how many may begin in a minute."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fs_server.errors import Failure

__all__ = ["Admission"]

MINUTE_S = 60.0


class Admission:
    """Let a call in or refuse it; nothing waits in a queue, because a client may retry and never cancel.

    Not for threads: all calls begin and end on the event loop.
    """

    def __init__(
        self,
        concurrent_calls: int = 32,
        calls_per_minute: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the two limits; `calls_per_minute` of 0 is none."""
        self._concurrent_calls = concurrent_calls
        self._calls_per_minute = calls_per_minute
        self._clock = clock
        self._running = 0
        self._begun: deque[float] = deque()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count one call while the block runs. A refused call does not count against the minute.

        Raises:
            Failure: `busy`, with the seconds to wait.
        """
        self._refuse_if_full()
        self._refuse_if_too_fast()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def _refuse_if_full(self) -> None:
        if self._running >= self._concurrent_calls:
            fact = f"{self._running} calls are running, and the limit is {self._concurrent_calls}"
            raise Failure("busy", "This call was not started", fact, "Wait 1 s for one to end, then repeat it")

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
