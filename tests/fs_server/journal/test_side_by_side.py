"""Two things at once: both are done when it returns, and what goes wrong in either is told."""

import _thread
import threading
from typing import NoReturn

import pytest

from fs_server.journal.side_by_side import side_by_side


def fails(error: Exception) -> NoReturn:
    raise error


def test_each_can_wait_for_the_other() -> None:
    one, other = threading.Event(), threading.Event()

    def here() -> None:
        one.set()
        assert other.wait(10)

    def there() -> None:
        other.set()
        assert one.wait(10)

    side_by_side(here, there)


def test_what_goes_wrong_in_one_is_told_when_the_other_has_ended() -> None:
    ended = []
    with pytest.raises(OSError, match="here"):
        side_by_side(lambda: fails(OSError("here")), lambda: ended.append("there"))
    with pytest.raises(OSError, match="there"):
        side_by_side(lambda: ended.append("here"), lambda: fails(OSError("there")))
    assert ended == ["there", "here"]


def test_of_two_errors_the_first_ones_is_told() -> None:
    with pytest.raises(OSError, match="here"):
        side_by_side(lambda: fails(OSError("here")), lambda: fails(OSError("there")))


def test_without_a_thread_both_are_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_arguments: object) -> NoReturn:
        fails(RuntimeError("can't start new thread"))

    monkeypatch.setattr(_thread, "start_new_thread", none)
    done: list[str] = []
    side_by_side(lambda: done.append("here"), lambda: done.append("there"))
    assert sorted(done) == ["here", "there"]
