"""The one way to stop, whatever the reason, and in bounded time.

Detection starts a clock in a thread of its own, which ends the process even if the event loop or a worker
thread is stuck. Before that, in order: requests get a short grace, the rest is cancelled, resources close.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

__all__ = ["CLOSED", "ENDED", "FAILED", "Bounds", "Cause", "Lifecycle"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the server stops, the exit status that says so, and whether someone still reads answers."""

    words: str
    status: int
    answers_are_read: bool = True


ENDED = Cause("the client closed standard input", 0)
CLOSED = Cause("the client closed standard output", 0, answers_are_read=False)
FAILED = Cause("the server failed", 1)


def _signals() -> dict[int, Cause]:
    """Give the signals to stop at; 128 plus the number is what a shell reports for each."""
    if sys.platform == "win32":
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    else:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return {number: Cause(f"signal {number.name}", 128 + number) for number in numbers}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds for each step of stopping. The steps fit into `deadline_s`, after which the process ends anyway."""

    grace_s: float = 0.25
    settle_s: float = 0.15
    close_s: float = 0.45
    deadline_s: float = 1.0


class Lifecycle:
    """Knows whether the server is stopping and why, and closes what was entrusted to it.

    Attributes:
        stopping: set once, at detection. A handler that runs as long as the client listens ends itself then.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.stopping = asyncio.Event()
        self._cause: Cause | None = None
        self._stoppers: list[Callable[[], None]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @property
    def status(self) -> int:
        """The exit status."""
        return self._cause.status if self._cause else 0

    @property
    def grace_s(self) -> float:
        """How long requests that are being answered may still take."""
        return self.bounds.grace_s if self._cause and self._cause.answers_are_read else 0

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Entrust a resource. Closers run at the same time, each for `bounds.close_s` at most."""
        self._closers.append(closer)

    def on_stop(self, stopper: Callable[[], None]) -> None:
        """Call something at detection, or now if that was before."""
        self._stoppers.append(stopper)
        if self._cause is not None:
            stopper()

    def begin(self, cause: Cause) -> None:
        """Start to stop, from the event loop's thread. Only the first cause counts."""
        if self._cause is not None:
            return
        self._cause = cause
        logger.info("stopping: %s", cause.words)
        watch = threading.Thread(
            target=_end_process, args=(cause.status, self.bounds.deadline_s), name="deadline", daemon=True
        )
        watch.start()
        self.stopping.set()
        for stopper in self._stoppers:
            stopper()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Stop at the signals that ask for it, while the block runs."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _signals()}
        for number, cause in _signals().items():
            if sys.platform == "win32":
                signal.signal(number, _from_any_thread(loop, self.begin, cause))
            else:
                loop.add_signal_handler(number, self.begin, cause)
        try:
            yield
        finally:
            for number, handler in before.items():
                if sys.platform != "win32":
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def close(self) -> None:
        """Run every closer. One that fails or takes too long is logged and left behind."""
        await asyncio.gather(*(self._close_one(closer) for closer in self._closers))

    async def _close_one(self, closer: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self.bounds.close_s):
                await closer()
        except TimeoutError:
            logger.warning("%r did not close within %s s", closer, self.bounds.close_s)
        except Exception:
            logger.exception("%r failed to close", closer)


def _from_any_thread(
    loop: asyncio.AbstractEventLoop, begin: Callable[[Cause], None], cause: Cause
) -> Callable[[int, FrameType | None], None]:
    """Windows has no add_signal_handler; there a handler runs between two instructions of the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin, cause)

    return handle


def _end_process(status: int, deadline_s: float) -> None:  # pragma: no cover - ends the process that measures
    time.sleep(deadline_s)
    # A host that does not read standard error would block the flush too, hence a thread that may stay behind.
    flush = threading.Thread(target=_flush_stderr, daemon=True)
    flush.start()
    flush.join(0.05)
    os._exit(status)


def _flush_stderr() -> None:  # pragma: no cover - as above
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
