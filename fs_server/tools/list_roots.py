"""The tool `list_roots`: what this server may touch, told by itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.tool import Effect, tool
from sandbox import Root, shown, uri_of_path


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


class CommandFacts(BaseModel):
    """What commands may do."""

    model_config = ConfigDict(frozen=True)

    available: bool
    tier: Literal["none"] = Field(description="How commands are confined")


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
            commands=CommandFacts(available=False, tier="none"),
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
