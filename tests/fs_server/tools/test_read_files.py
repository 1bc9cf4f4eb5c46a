"""`read_files`: several files, one budget, and no failure that ends the rest."""

import os

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree


def test_each_file_has_a_block_and_a_failure_ends_nothing(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = A", "d/", f".env = {OUTSIDE}", "c = C", "out -> ../../outside.txt"])
    (here / "b").write_bytes(bytes(100))
    names = ["a", "gone", "d", ".env", "out", "b", "c"]
    result = files.ask("read_files", paths=[here.named(name) for name in names] + ["/etc/hostname", "\0"])
    *blocks, note = [block["text"] for block in result["content"]]
    assert [block[1:].partition("]")[0] if block.startswith("[") else block[-1] for block in blocks] == [
        "A", "not_found", "is_directory", "protected_path", "escapes_root", "binary_file", "C", "outside_roots",
        "invalid_path",
    ]  # fmt: skip
    assert blocks[0].startswith(f'== "{here.named("a")}" (utf-8')
    assert note == "[2 files; 7 failed]"
    assert result["isError"] is False
    assert result["_meta"][FACTS] == {
        "count": 2,
        "skipped": {
            "not_found": 1, "is_directory": 1, "protected_path": 1, "escapes_root": 1, "binary_file": 1,
            "outside_roots": 1, "invalid_path": 1,
        },
        "truncated": False,
    }  # fmt: skip
    assert OUTSIDE not in str(result)


def size(files: Files, *paths: str, **arguments: object) -> int:
    return sum(len(block) for block in files.blocks("read_files", paths=list(paths), **arguments))


@pytest.mark.parametrize("count", [1, 2, 7, 28, 100])
def test_many_large_files_share_the_budget(files: Files, here: Here, count: int) -> None:
    paths = []
    for number in range(count):
        (here / f"{number}.txt").write_bytes(f"{number} café\n".encode("latin-1") * 4_000)
        paths.append(here.named(f"{number}.txt"))
    blocks = files.blocks("read_files", paths=paths)
    assert sum(map(len, blocks)) <= 20_000
    assert sum(map(len, blocks)) > 10_000, "what is there is used"
    if count == 100:
        assert "no room for the last" in blocks[-1]
    assert files.facts("read_files", paths=paths)["truncated"] is True


def test_small_files_leave_their_room_to_large_ones(files: Files, here: Here) -> None:
    make_tree(here.path, [f"{number} = x" for number in range(9)])
    (here / "large").write_text("y\n" * 20_000)
    blocks = files.blocks("read_files", paths=[here.named(str(number)) for number in range(9)] + [here.named("large")])
    assert len(blocks[9]) > 17_000


def test_a_hundred_failures_fit_too(files: Files, here: Here) -> None:
    assert size(files, *(here.named(f"{number}" + "\x1b" * 200) for number in range(100))) <= 20_000


def test_the_least_budget_is_kept_too(here: Here) -> None:
    (here / os.fsdecode(b"\xff" * 200)).write_text("long\n" * 2_000)
    (here / "f").write_text("long\n" * 2_000)
    with Files(os.fspath(here.path), "--result-chars", "1000") as files:
        assert size(files, here.uri() + "/" + "%FF" * 200, "f", "f") <= 1_000
        assert size(files, *["\x1b" * 60_000] * 9) <= 1_000
        assert sum(map(len, files.blocks("read_file", path="f"))) <= 1_000
        assert sum(map(len, files.blocks("list_directory"))) <= 1_000


def test_lines_can_be_counted(files: Files, here: Here) -> None:
    (here / "f").write_text("1\n2\n3\n")
    block, _ = files.blocks("read_files", paths=[here.named("f")], line_count=2)
    assert block.endswith("==\n1\n2\n")
    assert "more: start_line=3" in block
    assert files.blocks("read_files", paths=[here.named("f")], line_count=10**30)[0].endswith("3\n")
