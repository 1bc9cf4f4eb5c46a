"""Bytes of the wire to lines, and lines to messages. Pure: nothing here reads, writes or waits.

A client that gets no answer waits until its timeout, so whatever could have been a request becomes either a
message or a `Rejection` that names it as well as the bytes allow.
"""

import json
from dataclasses import dataclass
from typing import Any

from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from pydantic import ValidationError
from pydantic_core import from_json

from fs_server.protocol.salvage import find_id

__all__ = ["ENDS_BYTES", "MAX_LINE_BYTES", "REPAIRED", "LineSplitter", "Oversize", "Rejection", "read_line"]

MAX_LINE_BYTES = 32 * 1024 * 1024
ENDS_BYTES = 64 * 1024
"""How much of each end of a line over the limit is kept, to find the id in."""

REPAIRED = "repaired"
"""What a handler finds as its context's `request` where characters of the message were replaced by U+FFFD."""

BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 200
"""Of arrays and objects in one another; what the fast parser takes too. Python's own limit varies with its version."""

LONGEST_INTEGER = 4_300
"""Digits. Python refuses to convert more (sys.int_info.default_max_str_digits)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An error answer to a line that is not a usable message. `id` is None when the line does not tell."""

    code: int
    message: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True)
class Oversize:
    """A line over the limit: its size, and `ENDS_BYTES` of each end."""

    size: int
    limit: int
    head: bytes
    tail: bytes


class LineSplitter:
    """Cut chunks into lines at a newline byte, and nowhere else. Holds at most `max_bytes` and one chunk.

    The part of a line beyond the limit is counted and dropped as it arrives.
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._head: bytearray | None = None  # of a line that is already over the limit
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes | Oversize]:
        """Take one chunk and give the lines that it completes, without their ends."""
        *completing, rest = chunk.split(b"\n")
        lines = []
        for part in completing:
            self._grow(part)
            lines.append(self._take())
        self._grow(rest)
        return lines

    def finish(self) -> list[bytes | Oversize]:
        """Give the last line if the stream ended within it."""
        return [self._take()] if self._size else []

    def _grow(self, part: bytes) -> None:
        self._size += len(part)
        self._held += part
        if self._size <= self._max_bytes:
            return
        if self._head is None:
            self._head = self._held[:ENDS_BYTES]
        else:
            self._head += part[: ENDS_BYTES - len(self._head)]
        del self._held[:-ENDS_BYTES]

    def _take(self) -> bytes | Oversize:
        line: bytes | Oversize = bytes(self._held)
        if self._head is not None:
            line = Oversize(self._size, self._max_bytes, bytes(self._head), bytes(self._held))
        self._held = bytearray()
        self._head = None
        self._size = 0
        return line


def read_line(line: bytes | Oversize) -> SessionMessage | Rejection | None:
    """Turn one line into a message, or into the answer to send instead.

    None: there is nothing to answer. That is a blank line, or something with `result` or `error` and no
    method that is not well formed: an answer to an answer would bounce for ever between two peers.
    """
    if isinstance(line, Oversize):
        reason = f"The message has {line.size} bytes; the limit is {line.limit}"
        return Rejection(INVALID_REQUEST, reason, find_id(line.head, line.tail))
    if not line or line.isspace():
        return None
    try:
        value, is_repaired = _parse(line)
    except RecursionError:
        found = find_id(line[:ENDS_BYTES], line[-ENDS_BYTES:])
        return Rejection(INVALID_REQUEST, f"The message is nested deeper than {MAX_DEPTH}", found)
    except ValueError:
        return Rejection(PARSE_ERROR, "The line is not JSON; one message stands on one line")
    read = _read_object(value) if isinstance(value, dict) else _reject(value)
    if is_repaired and isinstance(read, SessionMessage):
        read.metadata = ServerMessageMetadata(request_context=REPAIRED)
    return read


def _parse(line: bytes) -> tuple[Any, bool]:
    """Read JSON: strictly and fast, and where that fails, with everything that can be forgiven.

    Tells too whether characters were replaced: who only reads may go on, but nobody wants to write what was not meant.

    Forgiven are a byte order mark, bytes that are not UTF-8 and halves of surrogate pairs (both become
    U+FFFD), and integers too long for Python (they become floats, as in JavaScript).

    Raises:
        ValueError: this is not JSON.
        RecursionError: it is nested deeper than `MAX_DEPTH`.
    """
    try:
        return from_json(line), False
    except ValueError:
        text, is_repaired = _repaired(line.removeprefix(BOM), "utf-8")
    value = json.loads(text, parse_int=_integer)
    if _is_too_deep(value):
        raise RecursionError
    # A half pair in an id or a method would fail much later, in the SDK's own models.
    clean, has_halves = _repaired(json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass"), "utf-16")
    return json.loads(clean, parse_int=_integer), is_repaired or has_halves


def _repaired(data: bytes, encoding: str) -> tuple[str, bool]:
    """Decode, with U+FFFD for what is no text, and tell whether there was such."""
    try:
        return data.decode(encoding), False
    except UnicodeDecodeError:
        return data.decode(encoding, "replace"), True


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return bool(level)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)


def _usable_id(value: object) -> RequestId | None:
    """Give the id as it can be answered: a string or an integer, and 1.0 is the integer 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _reject(value: Any) -> Rejection:
    if not isinstance(value, list):
        return Rejection(INVALID_REQUEST, "A message is a JSON object")
    ids = [_usable_id(member.get("id")) for member in value if isinstance(member, dict)]
    # One error object can name one request only.
    only = ids[0] if len(ids) == 1 else None
    return Rejection(INVALID_REQUEST, "Batches are not accepted; send one message per line", only)


def _read_object(value: dict[str, Any]) -> SessionMessage | Rejection | None:
    if "method" not in value and ("result" in value or "error" in value):
        return _read_answer(value)
    request_id = _usable_id(value.get("id"))
    if (fault := _fault(value)) is not None:
        return Rejection(INVALID_REQUEST, fault, request_id)
    method, params = value["method"], value.get("params")
    if request_id is None:
        return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=method, params=params))
    return SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params))


def _fault(value: dict[str, Any]) -> str | None:
    """Say what keeps an object from being a request or a notification."""
    if value.get("jsonrpc") != "2.0":
        return 'A message has "jsonrpc": "2.0"'
    if not isinstance(value.get("method"), str):
        return "A message has a method, which is a string"
    if not isinstance(value.get("params"), dict | None):
        return "params is an object"
    if "id" in value and _usable_id(value["id"]) is None:
        return "An id is a string or an integer"
    return None


def _read_answer(value: dict[str, Any]) -> SessionMessage | None:
    """Read the client's answer to a request of ours."""
    answer = JSONRPCResponse if "result" in value else JSONRPCError
    try:
        return SessionMessage(answer.model_validate(value, by_name=False))
    except ValidationError:
        return None
