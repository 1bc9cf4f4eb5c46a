"""States and changes for tests, made of the contents that matter to them."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Protocol

from fs_server.journal.changes import Action, Change, Step
from fs_server.journal.journal import Journal
from fs_server.journal.states import Absent, DirectoryState, FileState, State, manifest_of

__all__ = [
    "LARGE",
    "Clock",
    "OpenJournal",
    "add_changes",
    "changed",
    "digest_of",
    "directory_of",
    "file_of",
    "put",
    "tree_of",
]

LARGE = bytes(range(256)) * 400
"""More than the database takes itself."""


class OpenJournal(Protocol):
    def __call__(self, *, max_bytes: int = ..., max_age_s: float = ...) -> Journal: ...


@dataclass
class Clock:
    """Nanoseconds since 1970, as the test wants them."""

    now: int = field(default_factory=time.time_ns)

    def __call__(self) -> int:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += int(days * 24 * 3_600 * 10**9)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_of(content: bytes, *, inode: int = 7) -> FileState:
    return FileState(
        digest=digest_of(content),
        size=len(content),
        mode=0o644,
        mtime_ns=1_700_000_000_123_456_789,
        owner=(1000, 1000),
        xattrs=(),
        identity=(2049, inode),
        links=1,
    )


def directory_of(tree: str = "") -> DirectoryState:
    return DirectoryState(mode=0o755, mtime_ns=1, owner=(1000, 1000), xattrs=(), identity=(2049, 3), tree=tree)


def tree_of(journal: Journal, **files: bytes) -> DirectoryState:
    """Keep a directory with these files, as a tool that is about to remove it does."""
    for content in files.values():
        journal.keep(content)
    return directory_of(journal.keep(manifest_of((name, file_of(content)) for name, content in files.items())))


def put(path: str, before: bytes | State, after: bytes | State) -> Step:
    return Step(Action.PUT, path, _state(before), _state(after))


def changed(journal: Journal, path: str, before: bytes | State = Absent(), after: bytes = b"after") -> Change:  # noqa: B008 # frozen
    """Carry out a change of one file, as a tool does, and return it done."""
    if isinstance(before, bytes):
        journal.keep(before)
    journal.keep(after)
    return journal.finish(journal.begin([put(path, before, after)], tool="write_file"))


def add_changes(journal: Journal, numbers: range) -> None:
    """Carry out many changes, half of them beneath one root, without waiting for the disk each time."""
    time_ns = journal._clock()
    with journal._database.transaction():
        for number in numbers:
            steps = [put(f"/{'ab'[number % 2]}/{number}", b"", b"")]
            begun = journal._records.add(steps, time_ns=time_ns, session="", author="", tool="", undoes=None, note="")
            assert journal._records.finish(begun, steps)


def _state(content: bytes | State) -> State:
    return file_of(content) if isinstance(content, bytes) else content
