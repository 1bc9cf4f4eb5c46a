"""A client's text → names, on the text alone: nothing is looked up, expanded, trimmed or normalised.

`~`, `$HOME`, `*`, `%2e` and backslashes are ordinary characters of names here. Only `/` separates, only `.` and
empty names fall away, and `..` stays, because what it means is decided by the links on the way.
"""

import os
import sys
from dataclasses import dataclass

from sandbox.errors import InvalidPath, NameTooLong
from sandbox.uris import is_uri, path_of_uri

__all__ = ["Spoken", "parse"]

if sys.platform == "win32":
    from sandbox.resolve._windows_names import slashed as _slashed
else:

    def _slashed(text: str, _subject: str) -> str:
        """Return the text as it is: a backslash is an ordinary character of a name, and no name is reserved."""
        return text


LONGEST_TEXT = 65_536
"""Characters of a path that are looked at: sixteen times what Linux takes in one call."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a client's text says.

    Attributes:
        absolute: it begins at `/` of the host; else beneath a root.
        parts: the names, `..` among them, `.` and empty ones not.
        directory: the text ended in `/` or `/.`, and so demands a directory.
    """

    absolute: bool
    parts: tuple[str, ...]
    directory: bool


def parse(text: str) -> Spoken:
    """Return what `text` says.

    Raises:
        InvalidPath, UnsupportedUri, NameTooLong: the text can be no path here.
    """
    if len(text) > LONGEST_TEXT:
        raise NameTooLong(text, characters=len(text), limit=LONGEST_TEXT)
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        reason = "the text holds half a character; name such a file by its file:// URI, bytes percent-encoded"
        raise InvalidPath(text, reason=reason)
    path = _slashed(path_of_uri(text) if is_uri(text) else text, text)
    if "\0" in path:
        raise InvalidPath(text, reason="a NUL cannot be part of a path")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:  # started in a locale without UTF-8, such as de_DE.ISO-8859-1
        reason = "the file system's encoding on this machine lacks one of its characters; name it by its file:// URI"
        raise InvalidPath(text, reason=reason) from error
    names = path.split("/")
    return Spoken(
        absolute=path.startswith("/"),
        parts=tuple(name for name in names if name not in {"", "."}),
        directory=len(names) > 1 and names[-1] in {"", "."},
    )
