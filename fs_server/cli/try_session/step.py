"""One thing that a host asks, and what came of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as t
from mcp import Client

from fs_server.cli.try_session.survey import Survey

__all__ = ["Group", "NothingToAsk", "Outcome", "Question", "Seen", "Step", "Unexpected", "code_of", "facts_of", "texts"]

FACTS_KEY = "fs-server/result"


class Unexpected(Exception):
    """The server answered, but not what it should."""


class NothingToAsk(Exception):
    """The directory has nothing that the step could ask about."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a host sees of one answer.

    Attributes:
        told: one short fact. It is the same in both eras unless these differ, so no times and no sizes of files.
        asked: what was sent with the request.
        came: the answer in a few words.
        quoted: lines as they came, shown shortened.
        said: sentences, shown whole.
        refused: whether that is a refusal, as it was meant to be.
    """

    told: str
    asked: Mapping[str, object] = field(default_factory=dict)
    came: str = ""
    quoted: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a step works with: an open connection, and what is known of the server and the directory by now."""

    client: Client
    tools: Mapping[str, t.Tool]
    survey: Survey

    async def call(self, tool: str, arguments: Mapping[str, object]) -> t.CallToolResult:
        """Call a tool and return its result, which may be a refusal."""
        return await self.client.call_tool(tool, dict(arguments))

    async def answer(self, tool: str, arguments: Mapping[str, object]) -> t.CallToolResult:
        """Call a tool and return its result.

        Raises:
            Unexpected: it is a refusal.
        """
        result = await self.call(tool, arguments)
        if result.is_error:
            raise Unexpected(" ".join(texts(result)))
        return result


@dataclass(frozen=True, slots=True)
class Step:
    """One request.

    Attributes:
        name: short, unique: the tool's or the method's, and more where it is asked twice.
        ask: sends it and judges the answer. Raises `NothingToAsk`, or `Unexpected`.
        tool: it is left out where the server has none of this name.
        capability: it is left out where the server does not announce this one.
        asks: the tool or the method that is shown as asked, where that is not the name.
    """

    name: str
    ask: Callable[[Question], Awaitable[Seen]]
    tool: str = ""
    capability: str = ""
    asks: str = ""

    def offered(self, question: Question) -> bool:
        """Tell whether the server has what the step asks for."""
        if self.tool and self.tool not in question.tools:
            return False
        return not self.capability or getattr(question.client.server_capabilities, self.capability) is not None


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that are told under one heading."""

    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: something seen, a reason why there was nothing to ask about, or trouble.

    `gone` is true where the server will answer nothing more.
    """

    step: Step
    seconds: float
    seen: Seen | None = None
    left_out: str = ""
    trouble: str = ""
    gone: bool = False


def texts(result: t.CallToolResult) -> list[str]:
    """Return the text blocks of a result."""
    return [block.text for block in result.content if isinstance(block, t.TextContent)]


def code_of(result: t.CallToolResult) -> str:
    """Return the code of a refusal; nothing where the result is none."""
    return str(facts_of(result).get("code", "?")) if result.is_error else ""


def facts_of(result: t.CallToolResult) -> Mapping[str, Any]:
    """Return what a result tells programs."""
    facts: Mapping[str, Any] = (result.meta or {}).get(FACTS_KEY, {})
    return facts
