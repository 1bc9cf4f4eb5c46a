"""Stand between a change and the system: before each call, a test may let it fail, end the process, or look around."""

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from fs_server.journal import blobs
from sandbox import Resolver
from sandbox.resolve._posix_changes import PosixChanges
from tests.support.faults import CHANGING, READING

__all__ = [
    "Before",
    "Calls",
    "Counts",
    "Dies",
    "Fails",
    "FailsOn",
    "Interferes",
    "Waits",
    "answering",
    "any_call",
    "both",
    "changing",
    "following",
    "named",
]

Before = Callable[[str, bool], int]
"""Hears the name of a call and whether it changes something that others see; returns the errno it fails with, or 0."""

Among = Callable[[str, bool], bool]
"""Tells of a call whether it counts."""

# A new file is told of as `create`, which is `open` with a flag.
LOOKS = frozenset({"read", "lseek", "access", "listxattr", "getxattr", *READING})
"""Calls that change nothing; `open` does when it creates."""

SHORT = 16_384
"""Bytes that one write takes here, so that a content is written in several."""

_PLACES = frozenset({"mkdir", "rename", "renameat2", "link", "symlink", "mkfifo", "unlink", "rmdir"})
_HANDLES = frozenset({"create", "open", "openat2", "dup", "scandir", "sql"})
_ATTRIBUTES = frozenset({"chmod", "fchmod", "utime", "setxattr", "removexattr"})

# Which calls may answer so. Every one may answer that the device failed.
_ANSWERS: dict[int, frozenset[str]] = {
    errno.ENOSPC: (_PLACES - {"unlink", "rmdir"}) | {"create", "open", "write", "fsync", "setxattr", "sql"},
    errno.EACCES: _PLACES | _HANDLES | {"stat", "readlink"},
    errno.EPERM: _PLACES | _ATTRIBUTES,
    errno.EMFILE: _HANDLES,
}


def any_call(_name: str, _changes: bool) -> bool:  # noqa: FBT001 # with `changing` and `answering`, what counts
    """Count every call."""
    return True


def changing(_name: str, changes: bool) -> bool:  # noqa: FBT001 # as above
    """Count what changes something: between two of those, every moment is the same."""
    return changes


def both(one: Among, other: Among) -> Among:
    """Count what both count."""
    return lambda name, changes: one(name, changes) and other(name, changes)


def answering(number: int) -> Among:
    """Count what may fail with this errno."""
    if number not in _ANSWERS:
        return any_call
    return lambda name, changes: name.partition(" ")[0] in _ANSWERS[number] and (changes or number != errno.ENOSPC)


# What the database says where the system would say this.
SQL_ERRORS = {
    errno.EIO: ("disk I/O error", sqlite3.SQLITE_IOERR),
    errno.ENOSPC: ("database or disk is full", sqlite3.SQLITE_FULL),
    errno.EDQUOT: ("database or disk is full", sqlite3.SQLITE_FULL),
    errno.EACCES: ("access permission denied", sqlite3.SQLITE_PERM),
    errno.EPERM: ("attempt to write a readonly database", sqlite3.SQLITE_READONLY),
    errno.EMFILE: ("unable to open database file", sqlite3.SQLITE_CANTOPEN),
}

ABILITIES = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


