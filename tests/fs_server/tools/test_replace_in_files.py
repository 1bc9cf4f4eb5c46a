"""`replace_in_files`: seen before it is done, done as one change, and nothing done that was not seen."""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


def replace(files: Files, here: Here, query: str, replacement: str, **others: object) -> dict[str, object]:
    """Replace for good, and return the facts."""
    asked = {"path": here.spoken, "dry_run": False} | others
    return files.facts("replace_in_files", query=query, replacement=replacement, **asked)


def refused(files: Files, here: Here, query: str, replacement: str, **others: object) -> str:
    asked = {"path": here.spoken, "dry_run": False} | others
    with nothing_changes(here.path):
        return files.failure("replace_in_files", query=query, replacement=replacement, **asked)


def test_it_only_shows_what_it_would_do_unless_told_otherwise(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = one two one\n", "d/b = one\n", "c = none\n"])
    asked = {"path": here.spoken, "query": "one", "replacement": "ONE"}
    with nothing_changes(here.path, files):
        dry = files.ask("replace_in_files", **asked)
    text, note = (block["text"] for block in dry["content"])
    assert text == (
        f"{here.named('a')}\n1- one two one\n1+ ONE two ONE\n\n{here.named('c')}\n1- none\n1+ nONE\n\n"
        f"{here.named('d/b')}\n1- one\n1+ ONE"
    )
    assert note == (
        "[4 occurrences, 3 of 3 files change; dry run, nothing is changed; dry_run=false, expected_count=4 does it]"
    )
    assert dry["_meta"][FACTS] == {"occurrences": 4, "count": 3, "skipped": {}, "truncated": False}
    real = files.ask("replace_in_files", dry_run=False, expected_count=4, **asked)
    assert real["content"][0] == dry["content"][0]
    facts = real["_meta"][FACTS]
    assert facts == {**dry["_meta"][FACTS], "change_id": facts["change_id"]}
    assert f"change {facts['change_id']}" in real["content"][1]["text"]
    assert (here / "a").read_text() == "ONE two ONE\n"


def test_all_files_are_one_change_and_come_back_as_one(files: Files, here: Here) -> None:
    make_tree(here.path, [f"d{number}/f = old {number}" for number in range(20)])
    before = {name: attributes(dressed(here / name)) for name in names(here.path) if (here / name).is_file()}
    facts = replace(files, here, "old", "new")
    assert {(here / name).read_text() for name in before} == {f"new {number}" for number in range(20)}
    assert {name: attributes(here / name) for name in before} == before
    assert files.data("undo", change_id=facts["change_id"])["count"] == 20
    assert {(here / name).read_text() for name in before} == {f"old {number}" for number in range(20)}


def test_a_regex_fills_groups_in_and_takes_dollars_apart(files: Files, here: Here) -> None:
    (here / "f").write_text("def get_name(): pass\ndef get_size(): pass\n")
    replace(files, here, r"def get_(?P<what>\w+)\(\)", "def ${what}() -> $$1, $1", regex=True)
    assert (here / "f").read_text() == "def name() -> $1, name: pass\ndef size() -> $1, size: pass\n"


def test_a_text_is_taken_as_it_stands(files: Files, here: Here) -> None:
    (here / "f").write_text("a.b axb $1 A.B\n")
    replace(files, here, "a.b", "$1")
    assert (here / "f").read_text() == "$1 axb $1 A.B\n"


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ({}, ["a.py", "b.txt", "d/c.py", "d/deep/e.py"]),
        ({"include": ["*.py"]}, ["a.py", "d/c.py", "d/deep/e.py"]),
        ({"include": ["d/**"]}, ["d/c.py", "d/deep/e.py"]),
        ({"include": ["*.py"], "exclude": ["deep/"]}, ["a.py", "d/c.py"]),
        ({"exclude": ["*.py"]}, ["b.txt"]),
        ({"include": '["*.txt"]'}, ["b.txt"]),
    ],
)
def test_globs_choose_the_files(files: Files, here: Here, arguments: dict[str, object], changed: list[str]) -> None:
    make_tree(here.path, [f"{name} = x" for name in ("a.py", "b.txt", "d/c.py", "d/deep/e.py")])
    replace(files, here, "x", "y", **arguments)
    assert [
        name for name in names(here.path) if (here / name).is_file() and (here / name).read_text() == "y"
    ] == changed


