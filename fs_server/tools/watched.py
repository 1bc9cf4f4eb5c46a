"""The files that a command changed, for the history and for its result."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from fs_server.commands import Process
from fs_server.commands.files import Files
from fs_server.commands.recording import Recorded, record
from fs_server.commands.watching import MOST_ENTRIES, Difference, Look
from fs_server.errors import Failure
from fs_server.journal.places import joined
from fs_server.services import Services
from fs_server.tools.told_path import told_path
from sandbox import SandboxError, Stop

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["MOST_TOLD", "look_before", "look_behind"]

MOST_TOLD = 100
"""Changed files that a result names."""

MOST_LOST = 5
"""Of those that cannot be taken back."""

_WHAT = "Looking at what the command changed"


async def look_before(services: Services) -> tuple[str, ...]:
    """Look at the roots before a command, and return the absolute paths in them that it may not change."""
    watching = services.watching
    if watching is None or not watching.roots:
        return ()
    try:
        look = await services.run(watching.roots[0], lambda _stop: watching.look(), what=_WHAT)
    except Failure:  # a file system that does not answer; the command will find that out itself
        return ()
    return (*look.guarded, *services.own_places())


async def look_behind(services: Services, process: Process) -> Files:
    """Look at the roots behind a command, and write down what it changed."""
    watching = services.watching
    if watching is None or not watching.roots:
        return Files()
    try:
        look = await services.run(watching.roots[0], lambda _stop: watching.look(), what=_WHAT)
        if not look.complete:
            fact = f"more than {MOST_ENTRIES} entries in the roots, or a slow disk"
            step = "protected files that were not reached are not held"
            return Files(notes=(f"changed files are not known ({fact}), and cannot be undone", step))
        if not look.differences:
            return Files()
        return await services.change(watching.roots, partial(_recorded, services, process, look), what=_WHAT)
    except (Failure, SandboxError) as trouble:
        return Files(notes=(f"changed files could not be written down: {trouble}"[:300],))


def _recorded(services: Services, process: Process, look: Look, journal: "Journal", _stop: Stop) -> Files:
    assert services.watching is not None
    found = record(journal, services.watching, look, process.number, process.began_ns)
    told = [_told(services, each) for each in found.differences[:MOST_TOLD]]
    return Files(tuple(told), len(found.differences), found.change_id, tuple(_notes(services, found)))


def _notes(services: Services, found: Recorded) -> Sequence[str]:
    notes = []
    if found.guarded:
        names = _names(services, found.guarded)
        notes.append(f"protected files changed (undo leaves them to the user): {names}")
    if found.lost:
        names = _names(services, found.lost)
        notes.append(f"not kept, so undo leaves them: {names}")
    return notes


def _names(services: Services, differences: Sequence[Difference]) -> str:
    more = len(differences) - MOST_LOST
    told = [_told(services, each) for each in differences[:MOST_LOST]]
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _told(services: Services, difference: Difference) -> str:
    path = told_path(joined(difference.root, difference.parts), services.opened.roots)
    kind = difference.after or difference.before
    is_directory = kind is not None and kind.kind.value == "directory"
    return f"{difference.sign} {path}{'/' * is_directory}"
