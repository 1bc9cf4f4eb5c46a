"""What changes did to a path: to itself, to a directory above it, to something beneath it."""

import logging
import os
from collections.abc import Iterable, Iterator

from fs_server.journal.changes import Action, Step
from fs_server.journal.contents import Contents
from fs_server.journal.database import Database
from fs_server.journal.records import STEP_COLUMNS, step_of
from fs_server.journal.states import Absent, DirectoryState, State, nodes_of

__all__ = ["last_state", "states_at", "touching"]

_log = logging.getLogger(__name__)

_NEWEST = 2**63 - 1

# The plus signs: there are many changes and few to one path, so its index is the short way.
_BENEATH = """
SELECT DISTINCT change FROM steps
WHERE +change > ? AND {column} >= ? AND {column} < ? AND ({column} = ? OR {column} > ?)
"""
_EXACT = "SELECT DISTINCT change FROM steps WHERE +change > ? AND {column} = ?"
_LAST = """
SELECT steps.change, steps.place, {columns} FROM steps JOIN changes ON number = change
WHERE steps.{column} = ? AND position IS NOT NULL AND (change < ? OR (change = ? AND place < ?))
ORDER BY change DESC, place DESC LIMIT 1
"""


def touching(database: Database, paths: Iterable[str], *, after: int) -> list[int]:
    """Return the numbers of changes after the number `after` that touch one of the paths, or above or beneath one.

    Raises:
        Failure: the database cannot be read.
    """
    found: set[int] = set()
    above: set[bytes] = set()
    for path in paths:
        key = os.fsencode(path).rstrip(b"/")
        above.update(os.fsencode(directory) for directory in _above(path))
        for column in ("path", "destination"):
            # "0" comes after "/", and other names that begin alike, as "a.txt" beside "a", before it.
            values = (after, key, key + b"0", key, key + b"/")
            found.update(change for (change,) in database.rows(_BENEATH.format(column=column), values))
    for key in above:
        for column in ("path", "destination"):
            found.update(change for (change,) in database.rows(_EXACT.format(column=column), (after, key)))
    return sorted(found)


def last_state(database: Database, contents: Contents, path: str) -> State | None:
    """Return what the newest finished change tells of a path; None where none tells anything, or it is damaged.

    A directory that was moved brings along what was known of the things in it.

    Raises:
        Failure: the database cannot be read.
    """
    try:
        return _last_state(database, contents, path)
    except (ValueError, TypeError) as error:
        _log.warning("The journal of changes: what it tells of a path is damaged: %s", error)
        return None


def _last_state(database: Database, contents: Contents, path: str) -> State | None:
    number, place = _NEWEST, 0
    while (found := _last_step(database, path, number, place)) is not None:
        number, place, at, arrived, step = found
        inner = path[len(at) + 1 :]
        if step.action is Action.MOVE and not arrived:
            return Absent()
        if not inner:
            return step.after
        known = _inside(contents, step, inner)
        if known is not None or not arrived:
            return known
        path = f"{step.path}/{inner}"
    return None


def _last_step(database: Database, path: str, number: int, place: int) -> tuple[int, int, str, bool, Step] | None:
    """Return the last step before a given one that touches a path or a directory above it.

    With it comes which path that is, and whether the step moved something there.
    """
    last: tuple[int, int, str, bool, Step] | None = None
    for at in (path, *_above(path)):
        for column in ("path", "destination"):
            statement = _LAST.format(column=column, columns=STEP_COLUMNS)
            row = database.row(statement, (os.fsencode(at), number, number, place))
            if row is not None and (last is None or row[:2] > last[:2]):
                last = (row[0], row[1], at, column == "destination", step_of(row[2:]))
    return last


_STATES = """
SELECT {columns} FROM steps JOIN changes ON number = change
WHERE steps.{column} = ? AND position IS NOT NULL ORDER BY change DESC, place DESC LIMIT ?
"""


def states_at(database: Database, path: str, *, steps: int = 500) -> Iterator[State]:
    """Yield the states of the steps of finished changes that name this very path: after, then before, the newest first.

    Of the last `steps` of them.

    Raises:
        Failure: the database cannot be read.
    """
    for row in database.rows(_STATES.format(columns=STEP_COLUMNS, column="path"), (os.fsencode(path), steps)):
        try:
            step = step_of(row)
        except (ValueError, TypeError) as error:
            _log.warning("The journal of changes: a step is damaged: %s", error)
            continue
        yield Absent() if step.action is Action.MOVE else step.after
        yield step.before


def _inside(contents: Contents, step: Step, inner: str) -> State | None:
    """Return what a step tells of something in its directory; None where it does not tell."""
    after = step.after
    if not isinstance(after, DirectoryState):
        return Absent()
    if after.tree:
        manifest = contents.content(after.tree)
        return None if manifest is None else dict(nodes_of(manifest)).get(inner, Absent())
    # Empty, and not only not looked into.
    return Absent() if step.action is Action.MAKE_DIRECTORY and isinstance(step.before, Absent) else None


def _above(path: str) -> Iterator[str]:
    """Yield the directories that a path lies in, except the top of the file system, which nobody changes."""
    while path := path.rpartition("/")[0]:
        yield path
