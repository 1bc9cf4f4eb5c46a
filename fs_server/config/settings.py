"""The settings in force, as frozen records. Every limit has its unit in its name and its reason beside it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

__all__ = ["ClientRoots", "Limits", "LogLevel", "Network", "Require", "RootSetting", "Settings"]

ClientRoots = Literal["hint", "narrow"]
LogLevel = Literal["debug", "info", "warning", "error"]
Network = Literal["none", "full"]
Require = Literal["namespace", "landlock", "none"]

_MIB = 1 << 20

_N = TypeVar("_N", int, float)


def _limit(default: _N, *, least: _N, most: _N, about: str) -> _N:
    return field(default=default, metadata={"least": least, "most": most, "about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one call, and all calls together, may take."""

    result_chars: int = _limit(
        20_000,
        least=1_000,
        most=10_000_000,
        about="Characters of text in one tool result. Hosts cut longer ones in the middle.",
    )
    resource_bytes: int = _limit(
        16 * _MIB, least=1_024, most=1 << 30, about="Bytes of one file that resources/read returns."
    )
    input_bytes: int = _limit(
        32 * _MIB,
        least=65_536,
        most=1 << 30,
        about="Bytes of one line on standard input, which is one message.",
    )
    concurrent_calls: int = _limit(
        32,
        least=1,
        most=1_024,
        about="Calls that are worked on at the same time. Others wait their turn, for 10 s at most.",
    )
    calls_per_minute: int = _limit(
        0,
        least=0,
        most=1_000_000,
        about="Tool calls in any 60 seconds; those over it are told to wait. 0: no limit.",
    )
    call_timeout_s: float = _limit(
        30.0,
        least=0.1,
        most=3_600.0,
        about="Seconds that one file operation may take, on a dead network mount for one.",
    )
    confirm_delete_files: int = _limit(
        100,
        least=0,
        most=1_000_000,
        about="Files that one call deletes with their directory before you are asked. 0: you are always asked.",
    )
    change_bytes: int = _limit(
        256 * _MIB,
        least=1_024,
        most=1 << 40,
        about="Bytes of content that are kept of one change, so that it can be undone. For more you are asked.",
    )
    journal_bytes: int = _limit(
        1 << 30,
        least=_MIB,
        most=1 << 42,
        about="Bytes that the journal of changes may take. The oldest are forgotten first.",
    )
    journal_days: int = _limit(30, least=1, most=3_650, about="Days after which a change is forgotten.")
    timeout_s: int = _limit(
        3_600,
        least=1,
        most=604_800,
        about="Seconds that a command may run at most, whatever the assistant asks for. Background ones may run on.",
    )
    output_bytes: int = _limit(
        16 * _MIB,
        least=65_536,
        most=1 << 40,
        about="Bytes of each output of a command that can be read again. Of more, the end is kept.",
    )
    cpu_s: int = _limit(
        0, least=0, most=10_000_000, about="Seconds of processor time of each process of a command. 0: no limit."
    )
    memory_bytes: int = _limit(
        0,
        least=0,
        most=1 << 50,
        about="Bytes of address space of each process of a command; of some runtimes much is never used. 0: no limit.",
    )
    processes: int = _limit(
        1_024, least=0, most=1_000_000, about="Processes and threads of a command. Root is not held to it. 0: no limit."
    )
    open_files: int = _limit(
        4_096, least=0, most=1_000_000, about="Files that each process of a command may have open. 0: no limit."
    )
    file_bytes: int = _limit(
        8 << 30, least=0, most=1 << 50, about="Bytes of one file that a command writes. 0: no limit."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSetting:
    """One directory to serve. It has not been looked at: opening it, and refusing it, is the sandbox's part.

    Attributes:
        name: one path component, unique among the roots; a client writes it first in `NAME/rest`.
        path: absolute.
        writable: already false where everything is read-only.
        deny: patterns in .gitignore syntax, at any depth, that cannot be read; they follow `Settings.deny`.
        protect: the same for writing; they follow `Settings.protect`.
        ask: patterns of names that are written only if the person agrees; they follow `Settings.ask`.
        holds_home: the operator's home directory is this root or lies beneath it.
    """

    name: str
    path: Path
    writable: bool = True
    deny: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    holds_home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the operator decides.

    Attributes:
        roots: in the order in which they were given; at least one when serving.
        journal: the directory of the journal of changes, which is made for the first change.
        read_only: no tool that writes is offered.
        deny: patterns that hold in every root, for reading; the defaults are among them. The last match wins.
        protect: the same for writing.
        ask: patterns of names that are written only if the person agrees, even of those that `protect` covers.
        client_roots: what the directories that a client announces do. `hint`: they order ours. `narrow`: only
            what lies in both is served, and nothing before the client has answered. They never widen.
        log_level: the least severe record that is written to standard error.
        commands: tools are offered that run commands.
        allow_command: names of the programs that may be run; empty for all. No boundary: most programs run others.
        network: what commands have of it.
        require: the weakest sandbox in which commands are run.
        limits: how much a call may take.
    """

    roots: tuple[RootSetting, ...]
    journal: Path
    read_only: bool = False
    deny: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    client_roots: ClientRoots = "hint"
    log_level: LogLevel = "warning"
    commands: bool = True
    allow_command: tuple[str, ...] = ()
    network: Network = "none"
    require: Require = "landlock"
    limits: Limits = Limits()
