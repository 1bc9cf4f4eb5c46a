"""The skills extension, as far as this server has it: its method for reading directories, and no skills yet.

`resources/directory/read` is the extension's, behind its setting `directoryRead`; a server that declares the
extension answers `skills/list` and `skills/get` too.

Source: SEP-2640, `io.modelcontextprotocol/skills`.
"""

from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from fs_server.errors import quoted
from fs_server.handlers.eras import is_modern
from fs_server.handlers.resources import DIRECTORY_READ, DirectoryReadParams, ResourceHandlers

__all__ = ["offer_directories"]

EXTENSION = "io.modelcontextprotocol/skills"
_HOUR_MS = 3_600_000


class _GetSkillParams(t.RequestParams):
    uri: str


def offer_directories(server: Server[Any], resources: ResourceHandlers) -> None:
    """Declare the extension, and answer its methods."""
    server.extensions[EXTENSION] = {"directoryRead": True}
    server.add_request_handler(DIRECTORY_READ, DirectoryReadParams, resources.on_directory_read)
    server.add_request_handler("skills/list", t.PaginatedRequestParams, _on_list)
    server.add_request_handler("skills/get", _GetSkillParams, _on_get)


async def _on_list(ctx: ServerRequestContext[Any, Any], _params: t.PaginatedRequestParams) -> dict[str, Any]:
    result: dict[str, Any] = {"skills": []}
    if is_modern(ctx):
        result |= {"ttlMs": _HOUR_MS, "cacheScope": "public"}
    return result


async def _on_get(_ctx: ServerRequestContext[Any, Any], params: _GetSkillParams) -> dict[str, Any]:
    raise MCPError(code=t.INVALID_PARAMS, message=f"Unknown skill: {quoted(params.uri)}", data={"uri": params.uri})
