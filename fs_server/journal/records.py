"""Changes and their steps, as rows of the database.

A row that cannot be read, because the database was damaged, is left out, and the log says so.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fs_server.journal.changes import Action, Change, Status, Step
from fs_server.journal.database import Database, Row
from fs_server.journal.states import decoded, encoded, record_of, state_of

__all__ = ["COLUMNS", "STEP_COLUMNS", "Records", "step_of"]

_log = logging.getLogger(__name__)

CHANGE_BYTES = 300
STEP_BYTES = 100
"""What rows and their indexes take besides texts, about. It need not be right, but a change must not be free."""

COLUMNS = "number, time_ns, session, author, tool, status, undoes, undone_by, note, waiting"
STEP_COLUMNS = "action, path, before, after, destination, temporary"
_ADD = """
INSERT INTO changes (number, time_ns, session, author, tool, status, undoes, note, bytes)
VALUES (?, ?, ?, ?, ?, 'intent', ?, ?, ?)
"""
_FINISH = """
UPDATE changes SET status = 'done', position = ?, bytes = coalesce(?, bytes), waiting = ?
WHERE number = ? AND position IS NULL
"""
_ADD_STEP = f"INSERT INTO steps (change, place, {STEP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 # constants


class Records:
    """The changes of one journal. What writes stands inside of a transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        steps: Sequence[Step],
        *,
        time_ns: int,
        session: str,
        author: str,
        tool: str,
        undoes: int | None,
        note: str,
    ) -> Change:
        """Write an intent down, and return it."""
        rows = [_row_of(step) for step in steps]
        kept_note = note.encode("utf-8", "surrogatepass")
        size = _size(rows) + len(kept_note)
        self._database.write("UPDATE totals SET number = number + 1")
        number = self._total("number")
        self._database.write(_ADD, (number, time_ns, session, author, tool, undoes, kept_note, size))
        self._add_steps(number, rows)
        return Change(
            number=number,
            time_ns=time_ns,
            session=session,
            author=author,
            tool=tool,
            status=Status.INTENT,
            steps=tuple(steps),
            undoes=undoes,
            note=note,
        )

    def finish(self, change: Change, steps: Sequence[Step], *, waiting: bool = False) -> Change | None:
        """Make a change of an intent, with `steps` as they were done; None where there is no such intent.

        What it undoes counts as undone then. What that had undone counts as done again, and so on.
        """
        # Positions are numbers, unless a change that began later was finished earlier.
        self._database.write("UPDATE totals SET position = max(position + 1, ?)", (change.number,))
        rows = None if tuple(steps) == change.steps else [_row_of(step) for step in steps]
        size = None if rows is None else _size(rows) + len(change.note)
        if not self._database.write(_FINISH, (self._total("position"), size, waiting, change.number)):
            return None
        if rows is not None:
            self._replace_steps(change, steps, rows)
        self._mark_undone(change)
        return replace(change, status=Status.DONE, steps=tuple(steps), waiting=waiting)

    def settle(self, change: Change) -> Change:
        """Write down that nothing of a change waits any more."""
        self._database.write("UPDATE changes SET waiting = 0 WHERE number = ?", (change.number,))
        return replace(change, waiting=False)

    def note_step(self, change: Change, place: int, step: Step) -> None:
        """Write down what one step of an unfinished change has made."""
        update = "UPDATE steps SET after = ? WHERE change = ? AND place = ?"
        self._database.write(update, (encoded(record_of(step.after)), change.number, place))

    def drop(self, number: int) -> list[int]:
        """Remove a change, and return the ids of the contents that it named."""
        blobs = [blob for (blob,) in self._database.rows("SELECT blob FROM refs WHERE change = ?", (number,))]
        self._database.write("DELETE FROM changes WHERE number = ?", (number,))
        return blobs

    def change(self, number: int) -> Change | None:
        """Return a change; None where it is unknown, forgotten or damaged.

        Raises:
            Failure: the database cannot be read.
        """
        return next(iter(self.select("number = ?", (number,))), None)

    def select(self, condition: str, values: Sequence[object] = (), *, order: str = "number") -> list[Change]:
        """Return the changes that meet a condition, which is ours and never a stranger's.

        Raises:
            Failure: the database cannot be read.
        """
        statement = f"SELECT {COLUMNS} FROM changes WHERE {condition} ORDER BY {order}"  # noqa: S608 # see above
        changes = map(self.change_of, self._database.rows(statement, values))
        return [change for change in changes if change is not None]

    def change_of(self, row: Row) -> Change | None:
        """Return the change of a row that has its columns; None where one of them is damaged.

        Raises:
            Failure: the database cannot be read.
        """
        number, time_ns, session, author, tool, status, undoes, undone_by, note, waiting = row
        select = f"SELECT {STEP_COLUMNS} FROM steps WHERE change = ? ORDER BY place"  # noqa: S608 # constants
        steps = self._database.rows(select, (number,))
        try:
            return Change(
                number=number,
                time_ns=time_ns,
                session=session,
                author=author,
                tool=tool,
                status=Status(status),
                steps=tuple(map(step_of, steps)),
                undoes=undoes,
                undone_by=undone_by,
                note=note.decode("utf-8", "surrogatepass"),
                waiting=bool(waiting),
            )
        except (ValueError, TypeError, AttributeError) as error:
            _log.warning("The journal of changes: the change c%s is damaged: %s", number, error)
            return None

    def _total(self, column: str) -> int:
        row = self._database.row(f"SELECT {column} FROM totals")  # noqa: S608 # ours
        assert row is not None
        number: int = row[0]
        return number

    def _add_steps(self, number: int, rows: Iterable[Row]) -> None:
        self._database.write_many(_ADD_STEP, ((number, place, *row) for place, row in enumerate(rows)))

    def _replace_steps(self, change: Change, steps: Sequence[Step], rows: Sequence[Row]) -> None:
        if _places(steps) == _places(change.steps):  # the index of paths stays as it is
            update = "UPDATE steps SET action = ?, before = ?, after = ?, temporary = ? WHERE change = ? AND place = ?"
            values = ((row[0], row[2], row[3], row[5], change.number, place) for place, row in enumerate(rows))
            self._database.write_many(update, values)
        else:
            self._database.write("DELETE FROM steps WHERE change = ?", (change.number,))
            self._add_steps(change.number, rows)

    def _mark_undone(self, change: Change) -> None:
        above, below, undone = change.number, change.undoes, True
        # Each undoes an earlier one; a damaged database could tell otherwise for ever.
        while below is not None and below < above:
            status, by = (Status.UNDONE, above) if undone else (Status.DONE, None)
            update = "UPDATE changes SET status = ?, undone_by = ? WHERE number = ? AND position IS NOT NULL"
            self._database.write(update, (status.value, by, below))
            row = self._database.row("SELECT undoes FROM changes WHERE number = ?", (below,))
            above, below, undone = below, row[0] if row else None, not undone


def step_of(row: Row) -> Step:
    """Return the step of a row.

    Raises:
        ValueError: it is damaged.
    """
    action, path, before, after, destination, temporary = row
    return Step(
        action=Action(action),
        path=os.fsdecode(path),
        before=state_of(decoded(before)),
        after=state_of(decoded(after)),
        destination=os.fsdecode(destination or b""),
        temporary=os.fsdecode(temporary),
    )


def _places(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.path, step.destination) for step in steps]


def _row_of(step: Step) -> Row:
    return (
        step.action.value,
        os.fsencode(step.path),
        encoded(record_of(step.before)),
        encoded(record_of(step.after)),
        os.fsencode(step.destination) if step.destination else None,
        os.fsencode(step.temporary),
    )


def _size(rows: Iterable[Row]) -> int:
    texts = (len(value) for row in rows for value in row if value is not None)
    return CHANGE_BYTES + STEP_BYTES + sum(texts)
