"""The likeliest of the encodings that files had before UTF-8."""

import codecs
import re
from typing import Final

__all__ = ["guess"]

LOOKED_AT: Final = 16 << 10
"""Bytes that the guess is made on, beginning near the first byte that is not ASCII. Costs a few milliseconds."""

LIKELY: Final = (
    *("cp1252", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1250", "iso8859_2"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "cp866", "iso8859_5"),
)
"""The candidates, the likelier first: where the evidence does not separate two, the former wins.

Measured on short texts in 30 languages and encodings, that order and the two margins below were right for 66
of 82 samples; charset-normalizer alone prefers the alphabetically first and was right for about half.
"""

_CHAOS_MARGIN: Final = 0.03
_COHERENCE_MARGIN: Final = 0.1

_WINDOWS_SIGNS: Final = frozenset(
    # Quotes, dashes, the euro and other signs that every Windows code page for an alphabet has in one place.
    b"\x80\x82\x84\x85\x86\x87\x89\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b\xa0\xa7\xa9\xab\xae\xb0\xb1\xb5\xb6\xb7\xbb"
)
_HIGH: Final = re.compile(rb"[\x80-\xff]")


def guess(head: bytes, first_error: int) -> str | None:
    """Return the codec that makes most sense of `head`, or None where none does.

    Args:
        head: the beginning of a file that has a byte outside of ASCII.
        first_error: where it stops being UTF-8.
    """
    start = max(head.rfind(b"\n", 0, first_error) + 1, first_error - LOOKED_AT // 4)
    sample = head[start : start + LOOKED_AT]
    if {byte[0] for byte in _HIGH.findall(sample)} <= _WINDOWS_SIGNS:
        return "cp1252"
    close = _close_matches(sample)
    for name in LIKELY:
        if name in close:
            return codecs.lookup(name).name
    return _western(sample)


def _close_matches(sample: bytes) -> set[str]:
    """Return the candidates that nothing separates from the best one."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - 30 ms of import that UTF-8 files never pay

    matches = list(from_bytes(sample, cp_isolation=list(LIKELY), enable_fallback=False))
    if not matches:
        return set()
    best = matches[0]
    return {
        alias
        for match in matches
        if match.chaos <= best.chaos + _CHAOS_MARGIN and match.coherence >= best.coherence - _COHERENCE_MARGIN
        for alias in match.could_be_from_charset
    }


def _western(sample: bytes) -> str | None:
    """Return Windows Western if it reads as text: mostly ASCII, with the odd accented letter."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return None
    plain = sum(char.isascii() or char.isalpha() for char in text)
    return "cp1252" if len(_HIGH.findall(sample)) * 2 <= len(sample) and plain * 10 >= len(text) * 9 else None
