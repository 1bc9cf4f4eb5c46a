"""The directories that a 2025 client announces: they order our roots or narrow them, and never widen them.

2026 clients announce none. So `narrow` serves them nothing until a 2025 client of the same process has answered:
the stricter setting fails closed.

Source: specification 2025-11-25, client/roots; deprecated in 2026-07-28.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from fs_server.services import Services

__all__ = ["ClientRoots"]

ANSWER_S = 5.0
"""Seconds that a client has to say its roots. Some declare the capability and never answer."""

MOST_ROOTS = 64
"""Directories of a client that are looked at."""

log = logging.getLogger(__name__)


class ClientRoots:
    """Asks the client for its roots when it may have changed them, one question at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._narrow = services.settings.client_roots == "narrow"
        self._asking = asyncio.Lock()
        self._waiting = False
        if self._narrow:
            services.await_client_roots()

    async def on_changed(self, ctx: ServerRequestContext[Any, Any], _params: t.NotificationParams | None) -> None:
        """Fetch the roots anew. VS Code announces the next change only after it was asked for this one."""
        capabilities = ctx.session.client_capabilities
        if capabilities is None or capabilities.roots is None or self._waiting:
            return
        self._waiting = True  # further changes join the question that has not been put yet
        async with self._asking:
            self._waiting = False
            answer = await self._ask(ctx)
            if answer is not None:
                await self._take(ctx, answer)

    async def _ask(self, ctx: ServerRequestContext[Any, Any]) -> list[str] | None:
        try:
            answer = await ctx.session.send_request(
                t.ListRootsRequest(), t.ListRootsResult, request_read_timeout_seconds=ANSWER_S
            )
        except MCPError as error:  # refused, unknown or too late: what was known stays, and nothing becomes wider
            log.info("The client did not say its roots: %s", error)
            return None
        return [str(root.uri) for root in answer.roots[:MOST_ROOTS]]

    async def _take(self, ctx: ServerRequestContext[Any, Any], directories: Sequence[str]) -> None:
        opened = self._services.opened
        before = self._services.workspace
        if self._narrow:
            self._services.narrow(await asyncio.to_thread(opened.within, directories), directories)
            if self._services.workspace.roots != before.roots:
                await ctx.session.send_resource_list_changed()
        elif directories:
            self._services.workspace = opened.preferring(directories)
