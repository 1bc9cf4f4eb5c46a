"""What an undo makes of things that no tool makes: sockets, very large files, links in place of directories."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fs_server.tools.in_process import Called, called
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def tools(root: Path, tmp_path: Path) -> Iterator[Called]:
    with called(root, journal=tmp_path / "journal") as tools:
        yield tools


def conflict(tools: Called) -> str:
    refusal = tools.refusal("undo")
    assert refusal.code == "conflict"
    return refusal.fact


def test_what_nobody_could_use_again_is_not_made_again_and_counted(
    tools: Called, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(root, ["d/f = F", "d/fifo|"])
    monkeypatch.chdir(root)  # the path of a socket has to be short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("d/socket")
    tools.answer("delete_path", path="d", recursive=True)
    assert "d: 1 sockets or devices in it could not be made again" in str(tools.answer("undo").data)
    assert sorted(path.name for path in (root / "d").iterdir()) == ["f", "fifo"]


def test_a_file_that_grew_very_large_since_is_not_merged(tools: Called, root: Path) -> None:
    make_tree(root, ["f = one\n"])
    tools.answer("write_file", path="f", content="two\n", if_exists="replace")
    os.truncate(root / "f", 17 << 20)
    assert '"f" was changed since' in conflict(tools)


@pytest.mark.parametrize(
    ("meanwhile", "fact"),
    [
        (lambda root: (root / "n/x").write_text("changed"), 'holds "x", which was changed since'),
        (lambda root: (root / "n/y").write_text("new"), 'holds "y", which this change did not put there'),
        (lambda root: (root / "n/x").unlink(), 'lacks "x"'),
        (lambda root: ((root / "n/x").unlink(), (root / "n").rmdir()), "is gone already"),
        (lambda root: ((root / "n").rename(root / "m"), (root / "n").symlink_to("m")), "is gone already"),
    ],
)
def test_a_directory_that_was_made_goes_only_as_it_was_made(
    tools: Called, root: Path, meanwhile: Callable[[Path], object], fact: str
) -> None:
    tools.answer("write_file", path="n/x", content="x")
    meanwhile(root)
    assert fact in conflict(tools)


def test_nothing_is_put_back_through_a_link_that_came_since(tools: Called, root: Path) -> None:
    make_tree(root, ["d/f = F", "other/"])
    tools.answer("delete_path", path="d/f")
    (root / "d").rmdir()
    (root / "d").symlink_to("other")
    assert "would be reached through a link by now" in conflict(tools)
    assert list((root / "other").iterdir()) == []


@pytest.mark.parametrize("thing", ["f = F", "f -> nothing", "f|", "f/x = X"])
def test_whatever_was_moved_moves_back(tools: Called, root: Path, thing: str) -> None:
    make_tree(root, [thing])
    before = (root / "f").lstat()
    tools.answer("move_path", source="f", destination="d/g")
    tools.answer("undo")
    assert [path.name for path in root.iterdir()] == ["f"]
    assert (root / "f").lstat().st_ino == before.st_ino


def test_something_else_in_its_place_does_not_move_back(tools: Called, root: Path) -> None:
    make_tree(root, ["f = F"])
    tools.answer("move_path", source="f", destination="g")
    (root / "g").unlink()
    (root / "g").symlink_to("nothing")
    assert "is no longer what was moved there" in conflict(tools)
