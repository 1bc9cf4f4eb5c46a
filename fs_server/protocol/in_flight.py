"""The requests that are being answered: no id twice, and never more than can be held."""

import asyncio
from functools import partial

from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types.jsonrpc import INVALID_REQUEST, JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId

from fs_server.protocol.framing import Rejection

__all__ = ["MAX_REQUESTS", "SERVER_BUSY", "InFlight"]

MAX_REQUESTS = 1024
SERVER_BUSY = -32010
"""From the range -32000..-32019, which the specification leaves to implementations."""


class InFlight:
    """Admit requests by id and forget them when they are answered or given up.

    The SDK's dispatcher lets the second of two equal ids replace the first, which then cannot be cancelled
    any more. For it "7" and 7 are the same id, so they are here.
    """

    def __init__(self, max_requests: int = MAX_REQUESTS) -> None:
        self._max_requests = max_requests
        self._ids: set[RequestId] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def admit(self, arrived: SessionMessage) -> Rejection | None:
        """Note a request, or say why it cannot be taken. Anything but a request passes."""
        request = arrived.message
        if not isinstance(request, JSONRPCRequest):
            return None
        key = coerce_request_id(request.id)
        if key in self._ids:
            return Rejection(INVALID_REQUEST, "A request with this id is still being answered", request.id)
        if len(self._ids) >= self._max_requests:
            reason = f"{len(self._ids)} requests are being answered, which is the limit; repeat this one later"
            return Rejection(SERVER_BUSY, reason, request.id)
        self._ids.add(key)
        self._idle.clear()
        # A cancelled request gets no answer; the dispatcher tells its end only here.
        known = arrived.metadata.request_context if isinstance(arrived.metadata, ServerMessageMetadata) else None
        arrived.metadata = ServerMessageMetadata(
            request_context=known, on_request_unanswered=partial(self._forget, key)
        )
        return None

    def answered(self, leaving: SessionMessage) -> None:
        """Forget the request that this message answers, if it is an answer."""
        answer = leaving.message
        if isinstance(answer, JSONRPCResponse | JSONRPCError) and answer.id is not None:
            self._remove(coerce_request_id(answer.id))

    async def idle(self) -> None:
        """Wait until no request is left."""
        await self._idle.wait()

    async def _forget(self, key: RequestId) -> None:
        self._remove(key)

    def _remove(self, key: RequestId) -> None:
        self._ids.discard(key)
        if not self._ids:
            self._idle.set()
