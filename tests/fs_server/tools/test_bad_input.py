"""What no tool that changes something may fall over: a code, a next step, nothing changed, and the server as quick."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import edits, names, nothing_changes
from tests.fs_server.tools.in_process import called
from tests.support.as_user import own_directory
from tests.support.product import Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

QUICK_S = 5
"""Far more than any refusal takes, and far less than the work that is refused."""


def calls(path: str, other: str) -> list[tuple[str, dict[str, Any]]]:
    """Return a call of each tool with this path, at each end, and another path where there are two."""
    add = f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"
    return [
        ("write_file", {"path": path, "content": "x", "if_exists": "replace"}),
        ("write_file", {"path": path, "content": "x", "if_exists": "append"}),
        ("edit_file", {"path": path, "edits": edits(("x", "y"))}),
        ("apply_patch", {"patch": add}),
        ("replace_in_files", {"path": path, "query": "x", "replacement": "y", "dry_run": False}),
        ("create_directory", {"path": path}),
        ("move_path", {"source": path, "destination": other, "overwrite": True}),
        ("move_path", {"source": other, "destination": path, "overwrite": True}),
        ("copy_path", {"source": path, "destination": other, "overwrite": True}),
        ("copy_path", {"source": other, "destination": path, "overwrite": True}),
        ("delete_path", {"path": path, "recursive": True}),
    ]


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("x" * 70_000, {"name_too_long"}),
        ("x/" * 2_000 + "y", {"name_too_long", "not_found"}),
        ("../" * 9_000 + "etc/passwd", {"escapes_root"}),
        ("/etc/passwd", {"outside_roots"}),
        ("/proc/self/mem", {"outside_roots"}),
        ("file:///etc/passwd", {"outside_roots"}),
        ("https://example.com/x", {"unsupported_uri"}),
        ("file://%ZZ", {"unsupported_uri", "invalid_path"}),
        ("a\tb", {"invalid_path", "not_found", "patch_failed"}),
        ("esc\x1b[2J\x07", {"invalid_path", "not_found", "patch_failed"}),
        ("turn\u202ename", {"invalid_path", "not_found"}),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, str) else "",
)
def test_a_path_that_leads_nowhere_is_refused_by_every_tool(
    files: Files, here: Here, path: str, codes: set[str]
) -> None:
    make_tree(here.path, ["f = x"])
    path = path if "/" in path else here.named(path)
    with nothing_changes(here.path, files):
        for tool, arguments in calls(path, here.named("f")):
            begun = time.monotonic()
            assert files.code(tool, **arguments) in codes, (tool, arguments)
            assert time.monotonic() - begun < QUICK_S


@pytest.mark.parametrize(
    "arguments",
    [
        {"paht": "x"},
        {"path": 5},
        {"path": ["x"]},
        {"path": None},
        {"path": {"a": "b"}},
        {"path": "x", "content": 10**400},
        {"path": "x", "content": ["x"] * 10_000},
        {"path": "x", "content": "x", "if_exists": "maybe"},
        {"path": "x", "content": "x", "if_exists": "x" * 1_000_000},
        {f"p{number}": number for number in range(10_000)},
    ],
    ids=lambda arguments: repr(arguments)[:40],
)
def test_arguments_that_make_no_sense_are_told_in_one_line(files: Files, arguments: dict[str, Any]) -> None:
    text = files.failure("write_file", **arguments)
    assert text.startswith("[invalid_argument] ")
    assert "It takes: path, content, if_exists, if_match, encoding" in text


def test_a_file_of_two_gigabytes_is_moved_and_else_refused_at_once(files: Files, here: Here) -> None:
    make_tree(here.path, ["other = O"])
    with (here / "f").open("wb") as file:
        file.truncate(2 << 30)
    path = here.named("f")
    patch = f"*** Begin Patch\n*** Update File: {path}\n@@\n-x\n+y\n*** End Patch"
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("write_file", {"path": path, "content": "x"}, "exists"),
        ("write_file", {"path": path, "content": "x", "if_exists": "replace"}, "declined"),
        ("write_file", {"path": path, "content": "x", "if_exists": "append"}, "too_large"),
        ("edit_file", {"path": path, "edits": edits(("x", "y"))}, "too_large"),
        ("apply_patch", {"patch": patch}, "too_large"),
        ("replace_in_files", {"path": path, "query": "x", "replacement": "y"}, "too_large"),
        ("move_path", {"source": here.named("other"), "destination": path, "overwrite": True}, "declined"),
        ("delete_path", {"path": path}, "declined"),
    ]
    for tool, arguments, code in refused:
        begun = time.monotonic()
        assert files.code(tool, **arguments) == code, tool
        assert time.monotonic() - begun < QUICK_S
    begun = time.monotonic()
    files.data("move_path", source=path, destination=here.named("moved"))
    files.data("undo")
    assert time.monotonic() - begun < QUICK_S
    assert (here / "f").stat().st_size == 2 << 30
    assert names(here.path) == ["f", "other"]
    (here / "f").unlink()


def test_parents_that_vanish_are_made_anew_or_told(files: Files, here: Here) -> None:
    """A client knows paths from before somebody removed the directory."""
    make_tree(here.path, ["f = x"])
    path = here.named("gone/deep/x")
    for tool, arguments in calls(path, here.named("f")):
        if (tool, arguments.get("if_exists")) in {("write_file", "append"), ("write_file", "replace")}:
            files.data("undo", change_id=files.data(tool, **arguments)["change_id"])
        elif tool in {"create_directory", "apply_patch"} or arguments.get("destination") == path:
            files.data("undo", change_id=files.facts(tool, **arguments)["change_id"])
        else:
            assert files.code(tool, **arguments) == "not_found", tool
    assert names(here.path) == ["f"]


@pytest.mark.parametrize("again", [False, True], ids=["removed", "made anew"])
def test_a_root_that_went_away_takes_no_change(tmp_path: Path, again: bool) -> None:  # noqa: FBT001
    make_tree(tmp_path, ["one/f = x", "two/f = x"])
    with called(tmp_path / "one", tmp_path / "two", journal=tmp_path / "journal") as tools:
        tools.answer("write_file", path="two/g", content="x")
        shutil.rmtree(tmp_path / "one")
        if again:
            make_tree(tmp_path, ["one/f = IMPOSTOR x"])
        with nothing_changes(tmp_path / "two"):
            for tool, arguments in [*calls("one/f", "two/f"), *calls("one/new", "two/f")]:
                assert tools.refusal(tool, **arguments).code == "root_gone", tool
        assert names(tmp_path / "one") == (["f"] if again else [])
        assert tools.answer("undo").data is not None, "the other root is as good as ever"


def test_a_line_of_a_megabyte_is_edited_and_told_in_short(files: Files, here: Here) -> None:
    (here / "f").write_text("x" * 500_000 + "here" + "y" * 500_000)
    diff, note = files.blocks("edit_file", path=here.named("f"), edits=edits(("here", "there")))
    assert len(diff) + len(note) < 5_000
    assert "there" in diff
    miss = files.failure("edit_file", path=here.named("f"), edits=edits(("z" * 300_000, "")))
    assert miss.startswith("[no_match] ")


def test_a_thousand_edits_of_a_large_file_are_made_in_time(files: Files, here: Here) -> None:
    (here / "f").write_text("".join(f"<{number}>\n" for number in range(50_000)))
    begun = time.monotonic()
    pairs = [(f"<{number}>", f"[{number}]") for number in range(0, 50_000, 50)]
    assert files.facts("edit_file", path=here.named("f"), edits=edits(*pairs))["occurrences"] == 1_000
    assert time.monotonic() - begun < 2 * QUICK_S


# --- what the system does not let the server's user do


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Files, Path]]:
    """A server that is no root, which no permission holds back, and its root."""
    with own_directory() as own:
        monkeypatch.setenv("XDG_STATE_HOME", str(own / "state"))
        (own / "root").mkdir()
        _give(own / "root")
        with Files(os.fspath(own / "root"), resolver="nobody") as client:
            yield client, own / "root"


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534, follow_symlinks=False)


def test_what_the_system_forbids_is_told_and_nothing_is_begun(nobody: tuple[Files, Path]) -> None:
    files, root = nobody
    make_tree(root, ["d/f = x", "closed/f = x old", "mine = m", "theirs = t", "tree/a = A", "tree/locked/b = B"])
    for path in (root / "d", root / "d/f", root / "mine", root / "closed", root / "tree", root / "tree/a"):
        _give(path)
    (root / "closed").chmod(0o755 if os.geteuid() == 0 else 0o555)
    if os.geteuid() == 0:
        os.chown(root / "closed", 0, 0)
    else:
        (root / "tree/locked").chmod(0o555)
    (root / "d/f").chmod(0o000)
    with nothing_changes(root):
        for tool, arguments in calls("closed/f", "mine"):
            if tool in {"create_directory", "apply_patch"}:
                told = {key: value.replace("closed/f", "closed/new") for key, value in arguments.items()}
                assert files.code(tool, **told) == "permission_denied", tool
            elif arguments.get("source") != "closed/f" or tool == "move_path":
                assert files.code(tool, **arguments) == "permission_denied", tool
        assert files.code("edit_file", path="d/f", edits=edits(("x", "y"))) == "permission_denied"
        # What cannot be removed whole is not begun to be removed.
        assert files.code("delete_path", path="tree", recursive=True) == "permission_denied"
    if os.geteuid() == 0:
        # A file of somebody else's in a directory of ours can be replaced, and then it is ours. That is said.
        _, note = files.blocks("edit_file", path="theirs", edits=edits(("t", "x")))
        assert "belongs to the server's user now" in note
        assert (root / "theirs").stat().st_uid == 65534


def test_without_a_journal_nothing_is_changed(tmp_path: Path) -> None:
    """What could not be taken back is not done: the directory for the state of programs is a file here."""
    make_tree(tmp_path, ["state = no directory", "root/f = x"])
    with called(tmp_path / "root", journal=tmp_path / "state/journal") as tools, nothing_changes(tmp_path):
        assert tools.blocks("read_file", path="f")[0] == "x"
        for tool, arguments in calls("f", "g"):
            refusal = tools.refusal(tool, **arguments)
            assert refusal.code == "io_error", tool
            assert "journal" in str(refusal)
            assert str(tmp_path) not in str(refusal)
