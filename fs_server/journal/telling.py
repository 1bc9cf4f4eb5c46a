"""A change for a reader: what became of which path, in how many lines, and the difference itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fs_server.errors import Failure
from fs_server.files.diff import Diff, diff_of
from fs_server.files.text import text_of
from fs_server.journal.changes import Action, Change, Step
from fs_server.journal.states import Absent, DirectoryState, FileState, State

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["StepTold", "diff_of_step", "step_told", "told"]

COMPARED_BYTES = 1 << 18
"""The largest content whose lines are counted: a page of the history has many."""


@dataclass(frozen=True, slots=True)
class StepTold:
    """What a step did.

    Attributes:
        sign: A added, M modified, D deleted, R renamed.
        path: absolute.
        destination: of what was renamed.
        is_directory: whether it is one.
        added: lines; None where nobody counted, because it is no text, or large, or no longer kept.
        removed: lines.
    """

    sign: str
    path: str
    destination: str
    is_directory: bool
    added: int | None = None
    removed: int | None = None


def told(journal: "Journal", change: Change) -> Iterator[StepTold]:
    """Return what each step of a change did, one after the other."""
    return (step_told(journal, step) for step in change.steps)


def step_told(journal: "Journal", step: Step, *, counted: bool = True) -> StepTold:
    """Return what one step did; its lines are `counted`, which takes up to some seconds for a text made for that."""
    thing = step.before if isinstance(step.after, Absent) else step.after
    diff = diff_of_step(journal, step, limit=COMPARED_BYTES) if counted else None
    return StepTold(
        sign=_sign(step),
        path=step.path,
        destination=step.destination,
        is_directory=isinstance(thing, DirectoryState),
        added=None if diff is None else diff.added,
        removed=None if diff is None else diff.removed,
    )


def diff_of_step(
    journal: "Journal", step: Step, *, name: str = "", max_chars: int = 0, limit: int | None = None
) -> Diff | None:
    """Return what a step changed in a text file; None for none, a larger one than `limit`, or one not kept."""
    if step.action not in {Action.PUT, Action.REMOVE}:
        return None
    try:
        before, after = _text(journal, step.before, limit), _text(journal, step.after, limit)
    except (Failure, LookupError):
        return None
    return diff_of(before, after, path=name or step.path, max_chars=max_chars)


def _text(journal: "Journal", state: State, limit: int | None) -> str | None:
    """Return the text of a file, None for no file.

    Raises:
        LookupError: it is something else, or not kept.
        Failure: it is no text.
    """
    if isinstance(state, Absent):
        return None
    if not isinstance(state, FileState):
        raise LookupError  # noqa: TRY004 # of what the journal holds, not of a caller's mistake
    content = journal.content(state.digest, limit=limit)
    if content is None:
        raise LookupError
    return text_of(content, subject="").text


def _sign(step: Step) -> str:
    if step.action is Action.MOVE:
        return "R"
    if step.action is Action.REMOVE:
        return "D"
    return "A" if isinstance(step.before, Absent) else "M"
