"""The tool `history`: what was changed, by whom, the newest first."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict

from pydantic import Field

from fs_server.files.readable import go_on
from fs_server.journal.changes import Author, Change
from fs_server.journal.directory import is_begun
from fs_server.journal.places import joined
from fs_server.journal.telling import StepTold, step_told
from fs_server.services import Services
from fs_server.times import minute
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.cursor import read_cursor, write_cursor
from fs_server.tools.told_path import HIDDEN, told_path
from fs_server.tools.tool import Effect, tool
from sandbox import Access, NotDirectory, RefusedRoot, Root, Stop, target_of

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

NOTE_CHARS = 400
"""Room that is kept in a result for the note at its end."""

STEPS_SHOWN = 8
"""Paths of one change that are told."""

COUNTING_S = 1.0
"""How long lines are counted for one page. Texts can be made that take seconds each; of the rest no count is told."""


class History(Arguments):
    """What `history` takes."""

    path: Annotated[str, Field(description='File or directory; "" for all')] = ""
    since: Annotated[str, Field(description="Cursor of an earlier result: only what came after")] = ""
    limit: Annotated[int, Field(ge=1, le=500, description="Changes at most")] = 50


@tool(title="History of changes", effect=Effect.READ)
async def history(asked: History, services: Services) -> Answer:
    """What was changed, newest first: id (for undo), time (UTC), by what, paths with lines added and removed.

    A added, M modified, D deleted, R renamed.
    """
    question = repr(("history", asked.path))
    since = next((number for number, _ in read_cursor(question, asked.since)), None)
    roots = services.served()
    root = roots[0] if asked.path in {"", "."} else services.at(asked.path, Access.INSPECT).root
    page = await services.run(root, lambda stop: _page(services, asked, since, stop), what="Looking at the history")
    cursor = write_cursor(question, [(page.cursor, "")])
    closing = note(
        f"{len(page.lines)} changes",
        "there are older ones; ask with a larger limit, or with a path" if page.older else "",
        "changes after your cursor were forgotten" if page.missed else "",
        f'newer ones follow: since="{cursor}"' if page.newer else f'what comes later: since="{cursor}"',
    )
    facts = {"count": len(page.lines), "cursor": cursor, "truncated": page.newer or page.older}
    return Answer((Text("\n".join(page.lines)), closing), facts)


@dataclass(frozen=True, slots=True)
class _Page:
    """Changes as they are told, newest first.

    Attributes:
        lines: of each change.
        cursor: for what came after the newest of them.
        newer: there is such a thing already.
        older: changes before the oldest of them were not asked for, or do not fit.
        missed: changes after the cursor that was given are no longer known.
    """

    lines: list[str]
    cursor: int
    newer: bool = False
    older: bool = False
    missed: bool = False


def _page(services: Services, asked: History, since: int | None, stop: Stop) -> _Page:
    if not is_begun(services.settings.journal):  # it is not begun for somebody who only looks
        return _Page([], 0, missed=bool(since))
    journal = services.journal()
    places = _places(services, asked.path)
    telling = _Telling(journal, services.served(), stop)
    room = services.limits.result_chars - NOTE_CHARS
    if since is None:
        feed = journal.feed(**places, limit=asked.limit + 1)
        lines = _fitting(telling.lines(feed.changes[: asked.limit]), room)
        return _Page(lines, feed.cursor, older=len(lines) < len(feed.changes))
    feed = journal.feed(**places, since=since, limit=asked.limit)
    # Whoever follows the feed gets the oldest first, so that nothing is between two pages.
    lines = _fitting(telling.lines(reversed(feed.changes)), room)
    if len(lines) < len(feed.changes):
        feed = journal.feed(**places, since=since, limit=len(lines))
    return _Page(lines[::-1], feed.cursor, newer=feed.more, missed=feed.missed)


class _Places(TypedDict):
    """The real paths that changes are told of: see `Journal.feed`."""

    beneath: list[str]
    above: list[str]


def _places(services: Services, path: str) -> _Places:
    if path in {"", "."}:
        return {"beneath": [joined(root, ()) for root in services.served()], "above": []}
    place = services.at(path, Access.INSPECT)
    try:
        parts = target_of(place, follow=False).parts
    except RefusedRoot:
        parts = ()
    except NotDirectory:  # something was in it when it was one
        parts = place.own_parts()
    above = [joined(place.root, parts[:end]) for end in range(1, len(parts))]
    return {"beneath": [joined(place.root, parts)], "above": above}


class _Telling:
    """Puts changes into words, and counts lines as long as there is time."""

    def __init__(self, journal: "Journal", roots: Sequence[Root], stop: Stop) -> None:
        self._journal = journal
        self._roots = roots
        self._stop = stop
        self._count_until = time.monotonic() + COUNTING_S

    def lines(self, changes: Iterable[Change]) -> Iterable[str]:
        """Yield each change in words, a line for itself and one for each of its paths."""
        for change in changes:
            go_on(self._stop)
            yield self._change(change)

    def _change(self, change: Change) -> str:
        by = change.tool or change.author
        if change.tool and change.author != Author.SERVER:
            by += f" by {change.author}"
        of = f" of c{change.undoes}" if change.undoes else ""
        undone = f"  (undone by c{change.undone_by})" if change.undone_by else ""
        lines = [f"{change.id}  {minute(change.time_ns)}  {by}{of}{undone}"]
        for step in change.steps[:STEPS_SHOWN]:
            counted = time.monotonic() < self._count_until
            lines.append(self._step(step_told(self._journal, step, counted=counted)))
        if len(change.steps) > STEPS_SHOWN:
            lines.append(f"    and {len(change.steps) - STEPS_SHOWN} more")
        return "\n".join(lines)

    def _step(self, step: StepTold) -> str:
        name = told_path(step.path, self._roots)
        counts = "" if step.added is None or name == HIDDEN else f"  +{step.added} -{step.removed}"
        to = f" -> {told_path(step.destination, self._roots)}" if step.destination else ""
        return f"    {step.sign} {name}{'/' * step.is_directory}{to}{counts}"


def _fitting(changes: Iterable[str], room: int) -> list[str]:
    """Return the first changes that fit, one at least; of a first one that does not, as many lines as do."""
    kept: list[str] = []
    for change in changes:
        if len(change) > room:
            if not kept:
                kept.append(change[: change.rfind("\n", 0, room)])
            break
        kept.append(change)
        room -= len(change) + 1
    return kept
