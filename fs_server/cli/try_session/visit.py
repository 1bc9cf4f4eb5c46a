"""One session with the server, as a host has it: connect, ask, leave. Bounded in time, and no process stays."""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import anyio
import mcp_types as t
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import CONNECTION_CLOSED, REQUEST_TIMEOUT
from mcp_types.version import (
    HANDSHAKE_PROTOCOL_VERSIONS,
    LATEST_HANDSHAKE_VERSION,
    LATEST_MODERN_VERSION,
    MODERN_PROTOCOL_VERSIONS,
)

from fs_server import __version__
from fs_server.cli.try_session.step import NothingToAsk, Outcome, Question, Step, Unexpected
from fs_server.cli.try_session.steps import CONNECT, GROUPS
from fs_server.cli.try_session.survey import Survey, survey
from fs_server.config.flags import PROGRAM

__all__ = ["ERAS", "Era", "Visited", "visit"]

PATIENCE_S = 40.0
"""Seconds for one step: a little more than the server itself gives a file operation, so that its words are seen."""

LOG_BYTES = 4_000
"""Of what the server wrote on standard error, the end."""


@dataclass(frozen=True, slots=True)
class Era:
    """A way to speak to the server.

    Attributes:
        version: the protocol version that is meant.
        mode: how the SDK's client is told.
        versions: what may be agreed on.
    """

    version: str
    mode: str
    versions: tuple[str, ...]


ERAS = (
    Era(LATEST_MODERN_VERSION, "auto", MODERN_PROTOCOL_VERSIONS),
    Era(LATEST_HANDSHAKE_VERSION, "legacy", HANDSHAKE_PROTOCOL_VERSIONS),
)


@dataclass(slots=True)
class Visited:
    """What came of a visit.

    Attributes:
        era: in which it was.
        connected: whether the server started and spoke.
        outcomes: in the order of the steps.
        found: what the directory has, for the next visit to ask about the same.
        log: what the server wrote on standard error.
    """

    era: Era
    connected: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    found: Survey | None = None
    log: str = ""

    @property
    def trouble(self) -> bool:
        """Whether a step failed."""
        return any(outcome.trouble for outcome in self.outcomes)


async def visit(
    command: tuple[str, ...],
    era: Era,
    *,
    found: Survey | None = None,
    tell: Callable[[Outcome], None] = lambda _: None,
    patience_s: float = PATIENCE_S,
) -> Visited:
    """Start the server, take every step that it offers, end it. `tell` hears of each step when it is over."""
    visited = Visited(era, found=found)

    def over(outcome: Outcome) -> None:
        visited.outcomes.append(outcome)
        tell(outcome)

    with io.TextIOWrapper(tempfile.TemporaryFile()) as log:
        started = time.perf_counter()
        try:
            await _session(_client(command, era, log, patience_s), visited, over, patience_s)
        except Exception as error:  # noqa: BLE001 - whatever keeps a host from connecting is what came of this step
            step = replace(CONNECT, name="the session") if visited.connected else CONNECT
            over(Outcome(step, time.perf_counter() - started, trouble=_words(error, patience_s)))
        length = log.buffer.seek(0, io.SEEK_END)
        log.buffer.seek(max(0, length - LOG_BYTES))
        visited.log = log.buffer.read().decode(errors="replace").strip()
    return visited


def _client(command: tuple[str, ...], era: Era, log: io.TextIOWrapper, patience_s: float) -> Client:
    # Constructed without validation, which takes no bytes that are not text; the name of a directory may have some.
    parameters = StdioServerParameters.model_construct(command=command[0], args=list(command[1:]))
    return Client(
        stdio_client(parameters, errlog=log),
        mode=era.mode,
        client_info=t.Implementation(name=f"{PROGRAM} try", version=__version__),
        read_timeout_seconds=patience_s,
        cache=None,  # every step is to reach the server
    )


async def _session(unconnected: Client, visited: Visited, over: Callable[[Outcome], None], patience_s: float) -> None:
    started = time.perf_counter()
    async with unconnected as client:
        seconds = time.perf_counter() - started
        if client.protocol_version not in visited.era.versions:
            raise Unexpected(f"The protocol {visited.era.version} was asked for, and {client.protocol_version} came.")
        visited.connected = True
        question = Question(client, {}, Survey())
        introduced = await _outcome(CONNECT, question, patience_s)
        over(replace(introduced, seconds=seconds))
        if client.server_capabilities.tools is not None:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            question = replace(question, tools=tools)
        if visited.found is None:
            visited.found = await survey(client, question.tools)
        question = replace(question, survey=visited.found)
        for step in _offered(question):
            outcome = await _outcome(step, question, patience_s)
            over(outcome)
            if outcome.gone:
                return


def _offered(question: Question) -> Iterator[Step]:
    return (step for group in GROUPS for step in group.steps if step is not CONNECT and step.offered(question))


async def _outcome(step: Step, question: Question, patience_s: float) -> Outcome:
    """Take one step."""
    started = time.perf_counter()

    def outcome(**came: object) -> Outcome:
        return Outcome(step, time.perf_counter() - started, **came)  # type: ignore[arg-type] # passed on

    try:
        with anyio.fail_after(patience_s):
            return outcome(seen=await step.ask(question))
    except NothingToAsk as reason:
        return outcome(left_out=str(reason))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a step is what came of it
        return outcome(trouble=_words(error, patience_s), gone=_is_over(error))


def _is_over(error: Exception) -> bool:
    """Tell whether more steps make no sense: the server is gone, or hangs."""
    closed = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, TimeoutError)
    return isinstance(error, closed) or (
        isinstance(error, MCPError) and error.code in {CONNECTION_CLOSED, REQUEST_TIMEOUT}
    )


def _words(error: BaseException, patience_s: float) -> str:
    """Return what went wrong as a sentence."""
    while isinstance(error, BaseExceptionGroup):  # a task group wraps even a single one
        error = error.exceptions[0]
    match error:
        case Unexpected():
            return str(error)
        case MCPError(code=code) if code == CONNECTION_CLOSED:
            return "The server ended without an answer."
        case MCPError(code=code) if code == REQUEST_TIMEOUT:
            return f"The server did not answer within {patience_s:g} s."
        case TimeoutError():
            return f"The server did not answer within {patience_s:g} s."
        case MCPError():
            return f"The server answered with error {error.code}: {error.message}"
        case _:
            return f"{type(error).__name__}: {error}"
