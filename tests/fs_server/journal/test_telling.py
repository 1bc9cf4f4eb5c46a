"""A change in words: the sign, the lines that came and went, and the difference where there is one to show."""

from dataclasses import replace

import pytest

from fs_server.journal.changes import Action, Change, Step
from fs_server.journal.journal import Journal
from fs_server.journal.states import Absent, LinkState, State
from fs_server.journal.telling import COMPARED_BYTES, StepTold, diff_of_step, step_told, told
from tests.fs_server.journal.samples import directory_of, file_of

ABSENT = Absent()


def kept(journal: Journal, content: bytes) -> State:
    journal.keep(content)
    return file_of(content)


def put(journal: Journal, before: bytes | None, after: bytes) -> Step:
    old = ABSENT if before is None else kept(journal, before)
    return Step(Action.PUT, "/r/f", old, kept(journal, after))


def test_lines_that_came_and_went_are_counted(journal: Journal) -> None:
    assert step_told(journal, put(journal, None, b"1\n2\n")) == StepTold("A", "/r/f", "", False, 2, 0)  # noqa: FBT003 # no directory
    assert step_told(journal, put(journal, b"1\n2\n3\n", b"1\nx\n3\n4\n")) == StepTold("M", "/r/f", "", False, 2, 1)  # noqa: FBT003 # as above
    gone = Step(Action.REMOVE, "/r/f", kept(journal, b"1\n2\n"), ABSENT)
    assert step_told(journal, gone) == StepTold("D", "/r/f", "", False, 0, 2)  # noqa: FBT003 # as above


def test_a_file_in_any_encoding_is_text(journal: Journal) -> None:
    step = put(journal, "größe\r\n".encode("utf-16"), "größe\r\nlänge\r\n".encode("utf-16"))
    assert (step_told(journal, step).added, step_told(journal, step).removed) == (1, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"\0\1\2", b"text\n"), (b"text\n", b"\0\1\2"), (b"x" * (COMPARED_BYTES + 1), b"text\n"), (b"forgotten", b"x\n")],
    ids=["was binary", "is binary", "too large", "not kept"],
)
def test_what_cannot_be_compared_is_not_counted(journal: Journal, before: bytes, after: bytes) -> None:
    old = file_of(before) if before == b"forgotten" else kept(journal, before)
    step = Step(Action.PUT, "/r/f", old, kept(journal, after))
    assert step_told(journal, step) == StepTold("M", "/r/f", "", False)  # noqa: FBT003 # no directory


def test_nobody_counts_where_nobody_asked(journal: Journal) -> None:
    assert step_told(journal, put(journal, None, b"1\n"), counted=False).added is None


def test_directories_links_and_moves_have_a_sign_and_no_lines(journal: Journal) -> None:
    steps = (
        Step(Action.MAKE_DIRECTORY, "/r/d", ABSENT, directory_of()),
        Step(Action.REMOVE, "/r/e", directory_of(), ABSENT),
        Step(Action.PUT, "/r/copy", ABSENT, directory_of()),
        Step(Action.REMOVE, "/r/link", LinkState("f", (1, 2)), ABSENT),
        Step(Action.MOVE, "/r/f", file_of(b"x"), file_of(b"x"), destination="/r/g"),
    )
    change = replace(_some_change(journal), steps=steps)
    assert [(one.sign, one.is_directory, one.destination, one.added) for one in told(journal, change)] == [
        ("A", True, "", None),
        ("D", True, "", None),
        ("A", True, "", None),
        ("D", False, "", None),
        ("R", False, "/r/g", None),
    ]


def test_a_difference_has_the_name_that_is_wanted_and_fits(journal: Journal) -> None:
    step = put(journal, b"one\n", b"two\n")
    diff = diff_of_step(journal, step, name="f", max_chars=1_000)
    assert diff is not None
    assert diff.text == "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+two\n"
    shorter = diff_of_step(journal, step, max_chars=0)
    assert shorter is not None
    assert (shorter.text, shorter.left_out) == ("", 2)
    assert diff_of_step(journal, replace(step, action=Action.MOVE)) is None


def _some_change(journal: Journal) -> Change:
    return journal.finish(journal.begin([put(journal, None, b"x")], tool="write_file"))
