"""The journal as others use it: what is kept, what is begun, what is finished, and what is known.

Synchronous, and safe for several threads and several processes. A change goes this way: `keep` every content that is
replaced, `begin` with the steps, touch the tree, `finish` with what stands there then. A `begin` has returned only when
the disk has all that is needed to take the change back.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from fs_server.errors import Failure
from fs_server.journal.blobs import Blobs
from fs_server.journal.changes import Action, Author, Change, Status, Step
from fs_server.journal.contents import Contents
from fs_server.journal.database import Database
from fs_server.journal.feed import Feed, feed
from fs_server.journal.paths import last_state, states_at, touching
from fs_server.journal.records import Records
from fs_server.journal.retention import Retention
from fs_server.journal.sessions import Sessions
from fs_server.journal.states import Absent, DirectoryState, FileState, State

__all__ = ["Feed", "Journal", "Usage"]

_log = logging.getLogger(__name__)

DAY_NS = 24 * 3_600 * 10**9
NS = 10**9


@dataclass(frozen=True, slots=True)
class Usage:
    """What the journal takes.

    Attributes:
        bytes: of contents and records, not yet counting what the file system adds.
        changes: that are remembered.
        oldest_time_ns: when the oldest of them was made; None where there is none.
    """

    bytes: int
    changes: int
    oldest_time_ns: int | None


class Journal:
    """One journal, opened by one server.

    Attributes:
        session: the id of this server in it.
    """

    def __init__(
        self, directory: Path, *, max_bytes: int, max_age_s: float, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Open, see `open`."""
        self._clock = clock
        self._max_age_s = max_age_s
        self._database = Database(directory)
        self._sessions = Sessions(directory / "sessions")
        self.session = self._sessions.own
        self._contents = Contents(self._database, Blobs(directory / "blobs"), self.session, clock)
        self._records = Records(self._database)
        self._retention = Retention(
            self._database, self._records, self._contents, max_bytes=max_bytes, max_age_s=max_age_s, clock=clock
        )

    @classmethod
    def open(
        cls, directory: Path, *, max_bytes: int, max_age_s: float, clock: Callable[[], int] = time.time_ns
    ) -> "Journal":
        """Open the journal in `directory`, which is made where it is missing and closed to everybody else.

        Args:
            directory: of this journal alone, on a local disk.
            max_bytes: of contents and records; what is oldest is forgotten.
            max_age_s: how old a change becomes.
            clock: nanoseconds since 1970.

        Raises:
            Failure: it cannot be made or opened.
        """
        journal = cls(directory, max_bytes=max_bytes, max_age_s=max_age_s, clock=clock)
        # Whatever keeps us from tidying up, as a full disk, must not keep anybody from undoing.
        with contextlib.suppress(Failure):
            journal._tidy()
        return journal

    def close(self) -> None:
        """Close it. What was begun and not finished is left to the next server."""
        self._sessions.end()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def keep(self, content: bytes, *, durable: bool = True) -> str:
        """Keep a content for a change that is about to begin, and return its digest.

        A small one waits in memory for `begin`; of a large one, the disk has it when this returns, unless it need not
        be `durable`. One that is there already is not written again. What no change takes up within an hour is
        forgotten; `give_up` does it at once.

        Raises:
            Failure: it cannot be written.
        """
        return self._contents.keep(content, durable=durable)

    def keep_chunks(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep a content that comes in pieces, in flat memory, as `keep`. Return its digest and its size.

        Raises:
            Failure: it cannot be written. What `chunks` itself raises is passed on.
        """
        return self._contents.keep_chunks(chunks)

    def give_up(self, digests: Iterable[str]) -> None:
        """Let go of contents that were kept for a change that does not begin after all, each as often as it was kept.

        Raises:
            Failure: the database cannot be written. They are forgotten later then.
        """
        self._contents.give_up(digests)

    def content(self, digest: str, *, limit: int | None = None) -> bytes | None:
        """Return a content; None where it is not kept, forgotten, damaged, or has more than `limit` bytes.

        Raises:
            Failure: the database cannot be read.
        """
        return self._contents.content(digest, limit=limit)

    def content_at(self, path: str, etag: str) -> bytes | None:
        """Return what a file once held, by the first 16 or more digits of its digest; None where that is not kept.

        Only what a change says of this very path: an etag is no key to what other files held.

        Raises:
            Failure: the database cannot be read.
        """
        digests = (state.digest for state in states_at(self._database, path) if isinstance(state, FileState))
        digest = next((digest for digest in digests if digest.startswith(etag)), None)
        return None if digest is None else self._contents.content(digest)

    def chunks(self, digest: str) -> Iterator[bytes] | None:
        """Return the pieces of a content; None where it is not kept, forgotten or damaged.

        Raises:
            Failure: the database cannot be read; while iterating, that the content is gone or damaged since.
        """
        return self._contents.chunks(digest)

    def begin(
        self,
        steps: Sequence[Step],
        *,
        tool: str,
        author: str = Author.SERVER,
        undoes: int | None = None,
        note: str = "",
        durable: bool = True,
    ) -> Change:
        """Write down what is about to be done. The disk has it, and every content that it names, when this returns.

        Where it is not `durable`, the disk has it when `flush` returns; nothing may be touched before.

        Raises:
            Failure: it cannot be written, or a content that was kept is gone. Nothing may be touched then.
        """
        self._sessions.begin()
        digests = self._digests(steps)
        with self._database.transaction(durable=durable):
            change = self._records.add(
                steps,
                time_ns=self._clock(),
                session=self.session,
                author=str(author),
                tool=tool,
                undoes=undoes,
                note=note,
            )
            self._contents.take_up(digests, change.number)
        self._contents.taken_up(digests)
        return change

    def flush(self) -> None:
        """Wait until the disk has what was written down. Safe beside whatever other threads do with the journal.

        Raises:
            Failure: it does not get there.
        """
        self._database.flush()

    def note(self, change: Change, place: int, step: Step) -> None:
        """Write down what a step has made, in case that nobody comes back to it; `place` counts the steps from 0.

        Raises:
            Failure: it cannot be written.
        """
        with self._database.transaction():
            self._records.note_step(change, place, step)

    def finish(
        self, change: Change, steps: Sequence[Step] | None = None, *, waiting: bool = False, durable: bool = False
    ) -> Change:
        """Write down that a change was done, and return it as it is now. From here on it is never taken back.

        What the change undoes is marked as undone, and what that had undone as done again.

        Args:
            change: an intent.
            steps: those of the change with what was learnt meanwhile.
            waiting: what was replaced or removed still waits to be let go; `settle` has to follow.
            durable: a power cut must not make an intent of it again, because what follows could not be understood.

        Raises:
            Failure: it cannot be written. The change stays an intent.
        """
        steps = change.steps if steps is None else tuple(steps)
        new = [] if steps == change.steps else self._digests(steps)
        with self._database.transaction(durable=durable):
            done = self._records.finish(change, steps, waiting=waiting)
            if done is not None:
                self._contents.take_up(new, change.number)
        if done is None:
            _log.warning("The journal of changes no longer has %s, which was just done.", change.id)
            return replace(change, status=Status.DONE, steps=steps, waiting=waiting)
        self._contents.taken_up(new)
        self._forget()
        return done

    def settle(self, change: Change) -> Change:
        """Write down that what waited of a change that is done was let go, and return it as it is now.

        Raises:
            Failure: it cannot be written. The next start looks for what waits, and finds nothing.
        """
        with self._database.transaction():
            return self._records.settle(change)

    def abandon(self, change: Change) -> None:
        """Forget an intent of which nothing was done, or which was taken back.

        Raises:
            Failure: it cannot be written. The change stays an intent.
        """
        with self._database.transaction():
            if self._database.row("SELECT 1 FROM changes WHERE number = ? AND position IS NULL", (change.number,)):
                self._contents.drop_unused(self._records.drop(change.number))

    def note_outside(self, path: str, before: State, after: State, time_ns: int) -> Change:
        """Write down a change that somebody else made, and return it. It counts as done.

        Raises:
            Failure: it cannot be written.
        """
        steps = (Step(_action(after), path, before, after),)
        return self._note_done(steps, time_ns=time_ns, session="", author=Author.OUTSIDE)

    def note_done(self, steps: Sequence[Step], *, author: str, tool: str, note: str = "") -> Change:
        """Write down what a program that this server started has done, and return it. It counts as done, and as ours.

        Raises:
            Failure: it cannot be written.
        """
        self._sessions.begin()
        return self._note_done(steps, time_ns=self._clock(), session=self.session, author=author, tool=tool, note=note)

    def _note_done(
        self, steps: Sequence[Step], *, time_ns: int, session: str, author: str, tool: str = "", note: str = ""
    ) -> Change:
        digests = self._digests(steps)
        with self._database.transaction():
            begun = self._records.add(
                steps, time_ns=time_ns, session=session, author=str(author), tool=tool, undoes=None, note=note
            )
            self._contents.take_up(digests, begun.number)
            change = self._records.finish(begun, steps)
        assert change is not None
        self._contents.taken_up(digests)
        self._forget()
        return change

    def unfinished(self) -> Iterator["contextlib.AbstractContextManager[Change | None]"]:
        """Yield each intent of a server that died, and what it has done but not let go of, oldest first, to be entered.

        Inside of it nobody else handles what that server left. It gives None where another server was faster.

        Raises:
            Failure: the database cannot be read.
        """
        unfinished = "SELECT number, session FROM changes WHERE position IS NULL OR waiting ORDER BY number"
        for number, session in self._database.rows(unfinished):
            if not self._sessions.alive(session):
                yield self._taken(number, session)

    def change(self, number: int) -> Change | None:
        """Return a change; None where it is unknown, forgotten or damaged.

        Raises:
            Failure: the database cannot be read.
        """
        return self._records.change(number)

    def last_to_undo(self) -> Change | None:
        """Return the newest change of this server that is done, was not undone, and undoes nothing itself.

        None where there is none, or where that one is damaged.

        Raises:
            Failure: the database cannot be read.
        """
        condition = "status = 'done' AND session = ? AND undoes IS NULL"
        found = self._records.select(condition, (self.session,), order="number DESC LIMIT 1")
        return found[0] if found else None

    def last_state(self, path: str) -> State | None:
        """Return what the newest finished change tells of a path; None where none tells anything.

        Raises:
            Failure: the database cannot be read.
        """
        return last_state(self._database, self._contents, path)

    def last_state_of_file(self, path: str) -> State | None:
        """Return what the newest finished change of this very path says of it; None where there is none.

        Cheaper than `last_state`: what a directory brought along is not looked for.

        Raises:
            Failure: the database cannot be read.
        """
        return next(states_at(self._database, path, steps=1), None)

    def later_than(self, change: Change, paths: Iterable[str]) -> list[Change]:
        """Return done changes after `change` that touch one of the paths, or something above or beneath; oldest first.

        Raises:
            Failure: the database cannot be read.
        """
        numbers = touching(self._database, paths, after=change.number)
        changes = (self._records.change(number) for number in numbers)
        return [each for each in changes if each is not None and each.status is Status.DONE]

    def feed(
        self,
        *,
        beneath: Sequence[str] | None = None,
        above: Sequence[str] = (),
        since: int | None = None,
        limit: int = 50,
    ) -> Feed:
        """Return finished changes as a page of the history, the newest first.

        Args:
            beneath: absolute real paths of directories; a change is told if one of its steps lies beneath one of
                them. None: wherever. An empty list: none.
            above: directories that hold what is asked about; told too is what happened to one of them as a whole.
            since: a cursor, for the changes that came after it; if there are more than `limit`, the oldest of them.
                None: the newest changes.
            limit: changes on the page; fewer where they have very many steps.

        Raises:
            Failure: the database cannot be read.
        """
        return feed(self._database, self._records, beneath=beneath, above=above, since=since, limit=limit)

    def usage(self) -> Usage:
        """Return what the journal takes.

        Raises:
            Failure: the database cannot be read.
        """
        row = self._database.row(
            "SELECT bytes, (SELECT count(*) FROM changes),"
            " (SELECT time_ns FROM changes ORDER BY number LIMIT 1) FROM totals"
        )
        return Usage(*row) if row is not None else Usage(0, 0, None)

    def _digests(self, steps: Iterable[Step]) -> list[str]:
        return self._contents.named_by(state for step in steps for state in (step.before, step.after))

    @contextlib.contextmanager
    def _taken(self, number: int, session: str) -> Iterator[Change | None]:
        with self._sessions.take(session) as taken:
            change = self._records.change(number) if taken else None
            is_left = change is not None and (change.status is Status.INTENT or change.waiting)
            yield change if is_left else None

    def _forget(self) -> None:
        # The change was made, and is not to fail because an old one could not be forgotten. The next one tries again.
        with contextlib.suppress(Failure):
            self._retention.enforce_sometimes()

    def _tidy(self) -> None:
        """Remove what dead servers left, and forget what is too old."""
        self._retention.enforce()
        self._sessions.sweep()
        now = self._clock()
        row = self._database.row("SELECT swept_ns FROM totals")
        if row is not None and abs(now - row[0]) > DAY_NS:
            self._contents.sweep()
            self._database.sweep(before_s=now / NS - self._max_age_s)
            with self._database.transaction():
                self._database.write("UPDATE totals SET swept_ns = ?", (now,))


def _action(after: State) -> Action:
    if isinstance(after, Absent):
        return Action.REMOVE
    return Action.MAKE_DIRECTORY if isinstance(after, DirectoryState) else Action.PUT
