"""What is known of one thing in a root."""

import os
from dataclasses import dataclass

from sandbox.resolve import Kind

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """The facts of one thing, taken by handle.

    Attributes:
        parts: its real names beneath the root.
        kind: what it is; a link only where a directory lists it.
        size: in bytes, as `st_size` says.
        stat: everything else that the system knows of it.
        link_target: the text of a link, as it stands; "" for anything else.
        protected: a pattern of the policy covers it, for reading or for writing.
        secret: a pattern covers it for reading: nothing more than its name is told.
    """

    parts: tuple[str, ...]
    kind: Kind
    stat: os.stat_result
    link_target: str = ""
    protected: bool = False
    secret: bool = False

    @property
    def name(self) -> str:
        """The last of its names; "" for a root."""
        return self.parts[-1] if self.parts else ""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stat.st_size
