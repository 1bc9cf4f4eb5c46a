"""How the server is put together, and nothing else: settings in, a serving process out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import mcp_types as t
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

from fs_server import __version__, identity
from fs_server.config.settings import Settings
from fs_server.handlers.client_roots import ClientRoots
from fs_server.handlers.completion import CompletionHandler
from fs_server.handlers.consent import Questions
from fs_server.handlers.resources import ResourceHandlers
from fs_server.handlers.skills import offer_directories
from fs_server.handlers.tools import ToolHandlers
from fs_server.protocol.admission import Admission
from fs_server.protocol.claim import Wire
from fs_server.protocol.serving import Lifecycle, WireLimits, serve
from fs_server.services import Services
from fs_server.tools import TOOLS, Effect, Tool
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
    if services.processes is not None:
        services.processes.begin()
    limits = WireLimits(line_bytes=settings.limits.input_bytes)
    # The list of resources changes only where the client's roots narrow ours.
    notifications = NotificationOptions(resources_changed=settings.client_roots == "narrow")
    return asyncio.run(_serve(services, wire, limits, notifications))


async def _serve(services: Services, wire: Wire, limits: WireLimits, notifications: NotificationOptions) -> int:
    lifecycle = Lifecycle()
    lifecycle.on_close(services.close)
    await services.put_in_order()
    return await serve(build(services), wire=wire, lifecycle=lifecycle, limits=limits, notifications=notifications)


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
                ask=(*settings.ask, *root.ask),
            )
            for root in settings.roots
        ],
        resolver=resolver,
    )
    return Services(settings, opened, opened)


def _is_offered(tool: Tool, services: Services) -> bool:
    if tool.effect is Effect.RUN or tool.about_commands:
        return services.processes is not None
    return tool.effect is Effect.READ or services.writes


def build(services: Services, *, tools: Sequence[Tool] = TOOLS, questions: Questions | None = None) -> Server[Any]:
    """Return the handlers of both protocol eras."""
    limits = services.limits
    admission = Admission(limits.concurrent_calls, limits.calls_per_minute)
    # A tool that could do nothing is not offered at all.
    offered = [tool for tool in tools if _is_offered(tool, services)]
    calls = ToolHandlers(offered, services, admission, questions)
    resources = ResourceHandlers(services)
    server: Server[Any] = Server(
        identity.NAME,
        version=__version__,
        title=identity.TITLE,
        description=identity.DESCRIPTION,
        instructions=identity.instructions(services.workspace, limits, commands=services.processes is not None),
        cache_hints=_CACHE_HINTS,
        on_list_tools=calls.on_list,
        on_call_tool=calls.on_call,
        on_list_resources=resources.on_list,
        on_list_resource_templates=resources.on_list_templates,
        on_read_resource=resources.on_read,
        on_completion=CompletionHandler(services).on_complete,
    )
    client_roots = ClientRoots(services)
    server.add_notification_handler("notifications/initialized", t.NotificationParams, client_roots.on_changed)
    server.add_notification_handler("notifications/roots/list_changed", t.NotificationParams, client_roots.on_changed)
    offer_directories(server, resources)
    # What a question's answer brings back was made by this process, for the same tool and the same arguments.
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=identity.NAME))
    return server
