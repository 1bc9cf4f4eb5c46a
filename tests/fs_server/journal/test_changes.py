"""The names of changes, and the paths that they touch."""

import pytest

from fs_server.journal import Absent, Action, Change, Status, Step, number_of
from fs_server.journal.changes import paths_of
from tests.fs_server.journal.samples import file_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("c17", 17),
        ("C17", 17),
        ("17", 17),
        ("c007", 7),
        ("c0", None),
        ("", None),
        ("c", None),
        ("c-1", None),
        ("c1 ", None),
        ("c1\n", None),
        ("c\u0661", None),
        ("x17", None),
        ("c1.5", None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("1" * 1_000_000, None),
    ],
)
def test_an_id_names_a_number_and_nothing_else_does(text: str, number: int | None) -> None:
    assert number_of(text) == number


def test_a_change_is_called_by_its_number() -> None:
    change = Change(17, 0, "", "server", "write_file", Status.DONE, ())
    assert change.id == "c17"
    assert number_of(change.id) == 17


def test_a_move_touches_two_paths_and_other_steps_one() -> None:
    steps = [
        Step(Action.MOVE, "/r/a", file_of(b""), file_of(b""), destination="/r/b", temporary="/r/.t"),
        Step(Action.REMOVE, "/r/c", file_of(b""), Absent()),
    ]
    assert list(paths_of(steps)) == ["/r/a", "/r/b", "/r/c"]
