"""What a look at the roots finds, what it leaves out, and what it costs at most."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("no commands on Windows yet", allow_module_level=True)

from fs_server.commands import watching
from fs_server.commands.watching import Look, Watching
from sandbox import RootSpec, Workspace
from tests.support.tree import make_tree

Watch = Callable[..., Watching]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Watch these directories beneath `tmp_path`, the first look taken."""
    opened = []

    def watched(*names: str, protected: tuple[str, ...] = (), secret: tuple[str, ...] = ()) -> Watching:
        specs = [
            RootSpec(name.replace("/", "-"), str(tmp_path / name), protected=protected, secret=secret) for name in names
        ]
        workspace = Workspace.open(specs)
        found = Watching(workspace.roots, tmp_path / "state")
        opened.append((workspace, found))
        assert found.look().differences == ()
        return found

    yield watched
    for workspace, found in opened:
        found.close()
        workspace.close()


def told(look: Look) -> list[str]:
    assert look.complete
    return [f"{each.sign} {'/'.join(each.parts)}" for each in look.differences]


def test_every_kind_of_thing_is_seen_to_come_to_go_and_to_change(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["f = F", "d/x = X", "link -> f", "fifo|"])
    found = watch("r")
    (root / "f").write_text("G")
    (root / "link").unlink()
    (root / "link").symlink_to("d")
    (root / "fifo").unlink()
    (root / "d" / "x").unlink()
    (root / "d").rmdir()
    (root / "d").write_text("a file by now")
    os.mkfifo(root / "new")
    assert told(found.look()) == ["M d", "D d/x", "M f", "D fifo", "M link", "A new"]
    assert told(found.look()) == []


def test_what_only_looks_changed_did_not_change(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["f = F", "d/x = X", "other = O"])
    found = watch("r")
    os.utime(root / "f")
    (root / "f2").write_text("F")
    (root / "f2").replace(root / "f")
    os.link(root / "other", root / "d" / "again")
    assert told(found.look()) == ["A d/again"]
    (root / "f").chmod(0o600)
    assert told(found.look()) == ["M f"]


def test_a_content_of_the_same_size_and_time_is_another_all_the_same(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["f = F"])
    found = watch("r")
    facts = (root / "f").stat()
    (root / "f").write_text("G")
    os.utime(root / "f", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert told(found.look()) == ["M f"]


def test_contents_are_kept_while_they_are_small(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "KEPT_FILE_BYTES", 10)
    root = make_tree(tmp_path / "r", ["small = S", "large = 0123456789ABC"])
    found = watch("r")
    for name in ("small", "large"):
        (root / name).write_text("changed")
    contents = {each.parts[-1]: each.before and found.content(each.before) for each in found.look().differences}
    assert contents == {"small": b"S", "large": None}


def test_where_there_is_too_much_nothing_is_watched_for_good(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(tmp_path / "r", ["a = A", "b = B", ".mcp.json = {}", "d/c = C"])
    found = watch("r", protected=(".mcp.json",))
    monkeypatch.setattr(watching, "MOST_ENTRIES", 3)
    (root / "e").write_text("E")
    assert not found.look().complete
    assert found.look().differences == ()
    assert found.look().guarded == (str(root.resolve() / ".mcp.json"),)


def test_a_slow_disk_ends_the_watch(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path / "r", ["a = A"])
    found = watch("r")
    monkeypatch.setattr(watching, "LOOK_S", -1.0)
    assert not found.look().complete


def test_what_lies_very_deep_ends_the_watch(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["a = A"])
    found = watch("r")
    (root / "/".join(["d"] * (watching.DEEPEST + 1))).mkdir(parents=True)
    assert not found.look().complete


def test_a_root_that_is_gone_ends_the_watch(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["d/"])
    found = watch("r")
    (root / "d").rmdir()
    root.rmdir()
    assert not found.look().complete


def test_a_root_in_another_is_looked_at_once(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["inner/a = A"])
    found = watch("r", "r/inner")
    (root / "inner" / "b").write_text("B")
    assert told(found.look()) == ["A inner/b"]


def test_of_gits_own_directory_only_what_runs_is_looked_at(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", [".git/config = C", ".git/hooks/a = A", ".git/HEAD = H", "sub/.git = gitdir: x"])
    found = watch("r", protected=(".git/config", ".git/hooks/**"))
    for name in (".git/HEAD", ".git/config", ".git/hooks/a", ".git/hooks/b", ".git/index", "sub/.git"):
        (root / name).write_text("changed")
    look = found.look()
    assert told(look) == ["M .git/config", "M .git/hooks/a", "A .git/hooks/b"]
    assert [path[len(str(root.resolve())) :] for path in look.guarded] == ["/.git/config", "/.git/hooks"]


def test_what_is_secret_is_seen_and_not_entered_or_kept(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", [".env = E", "keys/k = K"])
    found = watch("r", secret=(".env", "keys"))
    (root / ".env").write_text("changed")
    (root / "keys" / "new").write_text("N")
    look = found.look()
    assert told(look) == ["M .env"]
    before = look.differences[0].before
    assert before is not None
    assert found.content(before) is None


def test_names_of_ours_come_and_go_unseen(watch: Watch, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "r", ["d/"])
    found = watch("r")
    (root / ".fs-server-abc").write_text("")
    assert told(found.look()) == []


def test_what_is_protected_near_the_top_is_found_however_much_lies_deeper(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(
        tmp_path / "r", [*(f"a/f{n} = F" for n in range(9)), ".cursor/x = X", ".cursor/d/y = Y", "z/.p = P"]
    )
    found = watch("r", protected=(".cursor/**", ".p"))
    monkeypatch.setattr(watching, "MOST_ENTRIES", 4)
    look = found.look()
    assert not look.complete
    assert str(root.resolve() / ".cursor") in look.guarded
    assert not any(path.startswith(str(root.resolve() / ".cursor" / "x")) for path in look.guarded)
