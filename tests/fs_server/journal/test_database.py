"""The database under whatever happens to it: it is begun anew, or says what is wrong; it never ends the server."""

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.journal.database import Database
from fs_server.journal.directory import locked
from fs_server.journal.journal import Journal
from tests.fs_server.journal.processes import opened
from tests.fs_server.journal.samples import LARGE, OpenJournal, changed, digest_of, put
from tests.sandbox.private_mounts import in_private_mounts, mount
from tests.support.as_user import as_ordinary_user, own_directory

WORK = "tests.fs_server.journal.test_database"


def statements(directory: Path, *texts: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(directory / "journal", isolation_level=None)
    try:
        return [row for text in texts for row in connection.execute(text).fetchall()]
    finally:
        connection.close()


def moved_aside(directory: Path) -> list[Path]:
    return [path for path in directory.glob("journal.damaged-*") if not path.name.endswith(("-wal", "-shm"))]


def overwrite(directory: Path) -> None:
    (directory / "journal").write_bytes(b"this is no database, whatever its name says. " * 100)


def cut_in_half(directory: Path) -> None:
    content = (directory / "journal").read_bytes()
    (directory / "journal").write_bytes(content[: len(content) // 2])


def spoil_every_page(directory: Path) -> None:
    content = bytearray((directory / "journal").read_bytes())
    for start in range(4_096, len(content), 4_096):
        content[start : start + 200] = b"\xff" * 200
    (directory / "journal").write_bytes(content)


def drop_a_table(directory: Path) -> None:
    statements(directory, "DROP TABLE refs")


def empty_the_totals(directory: Path) -> None:
    statements(directory, "DELETE FROM totals")


def replace_by_another_database(directory: Path) -> None:
    (directory / "journal").unlink()
    statements(directory, "CREATE TABLE bookmarks (uri TEXT)")


def replace_by_a_link(directory: Path) -> None:
    (directory / "journal").rename(directory.parent / "elsewhere")
    (directory / "journal").symlink_to(directory.parent / "elsewhere")


DAMAGES = [
    overwrite,
    cut_in_half,
    spoil_every_page,
    drop_a_table,
    empty_the_totals,
    replace_by_another_database,
    replace_by_a_link,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_moved_aside_and_begun_anew(
    damage: Callable[[Path], None], directory: Path, open_journal: OpenJournal, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(directory) as journal:
        for number in range(20):
            changed(journal, f"/r/{number}", LARGE[number : number + 3_000])
    damage(directory)
    caplog.clear()
    journal = open_journal()
    assert journal.usage().changes == 0
    assert len(moved_aside(directory)) == 1
    assert any("is damaged" in record.getMessage() and record.levelno == logging.WARNING for record in caplog.records)
    assert changed(journal, "/r/a").steps[0].path == "/r/a"
    assert journal.feed().changes[0].tool == "write_file"
    if damage is replace_by_a_link:
        assert moved_aside(directory)[0].is_symlink()
        assert (directory.parent / "elsewhere").is_file(), "the link is moved, what it leads to stays"


def test_an_empty_file_in_place_of_the_database_is_filled(directory: Path, open_journal: OpenJournal) -> None:
    directory.mkdir(parents=True)
    (directory / "journal").write_bytes(b"")
    changed(open_journal(), "/r/a")
    assert moved_aside(directory) == []


def test_numbers_are_not_given_out_again_after_a_damage_that_leaves_them_readable(
    directory: Path, open_journal: OpenJournal
) -> None:
    """ours: a model that remembers c3 must not undo another change."""
    with opened(directory) as journal:
        for _ in range(3):
            last = changed(journal, "/r/a")
        cursor = journal.feed().cursor
    drop_a_table(directory)
    journal = open_journal()
    assert journal.feed(since=cursor - 1).missed
    assert changed(journal, "/r/a").number == last.number + 1


def test_a_damage_that_shows_while_the_server_runs_costs_one_call(directory: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    for number in range(30):
        changed(journal, f"/r/{number}", LARGE[number : number + 3_000])
    second = opened(directory)
    statements(directory, "PRAGMA wal_checkpoint(TRUNCATE)")
    with (directory / "journal").open("r+b") as file:
        for page in range(1, file.seek(0, 2) // 4_096):
            file.seek(page * 4_096)
            file.write(b"\xff" * 4_096)
    with pytest.raises(Failure, match="moved aside") as failed:
        second.feed(limit=1_000)
    assert failed.value.code == "io_error"
    assert len(moved_aside(directory)) == 1
    assert second.feed().changes == ()
    changed(second, "/r/b")
    changed(journal, "/r/a")  # the other server goes over to the new one
    assert [change.steps[0].path for change in second.feed().changes] == ["/r/a", "/r/b"]
    assert len(moved_aside(directory)) == 1
    second.close()


def test_a_database_of_a_newer_version_is_left_alone(directory: Path, open_journal: OpenJournal) -> None:
    with opened(directory) as journal:
        changed(journal, "/r/a")
    statements(directory, "PRAGMA user_version = 3")
    before = (directory / "journal").read_bytes()
    with pytest.raises(Failure, match=r"newer version.*schema 3; this one knows 2.*XDG_STATE_HOME") as failed:
        open_journal()
    assert failed.value.code == "config_refused"
    assert (directory / "journal").read_bytes() == before
    assert moved_aside(directory) == []


def test_a_database_of_the_first_version_is_led_up_with_all_that_it_holds(
    directory: Path, open_journal: OpenJournal
) -> None:
    with opened(directory) as journal:
        done, begun = changed(journal, "/r/a"), journal.begin([put("/r/b", b"1", b"2")], tool="edit_file")
    statements(
        directory,
        "DROP INDEX unfinished",
        "ALTER TABLE changes DROP COLUMN waiting",
        "CREATE INDEX unfinished ON changes (number) WHERE position IS NULL",
        "UPDATE changes SET status = 'applied' WHERE position IS NULL",
        "PRAGMA user_version = 1",
    )
    again = open_journal()
    assert again.feed().changes == (done,)
    (holding,) = again.unfinished()
    with holding as change:
        assert change == begun
    assert moved_aside(directory) == []


@pytest.mark.parametrize("remove", [shutil.rmtree, lambda directory: (directory / "journal").unlink()])
def test_a_journal_that_is_removed_under_our_hands_is_begun_anew(
    remove: Callable[[Path], None], directory: Path, journal: Journal
) -> None:
    for _ in range(3):
        changed(journal, "/r/a", LARGE)
    intent = journal.begin([put("/r/b", b"1", b"2")], tool="edit_file")
    remove(directory)
    assert journal.finish(intent).status == "done", "the file was changed, whatever the journal knows"
    assert changed(journal, "/r/c", LARGE + b"1").number == 1
    assert journal.content(journal.keep(LARGE)) == LARGE
    with opened(directory) as other:
        assert [change.steps[0].path for change in other.feed().changes] == ["/r/c"]
        assert list(other.unfinished()) == []


def test_a_directory_that_can_be_made_again_later_is(directory: Path, journal: Journal) -> None:
    shutil.rmtree(directory.parent)
    directory.parent.write_bytes(b"a file in its place")
    for _ in range(2):
        with pytest.raises(Failure, match="io_error"):
            journal.usage()
        with pytest.raises(Failure, match="io_error"):
            changed(journal, "/r/a")
    directory.parent.unlink()
    assert changed(journal, "/r/a").number == 1


def test_the_directory_is_closed_to_everybody_else(directory: Path, open_journal: OpenJournal) -> None:
    open_journal()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert directory.parent.stat().st_mode & 0o777 == 0o700
    directory.chmod(0o755)
    open_journal()
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_file_in_place_of_the_directory_is_told(directory: Path, open_journal: OpenJournal) -> None:
    directory.parent.mkdir()
    directory.write_bytes(b"")
    with pytest.raises(Failure, match="ENOTDIR") as failed:
        open_journal()
    assert str(directory) not in str(failed.value)


def test_without_permission_it_says_so() -> None:
    with own_directory() as directory:
        as_ordinary_user(f"{WORK}:write_without_permission", str(directory))


def write_without_permission(directory: str) -> None:
    with opened(f"{directory}/journal") as journal:
        changed(journal, "/r/a")
    for closed, told in ((directory, "EACCES"), (f"{directory}/journal", "readonly database")):
        Path(closed).chmod(0o500)
        try:
            with pytest.raises(Failure, match=told) as failed:
                changed(opened(f"{directory}/{'journal' if closed != directory else 'new'}"), "/r/a")
        finally:
            Path(closed).chmod(0o700)
        assert failed.value.code == "io_error"
        assert directory not in str(failed.value)


def test_the_directory_of_another_user_is_refused(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    """ours: with sudo, a server would leave files there that their owner could not write any more."""
    others = Path("/usr")
    if os.geteuid() == 0:
        others = make(directory)
        os.chown(others, 65534, 65534)
    before = list(others.iterdir())
    with pytest.raises(Failure, match="belongs to another user"):
        opened(others)
    assert list(others.iterdir()) == before
    assert str(others) in caplog.text


def test_a_full_disk_is_told_and_everything_goes_on_when_there_is_room(tmp_path: Path) -> None:
    in_private_mounts(f"{WORK}:fill_the_disk", str(tmp_path))


def fill_the_disk(base: str) -> None:
    mount("small", Path(base), "tmpfs", options="size=2m")
    ballast = Path(base, "ballast")
    with opened(f"{base}/journal") as journal:
        first = changed(journal, "/r/a", LARGE)
        begun = journal.begin([put("/r/b", b"1", b"2")], tool="edit_file")
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4_096)):
                continue
        for what in (b"a large one" * 10_000, b"a small one" * 5_000):
            with pytest.raises(Failure, match=r"\[disk_full\]"):
                changed(journal, "/r/a", what)
        many = [os.urandom(60_000) for _ in range(80)]  # more than wait in memory
        with pytest.raises(Failure, match=r"\[disk_full\]"):
            list(map(journal.keep, many))
        journal.give_up(map(digest_of, many))
        assert journal.content(first.steps[0].before.digest) == LARGE  # type: ignore[union-attr] # it is a file
        with opened(f"{base}/journal") as other:
            assert [change.id for change in other.feed().changes] == [first.id]
        ballast.unlink()
        journal.finish(begun)
        changed(journal, "/r/a", b"a large one" * 10_000)
        assert [change.id for change in journal.feed().changes][1:] == [begun.id, first.id]
    assert not list(Path(base).rglob("new-*"))


def test_a_read_only_disk_is_told(tmp_path: Path) -> None:
    in_private_mounts(f"{WORK}:open_on_a_read_only_disk", str(tmp_path))


def open_on_a_read_only_disk(base: str) -> None:
    mount("small", Path(base), "tmpfs")
    with opened(f"{base}/journal") as journal:
        changed(journal, "/r/a")
    mount("small", Path(base), "tmpfs", flags=1 | 32)  # MS_RDONLY, MS_REMOUNT
    with pytest.raises(Failure, match="EROFS"):
        opened(f"{base}/journal")


def test_a_server_that_is_kept_waiting_for_too_long_says_busy(directory: Path, journal: Journal) -> None:
    journal._database._connection.execute("PRAGMA busy_timeout = 10")
    holder = sqlite3.connect(directory / "journal", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Failure, match=r"\[busy\]"):
        changed(journal, "/r/a")
    holder.execute("ROLLBACK")
    holder.close()
    assert changed(journal, "/r/a").status == "done"


def test_a_server_that_starts_waits_for_others_only_so_long(
    directory: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(journal, "/r/a")
    journal.close()
    holder = sqlite3.connect(directory / "journal", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with monkeypatch.context() as patch:
        patch.setattr("fs_server.journal.database.WAIT_S", 0.01)
        with pytest.raises(Failure, match=r"\[busy\]"):
            opened(directory)
    holder.close()
    now = iter(range(0, 1_000, 4))
    with locked(directory / "opening"), monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: next(now))
        with pytest.raises(Failure, match=r"\[busy\]"):
            opened(directory)


def test_what_is_raised_inside_of_a_transaction_takes_it_back(directory: Path) -> None:
    database = Database(make(directory))
    with pytest.raises(KeyError), database.transaction():  # noqa: PT012 # all of it is taken back
        database.write("UPDATE totals SET number = 17")
        assert database.row("SELECT number FROM totals") == (17,)
        raise KeyError
    assert database.rows("SELECT number FROM totals") == [(0,)]
    with pytest.raises(Failure, match="no such table: nowhere"), database.transaction():  # noqa: PT012 # as above
        database.write("UPDATE totals SET number = 17")
        database.write("UPDATE nowhere SET number = 17")
    assert database.rows("SELECT number FROM totals") == [(0,)]
    database.close()


def test_a_closed_database_says_so(directory: Path) -> None:
    database = Database(make(directory))
    database.close()
    with pytest.raises(Failure, match="closed"):
        database.rows("SELECT 1")
    database.close()


def test_threads_wait_for_each_other(directory: Path) -> None:
    database = Database(make(directory))

    def count() -> None:
        for _ in range(100):
            with database.transaction():
                row = database.row("SELECT number FROM totals")
                assert row is not None
                database.write("UPDATE totals SET number = ?", (row[0] + 1,))
            assert database.rows("SELECT number > 0 FROM totals") == [(1,)]

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.rows("SELECT number FROM totals") == [(400,)]
    database.close()


def test_a_log_without_its_database_is_not_taken_for_a_new_one(directory: Path, open_journal: OpenJournal) -> None:
    """sqlite: a log that lies beside a new database of the same name would be played into it."""
    directory.mkdir(parents=True)
    source = opened(directory)
    changed(source, "/r/a")
    (directory.parent / "wal").write_bytes((directory / "journal-wal").read_bytes())
    source.close()
    (directory / "journal").unlink()
    (directory.parent / "wal").rename(directory / "journal-wal")
    assert open_journal().usage().changes == 0
    assert moved_aside(directory) == []


def make(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


def test_whoever_only_reads_loads_no_sqlite() -> None:
    """ours: it costs 6 ms of every start."""
    modules = "fs_server.journal", "fs_server.app", "fs_server.cli.serve"
    code = f"import sys, {', '.join(modules)}; sys.exit('fs_server.journal.database' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
