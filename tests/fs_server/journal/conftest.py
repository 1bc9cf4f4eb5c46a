from collections.abc import Iterator
from pathlib import Path

import pytest

from fs_server.journal.journal import Journal
from tests.fs_server.journal.samples import Clock, OpenJournal


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the journal of a test is. It is not made yet."""
    return tmp_path / "state" / "journal"


@pytest.fixture
def clock() -> Clock:
    """The time that the journal sees."""
    return Clock()


@pytest.fixture
def open_journal(directory: Path, clock: Clock) -> Iterator[OpenJournal]:
    """Opens the journal as a server does; each is closed at the end."""
    opened: list[Journal] = []

    def open_one(*, max_bytes: int = 1 << 30, max_age_s: float = 30 * 24 * 3_600) -> Journal:
        opened.append(Journal.open(directory, max_bytes=max_bytes, max_age_s=max_age_s, clock=clock))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(open_journal: OpenJournal) -> Journal:
    """A journal that was opened for the first time."""
    return open_journal()
