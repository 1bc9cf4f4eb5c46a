"""Somebody who gives up: for work that has to look up now and then, without a clock in the test."""

__all__ = ["GivesUp"]


class GivesUp:
    """A `Stop` that is set when it was asked a number of times.

    Attributes:
        asked: how often it was.
    """

    def __init__(self, after: int = 1_000_000_000) -> None:
        self.asked = 0
        self._after = after

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > self._after
