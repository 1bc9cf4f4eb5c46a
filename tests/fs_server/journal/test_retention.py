"""The journal stays within its bounds, and forgets the oldest first."""

from pathlib import Path

from fs_server.journal.journal import Journal
from tests.fs_server.journal.processes import opened
from tests.fs_server.journal.samples import LARGE, Clock, OpenJournal, add_changes, changed, digest_of, put

MIB = 1 << 20


def numbers(journal: Journal) -> list[int]:
    return [change.number for change in reversed(journal.feed(limit=1_000).changes)]


def blob_files(directory: Path) -> list[Path]:
    return [path for path in (directory / "blobs").rglob("*") if path.is_file()]


def test_the_bound_of_bytes_holds_while_the_server_works(directory: Path, open_journal: OpenJournal) -> None:
    journal = open_journal(max_bytes=MIB)
    for number in range(30):
        changed(journal, "/r/a", LARGE + bytes([number]))
        assert journal.usage().bytes < MIB * 1.1
    left = numbers(journal)
    assert left == list(range(left[0], 31))
    assert left[0] > 15
    assert len(blob_files(directory)) == len(left)
    assert journal.content(digest_of(LARGE + bytes([29]))) is not None
    assert journal.content(digest_of(LARGE + bytes([0]))) is None
    assert journal.change(1) is None


def test_a_lower_bound_holds_from_the_next_start_on_and_room_is_given_back(
    directory: Path, open_journal: OpenJournal
) -> None:
    with opened(directory) as journal:
        for number in range(100):
            journal.keep(LARGE[:60_000] + number.to_bytes(2, "big"))
        steps = [put("/r/a", LARGE[:60_000] + number.to_bytes(2, "big"), b"") for number in range(100)]
        journal.finish(journal.begin(steps, tool="replace_in_files"))
        changed(journal, "/r/a")
    assert (directory / "journal").stat().st_size > 5 * MIB
    open_journal(max_bytes=MIB).close()
    assert (directory / "journal").stat().st_size < 2 * MIB
    assert 0 < open_journal(max_bytes=MIB).usage().bytes <= MIB


def test_what_is_too_old_is_forgotten_at_the_next_start(open_journal: OpenJournal, clock: Clock) -> None:
    journal = open_journal()
    for _ in range(3):
        changed(journal, "/r/a", LARGE)
        clock.pass_days(10)
    clock.pass_days(5)
    open_journal()
    assert numbers(journal) == [2, 3]
    assert journal.content(digest_of(LARGE)) == LARGE, "two changes still need it"


def test_a_server_that_runs_for_long_forgets_too(journal: Journal, clock: Clock) -> None:
    changed(journal, "/r/a")
    clock.pass_days(31)
    changed(journal, "/r/b")
    assert numbers(journal) == [2]


def test_the_newest_change_and_intents_are_never_forgotten(open_journal: OpenJournal, clock: Clock) -> None:
    journal = open_journal(max_bytes=1)
    intent = journal.begin([put("/r/a", b"", b"")], tool="write_file")
    first = changed(journal, "/r/a", LARGE)
    assert numbers(journal) == [first.number]
    newest = changed(journal, "/r/a", LARGE)
    clock.pass_days(1_000)
    open_journal(max_bytes=1)
    assert numbers(journal) == [newest.number]
    assert journal.change(intent.number) == intent
    assert journal.content(digest_of(LARGE)) == LARGE


def test_a_wrong_clock_costs_no_change_that_its_neighbours_keep(open_journal: OpenJournal, clock: Clock) -> None:
    """ours: some machines wake up in 1970, and are told the time later."""
    journal = open_journal()
    right = clock.now
    changed(journal, "/r/a")
    clock.now = 0
    changed(journal, "/r/a")
    open_journal()
    clock.now = right
    changed(journal, "/r/a")
    changed(journal, "/r/a")
    open_journal()
    assert numbers(journal) == [1, 2, 3, 4]
    clock.pass_days(31)
    open_journal()
    assert numbers(journal) == [4]


def test_what_was_moved_aside_is_removed_when_it_is_old(
    directory: Path, open_journal: OpenJournal, clock: Clock
) -> None:
    directory.mkdir(parents=True)
    (directory / "journal").write_bytes(b"no database" * 1_000)
    changed(open_journal(), "/r/a")
    assert len(list(directory.glob("journal.damaged-*"))) == 1
    clock.pass_days(29)
    open_journal()
    assert len(list(directory.glob("journal.damaged-*"))) == 1
    clock.pass_days(2)
    open_journal()
    assert list(directory.glob("journal.damaged-*")) == []


def test_more_than_is_forgotten_at_a_time_is_forgotten_in_the_end(directory: Path, open_journal: OpenJournal) -> None:
    with opened(directory) as journal:
        add_changes(journal, range(250))
    journal = open_journal()
    open_journal(max_bytes=20_000)
    assert journal.usage().bytes <= 20_000
    assert numbers(journal)[-1] == 250


def test_a_change_never_waits_until_very_much_is_forgotten(open_journal: OpenJournal, clock: Clock) -> None:
    journal = open_journal()
    add_changes(journal, range(250))
    clock.pass_days(31)
    left = []
    for _ in range(4):
        changed(journal, "/r/a")
        left.append(len(numbers(journal)))
    assert left == [151, 52, 3, 4]
