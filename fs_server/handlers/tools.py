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
from fs_server.handlers.consent import Questions
from fs_server.protocol.admission import Admission
from fs_server.protocol.framing import REPAIRED
from fs_server.services import Services
from fs_server.tools.answer import Answer, Audio, Block, Image
from fs_server.tools.arguments import schema_of, validated
from fs_server.tools.consent import Consent, Unconfirmed
from fs_server.tools.progress import SILENT, Progress
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

    def __init__(
        self, tools: Sequence[Tool], services: Services, admission: Admission, questions: Questions | None = None
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._listed = [listed(tool) for tool in tools]
        self._services = services
        self._admission = admission
        self._questions = questions or Questions()

    async def on_list(
        self, _ctx: ServerRequestContext[Any, Any], params: t.PaginatedRequestParams | None
    ) -> t.ListToolsResult:
        """Give the whole catalogue: it is one page."""
        if params is not None and params.cursor is not None:
            raise MCPError(code=t.INVALID_PARAMS, message="Invalid cursor: tools/list has one page")
        return t.ListToolsResult(tools=self._listed)

    async def on_call(
        self, ctx: ServerRequestContext[Any, Any], params: t.CallToolRequestParams
    ) -> t.CallToolResult | t.InputRequiredResult:
        """Call one tool. Whatever a model can repair comes back as a result that says how."""
        tool = self._tools.get(params.name)
        if tool is None:
            known = ", ".join(self._tools)
            raise MCPError(code=t.INVALID_PARAMS, message=f"Unknown tool: {quoted(params.name)}. There are: {known}")
        try:
            _require_whole(ctx, tool)
            return await self._called(ctx, tool, params)
        except SandboxError as refusal:
            return _failed(explain(refusal))
        except Failure as failure:
            return _failed(failure)
        except ValidationError as defect:
            # Of a result of ours. The library would answer that the client's parameters were wrong.
            message = f"{tool.name} made a result that does not fit its own schema"
            raise RuntimeError(message) from defect

    async def _called(
        self, ctx: ServerRequestContext[Any, Any], tool: Tool, params: t.CallToolRequestParams
    ) -> t.CallToolResult | t.InputRequiredResult:
        """Call a tool, from the top each time, until it has no more questions to a person."""
        consent, resumed = Consent(), False
        while True:
            try:
                # Commands have a bound of their own, and may take hours; files are served beside them.
                waits = tool.about_commands or tool.effect is Effect.RUN
                async with self._admission.call(resumed=resumed, waits=waits):
                    asked = validated(tool.arguments, params.arguments or {}, tool=tool.name)
                    consent = consent if resumed else self._questions.answered(params)
                    progress = _progress(ctx) if tool.effect is Effect.RUN else SILENT
                    return _result(await tool.call(asked, self._services, consent, progress))
            except Unconfirmed as unconfirmed:
                question = unconfirmed.question
            # Here, where the call holds neither its place nor what the tool had planned: a person may take minutes.
            answer = await self._questions.put(ctx, question, consent)
            if isinstance(answer, t.InputRequiredResult):
                return answer
            consent, resumed = answer, True


def _progress(ctx: ServerRequestContext[Any, Any]) -> Progress:
    if (ctx.meta or {}).get("progress_token") is None:
        return SILENT

    async def tell(done: float, words: str) -> None:
        await ctx.session.report_progress(done, None, words)

    return Progress(tell)


def _require_whole(ctx: ServerRequestContext[Any, Any], tool: Tool) -> None:
    """Let nothing be written that the client did not mean.

    Raises:
        Failure: `invalid_argument`, characters of the arguments came as no text.
    """
    if tool.effect is not Effect.READ and ctx.request == REPAIRED:
        fact = "Its arguments hold half of a character (a lone surrogate), or bytes that are no UTF-8"
        raise Failure("invalid_argument", tool.name, fact, "Send text without it; nothing is changed")


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
