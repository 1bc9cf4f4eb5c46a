"""What a stranger put into a root: names like guarded ones, names like our temporary ones, names that are no text."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fs_server.tools.in_process import Called, called
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

SECRET = (
    ".env",
    ".ENV",
    ".e\u200bnv",
    ".env.",
    ".env ",
    ".\uff45nv",
    "sub/.Env.Local",
    "key.PEM",
    "./d/../.env",
    "to-env",
)
HOOKS = (
    ".git/hooks/x", ".GIT/Hooks/x", ".git./hooks/x", ".git /hooks/x", "git~1/hooks/x", ".g\u200cit/hooks/x",
    ".\uff47it/config", "sub/.git/config", ".vscode/Settings.json", ".bashrc.", ".claude/x", "to-hooks/x",
)  # fmt: skip
CLOSED = {
    "protected_path",
    "not_found",
    "invalid_path",
    "dangling_symlink",
    "not_directory",
    "exists",
    "not_regular_file",
}


TREE = (
    ".env = SECRET", ".git/hooks/", ".git/HEAD = H", "sub/.git/", "f = F", "d/x = X", "to-env -> .env",
    "to-hooks -> .git/hooks", "tree/.env = SECRET", "tree/x = X", "hidden/.git/hooks/x = X", "hidden/y = Y",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Files, Path]]:
    """A server for all calls that change nothing, and its root."""
    root = make_tree(tmp_path_factory.mktemp("guarded") / "root", TREE)
    with Files(str(root)) as files:
        yield files, root


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    make_tree(tmp_path / "root", TREE)
    with Files(str(tmp_path / "root")) as files:
        yield files


def calls(path: str) -> Mapping[str, dict[str, object]]:
    return {
        "write_file new": {"path": path, "content": "NEW"},
        "write_file replace": {"path": path, "content": "NEW", "if_exists": "replace"},
        "write_file append": {"path": path, "content": "NEW", "if_exists": "append"},
        "edit_file": {"path": path, "edits": [{"old_text": "S", "new_text": "N", "occurrence": "all"}]},
        "edit_file dry": {"path": path, "edits": [{"old_text": "SECRE", "new_text": "N"}], "dry_run": True},
        "apply_patch add": {"patch": f"*** Begin Patch\n*** Add File: {path}\n+NEW\n*** End Patch"},
        "apply_patch to": {"patch": f"*** Begin Patch\n*** Update File: f\n*** Move to: {path}\n*** End Patch"},
        "apply_patch from": {"patch": f"*** Begin Patch\n*** Update File: {path}\n*** Move to: new\n*** End Patch"},
        "apply_patch copy": {"patch": f"diff --git a/{path} b/new\ncopy from {path}\ncopy to new\n"},
        "apply_patch miss": {"patch": f"--- a/{path}\n+++ b/{path}\n@@ -1,1 +1,1 @@\n-nothing\n+NEW\n"},
        "replace_in_files": {"path": path, "query": "S", "replacement": "N", "dry_run": False},
        "replace_in_files dry": {"path": path, "query": "S", "replacement": "N"},
        "create_directory": {"path": path},
        "move_path to": {"source": "f", "destination": path},
        "move_path over": {"source": "d/x", "destination": path, "overwrite": True},
        "copy_path to": {"source": "f", "destination": path},
        "copy_path over": {"source": "d", "destination": path, "overwrite": True},
    }


TAKING: Mapping[str, dict[str, object]] = {
    "move_path": {"destination": "new"},
    "copy_path": {"destination": "new"},
    "delete_path": {"recursive": True},
}
ITSELF = {"to-env"}
"""Links: what stands there may be moved and removed, and is no secret."""


@pytest.mark.parametrize("path", [*SECRET, *HOOKS])
@pytest.mark.guarantee("G4", "G20")
def test_no_tool_reaches_a_guarded_name_under_any_spelling_at_either_end(path: str, shared: tuple[Files, Path]) -> None:
    files, root = shared
    before = snapshot(root)
    asked = dict(calls(path))
    for name, arguments in TAKING.items():
        if path not in ITSELF or name == "copy_path":
            asked[name] = {("path" if name == "delete_path" else "source"): path, **arguments}
    if path in ITSELF:
        del asked["move_path over"]  # it would take the place of the link itself
    for name, arguments in asked.items():
        result = files.ask(name.partition(" ")[0], **arguments)
        assert result["isError"], (name, result)
        code = result["_meta"][FACTS]["code"]
        assert code in CLOSED or (name.startswith("replace") and code == "no_match"), (name, result)
        assert "SECRET" not in str(result), name
        assert snapshot(root) == before, name
    assert files.code("undo") == "nothing_to_undo"


@pytest.mark.guarantee("G4", "G20")
def test_a_directory_with_guarded_names_in_it_stays_where_it_is(files: Files, tmp_path: Path) -> None:
    """Else what is guarded would lose its guard by a new name above it, or get lost."""
    before = snapshot(tmp_path / "root")
    for directory in ("tree", "hidden", ".git", "hidden/.git"):
        for name, arguments in TAKING.items():
            asked = {("path" if name == "delete_path" else "source"): directory, **arguments}
            result = files.ask(name, **asked)
            if (name, directory) in {("copy_path", "hidden"), ("copy_path", ".git"), ("delete_path", ".git")}:
                continue
            assert result["isError"], (name, directory, result)
            assert "SECRET" not in str(result)
    there = snapshot(tmp_path / "root")
    assert {path: there.get(path) for path in before if "env" in path} == {
        path: seen for path, seen in before.items() if "env" in path
    }


def test_a_prepared_directory_gets_no_guarded_name(files: Files, tmp_path: Path) -> None:
    make_tree(tmp_path / "root", ["g2/hooks/x = X", "g2/y = Y"])
    (tmp_path / "root/.git").rename(tmp_path / "root/elsewhere")
    before = snapshot(tmp_path / "root")
    for name in ("move_path", "copy_path"):
        for destination in (".git", ".GIT", "sub/.git", ".g\u200cit"):
            assert files.code(name, source="g2", destination=destination) in {"protected_path", "exists"}
            assert snapshot(tmp_path / "root") == before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "root", ["f = F", "d/x = X"])


@pytest.fixture
def tools(root: Path, tmp_path: Path) -> Iterator[Called]:
    with called(root, journal=tmp_path / "journal") as tools:
        yield tools


@pytest.mark.guarantee("G16")
def test_names_like_our_temporary_ones_are_a_strangers_own(root: Path, tools: Called, tmp_path: Path) -> None:
    make_tree(
        tmp_path,
        ["outside/secret = SECRET", "root/.fs-server-0123456789abcdef = THEIRS",
         "root/d/.fs-server-fedcba9876543210/x = T",
         "root/d/.fs-server-0123456789abcde0 -> ../../outside", "root/f.recovered-01234567 = THEIRS"],
    )  # fmt: skip
    before = snapshot(tmp_path)
    tools.answer("write_file", path="f", content="NEW", if_exists="replace")
    tools.answer("move_path", source="d", destination="e")
    tools.answer("copy_path", source="e", destination="c")
    tools.answer("delete_path", path="e", recursive=True)
    for _ in range(4):
        tools.answer("undo")
    with called(root, journal=tmp_path / "journal") as again:
        again.answer("history")
    after = {path: seen for path, seen in snapshot(tmp_path).items() if not path.startswith("journal")}
    assert {path: bare(seen) for path, seen in after.items()} == {path: bare(seen) for path, seen in before.items()}


def bare(picture: str) -> str:
    kind, _, _, content = picture.split(" ", 3)
    return f"{kind} {content}"


@pytest.mark.parametrize("name", [b"\xff", b"caf\xe9", b"a\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"%41", b" ", b"-rf"])
def test_a_name_that_is_no_text_goes_through_every_change_and_back(name: bytes, root: Path, tools: Called) -> None:
    def uri(path: bytes) -> str:
        return (root / os.fsdecode(path)).as_uri()

    before = snapshot(root)
    tools.answer("write_file", path=uri(b"n/" + name), content="one\n")
    tools.answer("write_file", path=uri(b"n/" + name), content="two\n", if_exists="append")
    tools.answer("edit_file", path=uri(b"n/" + name), edits=[{"old_text": "two", "new_text": "TWO"}])
    assert (root / "n" / os.fsdecode(name)).read_text() == "one\nTWO\n"
    tools.answer("create_directory", path=uri(b"m/" + name))
    tools.answer("move_path", source=uri(b"n/" + name), destination=uri(b"m/" + name + b"/" + name))
    tools.answer("copy_path", source=uri(b"m"), destination=uri(b"k" + name))
    tools.answer("delete_path", path=uri(b"m"), recursive=True)
    copied = root / f"k{os.fsdecode(name)}" / os.fsdecode(name)
    assert [os.fsencode(path.name) for path in copied.iterdir()] == [name]
    assert "\udcff" not in repr(tools.blocks("history"))
    for _ in range(7):
        tools.answer("undo")
    assert {path: bare(seen) for path, seen in snapshot(root).items()} == {
        path: bare(seen) for path, seen in before.items()
    }
    assert tools.refusal("undo").code == "nothing_to_undo"


@pytest.mark.guarantee("G15")
def test_a_link_that_comes_into_the_way_of_an_undo_leads_it_nowhere(root: Path, tools: Called) -> None:
    """The same content stands behind the link; it is not what the change has made."""
    tools.answer("write_file", path="d/new", content="NEW")
    tools.answer("delete_path", path="d/x")
    make_tree(root, ["e/new = NEW", "e/y = Y"])
    (root / "d").rename(root / "was")
    (root / "d").symlink_to("e")
    before = snapshot(root)
    for change in ("c1", "c2"):
        assert tools.refusal("undo", change_id=change).code == "conflict"
        assert snapshot(root) == before
    (root / "d").unlink()
    (root / "d").symlink_to("../outside")
    (root.parent / "outside").mkdir()
    for change in ("c1", "c2"):
        assert tools.refusal("undo", change_id=change).code == "conflict"
    assert list((root.parent / "outside").iterdir()) == []
