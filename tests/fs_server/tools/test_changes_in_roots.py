"""Changes where there are several roots: from one to another, read-only ones, one inside another; and where none is."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fs_server.tools.changes import edits, names, nothing_changes
from tests.fs_server.tools.in_process import called
from tests.support.product import Files
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

CONFIG = """\
[roots.one]
path = "{base}/one"

[roots.inner]
path = "{base}/one/deep/inner"
protect = ["/kept"]

[roots.two]
path = "{base}/two"

[roots.fixed]
path = "{base}/fixed"
writable = false
"""

WRITING = {
    "write_file", "edit_file", "apply_patch", "replace_in_files", "create_directory", "move_path", "copy_path",
    "delete_path", "undo",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Files, Path]]:
    base = tmp_path_factory.mktemp("several").resolve()
    make_tree(base, ["one/deep/inner/kept = K", "two/", "fixed/f = F", "fixed/d/g = G"])
    config = base / "config.toml"
    config.write_text(CONFIG.format(base=base))
    with Files("--config", os.fspath(config)) as client:
        yield client, base


@pytest.fixture
def several(server: tuple[Files, Path]) -> Files:
    return server[0]


@pytest.fixture
def base(server: tuple[Files, Path]) -> Iterator[Path]:
    """The directory of the roots, which is as before after each test: by undoing what the test did."""
    files, base = server
    before = snapshot(base)
    since = files.facts("history")["cursor"]
    yield base
    for _ in range(files.facts("history", since=since)["count"]):
        if files.ask("undo")["isError"]:
            break
    assert {name: kind for name, kind in snapshot(base).items() if kind[0] == "-"} == {
        name: kind for name, kind in before.items() if kind[0] == "-"
    }


def test_results_name_the_root(several: Files, base: Path) -> None:
    data = several.data("write_file", path="two/d/f", content="one\n")
    assert (data["path"], data["uri"]) == ("two/d/f", (base / "two/d/f").as_uri())
    facts = several.facts("edit_file", path=str(base / "two/d/f"), edits=edits(("one", "two")))
    assert facts["path"] == "two/d/f"
    assert "--- a/two/d/f" in several.blocks("edit_file", path="two/d/f", edits=edits(("two", "x")), dry_run=True)[0]
    history = several.blocks("history", limit=2)[0]
    assert "A two/d/f  +1 -0" in history
    assert "M two/d/f  +1 -1" in history


@pytest.mark.parametrize("tool", ["move_path", "copy_path"])
def test_from_one_root_to_another_and_back(several: Files, base: Path, tool: str) -> None:
    make_tree(base / "one", ["d/f = F", "d/e/g = G", "d/link -> f"])
    before = snapshot(base / "one/d")
    data = several.data(tool, source="one/d", destination="two/new/d")
    assert data["path"] == "two/new/d"
    assert names(base / "two/new/d") == ["e", "e/g", "f", "link"]
    assert (base / "one/d").exists() is (tool == "copy_path")
    assert several.data("undo", change_id=data["change_id"])["paths"][0].startswith(
        "one/d" if tool == "move_path" else "two/new"
    )
    assert snapshot(base / "one/d") == before
    assert names(base / "two") == []
    several.data("delete_path", path="one/d", recursive=True)
    several.data("undo")
    several.data("move_path", source="one/d", destination="one/x")
    several.data("undo")
    for name in ("d/e/g", "d/f", "d/link"):
        (base / "one" / name).unlink()
    (base / "one/d/e").rmdir()
    (base / "one/d").rmdir()


def test_a_patch_of_two_roots_is_one_change(several: Files, base: Path) -> None:
    several.data("write_file", path="one/f", content="x\n")
    patch = "*** Update File: one/f\n*** Move to: two/f\n@@\n-x\n+y\n*** Add File: two/g\n+g\n"
    several.facts("apply_patch", patch=f"*** Begin Patch\n{patch}*** End Patch")
    assert (base / "two/f").read_text() == "y\n"
    assert not (base / "one/f").exists()
    several.data("undo")
    assert (base / "one/f").read_text() == "x\n"
    assert names(base / "two") == []


def test_a_failure_in_one_root_leaves_the_other_as_it_was(several: Files, base: Path) -> None:
    several.data("write_file", path="one/f", content="x\n")
    update = "*** Begin Patch\n*** Update File: one/f\n@@\n-x\n+y\n"
    with nothing_changes(base, several):
        for line in ("*** Add File: fixed/g\n+g\n", "*** Add File: inner/kept\n+g\n", "*** Delete File: two/gone\n"):
            several.failure("apply_patch", patch=f"{update}{line}*** End Patch")


def test_a_replacement_everywhere_is_one_in_all_writable_roots(several: Files, base: Path) -> None:
    for name in ("one/a", "one/deep/inner/b", "two/c"):
        several.data("write_file", path=name, content="F\n")
    facts = several.facts("replace_in_files", query="F", replacement="X", dry_run=False)
    assert facts["occurrences"] == 3, "the inner root is seen once"
    assert (base / "fixed/f").read_text() == "F"


@pytest.mark.parametrize("path", ["fixed/f", "fixed/new", "fixed/d/g"])
def test_a_read_only_root_stays_as_it_is(several: Files, base: Path, path: str) -> None:
    (base / "one/mine").write_text("m\n")
    patch = f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"
    calls: list[tuple[str, dict[str, object]]] = [
        ("write_file", {"path": path, "content": "x", "if_exists": "replace"}),
        ("edit_file", {"path": path, "edits": edits(("F", "G"))}),
        ("edit_file", {"path": path, "edits": edits(("F", "G")), "dry_run": True}),
        ("apply_patch", {"patch": patch}),
        ("apply_patch", {"patch": patch, "dry_run": True}),
        ("replace_in_files", {"path": path, "query": "F", "replacement": "G"}),
        ("create_directory", {"path": f"{path}/d"}),
        ("move_path", {"source": path, "destination": "two/x"}),
        ("move_path", {"source": "one/mine", "destination": path, "overwrite": True}),
        ("copy_path", {"source": "one/mine", "destination": path, "overwrite": True}),
        ("delete_path", {"path": path, "recursive": True}),
    ]
    with nothing_changes(base, several):
        for tool, arguments in calls:
            text = several.failure(tool, **arguments)
            assert text.startswith("[read_only] "), tool
            assert "fixed" in text
    (base / "one/mine").unlink()


def test_what_can_only_be_read_can_be_copied_from(several: Files, base: Path) -> None:
    several.data("copy_path", source="fixed/d", destination="two/d")
    assert (base / "two/d/g").read_text() == "G"


@pytest.mark.parametrize("path", ["inner/kept", "one/deep/inner/kept", "{base}/one/deep/inner/kept"])
def test_the_rules_of_an_inner_root_hold_on_every_way(several: Files, base: Path, path: str) -> None:
    path = path.format(base=base)
    with nothing_changes(base, several):
        assert several.code("write_file", path=path, content="x", if_exists="replace") == "protected_path"
        assert several.code("delete_path", path=path) == "protected_path"
        assert several.code("move_path", source=path, destination="two/x") == "protected_path"


@pytest.mark.parametrize("path", ["one", "inner", "one/deep/inner", "one/deep", "two", "."])
def test_no_root_goes_away_by_a_call(several: Files, base: Path, path: str) -> None:
    with nothing_changes(base, several):
        assert several.code("delete_path", path=path, recursive=True) in {"refused_root", "invalid_path"}
        assert several.code("move_path", source=path, destination="two/x") in {"refused_root", "invalid_path"}


def test_a_path_that_names_no_root_is_written_nowhere(several: Files, base: Path) -> None:
    with nothing_changes(base, several):
        for path in ("f", "gone/f", "One/f"):
            assert several.code("write_file", path=path, content="x") == "outside_roots"
        for path in ("one/../two/f", "one/../../x"):
            assert several.code("write_file", path=path, content="x") == "escapes_root"


# --- servers that cannot change anything


@pytest.mark.parametrize(
    "flags", [["--read-only", "{root}"], pytest.param(["--root-ro", "only={root}"], marks=pytest.mark.nightly)]
)
def test_a_server_that_only_reads_offers_no_tool_that_writes(tmp_path: Path, flags: list[str]) -> None:
    with Files(*(flag.format(root=tmp_path) for flag in flags)) as files:
        offered = {tool["name"] for tool in files.result(files.request("tools/list"))["tools"]}
        assert "history" in offered
        assert not offered & WRITING
        for tool in sorted(WRITING):
            error = files.error(files.call(tool, path="f", content="x"))
            assert error["code"] == -32602
            assert tool in error["message"]
        assert files.facts("history")["count"] == 0
    assert names(tmp_path) == []


def test_a_server_with_a_root_that_may_be_written_offers_them_all(several: Files) -> None:
    assert {tool["name"] for tool in several.result(several.request("tools/list"))["tools"]} >= WRITING


def test_while_nothing_is_served_nothing_is_changed(tmp_path: Path) -> None:
    """As for a client that is asked for its directories and has none."""
    (tmp_path / "root").mkdir()
    with called(tmp_path / "root", journal=tmp_path / "journal") as tools:
        tools.services.await_client_roots()
        calls: list[tuple[str, dict[str, object]]] = [
            ("undo", {}),
            ("history", {}),
            ("history", {"path": "d"}),
            ("write_file", {"path": "f", "content": "x"}),
            ("edit_file", {"path": "f", "edits": edits(("x", "y")), "dry_run": True}),
            ("replace_in_files", {"query": "x", "replacement": "y"}),
            ("create_directory", {"path": "."}),
            ("move_path", {"source": "f", "destination": "g"}),
            ("delete_path", {"path": "f"}),
        ]
        for tool, arguments in calls:
            refusal = tools.refusal(tool, **arguments)
            assert (refusal.code, "client_roots" in refusal.step) == ("outside_roots", True), tool
    assert names(tmp_path) == ["root"]


def test_a_change_outlives_its_server_and_only_who_has_its_root_learns_of_it(
    several: Files, files: Files, base: Path
) -> None:
    """All servers of a user write one journal. Those without the root learn nothing of its names."""
    with Files(str(base / "two")) as other:
        change = other.data("write_file", path="their-name", content="x")["change_id"]
    assert "their-name" not in str(files.ask("history"))
    text = files.failure("undo", change_id=change)
    assert text.startswith("[outside_roots] ")
    assert "their" not in text
    assert f"fs-server-mcp undo {change}" in text
    assert "A two/their-name" in several.blocks("history", limit=1)[0]
    several.data("write_file", path="one/mine", content="x")
    assert several.data("undo")["paths"] == ["one/mine"], "the last change of this server is meant"
    assert several.data("undo", change_id=change)["paths"] == ["two/their-name"]
    assert names(base / "two") == []
