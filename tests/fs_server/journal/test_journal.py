"""Changes from their intent to their end, and what undoes what."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.journal import Absent, Action, Author, Change, Status, Step
from fs_server.journal.journal import Journal
from tests.fs_server.journal.processes import CHECKOUT, opened
from tests.fs_server.journal.samples import (
    LARGE,
    Clock,
    OpenJournal,
    changed,
    digest_of,
    directory_of,
    file_of,
    put,
)

STEPS = (
    put("/r/a", b"old", b"new"),
    Step(
        Action.MOVE,
        "/r/\udcff\udcfe",
        file_of(b"x"),
        file_of(b"x"),
        destination="/r/\u202eb\n",
        temporary="/r/.t\udc80",
    ),
    Step(Action.MAKE_DIRECTORY, "/r/d", Absent(), directory_of()),
    Step(Action.REMOVE, "/r/d/\U0001f600", file_of(b"y"), Absent()),
)


def undo(journal: Journal, change: Change) -> Change:
    return journal.finish(journal.begin([put("/r/a", b"", b"")], tool="undo", undoes=change.number))


def state_of(journal: Journal, change: Change) -> tuple[Status, int | None]:
    found = journal.change(change.number)
    assert found is not None
    return found.status, found.undone_by


def test_an_intent_is_seen_by_other_servers_as_it_was_written(journal: Journal, directory: Path, clock: Clock) -> None:
    change = journal.begin(STEPS, tool="apply_patch", author="command 3", note="merged \udcff with what came")
    assert change == Change(
        1,
        clock.now,
        journal.session,
        "command 3",
        "apply_patch",
        Status.INTENT,
        STEPS,
        note="merged \udcff with what came",
    )
    with opened(directory) as other:
        assert other.change(1) == change
        assert other.session != journal.session
        assert other.usage().changes == 1


def test_a_finished_change_has_what_was_learnt_meanwhile(journal: Journal) -> None:
    change = journal.begin(STEPS, tool="apply_patch")
    learnt = (put("/r/a", b"old", file_of(b"new", inode=99)), *STEPS[1:])
    done = journal.finish(change, learnt)
    assert (done.status, done.steps) == (Status.DONE, learnt)
    assert journal.change(change.number) == done
    fewer = journal.finish(journal.begin(STEPS, tool="apply_patch"), STEPS[:2])
    assert journal.change(fewer.number) == fewer
    assert fewer.steps == STEPS[:2]
    same = journal.finish(journal.begin(STEPS, tool="apply_patch"))
    assert journal.change(same.number) == same


def test_what_was_made_so_far_can_be_written_down_and_that_something_of_it_still_waits(journal: Journal) -> None:
    change = journal.begin(STEPS, tool="apply_patch")
    made = replace(STEPS[1], after=STEPS[0].after)
    journal.note(change, 1, made)
    steps = (STEPS[0], made, *STEPS[2:])
    assert journal.change(change.number) == replace(change, steps=steps)
    done = journal.finish(change, steps, waiting=True, durable=True)
    assert (done.status, done.waiting) == (Status.DONE, True)
    assert journal.change(change.number) == done
    assert journal.feed().changes == (done,)
    settled = journal.settle(done)
    assert settled == replace(done, waiting=False)
    assert journal.change(change.number) == settled


def test_a_content_is_found_by_its_etag_for_the_file_that_held_it_and_for_no_other(journal: Journal) -> None:
    """ours: an etag that somebody learnt elsewhere is no key to what another file held."""
    changed(journal, "/r/a", after=b"SECRET of /r/a")
    digest = hashlib.sha256(b"SECRET of /r/a").hexdigest()
    assert journal.content_at("/r/a", digest[:16]) == b"SECRET of /r/a"
    assert journal.content_at("/r/a", "0" * 16) is None
    assert journal.content_at("/r/b", digest[:16]) is None


def test_an_abandoned_intent_has_never_been_and_its_number_is_not_used_again(journal: Journal) -> None:
    change = journal.begin(STEPS, tool="apply_patch")
    journal.abandon(change)
    journal.abandon(change)
    assert journal.change(change.number) is None
    assert journal.feed().changes == ()
    assert journal.last_state("/r/a") is None
    assert journal.usage() == type(journal.usage())(0, 0, None)
    assert changed(journal, "/r/a").number == change.number + 1


def test_a_change_that_is_done_cannot_be_abandoned(journal: Journal) -> None:
    change = changed(journal, "/r/a")
    journal.abandon(change)
    assert journal.change(change.number) == change


def test_undoing_and_redoing_marks_what_counts(journal: Journal) -> None:
    first = changed(journal, "/r/a")
    second = undo(journal, first)
    assert state_of(journal, first) == (Status.UNDONE, second.number)
    third = undo(journal, second)
    assert state_of(journal, second) == (Status.UNDONE, third.number)
    assert state_of(journal, first) == (Status.DONE, None)
    fourth = undo(journal, third)
    assert state_of(journal, third) == (Status.UNDONE, fourth.number)
    assert state_of(journal, second) == (Status.DONE, None)
    assert state_of(journal, first) == (Status.UNDONE, second.number)
    assert state_of(journal, fourth) == (Status.DONE, None)


def test_an_undo_that_is_not_finished_marks_nothing(journal: Journal) -> None:
    first = changed(journal, "/r/a")
    begun = journal.begin([], tool="undo", undoes=first.number)
    assert state_of(journal, first) == (Status.DONE, None)
    journal.abandon(begun)
    assert undo(journal, Change(4_711, 0, "", "", "", Status.DONE, ())).undoes == 4_711, "forgotten meanwhile"


def test_the_last_to_undo_is_the_newest_of_this_server_that_counts(open_journal: OpenJournal, journal: Journal) -> None:
    assert journal.last_to_undo() is None
    first, second = changed(journal, "/r/a"), changed(journal, "/r/b")
    changed(open_journal(), "/r/c")
    journal.note_outside("/r/d", Absent(), file_of(b""), 1)
    journal.begin(STEPS, tool="apply_patch")
    assert journal.last_to_undo() == second
    undone = undo(journal, second)
    assert journal.last_to_undo() == first
    undo(journal, first)
    assert journal.last_to_undo() is None
    undo(journal, undone)
    found = journal.last_to_undo()
    assert found is not None
    assert found.number == second.number


@pytest.mark.parametrize(
    ("after", "action"),
    [(Absent(), Action.REMOVE), (file_of(b"x"), Action.PUT), (directory_of(), Action.MAKE_DIRECTORY)],
)
def test_a_change_from_outside_is_done_when_it_is_noticed(after: object, action: Action, journal: Journal) -> None:
    assert isinstance(after, (Absent, type(file_of(b"")), type(directory_of())))
    journal.keep(b"before")
    change = journal.note_outside("/r/a", file_of(b"before"), after, 17)
    assert (change.author, change.session, change.status, change.time_ns) == (Author.OUTSIDE, "", Status.DONE, 17)
    assert [step.action for step in change.steps] == [action]
    assert journal.change(change.number) == change
    assert journal.last_state("/r/a") == after
    assert journal.content(digest_of(b"before")) == b"before"
    assert list(journal.unfinished()) == []


def test_a_damaged_change_is_left_out_and_told(
    journal: Journal, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad, worse = (changed(journal, f"/r/{name}") for name in "abc")
    with journal._database.transaction():
        journal._database.write("UPDATE steps SET after = '{}' WHERE change = ?", (bad.number,))
        journal._database.write("UPDATE changes SET status = 'half' WHERE number = ?", (worse.number,))
    assert journal.change(bad.number) is None
    assert journal.change(worse.number) is None
    assert journal.feed().changes == (good,)
    assert journal.last_to_undo() is None, "the one before it is not what was asked for"
    assert journal.last_state("/r/b") is None
    assert [change.id for change in journal.later_than(good, ["/r"])] == []
    assert "the change c2 is damaged" in caplog.text
    with opened(directory) as other:
        assert other.usage().changes == 3


def test_a_damaged_chain_of_undoing_ends(journal: Journal) -> None:
    first, second = changed(journal, "/r/a"), changed(journal, "/r/b")
    with journal._database.transaction():
        journal._database.write("UPDATE changes SET undoes = 3 - number")
    undo(journal, second)
    assert state_of(journal, second)[0] is Status.UNDONE
    assert state_of(journal, first)[0] is Status.DONE


def test_the_clock_may_go_backwards(journal: Journal, clock: Clock) -> None:
    first = changed(journal, "/r/a", b"1")
    clock.now = 0
    second = changed(journal, "/r/a", b"2")
    clock.now = -5
    third = changed(journal, "/r/a", b"3")
    assert [change.number for change in journal.feed().changes] == [third.number, second.number, first.number]
    assert journal.last_to_undo() == third
    assert journal.later_than(first, ["/r/a"]) == [second, third]
    assert third.time_ns == -5
    assert journal.usage().changes == 3


def test_usage_counts_contents_and_records(journal: Journal, clock: Clock) -> None:
    began = clock.now
    changed(journal, "/r/a", LARGE)
    clock.pass_days(1)
    change = changed(journal, "/r/a", LARGE)
    usage = journal.usage()
    assert (usage.changes, usage.oldest_time_ns) == (2, began)
    assert len(LARGE) < usage.bytes < len(LARGE) + 5_000
    with journal._database.transaction():
        journal._records.drop(change.number)
    assert journal.usage().bytes < usage.bytes


def test_a_path_that_cannot_be_one_is_refused_before_anything_is_written(journal: Journal) -> None:
    with pytest.raises(UnicodeEncodeError):
        journal.begin([put("/r/\ud800", b"", b"")], tool="write_file")
    assert journal.usage().changes == 0
    changed(journal, "/r/a")


def test_a_change_waits_for_the_disk_once_when_it_begins_and_not_when_it_is_done(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("there is no strace here")
    log = tmp_path / "calls"
    command = [strace, "-f", "-e", "trace=fsync,fdatasync,write", "-o", str(log), sys.executable, "-m"]
    done = subprocess.run([*command, __name__, str(tmp_path / "journal")], cwd=CHECKOUT, check=False, timeout=30)
    if not log.exists() or done.returncode:
        pytest.skip("strace may not trace here")
    calls = log.read_text()
    marks = [calls.index(f'"{mark}') for mark in ("opened", "warm", "kept", "begun", "done", "outside")]
    syncs = [calls[start:end].count("sync(") for start, end in pairwise(marks[1:])]
    assert syncs == [0, 1, 0, 0]


def trace(directory: str) -> None:
    with opened(directory) as journal:
        say("opened")
        changed(journal, "/r/a", b"old")
        say("warm")
        journal.keep(b"x" * 1_000)
        say("kept")
        begun = journal.begin([put("/r/a", b"x" * 1_000, b"new")], tool="write_file")
        say("begun")
        journal.finish(begun, [put("/r/a", b"x" * 1_000, file_of(b"new", inode=1))])
        say("done")
        journal.note_outside("/r/a", file_of(b""), Absent(), 1)
        say("outside")


def say(mark: str) -> None:
    sys.stdout.write(f"{mark}\n")
    sys.stdout.flush()


def test_a_journal_that_cannot_be_tidied_is_opened_all_the_same(directory: Path, open_journal: OpenJournal) -> None:
    changed(open_journal(), "/r/a")
    weird = directory / "sessions" / "0123456789abcdef"
    weird.mkdir()
    assert open_journal().usage().changes == 1


def test_a_failure_to_forget_does_not_fail_a_change(directory: Path, open_journal: OpenJournal) -> None:
    journal = open_journal(max_bytes=1_000)
    first = changed(journal, "/r/a")

    def fails() -> None:
        raise Failure("io_error", "the disk")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal._retention, "enforce_sometimes", fails)
        second = changed(journal, "/r/a")
    assert second.status is Status.DONE
    assert journal.change(first.number) is not None
    assert directory.exists()


if __name__ == "__main__":
    trace(sys.argv[1])
