"""`tools/list` and `tools/call`: the catalogue in the protocol's words, and the one boundary where failures end."""

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from fs_server.errors import Failure, explain, quoted
from fs_server.protocol.admission import Admission
from fs_server.services import Services
from fs_server.tools.answer import Answer, Audio, Block, Image
from fs_server.tools.arguments import schema_of, validated
from fs_server.tools.tool import Effect, Tool
from sandbox import SandboxError

__all__ = ["FACTS_KEY", "ToolHandlers", "listed"]

FACTS_KEY = "fs-server/result"
"""Where a result's facts for programs stand in its `_meta`."""

log = logging.getLogger(__name__)


def listed(tool: Tool) -> t.Tool:
    """Return a tool as `tools/list` shows it. All four hints are set: a missing one means the worst to a host."""
    reads = tool.effect is Effect.READ
    return t.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.arguments),
        output_schema=None if tool.data is None else schema_of(tool.data),
        annotations=t.ToolAnnotations(
            title=tool.title,
            read_only_hint=reads,
            destructive_hint=tool.effect in {Effect.DESTROY, Effect.RUN},
            idempotent_hint=reads,
            open_world_hint=tool.effect is Effect.RUN,
        ),
        # A host that shows tools only when they are searched for shows these at once.
        _meta={"anthropic/alwaysLoad": True} if tool.core else None,
    )


class ToolHandlers:
    """Answers `tools/list` and `tools/call` for the tools that the settings permit."""

    def __init__(self, tools: Sequence[Tool], services: Services, admission: Admission) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._listed = [listed(tool) for tool in tools]
        self._services = services
        self._admission = admission

    async def on_list(
        self, _ctx: ServerRequestContext[Any, Any], params: t.PaginatedRequestParams | None
    ) -> t.ListToolsResult:
        """Give the whole catalogue: it is one page."""
        if params is not None and params.cursor is not None:
            raise MCPError(code=t.INVALID_PARAMS, message="Invalid cursor: tools/list has one page")
        return t.ListToolsResult(tools=self._listed)

    async def on_call(self, _ctx: ServerRequestContext[Any, Any], params: t.CallToolRequestParams) -> t.CallToolResult:
        """Call one tool. Whatever a model can repair comes back as a result that says how."""
        tool = self._tools.get(params.name)
        if tool is None:
            known = ", ".join(self._tools)
            raise MCPError(code=t.INVALID_PARAMS, message=f"Unknown tool: {quoted(params.name)}. There are: {known}")
        try:
            async with self._admission.call():
                asked = validated(tool.arguments, params.arguments or {}, tool=tool.name)
                return _result(await tool.call(asked, self._services))
        except SandboxError as refusal:
            return _failed(explain(refusal))
        except Failure as failure:
            return _failed(failure)
        except ValidationError as defect:
            # Of a result of ours. The library would answer that the client's parameters were wrong.
            message = f"{tool.name} made a result that does not fit its own schema"
            raise RuntimeError(message) from defect


def _result(answer: Answer) -> t.CallToolResult:
    content = [_content(block) for block in answer.blocks]
    structured = None
    if answer.data is not None:
        # Hosts give the model either the text or the structure: each tells everything.
        structured = answer.data.model_dump(mode="json", exclude_none=True)
        content.append(t.TextContent(type="text", text=json.dumps(structured, ensure_ascii=False, indent=1)))
    return t.CallToolResult(content=content, structured_content=structured, _meta=_meta(answer.facts))


def _content(block: Block) -> t.ContentBlock:
    if isinstance(block, Image):
        return t.ImageContent(type="image", data=_base64(block.data), mime_type=block.media_type)
    if isinstance(block, Audio):
        return t.AudioContent(type="audio", data=_base64(block.data), mime_type=block.media_type)
    return t.TextContent(type="text", text=block.text)


def _failed(failure: Failure) -> t.CallToolResult:
    content: list[t.ContentBlock] = [t.TextContent(type="text", text=str(failure))]
    return t.CallToolResult(content=content, is_error=True, _meta=_meta({"code": failure.code}))


def _meta(facts: Mapping[str, object]) -> dict[str, Any]:
    return {FACTS_KEY: dict(facts)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
