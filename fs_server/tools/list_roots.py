"""The tool `list_roots`: what this server may touch, told by itself."""

import asyncio
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.tool import Effect, tool
from sandbox import Root, SandboxError, shown, uri_of_path

PATIENCE_S = 5.0
"""Seconds that what starts commands gets to say what it can do. It needs a tenth of one."""


class RootFacts(BaseModel):
    """One root."""

    model_config = ConfigDict(frozen=True)

    name: str
    path: str
    uri: str
    writable: bool
    secret_patterns: list[str] = Field(description="Names that cannot be read; .gitignore syntax")
    protected_patterns: list[str] = Field(description="Names that cannot be written")
    ask_patterns: list[str] = Field(description="Names that the user is asked about before they are written")


Tier = Literal["namespace", "landlock", "none", "refused"]
Protected = Literal["enforced", "tripwire", "none"]


class CommandFacts(BaseModel):
    """What commands may do."""

    model_config = ConfigDict(frozen=True)

    available: bool
    tier: Tier = Field(description="How commands are confined")
    why_not: Annotated[str | None, Field(description="What keeps commands from running, or from a stronger tier")] = (
        None
    )
    network: Literal["none", "full"] | None = None
    tree_kill: Annotated[str | None, Field(description="By what all that a command started is ended")] = None
    protected_paths: Annotated[
        Protected | None, Field(description="tripwire: a command can write them, and that is told")
    ] = None
    not_prevented: Annotated[list[str] | None, Field(description="What a command can do in spite of all")] = None
    programs: Annotated[list[str] | None, Field(description="That may be run; none: any")] = None
    timeout_s: int | None = None
    output_bytes: Annotated[int | None, Field(description="Kept of each output")] = None
    limits: Annotated[dict[str, int] | None, Field(description="Of each process of a command")] = None


class LimitFacts(BaseModel):
    """What one call may take."""

    model_config = ConfigDict(frozen=True)

    result_chars: int
    resource_bytes: int
    concurrent_calls: int
    calls_per_minute: int = Field(description="0: no limit")
    call_timeout_s: float
    confirm_delete_files: int = Field(description="Deleting more at once is confirmed by the user")
    change_bytes: int = Field(description="Kept of one change, for undo")
    journal_bytes: int = Field(description="Kept of all changes; the oldest go first")
    journal_days: int


class RootList(BaseModel):
    """The result of `list_roots`."""

    model_config = ConfigDict(frozen=True)

    roots: list[RootFacts]
    how_to_write_paths: str
    resolver: str = Field(description="How paths are kept inside the roots")
    commands: CommandFacts
    limits: LimitFacts


class ListRoots(Arguments):
    """`list_roots` takes nothing."""


@tool(title="List roots", effect=Effect.READ, data=RootList, core=True)
async def list_roots(_asked: ListRoots, services: Services) -> Answer:
    """The directories (roots) that can be read, what is protected in them, and the limits of a call."""
    workspace, limits = services.workspace, services.limits
    return Answer(
        facts={"count": len(workspace.roots)},
        data=RootList(
            roots=[_facts(root) for root in workspace.roots],
            how_to_write_paths=how_to_write_paths([root.name for root in workspace.roots]),
            resolver=workspace.resolver.name,
            commands=await _commands(services),
            limits=LimitFacts(
                result_chars=limits.result_chars,
                resource_bytes=limits.resource_bytes,
                concurrent_calls=limits.concurrent_calls,
                calls_per_minute=limits.calls_per_minute,
                call_timeout_s=limits.call_timeout_s,
                confirm_delete_files=limits.confirm_delete_files,
                change_bytes=limits.change_bytes,
                journal_bytes=limits.journal_bytes,
                journal_days=limits.journal_days,
            ),
        ),
    )


async def _commands(services: Services) -> CommandFacts:
    if services.processes is None:
        return CommandFacts(available=False, tier="none")
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = (await services.processes.started()).enforcement
    except TimeoutError:
        return CommandFacts(available=False, tier="refused", why_not="What starts commands has not answered yet")
    except (SandboxError, Failure) as refusal:
        why_not = str(refusal.facts.get("reason", "")) if isinstance(refusal, SandboxError) else str(refusal)
        return CommandFacts(available=False, tier="refused", why_not=shown(why_not))
    limits, settings = services.limits, services.settings
    return CommandFacts(
        available=found.tier is not None,
        tier=cast("Tier", found.tier or "refused"),
        why_not=shown(found.why_not) or None,
        network=settings.network,
        tree_kill=found.tree_kill,
        protected_paths=cast("Protected", found.protected_paths),
        not_prevented=list(found.not_prevented),
        programs=list(settings.allow_command) or None,
        timeout_s=limits.timeout_s,
        output_bytes=limits.output_bytes,
        limits={name: getattr(limits, name) for name in found.limits},
    )


def _facts(root: Root) -> RootFacts:
    return RootFacts(
        name=root.name,
        path=shown(root.path),
        uri=uri_of_path(root.path),
        writable=root.rules.writable,
        secret_patterns=list(root.rules.secret.texts),
        protected_patterns=list(root.rules.protected.texts),
        ask_patterns=list(root.rules.ask.texts),
    )


def how_to_write_paths(names: list[str]) -> str:
    """Return in one sentence how a client names a file."""
    if len(names) == 1:
        return 'Relative to the root, as in "src/main.py"; absolute paths and file:// URIs beneath it work too.'
    return f'Begin with a root\'s name, as in "{names[0] if names else "ROOT"}/src/main.py"; absolute paths work too.'
