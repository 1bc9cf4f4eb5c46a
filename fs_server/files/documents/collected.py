"""Text that is gathered from the parts of a document until there is enough."""

from typing import Any

__all__ = ["Collected"]


class Collected:
    """Parts of a document, in order, up to a number of characters.

    Attributes:
        full: a part did not fit; nothing more is taken.
    """

    def __init__(self, max_chars: int) -> None:
        self._left = max_chars
        self._pieces: list[str] = []
        self.full = False

    def add(self, text: str) -> bool:
        """Take `text` as lines of its own; return whether there is room for more."""
        piece = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
        if len(piece) > self._left:
            piece = piece[: self._left]
            self.full = True
        self._left -= len(piece)
        self._pieces.append(piece)
        return not self.full

    def answer(self, unit: str, count: int) -> tuple[dict[str, Any], bytes]:
        """Return the facts of `DocumentText`, and the text."""
        text = "".join(self._pieces).encode("utf-8", "replace")
        return {"unit": unit, "count": count, "truncated": self.full}, text
