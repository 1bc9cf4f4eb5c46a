"""The tool `undo`: as if a change had never been made."""

from itertools import accumulate
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, explain, quoted
from fs_server.journal.changes import Change, Status, number_of
from fs_server.journal.operations import Copy, Move, Operation
from fs_server.journal.undoing import Undoing
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import Changing, notes_of
from fs_server.tools.consent import Consent
from fs_server.tools.told_path import told_path
from fs_server.tools.tool import Effect, tool
from sandbox import OutsideRoots, SandboxError, Stop, Target, uri_of_path

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

MOST_PATHS = 100
"""Paths that a result tells of."""

MOST_NOTES = 10


class Undo(Arguments):
    """What `undo` takes."""

    change_id: str = Field("", description='Such as "c12"; "" for the last change of this server')


class Undone(BaseModel):
    """The result of `undo`."""

    model_config = ConfigDict(frozen=True)

    undone: str = Field(description="The change that was taken back")
    change_id: str | None = Field(None, description="Undo this to have it again")
    paths: list[str] = Field(description="That are as they were; the first hundred")
    count: int = Field(description="Of paths")
    notes: list[str]


@tool(title="Undo a change", effect=Effect.DESTROY, data=Undone)
async def undo(asked: Undo, services: Services, consent: Consent) -> Answer:
    """Take back a change of any tool. Later changes stay; where they build on it, this is refused.

    An undo is a change too, and can be undone.
    """
    name = quoted(asked.change_id) if asked.change_id else "the last change"
    changing = Changing(services, consent, "undo", f"Undoing {name}")
    work = _Work(changing, asked.change_id)
    try:
        carried = await changing.carry_out([], work.operations)
    except SandboxError as refusal:
        raise work.in_words(refusal) from refusal
    notes = [*work.notes, *notes_of(carried)]
    data = Undone(
        undone=work.change_id,
        change_id=carried.change.id if carried.change else None,
        paths=_first(work.paths, services.limits.result_chars // 2),
        count=len(work.paths),
        notes=notes[:MOST_NOTES] + [f"and {len(notes) - MOST_NOTES} more such notes"] * (len(notes) > MOST_NOTES),
    )
    return Answer(facts=data.model_dump(include={"count", "change_id"}, exclude_none=True), data=data)


class _Work:
    """What an undo comes to.

    Attributes:
        change_id: of the change that is taken back.
        paths: that change.
        notes: what a reader should know of it.
    """

    def __init__(self, changing: Changing, asked: str) -> None:
        self._changing = changing
        self._asked = asked
        self._places: dict[str, str] = {}
        self.change_id = ""
        self.paths: list[str] = []
        self.notes: list[str] = []

    def operations(self, changing: Changing, journal: "Journal", _stop: Stop) -> list[Operation]:
        """Return what takes the change back."""
        undoing = Undoing(journal, to_undo(journal, self._asked), target=self._target)
        self.change_id = undoing.change.id
        operations = undoing.operations()
        self.paths = list(dict.fromkeys(_place(operation).shown for operation in operations))
        self.notes = undoing.notes
        changing.undoes = undoing.change.number
        # What the change itself has made may go again. What an undo has put back was somebody's.
        changing.asks_for_trees = undoing.change.undoes is not None
        return operations

    def in_words(self, refusal: SandboxError) -> Failure:
        """Return a refusal of a path that the caller did not name, but the journal."""
        what = f"Undoing {self.change_id}"
        if isinstance(refusal, OutsideRoots):
            fact = "What it changed does not lie beneath the roots of this server"
            return Failure(refusal.code, what, fact, f"The user can do it: fs-server-mcp undo {self.change_id}")
        path = told_path(self._places.get(refusal.subject, ""), self._changing.services.served())
        return explain(refusal, f"{what}, {quoted(path)}")

    def _target(self, path: str) -> Target:
        uri = uri_of_path(path)
        self._places[uri] = path
        return self._changing.target(uri, follow=False, known=True)


def _first(paths: list[str], room: int) -> list[str]:
    """Return the paths that a result has room for."""
    ends = accumulate(len(path) for path in paths[:MOST_PATHS])
    return [path for path, end in zip(paths, ends, strict=False) if end <= room]


def _place(operation: Operation) -> Target:
    return operation.destination if isinstance(operation, Move | Copy) else operation.target


def to_undo(journal: "Journal", change_id: str) -> Change:
    """Return the change that is meant.

    Raises:
        Failure: `nothing_to_undo`, there is none, or it is undone already; `invalid_argument`, this is no id.
    """
    what = f"Undoing {quoted(change_id)}" if change_id else "Undoing the last change"
    if not change_id:
        change = journal.last_to_undo()
        if change is None:
            fact = "This server has made no change that is not undone already"
            raise Failure("nothing_to_undo", what, fact, "history shows the changes of earlier servers, with their ids")
        return change
    number = number_of(change_id)
    if number is None:
        raise Failure("invalid_argument", what, 'An id looks like "c12"', "history shows the ids")
    change = journal.change(number)
    if change is None or change.status is not Status.DONE:
        if change is not None and change.undone_by is not None:
            step = f"To have it again, undo c{change.undone_by}"
            raise Failure("nothing_to_undo", what, f"c{change.undone_by} has undone it already", step)
        raise Failure("nothing_to_undo", what, "No such change is kept", "history shows those that are")
    return change
