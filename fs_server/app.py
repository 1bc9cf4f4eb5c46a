"""How the server is put together, and nothing else: settings in, a serving process out."""

import asyncio
from collections.abc import Mapping
from typing import Any

import mcp_types as t
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.lowlevel.server import NotificationOptions, Server

from fs_server import __version__, identity
from fs_server.config.settings import Settings
from fs_server.handlers.client_roots import ClientRoots
from fs_server.handlers.completion import CompletionHandler
from fs_server.handlers.resources import ResourceHandlers
from fs_server.handlers.skills import offer_directories
from fs_server.handlers.tools import ToolHandlers
from fs_server.protocol.admission import Admission
from fs_server.protocol.claim import Wire
from fs_server.protocol.serving import Lifecycle, WireLimits, serve
from fs_server.services import Services
from fs_server.tools import TOOLS
from sandbox import Resolver, RootSpec, Workspace

__all__ = ["build", "open_services", "run"]

_HOUR_MS, _MINUTES_MS = 3_600_000, 300_000

# The catalogue of one version and its settings never changes; local paths stay with the client that asked; a file
# is stale at once.
_CACHE_HINTS: Mapping[CacheableMethod, CacheHint] = {
    "server/discover": CacheHint(_HOUR_MS, "private"),
    "tools/list": CacheHint(_HOUR_MS, "private"),
    "resources/list": CacheHint(_MINUTES_MS, "private"),
    "resources/templates/list": CacheHint(_MINUTES_MS, "private"),
    "resources/read": CacheHint(0, "private"),
}


def run(settings: Settings, wire: Wire, *, resolver: Resolver | None = None) -> int:
    """Serve on the wire until the client leaves or a signal comes; return the exit status.

    Without a `resolver` the strongest that works here looks names up.

    Raises:
        ConfigRefused: a root cannot be served.
    """
    services = open_services(settings, resolver)
    limits = WireLimits(line_bytes=settings.limits.input_bytes)
    # The list of resources changes only where the client's roots narrow ours.
    notifications = NotificationOptions(resources_changed=settings.client_roots == "narrow")
    return asyncio.run(_serve(services, wire, limits, notifications))


async def _serve(services: Services, wire: Wire, limits: WireLimits, notifications: NotificationOptions) -> int:
    return await serve(build(services), wire=wire, lifecycle=Lifecycle(), limits=limits, notifications=notifications)


def open_services(settings: Settings, resolver: Resolver | None = None) -> Services:
    """Open the roots.

    Raises:
        ConfigRefused: one of them cannot be served.
    """
    opened = Workspace.open(
        [
            RootSpec(
                name=root.name,
                path=str(root.path),
                writable=root.writable,
                secret=(*settings.deny, *root.deny),
                protected=(*settings.protect, *root.protect),
            )
            for root in settings.roots
        ],
        resolver=resolver,
    )
    return Services(settings, opened, opened)


def build(services: Services) -> Server[Any]:
    """Return the handlers of both protocol eras."""
    limits = services.limits
    tools = ToolHandlers(TOOLS, services, Admission(limits.concurrent_calls, limits.calls_per_minute))
    resources = ResourceHandlers(services)
    server: Server[Any] = Server(
        identity.NAME,
        version=__version__,
        title=identity.TITLE,
        description=identity.DESCRIPTION,
        instructions=identity.instructions(services.workspace, limits),
        cache_hints=_CACHE_HINTS,
        on_list_tools=tools.on_list,
        on_call_tool=tools.on_call,
        on_list_resources=resources.on_list,
        on_list_resource_templates=resources.on_list_templates,
        on_read_resource=resources.on_read,
        on_completion=CompletionHandler(services).on_complete,
    )
    client_roots = ClientRoots(services)
    server.add_notification_handler("notifications/initialized", t.NotificationParams, client_roots.on_changed)
    server.add_notification_handler("notifications/roots/list_changed", t.NotificationParams, client_roots.on_changed)
    offer_directories(server, resources)
    return server
