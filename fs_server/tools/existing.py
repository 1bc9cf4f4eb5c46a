"""The content of a file that is to be changed, whole and in memory."""

import re

from fs_server.errors import Failure, quoted
from sandbox import IsDirectory, Kind, NotFound, NotRegularFile, OpenFile, Target

__all__ = ["EDITED_BYTES", "content_of", "is_stale", "whole"]

_ETAG = re.compile("[0-9a-f]{16,64}")

EDITED_BYTES = 64 << 20
"""The largest file that is changed in places. It is held a few times over while that is done."""


def whole(file: OpenFile, path: str) -> bytes:
    """Return the content of an open file.

    Raises:
        Failure: `too_large`.
    """
    if file.size > EDITED_BYTES:
        raise Failure(
            "too_large",
            f"Changing {quoted(path)}",
            f"It has {file.size} bytes; files up to {EDITED_BYTES} can be changed in places",
            "Write a new file instead, or ask the user",
        )
    return file.read_at(0, file.size)


def content_of(target: Target) -> bytes:
    """Return the content of the file at a target.

    Raises:
        SandboxError, Failure: there is none, or it is too large.
    """
    path = target.place.subject
    if target.stat is None:
        raise NotFound(path)
    if target.kind is Kind.DIRECTORY:
        raise IsDirectory(path)
    if target.kind is not Kind.FILE:
        raise NotRegularFile(path, kind=str(target.kind))
    with target.spot() as spot, spot.open() as file:
        return whole(file, path)


def is_stale(if_match: str, digest: str) -> bool:
    """Tell whether the etag that a caller gives is of another content than the one with this digest.

    Raises:
        Failure: `invalid_argument`, it is no etag.
    """
    if if_match and not _ETAG.fullmatch(if_match):
        raise Failure(
            "invalid_argument",
            f"if_match {quoted(if_match)}",
            "An etag has 16 hexadecimal digits",
            "Take it from a result of read_file, or leave it out",
        )
    return bool(if_match) and not digest.startswith(if_match)