def test_one_file_can_be_named_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = x", "b = x"])
    assert replace(files, here, "x", "y", path=here.named("a"))["count"] == 1
    assert (here / "b").read_text() == "x"


def test_what_may_not_be_written_is_left_out_and_counted(files: Files, here: Here) -> None:
    make_tree(
        here.path,
        [
            "f = KEEP", f".env = {OUTSIDE}", ".git/config = KEEP", ".mcp.json = KEEP", "link -> f",
            "out -> ../../outside.txt", "way -> ..", "fifo|", ".gitignore = ignored\n", "ignored = KEEP",
        ],
    )  # fmt: skip
    (here / "binary").write_bytes(b"KEEP\0")
    with (here / "sparse").open("wb") as file:
        file.truncate(2 << 30)
    facts = replace(files, here, "KEEP", "LOSE")
    assert (facts["occurrences"], facts["count"]) == (1, 1)
    skipped = facts["skipped"]
    assert isinstance(skipped, dict)
    assert skipped == {
        "link": 3, "not_regular_file": 1, "binary_file": 1, "too_large": 1, "ignored": 2, "protected_path": 2,
    }  # fmt: skip
    assert (here / "f").read_text() == "LOSE"
    for name in (".git/config", ".mcp.json", "ignored"):
        assert (here / name).read_text() == "KEEP"
    assert (here.path.parent.parent / "outside.txt").read_text() == (here / ".env").read_text() == OUTSIDE


def test_another_number_than_expected_changes_nothing(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = x x", "b = x"])
    text = refused(files, here, "x", "y", expected_count=2)
    assert text.startswith("[count_mismatch] ")
    assert "3 occurrences in 2 files, not 2" in text
    assert "nothing was changed" in text


def test_a_text_that_stands_nowhere_is_told_so(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = x", "b = x"])
    text = refused(files, here, "gone", "y")
    assert text.startswith("[no_match] ")
    assert "none of 2 files" in text
    assert "none of 0 files" in refused(files, here, "x", "y", include=["*.none"])


def test_the_same_text_again_is_no_change(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = x"])
    with nothing_changes(here.path, files):
        _, note = files.blocks("replace_in_files", path=here.spoken, query="x", replacement="x", dry_run=False)
    assert "nothing would change" in note


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"query": ""}, "bad_pattern"),
        ({"query": "(", "regex": True}, "bad_pattern"),
        ({"query": "(?=x)", "regex": True}, "bad_pattern"),
        ({"query": r"(x)\1", "regex": True}, "bad_pattern"),
        ({"query": "x{1000}{1000}", "regex": True}, "bad_pattern"),
        ({"query": "(" * 5_000 + ")" * 5_000, "regex": True}, "bad_pattern"),
        ({"query": "x" * 3_000_000}, "no_match"),
        ({"query": "y" * 1_000_000, "regex": True}, "bad_pattern"),
        ({"query": "x", "regex": True, "replacement": "$9"}, "bad_pattern"),
        ({"query": "x", "replacement": "a\0b"}, "invalid_argument"),
        ({"query": "x", "replacement": "\ud800"}, "invalid_argument"),
        ({"query": "x", "include": ["["] * 3}, "bad_pattern"),
        ({"query": "x", "include": ["*"] * 101}, "invalid_argument"),
        ({"query": "x", "expected_count": -1}, "invalid_argument"),
        ({"query": "x", "path": "{at}/gone"}, "not_found"),
        ({"query": "x", "path": "{at}/out"}, "escapes_root"),
        ({"query": "x", "path": "{at}/.git/config"}, "protected_path"),
        ({"query": "x", "path": "{at}/.env"}, "protected_path"),
        ({"query": "x", "path": "{at}/binary"}, "binary_file"),
        ({"query": "x", "path": "/etc"}, "outside_roots"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:40],
)
def test_what_makes_no_sense_changes_nothing_and_is_told_at_once(
    files: Files, here: Here, arguments: dict[str, object], code: str
) -> None:
    make_tree(here.path, ["f = xxxxxx\n", "out -> ../..", ".git/config = x", ".env = x"])
    (here / "binary").write_bytes(b"x\0\1\2\3")
    asked = {"replacement": "y", "path": here.spoken, **arguments}
    asked["path"] = str(asked["path"]).replace("{at}", here.spoken)
    begun = time.monotonic()
    with nothing_changes(here.path):
        found = files.code("replace_in_files", dry_run=False, **asked)
    assert found == code
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("query", ["(a+)+$", "(a|aa)+$", "(.*)*b", "a{0,99}a{0,99}b", "((a*)*)*c"])
def test_an_expression_that_explodes_elsewhere_is_looked_for_in_no_time(files: Files, here: Here, query: str) -> None:
    (here / "f").write_text("a" * 50_000 + "!\n")
    begun = time.monotonic()
    files.ask("replace_in_files", path=here.spoken, query=query, replacement="", regex=True, dry_run=False)
    assert time.monotonic() - begun < 5


