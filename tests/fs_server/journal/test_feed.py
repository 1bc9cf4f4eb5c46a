"""The history as one feed: nothing twice, nothing skipped, and what is missing is said."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_server.journal import Absent, Action, Change, Status, Step
from fs_server.journal import feed as module
from fs_server.journal.journal import Feed, Journal
from tests.fs_server.journal.processes import opened
from tests.fs_server.journal.samples import OpenJournal, add_changes, changed, file_of, put


def ids(feed: Feed) -> list[str]:
    return [change.id for change in feed.changes]


def test_the_feed_begins_with_the_newest(journal: Journal) -> None:
    assert journal.feed() == Feed((), 0, more=False, missed=False)
    for number in range(5):
        changed(journal, f"/r/{number}")
    assert ids(journal.feed()) == ["c5", "c4", "c3", "c2", "c1"]
    page = journal.feed(limit=2)
    assert ids(page) == ["c5", "c4"]
    assert journal.feed(since=page.cursor) == Feed((), page.cursor, more=False, missed=False)


def test_a_reader_who_follows_gets_every_change_once_and_in_order(journal: Journal) -> None:
    cursor = journal.feed().cursor
    changed(journal, "/r/0")
    cursor = journal.feed().cursor
    for number in range(1, 8):
        changed(journal, f"/r/{number}")
    seen: list[str] = []
    for more in (True, True, False):
        page = journal.feed(since=cursor, limit=3)
        assert page.more is more
        assert not page.missed
        seen += reversed(ids(page))
        cursor = page.cursor
    assert seen == [f"c{number}" for number in range(2, 9)]
    assert journal.feed(since=cursor, limit=3).changes == ()


def test_a_change_that_takes_long_is_not_skipped(open_journal: OpenJournal) -> None:
    """ours: a cursor that were a change's number would pass over an intent."""
    one, two = open_journal(), open_journal()
    slow = one.begin([put("/r/slow", b"", b"")], tool="apply_patch")
    quick = changed(two, "/r/quick")
    page = two.feed()
    assert ids(page) == [quick.id], "an intent is no change yet"
    one.finish(slow)
    assert ids(two.feed(since=page.cursor)) == [slow.id]
    assert ids(two.feed()) == [slow.id, quick.id]


MOVE = Step(Action.MOVE, "/a/x", file_of(b""), file_of(b""), destination="/b/y")


@pytest.mark.parametrize(
    ("beneath", "shown"),
    [
        (None, ["c5", "c4", "c3", "c2", "c1"]),
        (["/"], ["c5", "c4", "c3", "c2", "c1"]),
        ([], []),
        (["/a"], ["c5", "c2", "c1"]),
        (["/a/"], ["c5", "c2", "c1"]),
        (["/b"], ["c5", "c4"]),
        (["/a", "/b"], ["c5", "c4", "c2", "c1"]),
        (["/a/x"], ["c5", "c1"]),
        (["/ab"], ["c3"]),
        (["/a/x/y"], []),
        (["/c"], []),
        (["a"], []),
    ],
)
def test_only_changes_beneath_the_roots_are_told(beneath: list[str] | None, shown: list[str], journal: Journal) -> None:
    journal.finish(journal.begin([put("/a/x", b"", b""), put("/a/x\udcff", b"", b"")], tool=""))
    changed(journal, "/a")
    changed(journal, "/ab")
    changed(journal, "/b/1")
    journal.finish(journal.begin([MOVE], tool=""))
    assert ids(journal.feed(beneath=beneath)) == shown
    page = journal.feed(beneath=beneath, since=1)
    assert ids(page) == [id_ for id_ in shown if id_ != "c1"]
    assert page.cursor == 5, "what lies elsewhere need not be looked at again"


def test_what_was_forgotten_is_said(open_journal: OpenJournal) -> None:
    journal = open_journal()
    cursors = [(changed(journal, f"/r/{number}"), journal.feed().cursor)[1] for number in range(6)]
    open_journal(max_bytes=3_000)
    left = len(journal.feed().changes)
    assert 0 < left < 6
    for number, cursor in enumerate(cursors):
        page = journal.feed(since=cursor)
        assert page.missed is (number < 6 - left - 1)
        assert not page.more
    assert not journal.feed().missed, "whoever asks for the newest misses nothing"


