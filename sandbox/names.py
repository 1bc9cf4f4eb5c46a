"""Names of files: how they are shown to a reader, and how policy sees them."""

import re
import unicodedata

__all__ = ["deceptive", "fold", "shown"]

_SHORT_GIT = re.compile(r"git~\d+")

# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties): ext4 and f2fs skip them where they fold case, so
# that ".e\u034fnv" opens ".env" there. Those of category Cf fall away as such.
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def fold(name: str) -> str:
    """Return the form in which policy compares one name: two spellings that some system takes for one are equal.

    Compatibility-normalised, without format characters (HFS+ ignores them: CVE-2014-9390) and other invisible ones,
    case-folded, without dots and spaces at the end (Windows strips them), and the 8.3 alias of `.git` taken for
    `.git`. Folding is for refusing only: names are never looked up folded.
    """
    if name.isascii():
        folded = name.lower()
    else:
        normal = _IGNORED.sub("", unicodedata.normalize("NFKC", name))
        visible = "".join(char for char in normal if unicodedata.category(char) != "Cf")
        folded = unicodedata.normalize("NFKC", visible.casefold())
    folded = folded.rstrip(" .") or folded
    return ".git" if "~" in folded and _SHORT_GIT.fullmatch(folded) else folded


# What turns the direction of a line, so that a name reads as another one (Unicode, Bidi_Control).
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def deceptive(name: str) -> bool:
    """Tell whether a name holds what no new name may: controls, ends of lines and paragraphs, turns of direction.

    Invisible joiners stay allowed: Persian and Indic names, and emoji, need them.
    """
    if name.isascii() and name.isprintable():
        return False
    return any(char in _DIRECTION or unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in name)


# Control characters move a terminal's cursor; bidirectional and invisible ones show a name as another; a line or
# paragraph separator ends the line that a reader believes to be whole; surrogates are bytes that are no text.
_CONTROL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    r"""Return `text` with everything that could mislead a reader escaped, as `\n`, `\x1b`, `\u202e` or `\xff`.

    A byte that is not text in the file system's encoding comes as `\xNN`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # surrogateescape: one undecodable byte (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    if unicodedata.category(char) in _CONTROL:
        return char.encode("unicode_escape", "backslashreplace").decode("ascii")
    return char
