"""What was replaced is kept from before its change begins, for as long as the change is remembered."""

import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.journal.changes import Action, Step
from fs_server.journal.contents import INLINE_BYTES, WAITING_BYTES
from fs_server.journal.journal import Journal
from fs_server.journal.states import Absent, manifest_of
from tests.fs_server.journal.processes import Process, opened
from tests.fs_server.journal.samples import (
    LARGE,
    Clock,
    OpenJournal,
    changed,
    digest_of,
    directory_of,
    file_of,
    put,
    tree_of,
)

HOUR_NS = 3_600 * 10**9


def blob_files(directory: Path) -> list[Path]:
    return [path for path in (directory / "blobs").rglob("*") if path.is_file()]


def rows(directory: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(directory / "journal", isolation_level=None)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("content", [b"", b"small", bytes(INLINE_BYTES), bytes(INLINE_BYTES + 1), LARGE])
def test_a_content_is_there_from_keep_on_and_in_every_server_from_begin_on(
    content: bytes, journal: Journal, directory: Path
) -> None:
    digest = journal.keep(content)
    assert digest == digest_of(content)
    assert journal.content(digest) == content
    assert b"".join(journal.chunks(digest) or ()) == content
    journal.begin([put("/r/a", content, b"new")], tool="write_file")
    with opened(directory) as other:
        assert other.content(digest) == content
        assert b"".join(other.chunks(digest) or ()) == content
        assert other.content(digest_of(b"new")) is None, "it was not kept"
    assert len(blob_files(directory)) == (len(content) > INLINE_BYTES)


@given(sizes=st.lists(st.sampled_from([0, 1, 1_000, INLINE_BYTES - 1, INLINE_BYTES, 70_000]), max_size=4))
@settings(max_examples=40)
def test_a_content_that_comes_in_pieces_is_the_same(sizes: list[int], shared: Journal) -> None:
    pieces = [LARGE[:size] for size in sizes]
    digest, size = shared.keep_chunks(pieces)
    assert (digest, size) == (digest_of(b"".join(pieces)), sum(sizes))
    assert shared.content(digest) == b"".join(pieces)
    assert shared.keep(b"".join(pieces)) == digest


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal for all examples of a property."""
    with opened(tmp_path_factory.mktemp("shared") / "journal") as journal:
        yield journal


@pytest.mark.parametrize(
    ("limit", "given_out"), [(None, True), (len(LARGE), True), (len(LARGE) - 1, False), (0, False)]
)
def test_a_content_over_the_limit_is_not_given_out(limit: int | None, given_out: bool, journal: Journal) -> None:  # noqa: FBT001 - a column
    for content in (LARGE, LARGE[:100]):
        at = None if limit is None else limit - len(LARGE) + len(content)
        digest = journal.keep(content)
        assert (journal.content(digest, limit=at) == content) is given_out
        changed(journal, "/r/a", content)
        assert (journal.content(digest, limit=at) == content) is given_out


@pytest.mark.parametrize("digest", ["", "c17", "zz", "00" * 32, "0" * 63, "../../etc/passwd", "\udcff"])
def test_what_is_no_digest_of_ours_is_not_kept(digest: str, journal: Journal) -> None:
    assert journal.content(digest) is None
    assert journal.chunks(digest) is None


def test_a_large_content_passes_in_flat_memory(journal: Journal) -> None:
    tracemalloc.start()
    try:
        digest, size = journal.keep_chunks(bytes([number % 5]) * 100_000 for number in range(300))
        journal.begin([Step(Action.REMOVE, "/r/a", file_of(b""), Absent())], tool="delete_path")
        read = sum(len(chunk) for chunk in journal.chunks(digest) or ())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == size == 30_000_000
    assert most < 3_000_000


def test_many_small_contents_wait_in_bounded_memory_and_are_all_there(journal: Journal, directory: Path) -> None:
    contents = [number.to_bytes(4, "big") * 5_000 for number in range(2 * WAITING_BYTES // 20_000)]
    tracemalloc.start()
    try:
        tree = tree_of(journal, **{f"f{number}": content for number, content in enumerate(contents)})
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now < WAITING_BYTES + 1_000_000
    journal.begin([Step(Action.REMOVE, "/r/d", tree, Absent())], tool="delete_path")
    assert rows(directory, "SELECT count(*) FROM held") == [(0,)]
    with opened(directory) as other:
        assert all(other.content(digest_of(content)) == content for content in contents)


def test_a_source_that_fails_is_passed_on_and_nothing_is_kept(journal: Journal, directory: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield LARGE
        raise KeyError("the source")

    with pytest.raises(KeyError, match="the source"):
        journal.keep_chunks(broken())
    assert blob_files(directory) == []


def test_a_content_is_stored_once_and_goes_with_the_last_change_that_needs_it(
    directory: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    for content in (LARGE, b"small"):
        one = journal.begin([put("/r/a", journal_kept(journal, content), content)], tool="write_file")
        two = journal.begin([put("/r/b", journal_kept(journal, content), b"")], tool="write_file")
        assert rows(directory, "SELECT count(*) FROM blobs") == [(1,)]
        journal.abandon(one)
        assert journal.content(digest_of(content)) == content
        journal.abandon(two)
        assert journal.content(digest_of(content)) is None
        assert blob_files(directory) == []
        assert journal.usage().bytes == 0


def journal_kept(journal: Journal, content: bytes) -> bytes:
    journal.keep(content)
    return content


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_two_calls_that_need_the_same_content_do_not_take_it_from_each_other(
    content: bytes, journal: Journal, directory: Path
) -> None:
    digest = journal.keep(content)
    journal.keep(content)
    journal.abandon(journal.begin([put("/r/a", content, b"")], tool="write_file"))
    journal.begin([put("/r/b", content, b"")], tool="write_file")
    with opened(directory) as other:
        assert other.content(digest) == content


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_what_one_server_keeps_is_not_dropped_by_another_before_its_change_begins(
    content: bytes, open_journal: OpenJournal
) -> None:
    one, two = open_journal(), open_journal()
    first = two.begin([put("/r/a", journal_kept(two, content), b"")], tool="write_file")
    digest = one.keep(content)
    two.abandon(first)
    one.begin([put("/r/b", content, b"")], tool="write_file")
    assert two.content(digest) == content


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_what_is_given_up_is_gone_at_once_unless_another_call_needs_it(
    content: bytes, journal: Journal, directory: Path
) -> None:
    digest = journal.keep(content)
    journal.keep(content)
    journal.give_up([digest])
    assert journal.content(digest) == content
    journal.give_up([digest, digest, "nonsense"])
    assert journal.content(digest) is None
    assert blob_files(directory) == []
    assert journal.usage().bytes == 0


def test_a_promise_that_was_broken_stops_the_change(journal: Journal, directory: Path) -> None:
    """ours: nothing may be touched of which the old content is not kept for certain."""
    journal.keep(LARGE)
    for file in blob_files(directory):
        file.unlink()
    with pytest.raises(Failure, match="gone or damaged"):
        journal.begin([put("/r/a", LARGE, b"")], tool="write_file")
    assert journal.usage().changes == 0
    journal.keep(LARGE)
    journal.begin([put("/r/a", LARGE, b"")], tool="write_file")
    assert journal.content(digest_of(LARGE)) == LARGE


def test_a_damaged_small_content_is_not_given_out_and_repaired_by_the_next_who_keeps_it(
    journal: Journal, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed(journal, "/r/a", b"small")
    rows(
        directory, "UPDATE blobs SET content = CAST('smell' AS BLOB) WHERE size = 5 AND content = CAST('small' AS BLOB)"
    )
    assert journal.content(digest_of(b"small")) is None
    assert journal.chunks(digest_of(b"small")) is None
    assert "damaged" in caplog.text
    changed(journal, "/r/b", b"small")
    assert journal.content(digest_of(b"small")) == b"small"


def test_a_large_content_of_another_size_than_it_had_is_not_given_out(journal: Journal, directory: Path) -> None:
    changed(journal, "/r/a", LARGE)
    (file,) = blob_files(directory)
    file.write_bytes(bytes(10_000_000))
    assert journal.content(digest_of(LARGE)) is None
    assert journal.chunks(digest_of(LARGE)) is None


def test_contents_that_a_manifest_names_are_bound_to_the_change(journal: Journal, directory: Path) -> None:
    tree = tree_of(journal, one=b"one", two=LARGE)
    change = journal.begin([Step(Action.REMOVE, "/r/d", tree, Absent())], tool="delete_path")
    with opened(directory) as other:
        assert other.content(digest_of(b"one")) == b"one"
        assert other.content(digest_of(LARGE)) == LARGE
        assert other.content(tree.tree) == manifest_of([("one", file_of(b"one")), ("two", file_of(LARGE))])
    journal.abandon(change)
    assert journal.usage().bytes == 0


def test_a_manifest_that_is_not_kept_is_no_obstacle(journal: Journal) -> None:
    step = Step(Action.REMOVE, "/r/d", directory_of(digest_of(b"nobody kept it")), Absent())
    assert journal.finish(journal.begin([step], tool="delete_path")).steps == (step,)


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_what_only_the_end_of_a_change_tells_is_bound_to_it_too(
    content: bytes, journal: Journal, directory: Path
) -> None:
    begun = journal.begin([put("/r/a", Absent(), b"?")], tool="write_file")
    journal.keep(content)
    journal.finish(begun, [put("/r/a", Absent(), content)])
    with opened(directory) as other:
        assert other.content(digest_of(content)) == content


def test_what_nobody_took_up_is_forgotten_after_an_hour(
    directory: Path, open_journal: OpenJournal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_journal()
    digest = one.keep(LARGE)
    clock.pass_days(2)
    other = open_journal()
    assert other.content(digest) is None
    assert blob_files(directory) == []
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    one.keep(b"another")
    one.begin([put("/r/a", LARGE, b"")], tool="write_file")
    assert one.content(digest) is None, "an hour later nobody is at work any more"


def test_what_a_killed_server_kept_in_vain_is_swept(directory: Path, open_journal: OpenJournal, clock: Clock) -> None:
    with Process("keep_and_die", directory, "content") as process:
        process.ended()
    (file,) = blob_files(directory)
    (directory / "blobs" / "00").mkdir()
    stray = directory / "blobs" / "00" / ("0" * 62)
    stray.write_bytes(b"without a row")
    open_journal()
    assert file.exists(), "its change may still begin"
    clock.pass_days(2)
    open_journal()
    assert blob_files(directory) == []
