"""`undo`: a person takes a change back. It goes the same way as the tool's, beneath the directories of the change."""

import sys
from pathlib import Path

from fs_server import cli
from fs_server.cli.journal import change_bytes, opened
from fs_server.config.flags import Invocation
from fs_server.config.roots import nearest_directory
from fs_server.errors import Failure, explain
from fs_server.journal.carrying import NotKept, carry_out
from fs_server.journal.changes import Author, Change, Status, number_of, paths_of
from fs_server.journal.journal import Journal
from fs_server.journal.undoing import Undoing
from sandbox import Access, RootSpec, SandboxError, Target, Workspace, shown, target_of, uri_of_path

__all__ = ["run"]


def run(invocation: Invocation) -> int:
    """Undo, say what was done, and return the exit code.

    Raises:
        ConfigError: the settings cannot be used.
    """
    try:
        with opened() as journal:
            for line in _undone(journal, invocation.change_id):
                sys.stdout.write(f"{line}\n")
    except SandboxError as refusal:
        cli.complain(str(explain(refusal)))
        return cli.FAILED
    except Failure as failure:
        cli.complain(str(failure))
        return cli.FAILED
    return 0


def _undone(journal: Journal, change_id: str) -> list[str]:
    change = _meant(journal, change_id)
    workspace = Workspace.open(_roots(change))
    try:

        def target(path: str) -> Target:
            return target_of(workspace.at(uri_of_path(path), Access.WRITE), follow=False, known=True)

        undoing = Undoing(journal, change, target=target)
        operations = undoing.operations()
        carried = carry_out(
            journal,
            operations,
            tool="undo",
            keep_bytes=change_bytes(),
            undoes=change.number,
            author=Author.PERSON,
        )
    except NotKept as refusal:
        fact = f"More than {refusal.limit} bytes would have to be kept, so that it could not be undone again"
        raise Failure("too_large", f"Undoing {change.id}", fact) from refusal
    finally:
        workspace.close()
    by = f" That is {carried.change.id}." if carried.change else ""
    return [f"{change.id} is undone.{by}", *undoing.notes, *(f"{shown(path)}: {note}" for path, note in carried.notes)]


def _meant(journal: Journal, change_id: str) -> Change:
    number = number_of(change_id)
    change = None if number is None else journal.change(number)
    if change is None or change.status is not Status.DONE:
        fact = "It is undone already" if change is not None and change.undone_by else "No such change is kept"
        raise Failure("nothing_to_undo", f"Undoing {shown(change_id)}", fact, "history shows those that are")
    return change


def _roots(change: Change) -> list[RootSpec]:
    """Return the directories that the change is confined to: those that hold what it touched, and no more.

    A person may undo what a setting now protects: it is the person's own.
    """
    holding = {nearest_directory(Path(path).parent) for path in paths_of(change.steps)}
    outer = [place for place in holding if not any(above in holding for above in place.parents)]
    return [RootSpec(f"r{number}", str(place)) for number, place in enumerate(sorted(outer))]
