"""What was changed: steps that belong together, with what stood there before and after each."""

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fs_server.journal.states import Absent, State

__all__ = ["Action", "Author", "Change", "Status", "Step", "number_of", "paths_of"]


class Action(enum.StrEnum):
    """What a step does with its path."""

    PUT = "put"
    REMOVE = "remove"
    MAKE_DIRECTORY = "make_directory"
    MOVE = "move"


class Author(enum.StrEnum):
    """Who made a change. A command of ours is `command N`, a plain string."""

    SERVER = "server"
    PERSON = "person"
    OUTSIDE = "outside"


class Status(enum.StrEnum):
    """How far a change has come.

    An intent was written down before anything was touched; whoever finds one of a server that died finishes it or
    takes it back.
    """

    INTENT = "intent"
    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a change does.

    Attributes:
        action: what.
        path: absolute and real on the host; bytes that are not text stand in it as surrogates.
        before: what stood there.
        after: what stands there then; of a `MOVE`, at its destination.
        destination: of a `MOVE`.
        temporary: the name beside it, absolute, at which the other content waits while the change is under way.
    """

    action: Action
    path: str
    before: State
    after: State
    destination: str = ""
    temporary: str = ""

    @property
    def after_identity(self) -> tuple[int, int]:
        """Device and inode of what was made; (0, 0) while that is not known."""
        return (0, 0) if isinstance(self.after, Absent) else self.after.identity


@dataclass(frozen=True, slots=True)
class Change:
    """Steps that happen all or not at all.

    Attributes:
        number: counts in one journal, whichever server makes the change; never used twice.
        time_ns: since 1970, when it began.
        session: of the server that made it; empty where none did.
        author: see `Author`.
        tool: that was called; empty where none was.
        status: how far it has come.
        steps: in the order in which they are done.
        undoes: the number of the change that this one takes back.
        undone_by: the number of the change that took this one back.
        note: what else a reader of the history should know.
        waiting: it is done, and what it replaced or removed still waits, hidden, to be let go.
    """

    number: int
    time_ns: int
    session: str
    author: str
    tool: str
    status: Status
    steps: tuple[Step, ...]
    undoes: int | None = None
    undone_by: int | None = None
    note: str = ""
    waiting: bool = False

    @property
    def id(self) -> str:
        """The name that people and models use."""
        return f"c{self.number}"


def number_of(text: str) -> int | None:
    """Return the number that an id such as `c17` names, or `17`; None where the text is no id."""
    # 18 digits always fit into the 64 bits that the database has.
    found = re.fullmatch("[cC]?([0-9]{1,18})", text)
    return (int(found[1]) or None) if found else None


def paths_of(steps: Iterable[Step]) -> Iterator[str]:
    """Yield every path that the steps touch, the destinations of moves among them."""
    for step in steps:
        yield step.path
        if step.destination:
            yield step.destination
