"""Messages to bytes: one message, one line, whatever the message contains."""

import json
import logging
from typing import Any

from mcp_types.jsonrpc import INTERNAL_ERROR, JSONRPCMessage, jsonrpc_message_adapter

from fs_server.protocol.framing import Rejection

__all__ = ["line_of", "line_of_rejection"]

logger = logging.getLogger(__name__)

# Readers that split at every Unicode line end (Node's readline, Python's splitlines) would cut a message in two.
# Outside ASCII, JSON has only strings, so the escape means the same.
LINE_ENDS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def line_of(message: JSONRPCMessage) -> bytes:
    """Give the line of a message, with its end.

    Half surrogate pairs, which a name that is not UTF-8 brings, become U+FFFD. A result that has no JSON form
    at all becomes an internal error with the same id: an exception here would end the connection.
    """
    try:
        data = jsonrpc_message_adapter.dump_json(message, by_alias=True, exclude_unset=True)
    except ValueError:  # PydanticSerializationError
        data = _forgiving(message)
    return _one_line(data)


def line_of_rejection(rejection: Rejection) -> bytes:
    """Give the line of an error. Without a known id it has no `id`: strict clients refuse null there."""
    error: dict[str, Any] = {"jsonrpc": "2.0"}
    if rejection.id is not None:
        error["id"] = rejection.id
    error["error"] = {"code": rejection.code, "message": rejection.message}
    return _one_line(_utf8(json.dumps(error, ensure_ascii=False)))


def _forgiving(message: JSONRPCMessage) -> bytes:
    try:
        return _utf8(json.dumps(message.model_dump(by_alias=True, exclude_unset=True), ensure_ascii=False))
    except (ValueError, TypeError, RecursionError):
        logger.exception("a message has no JSON form")
        error = {"code": INTERNAL_ERROR, "message": "Internal server error"}
        return _utf8(json.dumps({"jsonrpc": "2.0", "id": getattr(message, "id", None), "error": error}))


def _utf8(text: str) -> bytes:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _one_line(data: bytes) -> bytes:
    for raw, escaped in LINE_ENDS:
        data = data.replace(raw, escaped)
    return data + b"\n"
