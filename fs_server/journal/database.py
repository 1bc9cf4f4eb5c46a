"""The index of the journal: one SQLite database, which several servers write at once.

The only module that knows SQLite. Others hand in statements and get rows; what goes wrong comes out as a `Failure`.
A database that is damaged, or that somebody removed under our hands, is begun anew: nothing here may take the server
down, and nothing that was only half read may be trusted.
"""

import contextlib
import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fs_server.errors import Failure
from fs_server.journal.directory import OURS, WAIT_S, locked, make_private, sync_file
from fs_server.journal.trouble import JOURNAL, damaged, disk_full, occupied, told

__all__ = ["Database", "Row"]

_log = logging.getLogger(__name__)

Row = tuple[Any, ...]

NAME = "journal"
LOGS = ("-wal", "-shm")
"""What SQLite adds to the name of a database for its log, and for the index of that."""

DAMAGED = "journal.damaged-"

VERSION = 2
"""Of the schema. A database of a newer one is left alone; an older one is led up to it by `LED_UP`."""

PAGE = 4_096
MOST_PAGES = 25_000
"""That are given back to the disk at a time, so that others need not wait long."""

LOG_BYTES = 16 << 20
"""That the log keeps on the disk when it begins anew."""

# What is referred to from elsewhere is dropped with its change. Totals are kept by triggers, so that no statement
# forgets them. Not STRICT, and nothing else that SQLite learnt after 3.31: Python takes the one of the system.
SCHEMA = """
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER UNIQUE, -- in which order changes were finished; null for one that is not finished
    time_ns INTEGER NOT NULL,
    session TEXT NOT NULL,
    author TEXT NOT NULL,
    tool TEXT NOT NULL,
    status TEXT NOT NULL,
    undoes INTEGER,
    undone_by INTEGER,
    note BLOB NOT NULL,
    waiting INTEGER NOT NULL DEFAULT 0, -- 1: it is done, and what it replaced is not let go yet
    bytes INTEGER NOT NULL -- that its records take, about
);
CREATE INDEX unfinished ON changes (number) WHERE position IS NULL OR waiting;
CREATE TABLE steps (
    change INTEGER NOT NULL REFERENCES changes ON DELETE CASCADE,
    place INTEGER NOT NULL,
    action TEXT NOT NULL,
    path BLOB NOT NULL, -- bytes, because names need not be text
    destination BLOB, -- null where there is none
    temporary BLOB NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (change, place)
) WITHOUT ROWID;
CREATE INDEX step_paths ON steps (path);
CREATE INDEX step_destinations ON steps (destination) WHERE destination IS NOT NULL;
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    content BLOB -- null where it is in a file
);
CREATE INDEX filed_blobs ON blobs (digest) WHERE content IS NULL;
CREATE TABLE refs (
    change INTEGER NOT NULL REFERENCES changes ON DELETE CASCADE,
    blob INTEGER NOT NULL REFERENCES blobs,
    PRIMARY KEY (change, blob)
) WITHOUT ROWID;
CREATE INDEX ref_blobs ON refs (blob);
CREATE TABLE held ( -- what a server has kept for a change that it is about to begin
    blob INTEGER NOT NULL REFERENCES blobs ON DELETE CASCADE,
    session TEXT NOT NULL,
    until_ns INTEGER NOT NULL,
    PRIMARY KEY (blob, session)
) WITHOUT ROWID;
CREATE TABLE totals (
    bytes INTEGER NOT NULL, -- of contents and records
    number INTEGER NOT NULL, -- of the change that was begun last, so that none is given out twice
    position INTEGER NOT NULL, -- of the change that was finished last
    dropped INTEGER NOT NULL, -- the highest position that was forgotten
    swept_ns INTEGER NOT NULL
);
INSERT INTO totals VALUES (0, 0, 0, 0, 0);
CREATE TRIGGER change_added AFTER INSERT ON changes BEGIN
    UPDATE totals SET bytes = bytes + NEW.bytes;
END;
CREATE TRIGGER change_grown AFTER UPDATE OF bytes ON changes BEGIN
    UPDATE totals SET bytes = bytes + NEW.bytes - OLD.bytes;
END;
CREATE TRIGGER change_dropped AFTER DELETE ON changes BEGIN
    UPDATE totals SET bytes = bytes - OLD.bytes;
END;
CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN
    UPDATE totals SET bytes = bytes + NEW.size;
END;
CREATE TRIGGER blob_dropped AFTER DELETE ON blobs BEGIN
    UPDATE totals SET bytes = bytes - OLD.size;
END;
"""
LED_UP = {
    1: """
ALTER TABLE changes ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
UPDATE changes SET status = 'intent' WHERE status = 'applied';
DROP INDEX unfinished;
CREATE INDEX unfinished ON changes (number) WHERE position IS NULL OR waiting;
""",
}
"""By version: what leads a database up to the next one."""

