"""Decide for each message, on its own, which era of the protocol it belongs to.

The SDK's loop lets the first request decide for the whole connection. A client that asked `server/discover`
and then falls back to `initialize`, as the specification tells it to after a slow start, would be refused.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from mcp.server.connection import Connection, NotifyOnlyOutbound
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.runner import (
    ServerRunner,
    _NoServerRequestsDispatchContext,
    aclose_shielded,
    modern_error_data,
    serve_one,
)
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp_types import INVALID_PARAMS, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

__all__ = ["Router"]

Context = DispatchContext[TransportContext]


class Router:
    """One connection that serves the 2025 handshake and the 2026 envelope side by side."""

    def __init__(
        self,
        server: Server[Any],
        dispatcher: JSONRPCDispatcher[TransportContext],
        lifespan_state: Any,
        notifications: NotificationOptions,
    ) -> None:
        """Serve the handlers of `server`; `notifications` are announced to 2025 clients only."""
        self._server = server
        self._lifespan_state = lifespan_state
        self._modern_outbound = NotifyOnlyOutbound(dispatcher)
        self._legacy = Connection.for_loop(dispatcher)
        options = server.create_initialization_options(notifications)
        self._legacy_runner = ServerRunner(server, self._legacy, lifespan_state, init_options=options)

    async def on_request(self, context: Context, method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """Answer one request in its own era.

        Raises:
            MCPError: every refusal, and -32603 for a defect: its text and traceback go to the log only.
            ValidationError: the dispatcher answers it as -32602.
        """
        try:
            return await self._in_its_era(context, method, params)
        except (MCPError, ValidationError):
            raise
        except Exception as defect:
            error = modern_error_data(defect)
            raise MCPError(code=error.code, message=error.message, data=error.data) from defect

    async def on_notify(self, context: Context, method: str, params: Mapping[str, Any] | None) -> None:
        """Pass a notification on. The 2026 era has none but `cancelled`, which the dispatcher acts on itself."""
        await self._legacy_runner.on_notify(context, method, params)

    async def aclose(self) -> None:
        """Run what handlers left on the connection's exit stack."""
        await aclose_shielded(self._legacy)

    def _in_its_era(self, context: Context, method: str, params: Mapping[str, Any] | None) -> Awaitable[dict[str, Any]]:
        if _is_handshake(method, params):
            return self._legacy_runner.on_request(context, method, params)
        if _has_envelope(params):
            return self._on_modern(context, method, params)
        self._refuse_before_handshake(method)
        return self._legacy_runner.on_request(context, method, params)

    async def _on_modern(self, context: Context, method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
        route = classify_inbound_request({"method": method, "params": params})
        if isinstance(route, InboundLadderRejection):
            raise MCPError(code=route.code, message=route.message, data=route.data)
        connection = Connection.from_envelope(
            route.protocol_version, route.client_info, route.client_capabilities, outbound=self._modern_outbound
        )
        return await serve_one(
            self._server,
            _NoServerRequestsDispatchContext(context),
            method,
            params,
            connection=connection,
            lifespan_state=self._lifespan_state,
        )

    def _refuse_before_handshake(self, method: str) -> None:
        """Name both ways to begin. A method that nobody serves stays -32601: probing clients read that."""
        greeted = self._legacy.client_params is not None
        if greeted or method in {"ping", "initialize"} or self._server.get_request_handler(method) is None:
            return
        raise MCPError(
            code=INVALID_PARAMS,
            message=f"Send initialize first, or put {PROTOCOL_VERSION_META_KEY} into params._meta of each request",
            data={"supported": [*MODERN_PROTOCOL_VERSIONS, *HANDSHAKE_PROTOCOL_VERSIONS]},
        )


def _is_handshake(method: str, params: Mapping[str, Any] | None) -> bool:
    return method == "initialize" and params is not None and isinstance(params.get("protocolVersion"), str)


def _has_envelope(params: Mapping[str, Any] | None) -> bool:
    """Whether the version key is there; a half-built envelope is told what it lacks, in its own era."""
    meta = (params or {}).get("_meta")
    return isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta
