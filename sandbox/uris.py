"""File URIs ⇄ names: percent-encoding carries the very bytes of a name, also those that are no text.

Source: RFC 8089 (the `file` scheme), RFC 3986 (percent-encoding: decoded once, and only once).
"""

import os
import re
import sys
from collections.abc import Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sandbox.errors import InvalidPath, UnsupportedUri

__all__ = ["is_uri", "path_of_uri", "uri_of_path"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_FILE = re.compile(r"file:", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_uri(text: str) -> bool:
    """Tell whether a client's text is a URI rather than a path. `file:` alone is enough; others need `//`."""
    return bool(_FILE.match(text) or _SCHEME.match(text))


def path_of_uri(uri: str) -> str:
    """Return the absolute path that a file URI names, undecodable bytes surrogate-escaped.

    Raises:
        UnsupportedUri: another scheme, or an authority other than this machine.
        InvalidPath: a query, a fragment, a broken escape, a NUL, or a path that is not absolute.
    """
    if not _FILE.match(uri):
        raise UnsupportedUri(uri, reason="only file:// URIs are served")
    rest = uri[len("file:") :]
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if authority.lower() not in {"", "localhost"}:
            raise UnsupportedUri(uri, reason="the URI names another machine or a user")
        rest = slash + path
    if "?" in rest or "#" in rest:
        raise InvalidPath(uri, reason="a file URI has no query and no fragment; write ? as %3F and # as %23")
    if not rest.startswith("/"):
        raise InvalidPath(uri, reason="a file URI carries an absolute path")
    if _BAD_ESCAPE.search(rest):
        raise InvalidPath(uri, reason="a % in a URI stands before two hexadecimal digits")
    # Characters outside ASCII do not belong into a URI, but clients send them: they mean their UTF-8 bytes.
    return os.fsdecode(unquote_to_bytes(rest))


def uri_of_path(base: str, parts: Sequence[str] = ()) -> str:
    """Return the file URI of the absolute path `base` with `parts` beneath it."""
    path = os.fsencode("/".join([_slashed(base).rstrip("/"), *parts]) or "/")
    return "file://" + quote_from_bytes(path, safe=_SAFE)


if sys.platform == "win32":
    _SAFE = "/~:"  # the colon of a drive stays as it is (RFC 8089, appendix E.2)

    def _slashed(path: str) -> str:
        return "/" + path.replace("\\", "/").lstrip("/")

else:
    _SAFE = "/~"

    def _slashed(path: str) -> str:
        return path
