"""What bounds a piece of work: time, and somebody who no longer wants it."""

import threading
import time

__all__ = ["Stop"]


class Stop:
    """Tells a worker thread to end: because its caller has left, or because its time is over.

    Threads cannot be interrupted; work that may be long asks `is_set` between its steps.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Begin the time; without `seconds` there is no end of it."""
        self._left = threading.Event()
        self._until = None if seconds is None else time.monotonic() + seconds

    def set(self) -> None:
        """Say that nobody waits for the work any more."""
        self._left.set()

    def is_set(self) -> bool:
        """Tell whether to end."""
        return self._left.is_set() or self.expired()

    def expired(self) -> bool:
        """Tell whether the time is over."""
        return self._until is not None and time.monotonic() >= self._until