def test_a_cursor_of_a_journal_that_is_no_more_begins_with_the_first_and_says_so(journal: Journal) -> None:
    for number in range(3):
        changed(journal, f"/r/{number}")
    for since in (4, 2**62, 2**200):
        page = journal.feed(since=since, limit=2)
        assert page == Feed(page.changes, 2, more=True, missed=True)
        assert ids(page) == ["c2", "c1"]
    for since in (0, -5, -(2**200)):
        page = journal.feed(since=since)
        assert page == Feed(page.changes, 3, more=False, missed=False)
        assert ids(page) == ["c3", "c2", "c1"]


@pytest.mark.parametrize("since", [None, 1])
def test_changes_of_very_many_steps_make_a_shorter_page(
    since: int | None, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 25)
    changed(journal, "/r/first")
    for _ in range(4):
        journal.finish(journal.begin([put(f"/r/{number}", b"", b"") for number in range(10)], tool=""))
    page = journal.feed(since=since)
    assert ids(page) == (["c3", "c2"] if since else ["c5", "c4"])
    assert page.more is bool(since)
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    assert len(journal.feed(since=since).changes) == 1


@given(
    changes=st.lists(st.sampled_from(["a", "b", "intent", "abandon", "late"]), max_size=14),
    limit=st.integers(1, 4),
    start=st.integers(0, 5),
)
@settings(max_examples=60)
def test_following_in_pages_of_whatever_size_tells_every_change_beneath_once(
    changes: list[str], limit: int, start: int, shared: Journal
) -> None:
    first = changed(shared, f"/{next(NUMBERS)}/first")
    root = first.steps[0].path.removesuffix("/first")
    cursor = shared.feed().cursor
    late: list[Change] = []
    expected: list[str] = []
    seen: list[str] = []
    for number, what in enumerate(changes):
        if what in {"a", "b"}:
            done = changed(shared, f"{root}/x" if what == "a" else f"{root}b/x", Absent())
            expected += [done.id] if what == "a" else []
        elif what == "late" and late:
            expected.append(shared.finish(late.pop()).id)
        else:
            begun = shared.begin([put(f"{root}/i", b"", b"")], tool="")
            if what == "abandon":
                shared.abandon(begun)
            else:
                late.append(begun)
        if number >= start:
            page = shared.feed(beneath=[root], since=cursor, limit=limit)
            seen += reversed(ids(page))
            cursor = page.cursor
    while (page := shared.feed(beneath=[root], since=cursor, limit=limit)).changes:
        seen += reversed(ids(page))
        cursor = page.cursor
    assert seen == expected


NUMBERS = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal for all examples of a property; each has paths of its own."""
    with opened(tmp_path_factory.mktemp("shared") / "journal") as journal:
        yield journal


def effort(journal: Journal, ask: Callable[[], object]) -> int:
    """Return how many hundreds of instructions SQLite carries out for a question: no clock is as sure."""
    hundreds = 0

    def tick() -> None:
        nonlocal hundreds
        hundreds += 1

    journal._database._connection.set_progress_handler(tick, 100)
    ask()
    journal._database._connection.set_progress_handler(None, 0)
    return hundreds


def test_in_a_long_history_questions_cost_what_they_cost_in_a_short_one(journal: Journal) -> None:
    questions: list[Callable[[], object]] = [
        lambda: journal.feed(beneath=["/a"]),
        lambda: journal.feed(beneath=["/a"], since=500),
        lambda: journal.last_state("/a/500"),
        lambda: journal.last_state("/a/nothing/here"),
        lambda: journal.later_than(Change(1, 0, "", "", "", Status.DONE, ()), ["/a/500", "/c"]),
        journal.last_to_undo,
        lambda: list(journal.unfinished()),
        lambda: journal.content_at("/r/a", "00" * 8),
        lambda: changed(journal, "/a/x", b"before", b"after"),
    ]
    add_changes(journal, range(1_000))
    changed(journal, "/a/mine")
    journal.begin([put("/a/x", b"", b"")], tool="")
    short = [effort(journal, question) for question in questions]
    add_changes(journal, range(1_000, 10_000))
    changed(journal, "/a/mine")  # the one before lies far behind
    long = [effort(journal, question) for question in questions]
    assert all(after <= 2 * before + 5 for before, after in zip(short, long, strict=True)), (short, long)
    assert effort(journal, lambda: journal.feed(beneath=["/nowhere"])) < 10_000, "every change is looked at once"


def test_thousands_of_changes_are_forgotten(directory: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    add_changes(journal, range(3_000))
    open_journal(max_bytes=1 << 20)
    assert 0 < journal.usage().bytes <= 1 << 20
    assert journal.feed().changes[0].number == 3_000
    assert journal.feed(since=1).missed
    assert directory.exists()
