"""Cursors: where a listing ended, in a form that a client hands back without reading it."""

import base64
import json
import zlib
from collections.abc import Sequence

from fs_server.errors import Failure, quoted
from sandbox import Key

__all__ = ["longest_cursor", "read_cursor", "write_cursor"]

_MARK_BYTES = 4


def write_cursor(question: str, keys: Sequence[Key]) -> str:
    """Return a cursor for the place that the `keys` of a walk name, in the answer to `question`."""
    # surrogatepass: a name that is no text holds half characters, and Windows has such names of its own.
    place = json.dumps(keys, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(_mark(question, place) + place).decode("ascii").rstrip("=")


def longest_cursor(keys: Sequence[Key]) -> int:
    """Return a length that the cursor for `keys` does not exceed, without making it.

    A control character takes six bytes as JSON, any other four at most; base64 makes four of three.
    """
    return sum(40 + 8 * len(name) for _, name in keys) + 20


def read_cursor(question: str, cursor: str) -> tuple[Key, ...]:
    """Return the keys that a cursor stands for; none for "", the beginning.

    Raises:
        Failure: `bad_cursor`, if it was not written for the same `question`, or was changed.
    """
    if not cursor:
        return ()
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mark, place = told[:_MARK_BYTES], told[_MARK_BYTES:]
        if mark == _mark(question, place):
            return tuple(map(_key, json.loads(place.decode("utf-8", "surrogatepass"))))
    except (ValueError, TypeError, RecursionError):  # whatever a client may have made of it
        pass
    raise Failure(
        "bad_cursor",
        f"cursor {quoted(cursor)}",
        "It does not belong to this question",
        "Leave it out to begin anew, and repeat the other arguments exactly when going on",
    )


def _key(told: object) -> Key:
    match told:
        case [int(number), str(name)]:
            return number, name
        case _:
            raise ValueError


def _mark(question: str, place: bytes) -> bytes:
    """Return what shows a mistake. It is no signature: a cursor opens nothing that the question does not."""
    return zlib.crc32(place, zlib.crc32(question.encode("utf-8", "surrogatepass"))).to_bytes(_MARK_BYTES, "big")
