"""What a system has to offer so that commands can run on it; nothing here knows which system that is."""

import sys
from dataclasses import dataclass
from typing import Final, Protocol

from sandbox.command import Command, Ended

__all__ = ["LIMITS", "OFFERED", "Enforcement", "Runner", "Running", "Started"]

LIMITS: Final = ("cpu_s", "memory_bytes", "processes", "open_files", "file_bytes")
"""Settings that each process of a command is held to, where they are not 0."""

OFFERED: Final = sys.platform == "linux"
"""Whether commands can run on this system at all."""


class Running(Protocol):
    """One command that runs."""

    @property
    def pid(self) -> int:
        """The number of its program; 0 where nobody tells."""

    @property
    def unprotected(self) -> tuple[str, ...]:
        """Protected paths that nothing protects."""

    async def ended(self) -> Ended:
        """Return how it ended, once it and all that it started are dead."""

    def signal(self, number: int) -> None:
        """Send a signal to the program and its process group."""

    def kill(self) -> None:
        """End all of it, at once."""

    def close(self) -> None:
        """Let go of it; what still runs is ended."""


class Runner(Protocol):
    """Starts commands, each confined."""

    async def run(self, command: Command) -> Running:
        """Return when the program has started.

        Raises:
            SandboxError: it cannot be started.
        """

    def close(self) -> None:
        """End every command; it may block for some milliseconds."""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What holds for a command, and what does not.

    Attributes:
        tier: how commands are confined; None where they are refused, because too little is offered.
        why_not: of the tiers that are not offered, what is missing.
        landlock_abi: version; 0 for none.
        network: `none` or `full`.
        tree_kill: by what all that a command started is ended.
        protected_paths: `enforced`, `tripwire` (told of afterwards) or `none`.
        limits: that are set, by the names of the settings.
        not_prevented: what a command can do in spite of all.
    """

    tier: str | None
    why_not: str
    landlock_abi: int
    network: str
    tree_kill: str
    protected_paths: str
    limits: tuple[str, ...]
    not_prevented: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "tier": self.tier or "refused",
            "landlock_abi": self.landlock_abi,
            "network": self.network,
            "tree_kill": self.tree_kill,
            "protected_paths": self.protected_paths,
            "limits": list(self.limits),
            "not_prevented": list(self.not_prevented),
        }


@dataclass(frozen=True, slots=True)
class Started:
    """What starts commands here, and what it showed that it can do.

    Attributes:
        runner: starts them.
        enforcement: what holds for each.
        home: the directory that commands have as their home; "" for the user's own.
        within: the directories beneath which commands can execute anything; none where that is everywhere.
    """

    runner: Runner
    enforcement: Enforcement
    home: str
    within: tuple[str, ...] = ()
