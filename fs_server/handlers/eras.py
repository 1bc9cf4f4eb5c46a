"""Which era of the protocol a request was made in, where the answer differs."""

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

__all__ = ["is_modern"]


def is_modern(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Tell whether the request carries its own envelope (2026-07-28 and later) rather than follow a handshake."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
