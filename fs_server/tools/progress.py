"""How a tool that takes long tells how far it is, to whoever asked for that."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["SILENT", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Takes reports of one call.

    Attributes:
        tell: sends a number, which only grows, and a few words; None where nobody listens.
    """

    tell: Callable[[float, str], Awaitable[None]] | None = None


SILENT = Progress()
