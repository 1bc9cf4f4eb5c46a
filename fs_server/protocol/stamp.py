"""Two corrections to what the SDK says about this server in its results."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp_types import SERVER_INFO_META_KEY

__all__ = ["legacy_extensions", "slim_stamp"]


def slim_stamp(server: Server[Any]) -> ServerMiddleware[Any]:
    """Shorten the identity in every result of the 2026 era to name and version.

    The SDK repeats title, description, address and icons with each answer: 568 bytes for an answer of 2 with
    three icons. `server/discover` keeps them, and so does a result whose handler wrote its own stamp.
    """
    full = server.server_info_stamp
    slim = {"name": server.name, "version": server.version}

    async def shorten(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method != "server/discover" and isinstance(result, dict):
            meta = result.get("_meta")
            if isinstance(meta, dict) and meta.get(SERVER_INFO_META_KEY) == full:
                return {**result, "_meta": {**meta, SERVER_INFO_META_KEY: slim}}
        return result

    return shorten


def legacy_extensions(server: Server[Any]) -> ServerMiddleware[Any]:
    """Put `capabilities.extensions` back into the answer to `initialize`.

    The 2025 result models do not know the member, so the SDK strips it; hosts of that era read it all the same.
    """

    async def put_back(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "initialize" and server.extensions and isinstance(result, dict):
            capabilities = {**result.get("capabilities", {}), "extensions": server.extensions}
            return {**result, "capabilities": capabilities}
        return result

    return put_back
