"""Which servers are alive, as the others see it."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.journal.sessions import Sessions
from tests.fs_server.journal.processes import Process


@pytest.fixture
def sessions(directory: Path) -> Sessions:
    return Sessions(directory / "sessions")


def other(directory: Path) -> Sessions:
    return Sessions(directory / "sessions")


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "sessions").iterdir())


def test_a_server_is_alive_from_its_first_change_until_it_leaves(sessions: Sessions, directory: Path) -> None:
    observer = other(directory)
    assert not observer.alive(sessions.own)
    sessions.begin()
    assert observer.alive(sessions.own)
    assert files(directory) == [sessions.own]
    sessions.begin()
    sessions.end()
    assert not observer.alive(sessions.own)
    assert files(directory) == []
    sessions.end()


def test_a_server_knows_that_it_is_alive_itself(sessions: Sessions) -> None:
    assert sessions.alive(sessions.own)
    with sessions.take(sessions.own) as taken:
        assert not taken


def test_a_killed_server_is_dead_and_its_place_is_taken_by_one_other_only(directory: Path) -> None:
    with Process("live", directory) as process:
        session = process.line()
        one, two = other(directory), other(directory)
        assert one.alive(session)
        with one.take(session) as taken:
            assert not taken
        process.kill(signal.SIGKILL)
        assert not one.alive(session)
        with one.take(session) as first, two.take(session) as second:
            assert (first, second) == (True, False)
            assert two.alive(session), "whoever recovers it must not be disturbed"
        assert not two.alive(session)
        with two.take(session) as taken:
            assert taken
    assert files(directory) == []


def test_a_server_without_a_file_is_dead(sessions: Sessions, directory: Path) -> None:
    assert not sessions.alive("0123456789abcdef")
    with sessions.take("0123456789abcdef") as taken:
        assert taken
    assert files(directory) == []


@pytest.mark.parametrize("session", ["", "..", "../journal", "x" * 16, "0123456789ABCDEF", "a\n"])
def test_what_is_no_id_names_no_file(session: str, sessions: Sessions, directory: Path) -> None:
    """ours: ids come from a database that may be damaged."""
    assert not sessions.alive(session)
    with sessions.take(session) as taken:
        assert taken
    assert not directory.exists()


def test_a_server_whose_file_was_removed_makes_it_anew(sessions: Sessions, directory: Path) -> None:
    sessions.begin()
    (directory / "sessions" / sessions.own).unlink()
    (directory / "sessions").rmdir()
    assert not other(directory).alive(sessions.own)
    sessions.begin()
    assert other(directory).alive(sessions.own)
    sessions.end()


def test_files_of_dead_servers_are_swept_and_those_of_others_stay(sessions: Sessions, directory: Path) -> None:
    sessions.sweep()
    sessions.begin()
    for name in ("0123456789abcdef", "fedcba9876543210", "notes.txt"):
        (directory / "sessions" / name).write_bytes(b"")
    other(directory).sweep()
    assert files(directory) == sorted([sessions.own, "notes.txt"])
    sessions.end()


def test_a_look_at_a_server_does_not_keep_it_from_beginning(
    sessions: Sessions, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ours: whoever looks has the lock for a moment, which ends here while the server waits."""
    observer = other(directory)
    with contextlib.ExitStack() as looking:
        looking.enter_context(observer.take(sessions.own))
        monkeypatch.setattr(time, "sleep", lambda _s: looking.close())
        sessions.begin()
    assert observer.alive(sessions.own)
    sessions.end()


def test_a_server_whose_place_is_held_for_long_says_so(
    sessions: Sessions, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1_000, 4))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    with other(directory).take(sessions.own), pytest.raises(Failure, match="busy"):
        sessions.begin()


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_what_somebody_planted_in_place_of_a_file_is_refused(
    kind: str, sessions: Sessions, directory: Path, tmp_path: Path
) -> None:
    path = directory / "sessions" / sessions.own
    path.parent.mkdir(parents=True)
    if kind == "link":
        (tmp_path / "target").write_bytes(b"")
        path.symlink_to(tmp_path / "target")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(Failure, match="io_error"):
        sessions.begin()
    with pytest.raises(Failure, match="io_error"):
        other(directory).alive(sessions.own)
    with pytest.raises(Failure, match="io_error"), other(directory).take(sessions.own):
        raise AssertionError
