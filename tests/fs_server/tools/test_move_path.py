"""`move_path`: the same thing at another place, and nothing lost at either."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, names, nothing_changes
from tests.sandbox.private_mounts import in_private_mounts, mount
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


def move(files: Files, here: Here, source: str, destination: str, **others: object) -> dict[str, object]:
    return files.data("move_path", source=here.named(source), destination=here.named(destination), **others)


def refused(files: Files, here: Here, source: str, destination: str, **others: object) -> str:
    with nothing_changes(here.path):
        return files.failure("move_path", source=here.named(source), destination=here.named(destination), **others)


def test_a_file_gets_another_name_and_is_the_same_file(files: Files, here: Here) -> None:
    before = dressed(make_tree(here.path, ["f = F"]) / "f").stat()
    result = files.ask("move_path", source=here.named("f"), destination=here.named("new/d/g"))
    data = result["structuredContent"]
    assert data == {
        "path": here.named("new/d/g"), "uri": here.uri("new/d/g"), "replaced": False, "change_id": data["change_id"],
    }  # fmt: skip
    assert json.loads(result["content"][0]["text"]) == data
    assert result["_meta"][FACTS] == {key: value for key, value in data.items() if key != "replaced"}
    after = (here / "new/d/g").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (before.st_ino, before.st_mtime_ns, before.st_mode)
    assert names(here.path) == ["new", "new/d", "new/d/g"]
    files.data("undo", change_id=data["change_id"])
    assert names(here.path) == ["f"]


def test_a_directory_moves_with_all_that_it_holds(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = F", "d/link -> f", "d/out -> /etc/hostname", "d/fifo|", "d/e/", "d/twin => d/f"])
    before = snapshot(here / "d")
    assert move(files, here, "d", "e/d")["path"] == here.named("e/d")
    assert snapshot(here / "e/d") == before
    assert not (here / "d").exists()


def test_a_link_moves_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F", "link -> f", "out -> ../../outside.txt", "gone -> nothing", "d/"])
    for name in ("link", "out", "gone"):
        move(files, here, name, f"d/{name}")
    assert (here / "d/link").readlink() == Path("f")
    assert (here / "d/out").readlink() == Path("../../outside.txt")
    assert (here / "f").read_text() == "F"


@pytest.mark.parametrize("there", ["g = G", "g -> other", "g|"])
def test_what_is_there_is_replaced_only_if_that_was_asked(files: Files, here: Here, there: str) -> None:
    make_tree(here.path, ["f = F", "other = O", there])
    text = refused(files, here, "f", "g")
    assert text.startswith("[exists] ")
    assert "overwrite=true" in text
    data = move(files, here, "f", "g", overwrite=True)
    assert data["replaced"] is True
    assert names(here.path) == ["g", "other"]
    assert (here / "g").read_text() == "F"
    assert (here / "other").read_text() == "O", "a link that gives way leads to something that does not"
    before = sorted(make_tree(here.path / "compare", ["f = F", "other = O", there]).iterdir())
    files.data("undo", change_id=data["change_id"])
    assert names(here.path) == ["compare", *(f"compare/{path.name}" for path in before), "f", "g", "other"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_directory_is_ever_replaced(files: Files, here: Here, overwrite: bool) -> None:  # noqa: FBT001
    make_tree(here.path, ["f = F", "d/", "full/x = X", "e/"])
    for source, destination in (("f", "d"), ("e", "d"), ("e", "full"), ("f", "full")):
        text = refused(files, here, source, destination, overwrite=overwrite)
        assert text.startswith("[exists] ")
        assert f'destination "{here.named(destination)}/{source}"' in text


def test_a_directory_is_not_put_into_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/e/f = F", "link -> d/e"])
    assert refused(files, here, "d", "d/e/x").startswith("[invalid_path] ")
    assert refused(files, here, "d", "link/x").startswith("[invalid_path] ")
    assert refused(files, here, "d", "d").startswith("[invalid_argument] ")
    assert refused(files, here, "d/e/f", "link/f", overwrite=True).startswith("[invalid_argument] ")


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        ("gone", "x", "not_found"),
        ("gone/x", "y", "not_found"),
        ("f/x", "y", "not_directory"),
        ("f", "f2/", "invalid_path"),
        ("f", "g/x", "not_directory"),
        ("f", "up/x", "escapes_root"),
        ("up/outside.txt", "x", "escapes_root"),
        ("f", "gone-link/x", "dangling_symlink"),
        ("f", "a\nb", "invalid_path"),
        ("f", "n" * 300, "name_too_long"),
        ("f", ".mcp.json", "protected_path"),
        ("f", ".git/hooks/pre-commit", "protected_path"),
        (".git/config", "x", "protected_path"),
        (".env", "x", "protected_path"),
        ("f", ".env", "protected_path"),
        ("holds-secret", "x", "protected_path"),
        ("holds-config", "x", "protected_path"),
        ("innocent", ".git/hooks", "protected_path"),
        ("innocent", ".git", "exists"),
        ("vscode", ".vscode", "protected_path"),
        ("way/config", "x", "protected_path"),
    ],
)
def test_both_ends_are_held_to_the_rules(files: Files, here: Here, source: str, destination: str, code: str) -> None:
    make_tree(
        here.path,
        [
            "f = F", "g = G", "up -> ../..", "gone-link -> nothing", ".git/config = C", f".env = {OUTSIDE}",
            f"holds-secret/deep/.env = {OUTSIDE}", "holds-config/.git/config = C", "innocent/x = X",
            "vscode/tasks.json = T", "way -> .git",
        ],
    )  # fmt: skip
    text = refused(files, here, source, destination)
    assert text.startswith(f"[{code}] ")
    assert OUTSIDE not in text


def test_a_refusal_names_what_it_is_about_inside_of_a_directory(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/deep/.env = E", "v/tasks.json = T"])
    assert f'"{here.named("d")}", in it "deep/.env". The rule .env ' in refused(files, here, "d", "x")
    assert f'"{here.named(".vscode")}", in it "tasks.json". ' in refused(files, here, "v", ".vscode")


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_root_is_not_moved(files: Files, here: Here, end: str) -> None:
    (here / "f").touch()
    ends = {"source": here.named("f"), "destination": here.named("g"), end: "."}
    assert files.code("move_path", **ends) == "refused_root"


def test_a_name_that_is_no_text_moves_by_its_uri(files: Files, here: Here) -> None:
    Path(os.fsdecode(os.fsencode(here.path) + b"/\xff")).write_text("x")
    data = files.data("move_path", source=here.uri() + "/%FF", destination=here.named("f"))
    assert (here / "f").read_text() == "x"
    files.data("undo", change_id=data["change_id"])
    assert [os.fsencode(path.name) for path in here.path.iterdir()] == [b"\xff"]


# --- to another file system


def test_what_moves_to_another_disk_arrives_whole_and_comes_back_whole(tmp_path: Path) -> None:
    in_private_mounts("tests.fs_server.tools.test_move_path:move_to_another_disk", str(tmp_path))


def picture(base: Path) -> dict[str, str]:
    """Return a picture of a tree without the times of links and FIFOs, which are made anew."""
    pictures = snapshot(base)
    return {name: kind if kind[0] in "-d" else kind.split(" ", 3)[3] for name, kind in pictures.items()}


def move_to_another_disk(base: str) -> None:
    """Runs in a process that has its mounts for itself."""
    root = make_tree(
        Path(base, "root"), ["disk/", "d/f = F", "d/e/g = G", "d/link -> f", "d/fifo|", "single = S", "there = T"]
    )
    mount("tmpfs", root / "disk", "tmpfs")
    dressed(root / "d/f")
    os.utime(root / "d/f", ns=(1, 123456789))
    before, facts = picture(root / "d"), attributes(root / "d/f")
    (root / "disk/there").write_text("on the disk")
    os.environ["XDG_STATE_HOME"] = base
    with Files(str(root), "--confirm-delete-files", "1") as files:
        moved = files.data("move_path", source="d", destination="disk/new/d")
        assert picture(root / "disk/new/d") == before
        assert attributes(root / "disk/new/d/f") == facts
        assert not (root / "d").exists()
        # To a name that is taken, and there is nothing lost either.
        assert files.code("move_path", source="single", destination="disk/there") == "exists"
        over = files.data("move_path", source="single", destination="disk/there", overwrite=True)
        assert (root / "disk/there").read_text() == "S"
        # A mount is not carried along with the directory that it is in.
        (root / "outer/mount").mkdir(parents=True)
        mount("tmpfs", root / "outer/mount", "tmpfs")
        for tool in ("move_path", "copy_path"):
            assert files.code(tool, source="outer", destination="disk/outer") == "cross_device", tool
        code = files.code("delete_path", path="outer", recursive=True)
        assert code == "cross_device"
        files.data("undo", change_id=over["change_id"])
        files.data("undo", change_id=moved["change_id"])
        assert picture(root / "d") == before
        assert attributes(root / "d/f") == facts
        assert names(root / "disk") == ["there"]
        assert (root / "disk/there").read_text() == "on the disk"
        _fill_the_disk(files, root)
    assert not list(root.rglob(".fs-server-*"))


def _fill_the_disk(files: Files, root: Path) -> None:
    """What finds no room leaves both sides as they were."""
    (root / "small").mkdir()
    mount("tmpfs", root / "small", "tmpfs", options="size=64k")
    (root / "small/old").write_text("old")
    (root / "big").write_bytes(bytes(1 << 20))
    before = snapshot(root)
    calls: list[tuple[str, dict[str, object]]] = [
        ("write_file", {"path": "small/new", "content": "x" * 200_000}),
        ("write_file", {"path": "small/old", "content": "x" * 200_000, "if_exists": "replace"}),
        ("copy_path", {"source": "big", "destination": "small/big"}),
        ("move_path", {"source": "big", "destination": "small/big"}),
        ("move_path", {"source": "big", "destination": "small/old", "overwrite": True}),
    ]
    for tool, arguments in calls:
        assert files.code(tool, **arguments) == "disk_full"
        assert {name: kind for name, kind in snapshot(root).items() if not name.startswith("small")} == {
            name: kind for name, kind in before.items() if not name.startswith("small")
        }
        assert names(root / "small") == ["old"]
        assert (root / "small/old").read_text() == "old"
