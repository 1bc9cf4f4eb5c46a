"""The history of changes, as one feed that can be followed."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fs_server.journal.changes import Action, Change
from fs_server.journal.database import Database, Row
from fs_server.journal.records import COLUMNS, Records

__all__ = ["Feed", "feed"]

MOST_STEPS = 20_000
"""On one page; a single change may have more."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of the history.

    Attributes:
        changes: the newest first.
        cursor: asked for as `since`, it gives what came after this page.
        more: there is such a thing already.
        missed: changes after `since` were forgotten, or the journal was begun anew.
    """

    changes: tuple[Change, ...]
    cursor: int
    more: bool
    missed: bool


def feed(
    database: Database,
    records: Records,
    *,
    beneath: Sequence[str] | None,
    above: Sequence[str],
    since: int | None,
    limit: int,
) -> Feed:
    """Return finished changes, see `Journal.feed`.

    Changes are told in the order in which they were finished, and numbers are given when they begin. So a cursor is a
    position in that order, else a change that takes long would be skipped by whoever asks meanwhile.

    Raises:
        Failure: the database cannot be read.
    """
    row = database.row("SELECT position, dropped FROM totals")
    newest, dropped = row if row is not None else (0, 0)
    anew = since is not None and since > newest
    oldest_first = since is not None
    start = 0 if since is None or anew else max(since, 0)
    found = _page(database, _within(beneath, above), start, limit + 1, oldest_first=oldest_first)
    changes: list[Change] = []
    steps = 0
    cut = len(found) > limit
    cursor = start
    for position, *columns in found[:limit]:
        change = records.change_of(tuple(columns))
        if change is not None:
            if changes and steps + len(change.steps) > MOST_STEPS:
                cut = True
                break
            steps += len(change.steps)
            changes.append(change)
        cursor = position
    more = cut and oldest_first
    return Feed(
        changes=tuple(reversed(changes) if oldest_first else changes),
        cursor=cursor if more else newest,
        more=more,
        missed=anew or (oldest_first and dropped > start),
    )


def _page(
    database: Database, within: tuple[str, list[bytes]], since: int, limit: int, *, oldest_first: bool
) -> list[Row]:
    condition, values = within
    order = "ASC" if oldest_first else "DESC"
    statement = (
        f"SELECT position, {COLUMNS} FROM changes"  # noqa: S608 # constants of ours
        f" WHERE position > ? AND {condition} ORDER BY position {order} LIMIT ?"
    )
    return database.rows(statement, (since, *values, limit))


def _within(beneath: Iterable[str] | None, above: Iterable[str]) -> tuple[str, list[bytes]]:
    """Return the condition that one of a change's steps touches one of these places, and its values."""
    if beneath is None:
        return "TRUE", []
    terms, values = ["FALSE"], []
    for directory in beneath:
        key = os.fsencode(directory).rstrip(b"/")
        # "0" comes after "/": between them lies whatever begins with the directory and a slash.
        for column in ("path", "destination"):
            terms.append(f"+{column} = ? OR (+{column} > ? AND +{column} < ?)")
            values += [key, key + b"/", key + b"0"]
    for directory in above:
        # What goes or comes takes along or brings what is in it. A new directory is empty.
        terms.append(f"action != '{Action.MAKE_DIRECTORY}' AND ? IN (+path, +destination)")
        values.append(os.fsencode(directory))
    # The plus signs: a change has few steps, so the index of paths would be the long way.
    condition = f"EXISTS (SELECT 1 FROM steps WHERE change = number AND ({' OR '.join(terms)}))"  # noqa: S608 # ours
    return condition, values
