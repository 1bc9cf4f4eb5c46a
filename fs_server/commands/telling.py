r"""Output as a model reads it: text, in which nothing can move a cursor, hide a line or turn its direction."""

from dataclasses import dataclass

from fs_server.commands.output import Output
from sandbox import shown

__all__ = ["Excerpt", "Page", "excerpt", "page"]

LONGEST_CHARACTER = 4
"""Bytes of one character in UTF-8."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning and the end of an output.

    Attributes:
        text: both; where something is left out, a line in brackets stands between them.
        left_out: bytes that it does not show.
    """

    text: str
    left_out: int


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of an output.

    Attributes:
        text: the piece.
        end: where the next one begins.
        omitted: bytes before it that are no longer there.
    """

    text: str
    end: int
    omitted: int


def excerpt(output: Output, room: int) -> Excerpt:
    """Return what fits into `room` characters: all, or beginning and end."""
    total = output.total
    if total <= LONGEST_CHARACTER * room and not output.omitted:
        text = _text(output.read(0, total)[1])
        if len(text) <= room:
            return Excerpt(text, 0)
    head = _cut(output.read(0, room * 2 // 5)[1], room * 2 // 5)
    start, end = output.read(max(total - room * 3 // 5, len(head)), room)
    tail = _cut_front(end, room * 3 // 5)
    left_out = total - len(head) - len(tail)
    assert start + len(end) == total
    text = f"{_text(head)}\n[… {left_out} bytes left out …]\n{_text(tail)}"
    return Excerpt(text.replace("\n\n[…", "\n[…", 1) if head.endswith(b"\n") else text, left_out)


def page(output: Output, offset: int, room: int, *, more_may_come: bool) -> Page:
    """Return what stands from `offset` on and fits into `room` characters, cut at the end of a line where it is cut."""
    start, piece = output.read(min(offset, output.total), max(room, LONGEST_CHARACTER))
    whole = start + len(piece) >= output.total
    kept = _whole_characters(piece) if whole and more_may_come else piece
    if not whole or len(_text(kept)) > room:
        kept = _cut(kept, room)
    return Page(_text(kept), start + len(kept), start - min(offset, output.total))


def _text(piece: bytes) -> str:
    # Surrogates: `shown` tells them as bytes.
    text = piece.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return "\n".join("\t".join(map(shown, line.split("\t"))) for line in text.split("\n"))


def _cut(piece: bytes, room: int) -> bytes:
    """Return the beginning of a piece that takes at most `room` characters as text, if possible whole lines.

    A character is there in any case, so that whoever goes on from its end comes on.
    """
    while True:
        end = piece.rfind(b"\n") + 1
        piece = piece[:end] if end > len(piece) // 2 else _whole_characters(piece)
        if len(piece) <= LONGEST_CHARACTER or len(_text(piece)) <= room:
            return piece
        piece = piece[: len(piece) // 2]  # much in it is escaped


def _cut_front(piece: bytes, room: int) -> bytes:
    """Return the end of a piece, as `_cut` does the beginning."""
    piece = piece[-room:]
    while True:
        start = piece.find(b"\n") + 1
        piece = piece[start:] if 0 < start < len(piece) // 2 else _from_a_character(piece)
        if len(piece) <= LONGEST_CHARACTER or len(_text(piece)) <= room:
            return piece
        piece = piece[(len(piece) + 1) // 2 :]


def _whole_characters(piece: bytes) -> bytes:
    """Return a piece without the beginning of a character at its end."""
    for back in range(1, min(LONGEST_CHARACTER, len(piece)) + 1):
        byte = piece[-back]
        if byte & 0xC0 == 0xC0:  # noqa: PLR2004 - the first of several
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 - RFC 3629
            return piece if back >= needed else piece[:-back]
        if byte < 0x80:  # noqa: PLR2004 - as above
            break
    return piece


def _from_a_character(piece: bytes) -> bytes:
    """Return a piece without the end of a character at its beginning."""
    start = 0
    while start < min(LONGEST_CHARACTER - 1, len(piece)) and piece[start] & 0xC0 == 0x80:  # noqa: PLR2004 - RFC 3629
        start += 1
    return piece[start:]
