"""Several servers on one journal, and servers that are killed."""

import signal
from pathlib import Path

from fs_server.journal.changes import Status
from fs_server.journal.journal import Journal
from tests.fs_server.journal.processes import Process, opened
from tests.fs_server.journal.samples import OpenJournal, changed, digest_of, put

COUNT = 200


def test_two_servers_write_at_once_and_nothing_is_lost(directory: Path, open_journal: OpenJournal) -> None:
    with (
        Process("write_changes", directory, "one", str(COUNT)) as one,
        Process("write_changes", directory, "two", str(COUNT)) as two,
    ):
        for process in (one, two):
            assert process.line() == "open"
        for process in (one, two):
            process.go_on()
        for process in (one, two):
            assert process.line() == "done"
            assert process.ended() == 0
    journal = open_journal()
    changes = journal.feed(limit=3 * COUNT).changes
    assert sorted(change.number for change in changes) == list(range(1, 2 * COUNT + 1))
    for name in ("one", "two"):
        paths = [change.steps[0].path for change in reversed(changes) if change.steps[0].path.startswith(f"/r/{name}/")]
        assert paths == [f"/r/{name}/{number}" for number in range(COUNT)]
        assert all(journal.content(digest_of(f"{name} {number}".encode())) is not None for number in range(COUNT))
    assert list(journal.unfinished()) == []
    assert not list((directory / "sessions").iterdir())


def test_servers_that_start_together_make_one_journal(directory: Path) -> None:
    processes = [Process("write_changes", directory, name, "5") for name in ("one", "two", "three")]
    for process in processes:
        with process:
            process.go_on()
            assert (process.line(), process.line()) == ("open", "done")
    with opened(directory) as journal:
        assert len(journal.feed().changes) == 15
    assert not list(directory.glob("journal.damaged-*"))


def test_what_a_killed_server_began_is_found_with_all_that_is_needed_to_take_it_back(
    directory: Path, open_journal: OpenJournal
) -> None:
    with Process("begin_and_die", directory, "/r/a", "/r/b") as process:
        session = process.line()
        process.ended()
    journal = open_journal()
    assert journal.feed().changes == ()
    found = []
    for intent in journal.unfinished():
        with intent as change:
            assert change is not None
            assert (change.status, change.session) == (Status.INTENT, session)
            assert journal.content(digest_of(change.steps[0].path.encode())) == change.steps[0].path.encode()
            found.append(change)
    assert [change.steps[0].path for change in found] == ["/r/a", "/r/b"]
    for intent, finish in zip(list(journal.unfinished()), (True, False), strict=True):
        with intent as change:
            assert change is not None
            journal.finish(change) if finish else journal.abandon(change)
    assert list(journal.unfinished()) == []
    assert [change.steps[0].path for change in journal.feed().changes] == ["/r/a"]
    assert journal.content(digest_of(b"never needed")) is None


def test_what_is_begun_by_a_server_that_is_alive_is_left_alone(directory: Path, journal: Journal) -> None:
    journal.begin([put("/r/a", b"", b"")], tool="write_file")
    with opened(directory) as other:
        assert list(other.unfinished()) == []
        assert list(journal.unfinished()) == [], "its own too"
        journal.close()
        assert len(list(other.unfinished())) == 1, "it left, and nobody else will finish it"


def test_each_change_of_a_dead_server_is_handled_by_one_other(directory: Path) -> None:
    with Process("begin_and_die", directory, *(f"/r/{number}" for number in range(20))) as process:
        process.line()
        process.ended()
    handled = []
    with Process("recover", directory) as one, Process("recover", directory) as two:
        for process in (one, two):
            assert process.line() == "open"
        for process in (one, two):
            process.go_on()
        for process in (one, two):
            while (line := process.line()) not in {"done", ""}:
                handled.append(line)
    assert sorted(handled, key=lambda id_: int(id_[1:])) == [f"c{number}" for number in range(1, 21)]


def test_a_recovery_gives_nothing_to_whoever_comes_second(directory: Path, open_journal: OpenJournal) -> None:
    with Process("begin_and_die", directory, "/r/a") as process:
        process.line()
        process.ended()
    one, two = open_journal(), open_journal()
    (first,), (second,) = list(one.unfinished()), list(two.unfinished())
    with first as mine:
        assert mine is not None
        with second as nothing:
            assert nothing is None
        one.finish(mine)
    assert list(two.unfinished()) == []


def test_a_server_killed_while_others_write_disturbs_nobody(directory: Path, journal: Journal) -> None:
    with Process("write_changes", directory, "one", "100000") as process:
        assert process.line() == "open"
        process.go_on()
        while not journal.feed(beneath=["/r/one"]).changes:
            changed(journal, "/r/mine")
        process.kill(signal.SIGKILL)
    mine = [changed(journal, "/r/mine").number for _ in range(20)]
    for intent in journal.unfinished():
        with intent as change:
            assert change is not None
            journal.abandon(change)
    changes = journal.feed(limit=10_000).changes
    assert {change.number for change in changes} >= set(mine)
    assert all(change.status is Status.DONE for change in changes)
