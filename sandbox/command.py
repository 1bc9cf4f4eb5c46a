"""A command, before it runs: what is executed, where, with what, and how much it may take.

Nothing is interpreted: no shell, no variables, no patterns. The directory is a handle that is held already, so that no
name is looked up between allowing it and starting there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.errors import CommandRefused

__all__ = ["Command", "Ended", "ProcessLimits"]

MOST_BYTES = 2 << 20
"""Of arguments and environment together: what Linux takes where nobody changed the size of a stack (execve(2))."""

MOST_ARGUMENT_BYTES = (128 << 10) - 1
"""Of one of them, with the NUL behind it (MAX_ARG_STRLEN)."""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What each process of a command may take; None: as much as the server's user.

    Attributes:
        cpu_s: seconds of processor time; then it is killed.
        memory_bytes: address space. Of each process, not of all together.
        file_bytes: in one file.
        open_files: descriptors.
        processes: how many there may be. The kernel counts all of the user's, or of the command's namespace, and does
            not hold root to it.
    """

    cpu_s: int | None = None
    memory_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What shall be run.

    Attributes:
        argv: the program and its arguments. Without a slash the program is looked for in `PATH` of `environment`.
        cwd: a handle of a directory, beneath a root. The caller keeps it open until the command has started.
        environment: all of it; but for `TMPDIR`, which is set if it is missing.
        stdin: a descriptor that it reads from.
        stdout: a descriptor that it writes to.
        stderr: a descriptor that it writes to.
        limits: of each of its processes.
        protected: absolute paths, beneath roots, that it may not change. Only the tier `namespace` enforces that, and
            only where something stands there at the start; `Run.unprotected` says where not.
    """

    argv: tuple[str, ...]
    cwd: int
    stdin: int
    stdout: int
    stderr: int
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: ProcessLimits = ProcessLimits()
    protected: tuple[str, ...] = ()

    def check(self) -> None:
        """Return if this can be a command.

        Raises:
            CommandRefused: it cannot; `reason` says why.
        """
        if not self.argv or not self.argv[0]:
            raise CommandRefused(reason="it names no program")
        texts = [*self.argv, *(f"{name}={value}" for name, value in self.environment.items())]
        if any("\0" in text for text in texts):
            raise CommandRefused(self.argv[0], reason="a NUL stands in it")
        if any(not name or "=" in name for name in self.environment):
            raise CommandRefused(self.argv[0], reason="a name in its environment is none")
        sizes = [len(text.encode("utf-8", "surrogateescape")) for text in texts]
        if max(sizes) > MOST_ARGUMENT_BYTES or sum(sizes) > MOST_BYTES:
            raise CommandRefused(self.argv[0], reason="its arguments or its environment are too long")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and with it everything that it had started.

    Attributes:
        exit_code: of the program; None where a signal ended it, or nobody knows.
        signal: that ended it; None where none did, or nobody knows.
        why: "" where it ended by itself; "server" or "warden" where it was ended because they asked or were gone;
            "lost" where its guard was killed, so that nobody knows its status.
        killed: how many processes it had left that had to be killed.
        user_s: seconds of processor time in programs, of all its processes.
        system_s: seconds of processor time in the kernel.
        max_rss_bytes: the most memory that one of its processes had in use; what a small Python has at the least.
    """

    exit_code: int | None
    signal: int | None
    why: str = ""
    killed: int = 0
    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0
