"""Every kind of change that a tool makes, to be interrupted at every point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fs_server.journal.carrying import Carried
from fs_server.journal.changes import Author
from fs_server.journal.operations import ANYTHING, Copy, MakeDirectory, Move, Operation, Put, Remove
from sandbox import Target
from tests.fs_server.journal.worlds import BIG, Server

__all__ = ["SIMPLE", "SOME", "WORKS", "Work"]

Plan = Callable[[Server], Sequence[Operation]]


@dataclass(frozen=True, slots=True)
class Work:
    """A change, and the changes that have to be made before it.

    Attributes:
        plan: what it does.
        before: what was done first.
        undoes: it takes the last of those back.
    """

    plan: Plan
    before: tuple["Work", ...] = ()
    undoes: bool = False

    def prepare(self, server: Server) -> None:
        """Make the changes that come before it."""
        for work in self.before:
            work.carry_out(server)

    def carry_out(self, server: Server) -> Carried:
        """Make the change."""
        if not self.undoes:
            return server.carry_out(self.plan(server))
        last = next(change for change in server.journal.feed().changes if change.author == Author.SERVER)
        return server.carry_out(server.undoing(last.number), undoes=last.number)


def with_directories(target: Target) -> list[Operation]:
    return [MakeDirectory(directory) for directory in target.directories_to_make()]


def put(path: str, content: bytes, expected: str | None = None, *, like: str = "") -> Plan:
    def plan(server: Server) -> list[Operation]:
        target = server.at(path)
        model = server.at(like) if like else None
        return [*with_directories(target), Put(target, content, expected, like=model)]

    return plan


def append(path: str, more: bytes) -> Plan:
    def plan(server: Server) -> list[Operation]:
        target = server.at(path)
        with target.spot() as spot, spot.open() as file:
            content = b"".join(file.chunks())
        return [Put(target, content + more, ANYTHING)]

    return plan


def move(source: str, destination: str) -> Plan:
    def plan(server: Server) -> list[Operation]:
        there = server.at(destination, follow=False)
        return [
            *with_directories(there),
            *([Remove(there)] if there.stat is not None else []),
            Move(server.at(source, follow=False), there),
        ]

    return plan


def copy(source: str, destination: str) -> Plan:
    def plan(server: Server) -> list[Operation]:
        there = server.at(destination)
        return [
            *with_directories(there),
            *([Remove(there)] if there.stat is not None else []),
            Copy(server.source(source), there),
        ]

    return plan


def copy_over(source: str, destination: str) -> Plan:
    """Do what a move between two file systems does."""

    def plan(server: Server) -> list[Operation]:
        here, there = server.at(source, follow=False), server.at(destination, follow=False)
        return [Copy(here, there, as_it_was=True), Remove(here)]

    return plan


def remove(path: str) -> Plan:
    return lambda server: [Remove(server.at(path, follow=False))]


def make_directories(server: Server) -> list[Operation]:
    target = server.at("new/one/two")
    return [*with_directories(target), MakeDirectory(target)]


def several(server: Server) -> list[Operation]:
    """Do what a patch of several files does."""
    new = server.at("p/q/new")
    return [
        *with_directories(new),
        Put(server.at("f"), b"PATCHED", ANYTHING),
        Put(new, b"NEW", None),
        Move(server.at("h"), server.at("p/h")),
        Remove(server.at("g")),
        Put(server.at("d/x"), BIG[::-1], ANYTHING),
    ]


PLANS: dict[str, Plan] = {
    "create": put("n", b"NEW " * 5_000),
    "create, empty": put("d/n", b""),
    "create like another": put("n", b"NEW", like="f"),
    "create with parents": put("p/q/n", b"NEW"),
    "create, large": put("n", BIG + b"!"),
    "replace": put("d/x", b"NEW", "4b68ab3847feda7d"),
    "replace by a link": put("link", b"NEW", ANYTHING),
    "replace, large": put("big", BIG[::-1], ANYTHING),
    "append": append("h", b" AND MORE"),
    "several files": several,
    "make directories": make_directories,
    "move a file": move("h", "d/moved"),
    "move a link": move("link", "p/moved"),
    "move a directory": move("tree", "d/moved"),
    "move over another": move("h", "d/x"),
    "copy a file": copy("f", "d/copy"),
    "copy a large file": copy("big", "copy"),
    "copy a directory": copy("tree", "p/copy"),
    "copy over another": copy("f", "d/x"),
    "copy a file, then remove it": copy_over("h", "d/moved"),
    "copy a directory, then remove it": copy_over("tree", "d/moved"),
    "remove a file": remove("g"),
    "remove a large file": remove("big"),
    "remove a link": remove("link"),
    "remove a FIFO": remove("pipe"),
    "remove a directory": remove("tree"),
}

_CHANGES = {name: Work(plan) for name, plan in PLANS.items()}
_UNDOS = {f"undo: {name}": Work(lambda _: (), (work,), undoes=True) for name, work in _CHANGES.items()}
_AGAIN = {
    f"undo the undo: {name}": Work(lambda _: (), (_CHANGES[name], _UNDOS[f"undo: {name}"]), undoes=True)
    for name in ("create with parents", "replace", "several files", "move over another", "remove a directory")
}

WORKS: dict[str, Work] = {**_CHANGES, **_UNDOS, **_AGAIN}

SOME = (
    "create with parents",
    "replace, large",
    "several files",
    "move over another",
    "copy a directory, then remove it",
    "undo: remove a directory",
)
"""Of each kind one, for what would take too long with all."""

SIMPLE = (
    *("create", "replace", "make directories", "move a file", "copy a file", "copy a directory"),
    *("remove a file", "remove a link", "remove a directory"),
)
"""Of each operation one."""
