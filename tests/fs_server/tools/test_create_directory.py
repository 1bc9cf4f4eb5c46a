"""`create_directory`: it is there afterwards, and whether it was before is told."""

import json
import sys

import pytest

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


def test_a_directory_and_those_that_lead_to_it_are_made_as_one_change(files: Files, here: Here) -> None:
    result = files.ask("create_directory", path=here.named("a/b/c/"))
    data = result["structuredContent"]
    assert data == {
        "path": here.named("a/b/c"), "uri": here.uri("a/b/c"), "created": True, "change_id": data["change_id"],
    }  # fmt: skip
    assert json.loads(result["content"][0]["text"]) == result["_meta"][FACTS] == data
    assert names(here.path) == ["a", "a/b", "a/b/c"]
    files.data("undo", change_id=data["change_id"])
    assert names(here.path) == []


def test_one_that_is_there_is_fine_and_no_change(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = F", "link -> d"])
    with nothing_changes(here.path, files):
        for name in ("d", "d/", "link"):
            assert files.data("create_directory", path=here.named(name)) == {
                "path": here.named("d"), "uri": here.uri("d"), "created": False,
            }  # fmt: skip


def test_the_root_is_there(files: Files, here: Here) -> None:
    uri = here.path.parent.as_uri()
    for path in (".", uri, str(here.path.parent)):
        assert files.data("create_directory", path=path) == {"path": ".", "uri": uri, "created": False}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("f", "exists"),
        ("fifo", "exists"),
        ("f/d", "not_directory"),
        ("gone", "dangling_symlink"),
        ("gone/d", "dangling_symlink"),
        ("out", "escapes_root"),
        ("out/d", "escapes_root"),
        ("d/..", "invalid_path"),
        ("new/..", "invalid_path"),
        ("new/.", "invalid_path"),
        ("a\nb", "invalid_path"),
        ("a\u202eb/c", "invalid_path"),
        ("n" * 300, "name_too_long"),
        ("/".join("d" * 100), "not_found"),
        (".git/hooks", "protected_path"),
        (".claude", "protected_path"),
        (".env", "protected_path"),
    ],
)
def test_what_can_be_no_directory_here_is_refused(files: Files, here: Here, name: str, code: str) -> None:
    make_tree(here.path, ["f = F", "fifo|", "gone -> nothing", "out -> ../..", "d/x/"])
    with nothing_changes(here.path):
        text = files.failure("create_directory", path=here.named(name))
    assert text.startswith(f"[{code}] ")
    if code == "exists":
        assert "overwrite" not in text, "this tool has no such parameter"


@pytest.mark.parametrize(("path", "code"), [("", "invalid_path"), ("/tmp/x", "outside_roots"), ("..", "escapes_root")])
def test_only_what_lies_in_a_root_is_made(files: Files, path: str, code: str) -> None:
    assert files.code("create_directory", path=path) == code
