"""Which files of a directory are read: text, not ignored, not secret; all others are counted under their reason."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.files.globs import Globs
from fs_server.files.text_files import LARGEST_FILE, TextFiles
from sandbox import Access, Entry, NotFound, RootSpec, SandboxError, Stop, Workspace
from tests.support.tree import make_tree


@contextmanager
def files_at(
    root: Path, path: str = ".", include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> Iterator[TextFiles]:
    spec = RootSpec("root", str(root), secret=(".env",), protected=("locked/",))
    workspace = Workspace.open([spec])
    try:
        yield TextFiles(workspace.at(path, Access.WRITE), Globs.of(include, exclude), stop=Stop())
    finally:
        workspace.close()


def texts(files: TextFiles) -> dict[str, str]:
    return {place.spoken: text.text for place, text in files}


def test_the_text_files_of_a_tree_come_in_their_order_and_the_others_are_counted(tmp_path: Path) -> None:
    make_tree(tmp_path, ["b = 1", "a/d = 2", "a/.c = 3", "a/b/c/d = 4", ".gitignore = *.log", "e.log", "link -> b"])
    make_tree(tmp_path, ["pipe|", ".env = S", ".git/config = no", "locked/f = 5"])
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", LARGEST_FILE + 1)
    with files_at(tmp_path) as files:
        assert texts(files) == {".gitignore": "*.log", "a/.c": "3", "a/b/c/d": "4", "a/d": "2", "b": "1"}
        assert files.searched == 5
        assert files.skipped == {
            "ignored": 2, "link": 1, "not_regular_file": 1, "protected_path": 2, "binary_file": 1, "too_large": 1,
        }  # fmt: skip


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"a" * LARGEST_FILE)
    with files_at(tmp_path) as files:
        assert list(texts(files)) == ["large"]


def test_a_file_that_may_not_be_read_is_counted(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a = 1", "b = 2"])
    (tmp_path / "a").chmod(0)
    with files_at(tmp_path) as files:
        found = texts(files)
    if os.geteuid() != 0:  # to whom nothing is forbidden
        assert found == {"b": "2"}
        assert files.skipped == {"permission_denied": 1}


def test_globs_are_of_the_directory_that_is_searched_and_leave_out_without_counting(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/b/c.py = 1", "a/b/d.txt = 2", "b/c.py = 3", "a/x/c.py = 4", "a/e -> b"])
    with files_at(tmp_path, "a", ("/b/*",), ("*.txt",)) as files:
        assert texts(files) == {"a/b/c.py": "1"}
        assert not files.skipped


def test_a_file_that_is_named_itself_is_read_or_the_reason_is_told(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/f = 1", ".env = S", "locked/f = 2", "link -> a/f", "pipe|", ".gitignore = a/"])
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    for path in ("a/f", "link"):
        with files_at(tmp_path, path) as files:
            assert texts(files) == {"a/f": "1"}, "by its real name"
    with files_at(tmp_path, "a/f", ("*.py",)) as files:
        assert texts(files) == {}
    for path, code in {"pipe": "not_regular_file", "no": "not_found", "a/f/": "not_directory"}.items():
        with files_at(tmp_path, path) as files, pytest.raises(SandboxError) as refusal:
            texts(files)
        assert (refusal.value.code, refusal.value.subject) == (code, path)
    with files_at(tmp_path, "binary") as files, pytest.raises(Failure, match=r'^\[binary_file\] "binary"'):
        texts(files)
    for path in (".env", "locked/f", "locked"):
        with pytest.raises(SandboxError, match="protected_path"), files_at(tmp_path, path):
            raise AssertionError


def test_what_a_link_leads_to_is_asked_of_the_policy_too(tmp_path: Path) -> None:
    make_tree(tmp_path, ["locked/f = 1", "way -> locked", "secret -> .env", ".env = S"])
    for path in ("way", "way/f", "secret"):
        with files_at(tmp_path, path) as files, pytest.raises(SandboxError, match="protected_path"):
            texts(files)


def test_a_root_that_is_gone_is_told(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with files_at(root) as files:
        root.rmdir()
        with pytest.raises(SandboxError, match="root_gone"):
            texts(files)


def test_a_name_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a = 1", "b = 2"])
    with files_at(tmp_path) as files:
        entry: Entry = next(entry for entry in files._found() if entry.name == "a")
        (tmp_path / "a").unlink()
        make_tree(tmp_path, ["a -> b"])
        with pytest.raises(NotFound):
            files._read(entry)


def test_a_file_that_grew_beyond_the_limit_is_too_large(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a = 1"])
    with files_at(tmp_path) as files:
        entry: Entry = next(iter(files._found()))
        os.truncate(tmp_path / "a", LARGEST_FILE + 1)
        with pytest.raises(Failure, match=r'^\[too_large\] "a"\. It has 16777217 bytes; files up to 16777216'):
            files._read(entry)


def test_a_search_ends_when_nobody_waits(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a = 1", "b = 2"])
    workspace = Workspace.open([RootSpec("root", str(tmp_path))])
    stop = Stop()
    found = iter(TextFiles(workspace.at(".", Access.WRITE), Globs(), stop=stop))
    assert next(found)[0].spoken == "a"
    stop.set()
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        next(found)
    workspace.close()
