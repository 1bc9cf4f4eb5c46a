"""Stand between a change and the system: before each call, a test may let it fail, end the process, or look around."""

import contextlib
import ctypes
import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sandbox import Resolver
from sandbox.resolve._posix_changes import PosixChanges
from tests.fs_server.journal.moments import Before
from tests.support.faults import CHANGING, READING

__all__ = ["Calls"]

# A new file is told of as `create`, which is `open` with a flag.
LOOKS = frozenset({"read", "lseek", "access", "listxattr", "getxattr", *READING})
"""Calls that change nothing; `open` does when it creates."""

SHORT = 16_384
"""Bytes that one write takes here, so that a content is written in several."""

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
        for module, name in ((os, "fsync"), (os, "fdatasync")):
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
