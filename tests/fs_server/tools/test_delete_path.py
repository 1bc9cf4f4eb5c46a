"""`delete_path`: away, and back if somebody wants it back."""

import json
import sys
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


def test_a_file_is_gone_and_comes_back(files: Files, here: Here) -> None:
    before = attributes(dressed(make_tree(here.path, ["f = F"]) / "f")), (here / "f").stat().st_mtime_ns
    result = files.ask("delete_path", path=here.named("f"))
    data = result["structuredContent"]
    assert data == {"path": here.named("f"), "count": 1, "change_id": data["change_id"]}
    assert json.loads(result["content"][0]["text"]) == result["_meta"][FACTS] == data
    assert names(here.path) == []
    files.data("undo", change_id=data["change_id"])
    assert (here / "f").read_text() == "F"
    assert (attributes(here / "f"), (here / "f").stat().st_mtime_ns) == before


def test_a_directory_goes_with_all_that_it_holds_only_if_that_was_asked(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = F", "d/link -> f", "d/e/g = G", "d/fifo|", "d/way -> ../keep", "keep/k = K"])
    (here / "d/e").chmod(0o750)
    before = snapshot(here.path)
    shapes = names(here.path), (here / "d/link").readlink(), (here / "d/way").readlink(), (here / "d/fifo").is_fifo()
    with nothing_changes(here.path, files):
        text = files.failure("delete_path", path=here.named("d"))
    assert text.startswith("[not_empty] ")
    assert "recursive=true" in text
    data = files.data("delete_path", path=here.named("d"), recursive=True)
    assert data["count"] == 5
    assert names(here.path) == ["keep", "keep/k"], "what a link in it leads to stays"
    files.data("undo", change_id=data["change_id"])
    # A new link has a time of its own.
    for name in ("d", "d/f", "d/e", "d/e/g"):
        assert snapshot(here.path)[name] == before[name]
    assert shapes == (
        names(here.path), (here / "d/link").readlink(), (here / "d/way").readlink(), (here / "d/fifo").is_fifo()
    )  # fmt: skip


def test_an_empty_directory_needs_no_word_more(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/"])
    assert files.data("delete_path", path=here.named("d/"))["count"] == 0
    assert names(here.path) == []


def test_a_link_is_deleted_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F", "d/g = G", "link -> f", "way -> d", "out -> ../../outside.txt", "gone -> nothing"])
    for name in ("link", "way", "out", "gone"):
        assert files.data("delete_path", path=here.named(name), recursive=True)["count"] == 1
    assert names(here.path) == ["d", "d/g", "f"]
    files.data("undo")
    assert (here / "gone").readlink() == Path("nothing")


def test_what_is_no_file_is_deleted_too(files: Files, here: Here) -> None:
    make_tree(here.path, ["fifo|"])
    data = files.data("delete_path", path=here.named("fifo"))
    files.data("undo", change_id=data["change_id"])
    assert (here / "fifo").is_fifo()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gone", "not_found"),
        ("gone/x", "not_found"),
        ("f/x", "not_directory"),
        ("f/", "invalid_path"),
        ("d/..", "invalid_path"),
        ("d/.", "invalid_path"),
        ("up/outside.txt", "escapes_root"),
        ("..", "escapes_root"),
        (".env", "protected_path"),
        (".git/config", "protected_path"),
        ("way/config", "protected_path"),
        (".git", "protected_path"),
        ("holds-secret", "protected_path"),
        (".vscode", "protected_path"),
    ],
)
def test_what_may_not_go_stays(files: Files, here: Here, name: str, code: str) -> None:
    make_tree(
        here.path,
        [
            "f = F", "d/g = G", "up -> ../..", f".env = {OUTSIDE}", ".git/config = C", "way -> .git",
            f"holds-secret/a/.env = {OUTSIDE}", "holds-secret/b = B", ".vscode/tasks.json = T",
        ],
    )  # fmt: skip
    path = ".." if name == ".." else here.named(name)
    with nothing_changes(here.path):
        text = files.failure("delete_path", path=path, recursive=True)
    assert text.startswith(f"[{code}] ")
    assert OUTSIDE not in text


@pytest.mark.parametrize("path", [".", "/", "", "/etc"])
def test_no_root_is_deleted_and_nothing_outside(files: Files, path: str) -> None:
    assert files.code("delete_path", path=path, recursive=True) in {"refused_root", "outside_roots", "invalid_path"}


def test_a_file_of_several_names_comes_back_as_one_of_its_own_and_that_is_said(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F", "twin => f"])
    files.data("delete_path", path=here.named("f"))
    assert any("several names (hard links)" in note for note in files.data("undo")["notes"])
    assert (here / "f").stat().st_nlink == (here / "twin").stat().st_nlink == 1