class Calls:
    """The calls of this process: those of `os`, those that a resolver makes past it, and the statements of SQLite.

    Nothing waits for the disk meanwhile: the end of a process takes nothing from the system's memory.
    """

    def __init__(self) -> None:
        self._before: Before | None = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand there until `patch` is undone. A database that was opened before is not reached."""
        for name in (*READING, *CHANGING):
            if hasattr(os, name):
                self._guard(patch, os, name)
        patch.setattr(os, "write", self._short(os.write))
        for module, name in ((os, "fsync"), (blobs, "_sync")):
            patch.setattr(module, name, self._guarded("fsync", lambda _handle: None))
        self._guard(patch, fcntl, "flock")
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=self._connections()))

    def reach(self, resolver: Resolver) -> None:
        """Stand there too where a resolver calls the system past `os`, as long as it lives."""
        if hasattr(resolver, "_syscall"):
            resolver._syscall = self._guarded_syscall(resolver._syscall)
        assert isinstance(resolver.changes, PosixChanges)
        resolver.changes._call = self._guarded_rename(resolver.changes._call)

    @contextlib.contextmanager
    def hear(self, before: Before) -> Iterator[None]:
        """Ask `before` about each call until the end of the block."""
        self._before = before
        try:
            yield
        finally:
            self._before = None

    def fails(self, name: str, *, changes: bool) -> int:
        """Return the errno that a call has to fail with; 0 lets it pass."""
        return self._before(name, changes) if self._before is not None else 0

    def _guard(self, patch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        call = getattr(module, name)
        guarded = self._guarded(name, call)
        patch.setattr(module, name, guarded)
        for kind in ABILITIES:
            if call in getattr(os, kind):  # a program asks there what a call can do
                patch.setattr(os, kind, getattr(os, kind) | {guarded})

    def _guarded(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        looks = name in LOOKS

        def guarded(*arguments: Any, **options: Any) -> Any:
            if self._before is not None:
                flags = arguments[1] if name == "open" and len(arguments) > 1 else 0
                number = self._before("create" if flags & os.O_EXCL else name, not looks or bool(flags & os.O_CREAT))
                if number and name == "access":  # it answers, and raises nothing
                    return False
                if number:
                    raise OSError(number, os.strerror(number))
            return call(*arguments, **options)

        return guarded

    def _short(self, write: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        return lambda handle, content: write(handle, memoryview(content)[:SHORT])

    def _guarded_syscall(self, call: Callable[..., int]) -> Callable[..., int]:
        def guarded(*arguments: Any) -> int:
            number = self.fails("openat2", changes=False)
            if number:
                ctypes.set_errno(number)
                return -1
            return call(*arguments)

        return guarded

    def _guarded_rename(self, call: Callable[..., int]) -> Callable[..., int]:
        return lambda *arguments: self.fails("renameat2", changes=True) or call(*arguments)

    def _connections(calls) -> type[sqlite3.Connection]:  # noqa: N805 # the class inside has a self of its own
        class Connection(sqlite3.Connection):
            """Counts its statements, and does not wait for the disk."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                super().execute("PRAGMA synchronous = OFF")

            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if statement.startswith("PRAGMA synchronous"):
                    return super().execute("PRAGMA synchronous = OFF")
                if statement != "ROLLBACK":  # SQLite itself takes back what failed
                    calls._ask(statement)
                return super().execute(statement, *values)

            def executemany(self, statement: str, *values: Any) -> sqlite3.Cursor:
                calls._ask(statement)
                return super().executemany(statement, *values)

        return Connection

    def _ask(self, statement: str) -> None:
        # What was written becomes true at once, when it is committed.
        number = self.fails(f"sql {statement[:40].strip()}", changes=statement == "COMMIT")
        if number:
            words, code = SQL_ERRORS[number]
            error = sqlite3.OperationalError(words)
            error.sqlite_errorcode, error.sqlite_errorname = code, words
            raise error


def named(*names: str) -> Among:
    """Count calls of these names."""
    return lambda name, _changes: name in names


def following(*names: str) -> Among:
    """Count what follows the first call of one of these names."""
    seen = False

    def counts(name: str, _changes: bool) -> bool:  # noqa: FBT001 # as above
        nonlocal seen
        before, seen = seen, seen or name in names
        return before

    return counts


class Counts:
    """Counts calls and lets them pass.

    Attributes:
        count: of calls so far.
        call: the name of the Nth; "" until then.
    """

    def __init__(self, nth: int = 0, *, among: Among = any_call) -> None:
        """Take which call is waited for, counted from 1, among those that count."""
        self.count = 0
        self.call = ""
        self.nth = nth
        self._among = among

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        if not self._among(name, changes):
            return 0
        self.count += 1
        if self.count == self.nth:
            self.call = name
        return self._answer()

    def _answer(self) -> int:
        return 0


class Fails(Counts):
    """Lets the Nth call fail, and the one so many `later`."""

    def __init__(self, nth: int, number: int, *, later: int = 0, among: Among = any_call) -> None:
        super().__init__(nth, among=among)
        self._number = number
        self._later = later

    def _answer(self) -> int:
        return self._number if self.count in {self.nth, self.nth + self._later} else 0


class FailsOn(Counts):
    """Lets the Nth of those calls fail with which it `begins`, and from then on all: a disk that goes away."""

    def __init__(self, nth: int, number: int, *, among: Among, begins: Among) -> None:
        super().__init__(nth, among=both(among, begins))
        self._number = number
        self._fails = among

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        super().__call__(name, changes)
        return self._number if self.call and self._fails(name, changes) else 0


class Dies(Counts):
    """Ends the process before the Nth call, as whoever kills it does: nothing is cleared up."""

    def _answer(self) -> int:
        if self.count == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0


class Waits(Counts):
    """Says before the Nth call that it has come so far, and goes on when it is told to."""

    def __init__(self, nth: int, said: int, told: int, *, among: Among = any_call) -> None:
        """Take the descriptors that it writes to and reads from."""
        super().__init__(nth, among=among)
        self._said = said
        self._told = told
        self._write, self._read = os.write, os.read  # the system's own, if nobody stands before them yet

    def _answer(self) -> int:
        if self.count == self.nth:
            self._write(self._said, b"!")
            self._read(self._told, 1)
        return 0


class Interferes(Counts):
    """Lets somebody do something right before the Nth call, and asks another one about all that comes after."""

    def __init__(
        self, do: Callable[[], object], nth: int = 1, *, among: Among = any_call, then: Before | None = None
    ) -> None:
        super().__init__(nth, among=among)
        self._do = do
        self._then = then
        self._busy = False

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        if self._busy:
            return 0
        super().__call__(name, changes)
        return self._then(name, changes) if self.call and self._then is not None else 0

    def _answer(self) -> int:
        if self.count == self.nth:
            self._busy = True
            self._do()
            self._busy = False
        return 0