TABLES = {"changes", "steps", "blobs", "refs", "held", "totals"}


class Database:
    """One connection, used from several threads, one at a time."""

    def __init__(self, directory: Path) -> None:
        """Open the database in `directory`, and make both where they are missing.

        Raises:
            Failure: it cannot be opened, or a newer version of this server wrote it.
        """
        self._directory = directory
        self._path = directory / NAME
        self._guard = threading.RLock()
        self._writer = 0
        self._identity = (0, 0)
        self._connection = self._opened()

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what a statement selects.

        Raises:
            Failure: it cannot be read.
        """
        if self._is_writing():
            return self._connection.execute(statement, values).fetchall()
        with self._used() as connection:
            return connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row that a statement selects.

        Raises:
            Failure: it cannot be read.
        """
        found: Row | None
        if self._is_writing():
            found = self._connection.execute(statement, values).fetchone()
            return found
        with self._used() as connection:
            found = connection.execute(statement, values).fetchone()
            return found

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Write: all of it, or nothing where anything is raised. `durable` ends when it is on the disk.

        Without `durable` a power cut may take it back, together with all that was written later.

        Raises:
            Failure: it cannot be written.
        """
        with self._used() as connection:
            # FULL waits for the log at the end, with one fsync. It can be chosen outside of a transaction only.
            connection.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
            # Immediate: the lock for writing cannot be waited for by one who has read already.
            connection.execute("BEGIN IMMEDIATE")
            self._writer = threading.get_ident()
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # SQLite takes a transaction back by itself where the disk is full, for one.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._writer = 0

    def flush(self) -> None:
        """Wait until the disk has all that was written so far, also what was not durable.

        Raises:
            Failure: the disk fails.
        """
        with told(self._path):
            # What is not in the log has gone on into the database, and whoever moves it there waits for the disk.
            handle = os.open(f"{self._path}-wal", os.O_RDWR | OURS)
            try:
                sync_file(handle)
            finally:
                os.close(handle)

    def write(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows, inside of a transaction, and return how many."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[object] = ()) -> int | None:
        """Add a row if there is none like it, inside of a transaction, and return its number; None if there is."""
        cursor = self._connection.execute(statement, values)
        return cursor.lastrowid if cursor.rowcount else None

    def write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Change rows, inside of a transaction, once for each of `rows`."""
        self._connection.executemany(statement, rows)

    def shrink(self, *, free_bytes: int) -> None:
        """Give room in the file that is free back to the disk, until about `free_bytes` of it are left.

        Raises:
            Failure: it cannot be written.
        """
        row = self.row("PRAGMA freelist_count")
        pages = 0 if row is None else row[0] - free_bytes // PAGE
        for start in range(0, pages, MOST_PAGES):
            with self._used() as connection:
                # Not by execute(), which takes one step of a statement that gives no columns: one page.
                connection.executescript(f"PRAGMA incremental_vacuum({min(pages - start, MOST_PAGES)})")

    def sweep(self, *, before_s: float) -> None:
        """Remove databases that were moved aside, and not touched since a moment, in seconds since 1970."""
        for file in self._directory.glob(f"{DAMAGED}*"):
            with contextlib.suppress(OSError):
                if file.lstat().st_mtime < before_s:
                    file.unlink()

    def close(self) -> None:
        """Close the connection. The last one writes the log back."""
        with self._guard, contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread, and tell in words what goes wrong."""
        with self._guard:
            if not self._stands():
                _log.warning("The journal of changes in %s was removed; it is begun anew.", self._directory)
                self._reopen()
            try:
                yield self._connection
            except sqlite3.Error as error:
                if _is_damage(error):
                    self._reopen(fault=str(error))
                raise _failure(error) from error

    def _reopen(self, fault: str = "") -> None:
        self.close()
        try:
            self._connection = self._opened(fault)
        except BaseException:
            self._identity = (0, 0)  # so that the next one who comes tries again
            raise

    def _is_writing(self) -> bool:
        """Tell whether this thread is inside of a transaction. What goes wrong there is told where it ends."""
        return self._writer == threading.get_ident()

    def _stands(self) -> bool:
        """Tell whether the file that is open is still the one that other servers find."""
        try:
            facts = self._path.lstat()
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == self._identity

    def _opened(self, fault: str = "") -> sqlite3.Connection:
        """Return a connection. With a `fault`, what was open until now is damaged and is moved aside."""
        make_private(self._directory)
        # One server at a time, because two that begin the same database anew would undo each other.
        with locked(self._directory / "opening"):
            try:
                if fault and self._stands():
                    return self._anew(fault)
                try:
                    return self._connected()
                except sqlite3.Error as error:
                    if _is_damage(error):
                        return self._anew(str(error))
                    raise
            except sqlite3.Error as error:
                raise _failure(error) from error

    def _anew(self, fault: str) -> sqlite3.Connection:
        """Move a damaged database aside, and return a connection to a new one."""
        last = self._last_number()
        aside = self._directory / f"{DAMAGED}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        _log.warning("The journal of changes in %s is damaged (%s). It is moved to %s.", self._path, fault, aside)
        with told(self._path):
            for suffix in ("", *LOGS):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self._path}{suffix}").rename(f"{aside}{suffix}")
        return self._connected(last)

    def _last_number(self) -> int:
        """Return the number of the last change, as far as it can be read: it must not be given out again."""
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=WAIT_S)) as connection:
                number = connection.execute("SELECT number FROM totals").fetchone()[0]
        except (sqlite3.Error, TypeError):
            return 0
        return number if isinstance(number, int) else 0

    def _connected(self, last_number: int = 0) -> sqlite3.Connection:
        with told(self._path):
            try:
                if not stat.S_ISREG(self._path.lstat().st_mode):
                    raise _Damaged("it is no regular file")
            except FileNotFoundError:
                # A log without its database is one of a database that was removed. SQLite would take it for ours.
                for suffix in LOGS:
                    Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, last_number)
            with told(self._path):
                facts = self._path.lstat()
        except BaseException:
            connection.close()
            raise
        self._identity = (facts.st_dev, facts.st_ino)
        return connection


class _Damaged(sqlite3.DatabaseError):
    """What SQLite itself did not notice."""


def _prepare(connection: sqlite3.Connection, last_number: int) -> None:
    """Set up a connection, and the database if there is none yet."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync(2) alone ends with the drive's cache
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise Failure(
            "config_refused",
            JOURNAL,
            f"A newer version of this server wrote it (schema {version}; this one knows {VERSION})",
            "Start the newer version, or choose another directory with XDG_STATE_HOME",
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version == 0 and not tables:
        _create(connection, last_number)
    elif not (tables >= TABLES and connection.execute("SELECT count(*) FROM totals").fetchone() == (1,)):
        raise _Damaged(f"it holds {', '.join(sorted(tables)) or 'nothing'}")
    else:
        _lead_up(connection, version)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")


def _create(connection: sqlite3.Connection, last_number: int) -> None:
    # It has to be said before there is a table. Without it, room that became free is never given back.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _statements(SCHEMA):
        connection.execute(statement)
    connection.execute("UPDATE totals SET number = ?, position = ?, dropped = ?", (last_number,) * 3)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _lead_up(connection: sqlite3.Connection, version: int) -> None:
    """Make a database of this version out of an older one."""
    for older in range(version, VERSION):
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements(LED_UP[older]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {older + 1}")
        connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one; `executescript` would end the transaction that they are in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_damage(error: sqlite3.Error) -> bool:
    return isinstance(error, _Damaged) or _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _code(error: sqlite3.Error) -> int:
    # The low byte; the others say more closely what it was (https://sqlite.org/rescode.html). SQLite's own errors have
    # a code, those of Python's module have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _failure(error: sqlite3.Error) -> Failure:
    """Return what went wrong in words."""
    _log.warning("The journal of changes: %s (%s)", error, getattr(error, "sqlite_errorname", "no code"))
    if _is_damage(error):
        return damaged()
    match _code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return occupied()
        case sqlite3.SQLITE_FULL:
            return disk_full()
        case _:
            return Failure(
                "io_error",
                JOURNAL,
                f"Its database answered: {error}",
                "Try once more; if it stays, ask the user to look at the disk of the server's state directory",
            )
