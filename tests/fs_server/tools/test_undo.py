"""`undo`: as if it had never been done, in any order, and never over what came later."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import attributes, dressed, edits, etag_of, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

LINES = "".join(f"line {number}\n" for number in range(1, 21))


def undo(files: Files, change: object = "") -> dict[str, object]:
    return files.data("undo", change_id=change)


def edit(files: Files, here: Here, old: str, new: str) -> str:
    """Edit the file `f`, and return the id of the change."""
    return str(files.facts("edit_file", path=here.named("f"), edits=edits((old, new)))["change_id"])


def contents(base: Path) -> dict[str, object]:
    """Return all that stands beneath a directory, with bytes, modes and attributes."""
    return {
        name: (
            (here.readlink(),)
            if here.is_symlink()
            else (here.read_bytes(), attributes(here))
            if here.is_file()
            else (here.stat().st_mode,)
        )
        for name in names(base)
        for here in [base / name]
    }


def test_the_last_change_is_taken_back_and_that_is_a_change_too(files: Files, here: Here) -> None:
    (here / "f").write_text("one")
    change = edit(files, here, "one", "two")
    result = files.ask("undo")
    data = result["structuredContent"]
    assert data == {
        "undone": change, "change_id": data["change_id"], "paths": [here.named("f")], "count": 1, "notes": [],
    }  # fmt: skip
    assert json.loads(result["content"][0]["text"]) == data
    assert result["_meta"][FACTS] == {"change_id": data["change_id"], "count": 1}
    assert (here / "f").read_text() == "one"
    assert undo(files, data["change_id"])["undone"] == data["change_id"]
    assert (here / "f").read_text() == "two", "an undo can be undone"
    assert undo(files, change)["undone"] == change
    assert (here / "f").read_text() == "one", "and the change undone again"


def test_an_undo_that_is_not_named_takes_back_what_was_done_and_no_undo(files: Files, here: Here) -> None:
    (here / "f").write_text("0")
    changes = [edit(files, here, str(number), str(number + 1)) for number in range(3)]
    assert [undo(files)["undone"] for _ in changes] == changes[::-1]
    assert (here / "f").read_text() == "0"


@pytest.mark.guarantee("G19")
def test_undoing_everything_restores_every_byte(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = one\r\ntwo", "d/g = G", "d/link -> g", "d/e/h = H", "r = R", "keep = K"])
    (here / "f").write_bytes(b"\xff\xfe" + "größe\r\nende".encode("utf-16-le"))
    dressed(here / "f")
    dressed(here / "d/g")
    (here / "d/e").chmod(0o750)
    before = contents(here.path)
    at = here.spoken
    calls: list[tuple[str, dict[str, object]]] = [
        ("write_file", {"path": f"{at}/new/deep/x", "content": "x\n"}),
        ("write_file", {"path": f"{at}/keep", "content": "y", "if_exists": "append"}),
        ("edit_file", {"path": f"{at}/f", "edits": edits(("größe", "Größe\nmehr"))}),
        ("write_file", {"path": f"{at}/f", "content": "whole", "if_exists": "replace"}),
        ("move_path", {"source": f"{at}/d", "destination": f"{at}/new/d"}),
        ("copy_path", {"source": f"{at}/new/d", "destination": f"{at}/copy"}),
        ("apply_patch", {"patch": f"*** Begin Patch\n*** Update File: {at}/r\n*** Move to: {at}/new/r\n*** End Patch"}),
        ("replace_in_files", {"path": at, "query": "G", "replacement": "GG", "dry_run": False}),
        ("create_directory", {"path": f"{at}/a/b/c"}),
        ("move_path", {"source": f"{at}/keep", "destination": f"{at}/new/r", "overwrite": True}),
        ("delete_path", {"path": f"{at}/copy", "recursive": True}),
        ("delete_path", {"path": f"{at}/new", "recursive": True}),
    ]
    done = [files.facts(tool, **arguments)["change_id"] for tool, arguments in calls]
    assert names(here.path) == ["a", "a/b", "a/b/c", "f"]
    assert [undo(files)["undone"] for _ in done] == done[::-1]
    assert contents(here.path) == before


def test_an_earlier_change_is_taken_back_and_later_ones_stay(files: Files, here: Here) -> None:
    (here / "f").write_text(LINES)
    first = edit(files, here, "line 3\n", "LINE 3\n")
    edit(files, here, "line 15\n", "LINE 15\nmore\n")
    (here / "f").write_text((here / "f").read_text().replace("line 9\n", "theirs\n"))
    assert "other lines is kept" in str(undo(files, first)["notes"])
    expected = LINES.replace("line 15\n", "LINE 15\nmore\n").replace("line 9\n", "theirs\n")
    assert (here / "f").read_text() == expected


def test_what_a_later_change_built_on_is_not_taken_away_from_under_it(files: Files, here: Here) -> None:
    (here / "f").write_text(LINES)
    first = edit(files, here, "line 3\n", "LINE 3\n")
    second = edit(files, here, "LINE 3\n", "LINE THREE\n")
    with nothing_changes(here.path, files):
        text = files.failure("undo", change_id=first)
    assert text.startswith("[conflict] ")
    assert f"Undo {second} first" in text
    undo(files, second)
    undo(files, first)
    assert (here / "f").read_text() == LINES


Act = Callable[[Path], object]


@pytest.mark.parametrize(
    ("tool", "arguments", "meanwhile"),
    [
        ("write_file", {"path": "{at}/new", "content": "x"}, lambda here: (here / "new").write_text("y")),
        ("write_file", {"path": "{at}/new", "content": "x"}, lambda here: (here / "new").unlink()),
        ("write_file", {"path": "{at}/n/x", "content": "x"}, lambda here: (here / "n/y").write_text("y")),
        ("create_directory", {"path": "{at}/n"}, lambda here: (here / "n/y").write_text("y")),
        ("create_directory", {"path": "{at}/n"}, lambda here: (here / "n").rmdir()),
        ("delete_path", {"path": "{at}/f"}, lambda here: (here / "f").write_text("again")),
        ("delete_path", {"path": "{at}/d/g"}, lambda here: (here / "d").rmdir()),
        ("move_path", {"source": "{at}/f", "destination": "{at}/m"}, lambda here: (here / "f").write_text("again")),
        ("move_path", {"source": "{at}/f", "destination": "{at}/m"}, lambda here: (here / "m").unlink()),
        ("copy_path", {"source": "{at}/d", "destination": "{at}/c"}, lambda here: (here / "c/g").write_text("y")),
        ("copy_path", {"source": "{at}/d", "destination": "{at}/c"}, lambda here: (here / "c/y").write_text("y")),
        ("edit_file", {"path": "{at}/f", "edits": edits(("F", "X"))}, lambda here: (here / "f").write_text("Y")),
        ("edit_file", {"path": "{at}/f", "edits": edits(("F", "X"))}, lambda here: (here / "f").unlink()),
        (
            "edit_file",
            {"path": "{at}/f", "edits": edits(("F", "X"))},
            lambda here: ((here / "f").unlink(), (here / "f").symlink_to("d/g")),
        ),
        (
            "delete_path",
            {"path": "{at}/d/g"},
            lambda here: ((here / "d").rmdir(), (here / "d").symlink_to("/tmp")),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.guarantee("G18", "G19")
def test_what_others_did_since_is_not_lost(
    files: Files, here: Here, tool: str, arguments: dict[str, object], meanwhile: Act
) -> None:
    make_tree(here.path, ["f = F", "d/g = G"])
    told = json.loads(json.dumps(arguments).replace("{at}", here.spoken))
    change = files.facts(tool, **told)["change_id"]
    meanwhile(here.path)
    with nothing_changes(here.path, files):
        text = files.failure("undo", change_id=change)
    assert text.startswith("[conflict] ")
    assert "nothing is changed" in text


def test_a_change_is_undone_once(files: Files, here: Here) -> None:
    (here / "f").write_text("one")
    change = edit(files, here, "one", "two")
    undo(files)
    with nothing_changes(here.path, files):
        text = files.failure("undo", change_id=change)
    assert text.startswith("[nothing_to_undo] ")
    assert "has undone it already" in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("c999999999", "nothing_to_undo"),
        ("999999999", "nothing_to_undo"),
        ("c0", "invalid_argument"),
        ("x", "invalid_argument"),
        ("c", "invalid_argument"),
        ("c-1", "invalid_argument"),
        ("c1; drop table changes", "invalid_argument"),
        ("c" + "9" * 100_000, "invalid_argument"),
        ("c\u0661", "invalid_argument"),
        ("c1\0", "invalid_argument"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_change_cannot_be_undone(files: Files, change: str, code: str) -> None:
    text = files.failure("undo", change_id=change)
    assert text.startswith(f"[{code}] ")
    assert "history" in text


def test_an_id_may_be_written_as_a_number(files: Files, here: Here) -> None:
    (here / "f").write_text("one")
    change = edit(files, here, "one", "two")
    assert undo(files, change.removeprefix("c").upper())["undone"] == change


def test_a_mode_that_a_patch_gave_is_taken_back(files: Files, here: Here) -> None:
    dressed(make_tree(here.path, ["f = x\n"]) / "f")
    path = here.named("f")
    patch = f"diff --git a/{path} b/{path}\nold mode 100644\nnew mode 100755\n"
    change = files.facts("apply_patch", patch=patch)["change_id"]
    assert (here / "f").stat().st_mode & 0o777 == 0o750
    undo(files, change)
    assert (here / "f").stat().st_mode & 0o777 == 0o640


def test_what_was_put_back_is_the_base_of_later_merges(files: Files, here: Here) -> None:
    (here / "f").write_text(LINES)
    undo(files, edit(files, here, "line 3\n", "LINE 3\n"))
    (here / "f").write_text(LINES.replace("line 15\n", "theirs\n"))
    files.facts("edit_file", path=here.named("f"), edits=edits(("line 3\n", "x\n")), if_match=etag_of(LINES.encode()))
    assert (here / "f").read_text() == LINES.replace("line 15\n", "theirs\n").replace("line 3\n", "x\n")
