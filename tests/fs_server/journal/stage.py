"""A tree in which servers work and die, with somebody between them and the system."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.journal.operations import Operation
from sandbox import SandboxError
from tests.fs_server.journal.calls import Calls
from tests.fs_server.journal.moments import Before
from tests.fs_server.journal.worlds import KEEP, Picture, Server, World, in_memory, temporaries

__all__ = ["Plan", "Stage", "staged"]

Plan = Callable[[Server], Sequence[Operation]]


@dataclass
class Stage:
    """A world, in which servers die."""

    world: World
    calls: Calls

    @property
    def root(self) -> Path:
        return self.world.root

    def die(self, plan: Plan, before: Before, *, keep_bytes: int = KEEP) -> None:
        """Let a server plan and carry out until its calls fail, all of them: so the tree stays as it is then."""
        server = self.world.open()
        self.calls.reach(server.workspace.resolver)
        operations = plan(server)
        with self.calls.hear(before), contextlib.suppress(SandboxError, OSError, Failure):
            server.carry_out(operations, keep_bytes=keep_bytes)
        server.close()

    def recover(self, *, handled: int = 1, kept: bool = True) -> Picture:
        """Start the next server, and return the tree; `kept` says whether all that was replaced is."""
        with self.world.server() as server:
            assert server.recover() == handled
            assert server.recover() == 0
            assert server.unfinished() == {}
            if kept:
                server.require_consistent()
        picture = self.world.picture()
        assert temporaries(picture) == []
        return picture


@contextlib.contextmanager
def staged(backend: str) -> Iterator[Stage]:
    """Give a tree on which no server has worked yet."""
    calls = Calls()
    with pytest.MonkeyPatch.context() as patch, in_memory() as base:
        calls.install(patch)
        world = World(base, backend)
        world.build()
        yield Stage(world, calls)
