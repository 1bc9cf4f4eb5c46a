"""`copy_path`: the same once more, and the first stays as it was."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)


def copy(files: Files, here: Here, source: str, destination: str, **others: object) -> dict[str, object]:
    return files.data("copy_path", source=here.named(source), destination=here.named(destination), **others)


def refused(files: Files, here: Here, source: str, destination: str, **others: object) -> str:
    with nothing_changes(here.path):
        return files.failure("copy_path", source=here.named(source), destination=here.named(destination), **others)


def test_a_copy_has_the_content_and_the_attributes(files: Files, here: Here) -> None:
    dressed(make_tree(here.path, ["f = F"]) / "f")
    with nothing_changes(here / "f"):
        result = files.ask("copy_path", source=here.named("f"), destination=here.named("new/g"))
    data = result["structuredContent"]
    assert data == {
        "path": here.named("new/g"), "uri": here.uri("new/g"), "replaced": False, "change_id": data["change_id"],
    }  # fmt: skip
    assert json.loads(result["content"][0]["text"]) == data
    assert result["_meta"][FACTS] == {key: value for key, value in data.items() if key != "replaced"}
    assert (here / "new/g").read_text() == (here / "f").read_text() == "F"
    assert attributes(here / "new/g") == attributes(here / "f")
    assert (here / "f").stat().st_ino != (here / "new/g").stat().st_ino
    files.data("undo", change_id=data["change_id"])
    assert names(here.path) == ["f"]


def test_a_directory_is_copied_whole_and_its_links_stay_links(files: Files, here: Here) -> None:
    links = ["d/link -> f", "d/out -> ../../../outside.txt", "d/gone -> nothing"]
    make_tree(here.path, ["d/f = F", *links, "d/fifo|", "d/e/", "d/x/y = Y"])
    (here / "d/e").chmod(0o750)
    assert copy(files, here, "d", "copy")["replaced"] is False
    assert names(here / "copy") == names(here / "d")
    assert (here / "copy/out").readlink() == Path("../../../outside.txt")
    assert (here / "copy/x/y").read_text() == "Y"
    assert stat.S_ISFIFO((here / "copy/fifo").lstat().st_mode)
    assert stat.S_IMODE((here / "copy/e").stat().st_mode) == 0o750


def test_a_large_file_is_copied_byte_for_byte(files: Files, here: Here) -> None:
    content = os.urandom(3_000_000)
    (here / "f").write_bytes(content)
    copy(files, here, "f", "g")
    assert (here / "g").read_bytes() == content


def test_set_id_bits_are_not_copied(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F", "d/g = G"])
    for name in ("f", "d/g"):
        (here / name).chmod(0o6755)
    copy(files, here, "f", "f2")
    copy(files, here, "d", "d2")
    for name in ("f2", "d2/g"):
        assert stat.S_IMODE((here / name).stat().st_mode) == 0o755


def test_through_a_link_its_target_is_copied(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = F", "link -> d/f", "way -> d"])
    copy(files, here, "link", "g")
    copy(files, here, "way", "e")
    assert not (here / "g").is_symlink()
    assert (here / "g").read_text() == "F"
    assert not (here / "e").is_symlink()
    assert (here / "e/f").read_text() == "F"


def test_what_is_there_is_replaced_only_if_that_was_asked(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F", "g = G", "d/", "link -> g"])
    assert "overwrite=true" in refused(files, here, "f", "g")
    data = copy(files, here, "f", "g", overwrite=True)
    assert data["replaced"] is True
    assert (here / "g").read_text() == "F"
    files.data("undo", change_id=data["change_id"])
    assert (here / "g").read_text() == "G"
    for destination in ("d", "link"):
        assert refused(files, here, "f", destination).startswith("[exists] ")
    assert f'destination "{here.named("d")}/f"' in refused(files, here, "f", "d", overwrite=True)
    assert copy(files, here, "f", "link", overwrite=True)["path"] == here.named("g")
    assert (here / "link").is_symlink()


def test_nothing_is_copied_onto_or_into_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/e/f = F", "link -> d/e/f"])
    assert refused(files, here, "d", "d/x").startswith("[invalid_path] ")
    assert refused(files, here, "d", "d").startswith("[invalid_argument] ")
    assert refused(files, here, "link", "d/e/f", overwrite=True).startswith("[invalid_argument] ")


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        ("gone", "x", "not_found"),
        ("fifo", "x", "not_regular_file"),
        ("f", "x/", "invalid_path"),
        ("f", "up/x", "escapes_root"),
        ("up/outside.txt", "x", "escapes_root"),
        ("out", "x", "escapes_root"),
        ("f", "dangling", "dangling_symlink"),
        ("dangling", "x", "dangling_symlink"),
        ("f", "esc\x1b", "invalid_path"),
        ("f", ".mcp.json", "protected_path"),
        (".env", "x", "protected_path"),
        ("link-to-env", "x", "protected_path"),
        ("f", ".env", "protected_path"),
        ("holds-secret", "x", "protected_path"),
        ("vscode", ".vscode", "protected_path"),
        (".", "x", "invalid_path"),
    ],
)
def test_both_ends_are_held_to_the_rules(files: Files, here: Here, source: str, destination: str, code: str) -> None:
    make_tree(
        here.path,
        [
            "f = F", "fifo|", "up -> ../..", "out -> ../../outside.txt", "dangling -> nothing", f".env = {OUTSIDE}",
            "link-to-env -> .env", f"holds-secret/deep/.env = {OUTSIDE}", "vscode/tasks.json = T",
        ],
    )  # fmt: skip
    assert refused(files, here, source, destination).startswith(f"[{code}] ")


def test_what_is_only_protected_from_writing_may_be_copied_away(files: Files, here: Here) -> None:
    make_tree(here.path, [".git/config = C"])
    copy(files, here, ".git/config", "config.txt")
    copy(files, here, ".git", "git")
    assert (here / "git/config").read_text() == "C"


def test_a_copy_is_not_finished_when_it_is_not_whole(files: Files, here: Here) -> None:
    """A file in it that cannot be read, and a secret one, leave nothing behind."""
    make_tree(here.path, ["d/a = A", "d/z/.env = E"])
    before = snapshot(here.path)
    assert refused(files, here, "d", "e").startswith("[protected_path] ")
    assert snapshot(here.path) == before
