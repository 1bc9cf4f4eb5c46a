"""Which characters the bytes of a file mean.

A byte order mark is believed, then valid UTF-8, then UTF-16 and UTF-32 by their pattern of zeros, then a guess
among the encodings that real files have. What is decided on is a sample: if a later part of the file is something
else, its bytes are shown as U+FFFD and counted, and the caller can name the encoding.
"""

import codecs
import unicodedata
from dataclasses import dataclass
from typing import Final

from fs_server.files.codec_names import canonical_name
from fs_server.files.guess import guess
from fs_server.files.media_type import MAGIC_BYTES, OCTETS, by_magic

__all__ = ["SAMPLE_BYTES", "Binary", "Encoding", "detect", "named"]

SAMPLE_BYTES: Final = 1 << 18
"""Bytes from the start of a file that decide. Validating them takes about 10 µs."""

_MARKS: Final = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS: Final = bytes([*range(0x07), *range(0x0E, 0x1B), *range(0x1C, 0x20)])
_TEXT_CONTROLS: Final = frozenset("\t\n\v\f\r\x1b\x08\x07")
_CONTROL_SHARE: Final = 50
"""One control character in so many bytes, and it is not text."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file.

    Attributes:
        name: the Python codec, its byte order spelt out; it neither writes nor removes a mark.
        bom: the byte order mark that the file begins with; not part of its text.
        why: how this was found, in words for a reader.
        certain: no guess was needed.
    """

    name: str
    bom: bytes
    why: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Binary:
    """The file is no text; `media_type` says what it is, as far as its first bytes tell."""

    media_type: str


def detect(head: bytes, size: int) -> Encoding | Binary:
    """Return how to decode a file of `size` bytes that begins with `head`, or that it is no text.

    Give `SAMPLE_BYTES` of it, or the whole of a smaller file.
    """
    kind = by_magic(head[:MAGIC_BYTES])
    if kind is not None:
        return Binary(kind)
    for bom, name in _MARKS:
        if head.startswith(bom):
            return Encoding(name, bom, "byte order mark")
    return _unmarked(head, size)


def _unmarked(head: bytes, size: int) -> Encoding | Binary:
    if b"\x00" in head:
        wide = _wide(head, size)
        return Encoding(wide, b"", "pattern of zero bytes") if wide else Binary(OCTETS)
    # Deleting them costs a tenth of finding them by an expression.
    if (len(head) - len(head.translate(None, _CONTROLS))) * _CONTROL_SHARE > len(head):
        return Binary(OCTETS)
    broken = _first_error(head, "utf-8", whole=len(head) >= size)
    if broken is None:
        return Encoding("utf-8", b"", "ASCII so far" if head.isascii() else "valid UTF-8")
    if _damaged(head):
        return Encoding("utf-8", b"", "UTF-8, damaged in places", certain=False)
    found = guess(head, broken)
    return Encoding(found, b"", "guessed from the bytes", certain=False) if found else Binary(OCTETS)


def named(label: str, head: bytes) -> Encoding:
    """Return the encoding that a caller asked for; a byte order mark that agrees with it is set aside.

    `utf-16` and `utf-32` mean the order that the mark says, little-endian without one.

    Raises:
        Failure: `unsupported_encoding`, with the nearest names.
    """
    name = canonical_name(label)
    for bom, marked in _MARKS:
        if head.startswith(bom) and marked.startswith(name):
            return Encoding(marked, bom, "asked for")
    if name in {"utf-16", "utf-32"}:
        name += "-le"
    return Encoding(name, b"", "asked for")


def _first_error(head: bytes, name: str, *, whole: bool) -> int | None:
    """Return where `head` stops being valid. A character that the sample cuts off is no error."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        decoder.decode(head, final=whole)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _damaged(head: bytes) -> bool:
    """Whether nearly everything outside of ASCII is valid UTF-8: chance does not make that."""
    text = head.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(not char.isascii() for char in text) > 5 * bad


def _wide(head: bytes, size: int) -> str | None:
    """Return the UTF-16 or UTF-32 that `head` is without a mark, or None.

    It has to decode to characters that exist and are no controls. Most of UTF-32 lies in the first plane; in
    UTF-16 the zeros have to be the high bytes, nearly always.
    """
    for name, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        sample = head[: len(head) // width * width]
        if size % width or _first_error(sample, name, whole=False) is not None:
            continue
        text = sample.decode(name, "ignore")
        likely = _first_plane(text) if name.startswith("utf-32") else _one_sided(sample, int(name.endswith("le")))
        if likely and not any(_is_foreign(char) for char in set(text)):
            return name
    return None


def _is_foreign(char: str) -> bool:
    """Whether text does not have this: a control, a surrogate, or no character at all."""
    return unicodedata.category(char) in {"Cc", "Cs", "Cn"} and char not in _TEXT_CONTROLS


def _first_plane(text: str) -> bool:
    return 2 * sum(char < "\U00010000" for char in text) > len(text)


def _one_sided(sample: bytes, high: int) -> bool:
    """Whether the zeros are the high bytes: text has spaces and line ends, and no character is U+xx00 often."""
    zeros_high = sample[high::2].count(0)
    zeros_low = sample[1 - high :: 2].count(0)
    return zeros_high > 20 * zeros_low
