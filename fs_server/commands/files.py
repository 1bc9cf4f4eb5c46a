"""The files that a command changed, as far as that was seen."""

from dataclasses import dataclass
from typing import Final

__all__ = ["NOTHING", "Files"]


@dataclass(frozen=True, slots=True)
class Files:
    """What changed in the roots while a command ran.

    Attributes:
        changed: a sign and a path as a client writes it, such as `M src/main.py`; A added, M modified, D deleted.
        count: of them all; `changed` may have fewer.
        change_id: under which undo takes back what could be kept; "" for none.
        notes: what could not be kept or seen, in words.
    """

    changed: tuple[str, ...] = ()
    count: int = 0
    change_id: str = ""
    notes: tuple[str, ...] = ()


NOTHING: Final = Files()
