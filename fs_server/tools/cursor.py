"""Cursors: where a listing ended, in a form that a client hands back without reading it."""

import base64
import json
import zlib
from collections.abc import Sequence

from fs_server.errors import Failure, quoted
from sandbox import Key

__all__ = ["read_cursor", "write_cursor"]


def write_cursor(question: str, keys: Sequence[Key]) -> str:
    """Return a cursor for the place that the `keys` of a walk name, in the answer to `question`."""
    place = json.dumps([_mark(question), list(keys)]).encode("ascii")
    return base64.urlsafe_b64encode(place).decode("ascii").rstrip("=")


def read_cursor(question: str, cursor: str) -> tuple[Key, ...]:
    """Return the keys that a cursor stands for; none for "", the beginning.

    Raises:
        Failure: `bad_cursor`, if it was not written for the same `question`.
    """
    if not cursor:
        return ()
    try:
        mark, keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if mark == _mark(question):
            return tuple((int(number), str(name)) for number, name in keys)
    except (ValueError, TypeError, RecursionError):  # whatever a client may have made of it
        pass
    raise Failure(
        "bad_cursor",
        f"cursor {quoted(cursor[:40])}",
        "It does not belong to this question",
        "Leave it out to begin anew, and repeat the other arguments exactly when going on",
    )


def _mark(question: str) -> int:
    return zlib.crc32(question.encode("utf-8", "surrogatepass"))
