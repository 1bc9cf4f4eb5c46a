"""Serve a set of handlers on the wire until something says stop."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher

from fs_server.protocol.backlog import Backlog
from fs_server.protocol.claim import Wire
from fs_server.protocol.in_flight import InFlight
from fs_server.protocol.lifecycle import CLOSED, FAILED, Lifecycle
from fs_server.protocol.router import Router
from fs_server.protocol.stamp import legacy_extensions, slim_stamp
from fs_server.protocol.stdio import Incoming, Outgoing, WireLimits, open_sink, open_source

__all__ = ["Lifecycle", "WireLimits", "serve"]


async def serve(
    server: Server[Any],
    *,
    wire: Wire,
    lifecycle: Lifecycle | None = None,
    limits: WireLimits | None = None,
    notifications: NotificationOptions | None = None,
) -> int:
    """Serve both protocol eras with the handlers of `server`, and give the exit status.

    Ends when the client closes the wire or a signal asks for it; the process ends within a second of that,
    even if this coroutine does not. `lifecycle` carries what has to be closed. `notifications` are the change
    notifications announced to 2025 clients. The two middlewares of `stamp` are added to `server`.
    The status is 0 for a client that left, and 128 plus the number for a signal.
    """
    lifecycle = lifecycle or Lifecycle()
    server.middleware += [slim_stamp(server), legacy_extensions(server)]
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(server.lifespan(server))
        stack.enter_context(lifecycle.signals())
        conversation = asyncio.create_task(
            _converse(
                server,
                state,
                wire=wire,
                lifecycle=lifecycle,
                limits=limits or WireLimits(),
                notifications=notifications or NotificationOptions(),
            )
        )
        conversation.add_done_callback(lambda _: lifecycle.begin(FAILED))  # does nothing after another cause
        await lifecycle.stopping.wait()
        await asyncio.wait([conversation], timeout=lifecycle.grace_s + lifecycle.bounds.settle_s)
        await lifecycle.close()
    if conversation.done():
        conversation.result()
    return lifecycle.status


async def _converse(
    server: Server[Any],
    state: Any,
    *,
    wire: Wire,
    lifecycle: Lifecycle,
    limits: WireLimits,
    notifications: NotificationOptions,
) -> None:
    """Join the parts of the wire, and run them until reading ends and every answer is written."""
    in_flight = InFlight(limits.requests)
    backlog = Backlog(limits.queued_bytes)
    sink = open_sink(wire.write_fd, backlog, partial(lifecycle.begin, CLOSED))
    source = open_source(wire.read_fd)
    lifecycle.on_stop(source.stop)
    outgoing = Outgoing(sink, backlog, in_flight, lifecycle.stopping)
    incoming = Incoming(source, outgoing, in_flight, lifecycle, line_bytes=limits.line_bytes)
    # initialize is answered before the next message is looked at, or a pipelined tools/list would overtake it.
    dispatcher = JSONRPCDispatcher(incoming, outgoing, inline_methods=frozenset({"initialize"}))
    router = Router(server, dispatcher, state, notifications)
    watch = asyncio.create_task(incoming.watch_hang_up(backlog))
    try:
        await dispatcher.run(router.on_request, router.on_notify)
    finally:
        watch.cancel()
        await router.aclose()
