"""The names of encodings that a caller may give."""

import codecs
import difflib
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Final

from fs_server.errors import Failure

__all__ = ["STATEFUL", "canonical_name"]

# A list of our own, not `codecs.lookup`: that imports the module whose name it is given, and knows transforms
# (rot13, base64), codecs of domain names (idna, punycode) and of Python source (unicode_escape), and codecs that
# mean something else on every Windows machine (mbcs, oem).
_CODECS: Final = frozenset(
    (  # noqa: SIM905 - a list of them has a hundred lines
        "ascii big5 big5hkscs cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 "
        "cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 "
        "cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr "
        "gb18030 gb2312 gbk hp_roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 "
        "iso2022_jp_ext iso2022_kr latin_1 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 "
        "iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r koi8_t koi8_u "
        "kz1048 mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian "
        "mac_turkish ptcp154 shift_jis shift_jis_2004 shift_jisx0213 tis_620 utf_16 utf_16_be utf_16_le utf_32 "
        "utf_32_be utf_32_le utf_7 utf_8"
    ).split()
)
STATEFUL: Final = frozenset({"hz", "utf-7"} | {name for name in _CODECS if name.startswith("iso2022")})
"""What a byte means in these depends on all bytes before it: they are decoded from the start, never from the middle."""

_ALSO: Final = {"utf_8_sig": "utf_8", "cp65001": "utf_8", "latin": "latin_1"}
_LONGEST_LABEL: Final = 40


def canonical_name(label: str) -> str:
    """Return the one name of the text encoding that `label` means, such as `utf-8`, `cp1252`, `shift_jis`.

    Raises:
        Failure: `unsupported_encoding`, with the nearest names.
    """
    plain = _plain(label)
    name = _codec(plain)
    if name is not None:
        return codecs.lookup(name).name
    near = difflib.get_close_matches(plain, sorted(_CODECS | aliases.keys()), n=9)
    nearest = list(dict.fromkeys(codec for codec in map(_codec, near) if codec))[:3]
    raise Failure(
        "unsupported_encoding",
        f'No text encoding is called "{label[:_LONGEST_LABEL]}"',
        f"Nearest: {', '.join(nearest)}" if nearest else "",
        'Leave encoding empty to have it detected, or give a name such as "utf-8", "cp1252" or "shift_jis"',
    )


def _plain(label: str) -> str:
    """Return `label` as the codecs' names are written; "" for what cannot be one."""
    return normalize_encoding(label.strip().lower()) if label.isascii() and len(label) <= _LONGEST_LABEL else ""


def _codec(plain: str) -> str | None:
    name = _ALSO.get(plain) or aliases.get(plain, plain)
    return name if name in _CODECS else None
