"""What the warden is told once at its start, and what it is told of each command: data, made from messages."""

import enum
import os
import socket
import sys
from dataclasses import dataclass

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.warden.protocol import Message

__all__ = ["Confinement", "Granted", "Request", "Tier"]


class Tier(enum.StrEnum):
    """How a command is confined, weakest first.

    `NONE`: not at all; its whole tree is ended all the same, and limits hold.
    `LANDLOCK`: by Landlock and a filter of system calls, among the processes of the machine.
    `NAMESPACE`: by both, in namespaces of its own, where nothing else exists.
    """

    NONE = "none"
    LANDLOCK = "landlock"
    NAMESPACE = "namespace"

    def is_below(self, required: "Tier") -> bool:
        """Tell whether it confines less than the other."""
        order = list(Tier)
        return order.index(self) < order.index(required)


@dataclass(frozen=True, slots=True)
class Granted:
    """A directory that commands may use.

    Attributes:
        path: the real one, absolute.
        handle: of the directory itself.
        writable: whether anything in it may be changed.
    """

    path: str
    handle: int
    writable: bool

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        facts = os.fstat(self.handle)
        return facts.st_dev, facts.st_ino


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds for every command.

    Attributes:
        roots: directories of the user's, outer ones before those that they hold.
        readable: paths of the system; what is missing is passed over.
        network: whether there is any.
        private_bytes: that /tmp and /dev/shm may hold each, in the tier where they are a command's own.
        abi: the version of Landlock that is used, at most what the kernel has.
        server: the process that is served.
        tiers: that are tried.
        scratch: a private directory for temporary files, for the tier that has no /tmp of its own.
    """

    roots: tuple[Granted, ...]
    readable: tuple[str, ...]
    network: bool
    private_bytes: int
    abi: int
    server: int
    tiers: tuple[Tier, ...] = ()
    scratch: Granted | None = None

    @classmethod
    def of(cls, message: Message, files: list[int], abi: int) -> "Confinement":
        """Return what a message says; `files` are the roots, and behind them the scratch directory, if there is one."""
        granted = [
            Granted(path, handle, writable) for (path, writable), handle in zip(message["granted"], files, strict=True)
        ]
        scratch = granted.pop() if message["scratch"] else None
        return cls(
            roots=tuple(sorted(granted, key=lambda one: one.path.count("/"))),
            readable=tuple(message["readable"]),
            network=message["network"],
            private_bytes=message["private_bytes"],
            abi=min(abi, message["most_abi"]),
            server=message["server"],
            tiers=tuple(map(Tier, message["tiers"])),
            scratch=scratch,
        )

    @property
    def scoped(self) -> bool:
        """Whether Landlock keeps signals within, on this kernel."""
        return self.abi >= 6  # noqa: PLR2004 - the first with LANDLOCK_SCOPE_SIGNAL


@dataclass(frozen=True, slots=True)
class Request:
    """One command.

    Attributes:
        leash: the connection to the server, for this command alone.
        stdin: its standard input.
        stdout: its standard output.
        stderr: its standard error.
        cwd: a handle of the directory that it starts in.
        argv: the program and its arguments.
        environment: all of it.
        limits: names of rlimits, and how much of each.
        protected: absolute paths that it may not change.
        tier: how it is confined.
        processes: how many it may have.
    """

    leash: socket.socket
    stdin: int
    stdout: int
    stderr: int
    cwd: int
    argv: list[bytes]
    environment: dict[bytes, bytes]
    limits: dict[str, int]
    protected: list[str]
    tier: Tier
    processes: int | None = None

    @classmethod
    def of(cls, message: Message, files: list[int]) -> "Request":
        """Return what a message says; `files` are in the order of the fields."""
        leash, stdin, stdout, stderr, cwd = files
        return cls(
            socket.socket(fileno=leash),
            stdin,
            stdout,
            stderr,
            cwd,
            [os.fsencode(argument) for argument in message["argv"]],
            {os.fsencode(name): os.fsencode(value) for name, value in message["environment"].items()},
            message["limits"],
            message["protected"],
            Tier(message["tier"]),
            message["processes"],
        )
