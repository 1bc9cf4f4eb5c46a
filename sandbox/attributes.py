"""What a file carries besides its content."""

from dataclasses import dataclass

__all__ = ["Attributes"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Taken from one open thing, to be put on another.

    Attributes:
        mode: permission bits, set-id bits among them.
        owner: user and group.
        mtime_ns: of the last change of the content.
        xattrs: name and value, sorted; access lists among them. Linux only: elsewhere Python cannot see them.
    """

    mode: int
    owner: tuple[int, int]
    mtime_ns: int
    xattrs: tuple[tuple[str, bytes], ...] = ()