def test_line_ends_and_encodings_stay(files: Files, here: Here) -> None:
    contents = {"crlf": b"a\r\nb\r\n", "utf-16": b"\xff\xfe" + "a\nb\n".encode("utf-16-le"), "bare": b"a\nb"}
    for name, content in contents.items():
        (here / name).write_bytes(content)
    replace(files, here, "a\nb", "a\nx\nb")
    assert (here / "crlf").read_bytes() == b"a\r\nx\r\nb\r\n"
    assert (here / "utf-16").read_bytes() == b"\xff\xfe" + "a\nx\nb\n".encode("utf-16-le")
    assert (here / "bare").read_bytes() == b"a\nx\nb"


def test_one_file_that_cannot_hold_the_new_text_keeps_all_from_changing(files: Files, here: Here) -> None:
    (here / "a").write_text("size\n")
    (here / "b").write_bytes("größe und länge, size\n".encode("cp1252"))
    text = refused(files, here, "size", "日")
    assert text.startswith("[unsupported_encoding] ")
    assert f'"{here.named("b")}"' in text


def test_a_file_of_several_names_is_not_split_in_silence(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = x", "d/twin => f"])
    _, note = files.blocks("replace_in_files", path=here.named("f"), query="x", replacement="y", dry_run=False)
    assert '"f": it had 2 names (hard links)' in note


def test_names_that_are_no_text_are_no_obstacle(files: Files, here: Here) -> None:
    odd = [
        Path(os.fsdecode(os.fsencode(here.path) + b"/" + name)) for name in (b"\xff", b"a\nb", b"\x1b[2J", b"file:x")
    ]
    for path in odd:
        path.write_text("x")
    facts = replace(files, here, "x", "y")
    assert [path.read_text() for path in odd] == ["y"] * 4
    files.data("undo", change_id=facts["change_id"])
    assert [path.read_text() for path in odd] == ["x"] * 4


def test_more_files_than_one_call_takes_are_refused_before_any_changes(files: Files, here: Here) -> None:
    for number in range(1_001):
        (here / f"{number}").write_text("x")
    text = files.failure("replace_in_files", path=here.spoken, query="x", replacement="y", dry_run=False)
    assert text.startswith("[too_large] ")
    assert "1000 files" in text
    assert (here / "0").read_text() == "x"
    assert replace(files, here, "x", "y", include=["99*"])["count"] == 11


def test_a_long_answer_is_cut_and_said(files: Files, here: Here) -> None:
    make_tree(here.path, [f"{number} = {'x' * 150}" for number in range(120)])
    text, note = files.blocks("replace_in_files", path=here.spoken, query="x", replacement="y")
    assert len(text) + len(note) <= 20_000
    assert "occurrences are not shown" in note
    assert files.facts("replace_in_files", path=here.spoken, query="x", replacement="y")["truncated"] is True
