"""Which servers are alive: each holds the lock on a file of its own for as long as its process lives.

However a process ends, the system takes its lock back. So an unlocked file, or none, is a server that died, and
whoever gets its lock is the only one that handles what it left.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from fs_server.journal.directory import open_ours, try_lock, until
from fs_server.journal.trouble import told

__all__ = ["Sessions"]

_ID = re.compile("[0-9a-f]{16}")


class Sessions:
    """The servers that share a journal, and this one among them.

    Attributes:
        own: the id of this server.
    """

    def __init__(self, directory: Path) -> None:
        self.own = os.urandom(8).hex()
        self._directory = directory
        self._handle: int | None = None
        self._guard = threading.Lock()

    def begin(self) -> None:
        """Show that this server is alive. After the first time it only looks whether its file still stands.

        Raises:
            Failure: the file cannot be made or locked.
        """
        path = self._directory / self.own
        with self._guard, told(path):
            if self._handle is None or not _stands(self._handle, path):
                self._let_go()
                # Whoever looks whether we are alive may have the lock for a moment.
                until(self._begun)

    def alive(self, session: str) -> bool:
        """Tell whether a server is alive; one that is being recovered counts as such.

        Raises:
            Failure: its file cannot be opened.
        """
        if session == self.own or not _ID.fullmatch(session):
            return session == self.own
        path = self._directory / session
        with told(path):
            try:
                handle = open_ours(path)
            except FileNotFoundError:
                return False
            try:
                return not try_lock(handle)
            finally:
                os.close(handle)

    @contextlib.contextmanager
    def take(self, session: str) -> Iterator[bool]:
        """Hold the place of a dead server; False where it is alive, or another process has its place.

        Raises:
            Failure: its file cannot be opened.
        """
        if session == self.own or not _ID.fullmatch(session):
            # What is no id is of nobody, and nobody can be alive by it.
            yield session != self.own
            return
        path = self._directory / session
        with told(path):
            handle = self._opened(path)
        try:
            with told(path):
                taken = try_lock(handle) and _stands(handle, path)
            try:
                yield taken
            finally:
                # It need not stand any more: a server without a file is a dead one.
                if taken:
                    _removed(path)
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Remove the files of servers that died.

        Raises:
            Failure: one of them cannot be opened.
        """
        for session in self._names():
            with self.take(session):
                pass

    def end(self) -> None:
        """Show that this server has left."""
        with self._guard:
            if self._handle is not None:
                _removed(self._directory / self.own)
                self._let_go()

    def _begun(self) -> bool:
        path = self._directory / self.own
        handle = self._opened(path)
        if try_lock(handle) and _stands(handle, path):
            self._handle = handle
            return True
        os.close(handle)
        return False

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _opened(self, path: Path) -> int:
        try:
            return open_ours(path, os.O_CREAT)
        except FileNotFoundError:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return open_ours(path, os.O_CREAT)

    def _names(self) -> list[str]:
        try:
            names = [file.name for file in self._directory.iterdir()]
        except OSError:  # it is made for the first change
            return []
        return [name for name in names if _ID.fullmatch(name)]


def _stands(handle: int, path: Path) -> bool:
    """Tell whether a path still leads to the file that is open."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _removed(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
