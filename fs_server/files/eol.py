"""How the lines of a text end."""

from typing import Literal

__all__ = ["Eol", "eol", "line_end"]

Eol = Literal["lf", "crlf", "cr", "mixed", "none"]


def eol(text: str) -> Eol:
    """Return the one line ending of `text`, or that there are several, or none."""
    crlf = text.count("\r\n")
    found: list[Eol] = []
    if crlf:
        found.append("crlf")
    if text.count("\n") > crlf:
        found.append("lf")
    if text.count("\r") > crlf:
        found.append("cr")
    if not found:
        return "none"
    return found[0] if len(found) == 1 else "mixed"


def line_end(text: str) -> Literal["\n", "\r"]:
    r"""Return the character that ends a line in a file that begins with `text`.

    `\n` does, and so `\r\n` does too; `\r` does only where there is no `\n`, as in files of the old Mac OS.
    """
    return "\r" if "\r" in text and "\n" not in text else "\n"
