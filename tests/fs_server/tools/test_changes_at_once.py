"""Many changes at a time, calls that are taken back, and calls that last too long: each is done whole or not at all."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import edits, names
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

MANY = 32


def test_many_files_written_at_once(files: Files, here: Here) -> None:
    calls = [
        files.call("write_file", path=here.named(f"d{number % 4}/{number}"), content=f"{number}\n")
        for number in range(MANY)
    ]
    results = [files.result(call) for call in calls]
    assert len({result["_meta"][FACTS]["change_id"] for result in results}) == MANY
    assert {(here / f"d{number % 4}/{number}").read_text() for number in range(MANY)} == {
        f"{number}\n" for number in range(MANY)
    }


def test_many_lines_appended_at_once_to_one_file(files: Files, here: Here) -> None:
    calls = [
        files.call("write_file", path=here.named("log"), content=f"line {number}\n", if_exists="append")
        for number in range(MANY)
    ]
    assert not any(files.result(call)["isError"] for call in calls)
    lines = (here / "log").read_text().splitlines()
    assert sorted(lines) == sorted(f"line {number}" for number in range(MANY))


def test_two_edits_of_one_file_at_once_are_both_made(files: Files, here: Here) -> None:
    (here / "f").write_text("one\ntwo\n")
    calls = [
        files.call("edit_file", path=here.named("f"), edits=edits(pair)) for pair in (("one", "ONE"), ("two", "TWO"))
    ]
    assert [files.result(call)["isError"] for call in calls] == [False, False]
    assert (here / "f").read_text() == "ONE\nTWO\n"


def test_of_two_edits_of_one_text_the_second_is_told_that_it_is_gone(files: Files, here: Here) -> None:
    (here / "f").write_text("one\n")
    calls = [files.call("edit_file", path=here.named("f"), edits=edits(("one", word))) for word in ("mine", "yours")]
    codes = [files.result(call)["_meta"][FACTS].get("code") for call in calls]
    assert sorted(codes, key=str) == [None, "no_match"]


def test_of_two_writes_of_one_new_file_the_second_is_told_that_it_exists(files: Files, here: Here) -> None:
    calls = [files.call("write_file", path=here.named("f"), content=word) for word in ("mine", "yours")]
    codes = [files.result(call)["_meta"][FACTS].get("code") for call in calls]
    assert sorted(codes, key=str) == [None, "exists"]


def test_what_is_moved_many_times_at_once_arrives_once(files: Files, here: Here) -> None:
    (here / "f").write_text("F")
    calls = [
        files.call("move_path", source=here.named("f"), destination=here.named(f"to{number}")) for number in range(8)
    ]
    codes = [files.result(call)["_meta"][FACTS].get("code") for call in calls]
    assert codes.count(None) == 1
    assert codes.count("not_found") == 7
    assert len(names(here.path)) == 1


def test_reading_goes_on_while_files_are_written(files: Files, here: Here) -> None:
    """Whatever is read is one whole content, never half of one."""
    contents = {letter * 200_000 for letter in "ab"}
    (here / "f").write_text("a" * 200_000)
    writes = [
        files.call("write_file", path=here.named("f"), content="ba"[turn % 2] * 200_000, if_exists="replace")
        for turn in range(8)
    ]
    reads = []
    while files.answer_or_none(writes[-1]) is None:
        reads.append((here / "f").read_text())
    assert set(reads) <= contents
    assert not any(files.result(call)["isError"] for call in writes)


# --- a root whose disk does not answer


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Files, Path]]:
    """A server that waits for ever for whoever asks for the name `stuck`, until somebody opens the FIFO that it is."""
    base = tmp_path_factory.mktemp("slow")
    make_tree(base, ["dead/stuck|", "alive/"])
    flags = ["--call-timeout-s", "1"]
    with Files(str(base / "dead"), str(base / "alive"), *flags, resolver="misbehaving") as client:
        yield client, base


def changes_told(files: Files) -> list[str]:
    """Return the first lines of the changes that the history tells."""
    return [line for line in files.blocks("history")[0].splitlines() if line[:1] == "c"]


def let_go(fifo: Path) -> None:
    """Open the other end of the FIFO, for whoever waits for it."""
    os.close(os.open(fifo, os.O_RDWR))


def test_a_change_that_lasts_too_long_says_where_to_look_and_others_go_on(slow: tuple[Files, Path]) -> None:
    files, base = slow
    call = files.call("write_file", path="dead/stuck", content="x", if_exists="replace")
    assert files.data("write_file", path="alive/f", content="x")["created"] is True
    text = files.result(call)["content"][0]["text"]
    assert text.startswith('[timeout] Writing "dead/stuck". ')
    assert "history" in text
    let_go(base / "dead/stuck")
    assert files.data("write_file", path="dead/g", content="x")["created"] is True
    assert (base / "dead/stuck").is_fifo()


def test_a_call_that_is_taken_back_while_it_waits_is_never_made(slow: tuple[Files, Path]) -> None:
    """The first call holds the root. The second waits for its turn, is cancelled, and the third has its turn."""
    files, base = slow
    before = changes_told(files)
    first = files.call("edit_file", path="dead/stuck", edits=edits(("a", "b")))
    second = files.call("write_file", path="dead/never", content="x")
    third = files.call("write_file", path="dead/then", content="x")
    files.notify("notifications/cancelled", requestId=second, reason="no longer wanted")
    assert files.result(first)["isError"]
    let_go(base / "dead/stuck")
    assert not files.result(third)["isError"]
    assert not (base / "dead/never").exists()
    assert files.answer_or_none(second) is None
    assert len(changes_told(files)) == len(before) + 1


def test_a_call_that_is_taken_back_before_it_changes_anything_changes_nothing(slow: tuple[Files, Path]) -> None:
    files, base = slow
    stuck = base / "dead/stuck"
    call = files.call("edit_file", path="dead/stuck", edits=edits(("one", "two")))
    assert files.data("write_file", path="alive/after", content="x")["created"] is True
    files.notify("notifications/cancelled", requestId=call)
    assert files.data("write_file", path="alive/then", content="x")["created"] is True
    # By now it is a file that could be edited. Whoever waits for the FIFO goes on.
    stuck.rename(base / "fifo")
    stuck.write_text("one")
    let_go(base / "fifo")
    assert files.data("write_file", path="dead/after", content="x")["created"] is True
    assert stuck.read_text() == "one"
    (base / "fifo").rename(stuck)
    assert files.answer_or_none(call) is None
