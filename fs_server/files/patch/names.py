r"""The names of files in a diff: quoted as C does, with or without the prefixes that git puts in front.

Source: `quote.c` and `apply.c` of git. A name with a quote, a backslash, a control character or bytes that are no
ASCII is written as `"a/f\303\244.txt"`.
"""

import re
from typing import Final

from fs_server.files.patch.source import PatchLines

__all__ = ["NOTHING", "header_name", "plain_name", "same_name", "without_prefixes"]

NOTHING: Final = "/dev/null"
"""The name of the file that is not there, before it is created or after it is deleted."""

# The pairs that git writes: of the commit, the index, the working tree, an object, and of nothing in particular.
_PAIRS: Final = frozenset(
    pair for old, new in ("ab", "iw", "ci", "cw", "ow") for pair in ((old + "/", new + "/"), (new + "/", old + "/"))
)
_LETTERS: Final = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPES: Final = re.compile(r"(?:\\(?:[0-3][0-7]{2}|.))+", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-3][0-7]{2}|.)", re.DOTALL)


def header_name(lines: PatchLines, at: int) -> str:
    """Return the name in a line that begins with `--- ` or `+++ `. A time may stand behind it, after a tab."""
    name, tab, _ = lines.text(at)[4:].partition("\t")
    return plain_name(lines, at, name if tab else name.rstrip(" "))


def plain_name(lines: PatchLines, at: int, text: str) -> str:
    """Return a name that may be quoted.

    Raises:
        Failure: `patch_failed`, there is none, or it is quoted wrongly.
    """
    name = text
    if text.startswith('"'):
        found = _QUOTED.fullmatch(text)
        name = _unquoted(lines, at, found[1]) if found else ""
    if not name:
        raise lines.wrong(at, "No name can be read there", "Write the path plainly, as in: --- a/src/x.py")
    return name


def same_name(lines: PatchLines, at: int, rest: str) -> str | None:
    """Return the name behind `diff --git` if both are the same but for prefixes; None where they are not.

    The two are separated by a space, which names have too: only if they are equal it is sure where the first ends.
    """
    middle = len(rest) // 2
    if found := _QUOTED.match(rest):
        middle = found.end()
    if rest[middle : middle + 1] != " ":
        return None
    first, second = (plain_name(lines, at, name) for name in (rest[:middle], rest[middle + 1 :]))
    old, new = without_prefixes(first, second)
    return old if old == new else None


def without_prefixes(old: str, new: str) -> tuple[str, str]:
    """Return both names without the prefixes of git, if both have theirs.

    Beside no name, only the usual prefix is taken for one.
    """
    if old == NOTHING:
        return old, new.removeprefix("b/")
    if new == NOTHING:
        return old.removeprefix("a/"), new
    return (old[2:], new[2:]) if (old[:2], new[:2]) in _PAIRS else (old, new)


def _unquoted(lines: PatchLines, at: int, text: str) -> str:
    """Return what stands between quotes, its escapes resolved. Bytes that are no UTF-8 become as in `os.fsdecode`."""

    def resolved(run: re.Match[str]) -> str:
        codes = [_code(lines, at, found[1]) for found in _ESCAPE.finditer(run[0])]
        return bytes(codes).decode("utf-8", "surrogateescape")

    return _ESCAPES.sub(resolved, text)


def _code(lines: PatchLines, at: int, escape: str) -> int:
    if len(escape) > 1:
        return int(escape, 8)
    if escape not in _LETTERS:
        raise lines.wrong(at, "The name has an escape that is none of C", "Write the path plainly, without quotes")
    return _LETTERS[escape]
