"""`list_directory`: what is there, in order, a page at a time, and what was left out and why."""

import os
import re
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.product import FACTS, Files, names_in
from tests.support.tree import make_tree


def test_an_entry_has_size_time_and_name(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/", "f = 12345", "l -> f", "p|"])
    for name in ("d", "f", "p"):
        os.utime(here / name, (0, 1_795_246_260))
    os.utime(here / "l", (0, 0), follow_symlinks=False)
    listing, note = files.blocks("list_directory", path=here.spoken)
    assert listing.split("\n") == [
        "         -  2026-11-21 07:31  d/",
        "         5  2026-11-21 07:31  f",
        "         -  1970-01-01 00:00  l -> f",
        "         -  2026-11-21 07:31  p|",
    ]
    assert note == f'["{here.spoken}": 4 entries]'


def test_facts_are_those_of_the_contract(files: Files, here: Here) -> None:
    make_tree(here.path, ["a", "b", ".gitignore = b"])
    assert files.facts("list_directory", path=here.spoken) == {
        "path": here.spoken, "uri": here.uri(), "count": 2, "skipped": {"ignored": 1}, "truncated": False,
    }  # fmt: skip


def test_an_empty_directory_is_empty(files: Files, here: Here) -> None:
    assert files.blocks("list_directory", path=here.spoken) == ["", f'["{here.spoken}": 0 entries]']


def test_a_tree_is_indented_and_ends_at_its_depth(files: Files, here: Here) -> None:
    make_tree(here.path, ["a/b/c/d", "e"])
    assert files.names(path=here.spoken, depth=3) == ["a/", "  b/", "    c/", "e"]
    assert files.names(path=here.spoken) == ["a/", "e"]


@pytest.mark.parametrize(
    ("sort", "order"), [("name", ["a", "b", "c"]), ("size", ["b", "c", "a"]), ("modified", ["c", "a", "b"])]
)
def test_siblings_are_sorted_as_asked(files: Files, here: Here, sort: str, order: list[str]) -> None:
    for name, size, time in (("a", 1, 20), ("b", 3, 10), ("c", 2, 30)):
        (here / name).write_bytes(b"x" * size)
        os.utime(here / name, (time, time))
    assert files.names(path=here.spoken, sort=sort) == order


def pages(files: Files, **arguments: object) -> list[list[str]]:
    """Return the names on each page, followed to the last one, whose end is checked."""
    found = []
    cursor = ""
    while True:
        result = files.ask("list_directory", cursor=cursor, **arguments)
        listing, note = (block["text"] for block in result["content"])
        facts = result["_meta"][FACTS]
        found.append(names_in(listing))
        assert len(listing) + len(note) <= 20_000
        assert facts["count"] == len(found[-1])
        assert facts["truncated"] is ("cursor" in facts)
        if "cursor" not in facts:
            return found
        assert f'more: cursor="{facts["cursor"]}"' in note
        cursor = facts["cursor"]


@pytest.mark.parametrize("sort", ["name", "size", "modified"])
@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_join_to_the_whole(files: Files, here: Here, sort: str, depth: int, limit: int) -> None:
    make_tree(here.path, ["a/b/c = x", "a/b/d", "a/e = xxxx", "f", "g/h = xx", "g/i", "é"])
    arguments = {"path": here.spoken, "sort": sort, "depth": depth}
    (whole,) = pages(files, **arguments, limit=2_000)
    found = pages(files, **arguments, limit=limit)
    assert [name for page in found for name in page] == whole
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert found[-1], "no page is empty in the end"


def test_a_cursor_survives_changes_beside_it(files: Files, here: Here) -> None:
    make_tree(here.path, ["b", "d", "f", "h"])
    cursor = files.facts("list_directory", path=here.spoken, limit=2)["cursor"]
    make_tree(here.path, ["a", "c", "e", "z"])
    (here / "d").unlink()
    (here / "h").unlink()
    assert files.names(path=here.spoken, limit=9, cursor=cursor) == ["e", "f", "z"]


@pytest.mark.parametrize(
    "change", [{"path": "other"}, {"depth": 2}, {"sort": "size"}, {"ignored": True}, {"cursor": "x"}]
)
def test_a_cursor_of_another_question_is_refused(files: Files, here: Here, change: dict[str, object]) -> None:
    make_tree(here.path, ["a", "b", "c"])
    (here.path.parent / "other").mkdir(exist_ok=True)
    cursor = files.facts("list_directory", path=here.spoken, limit=1)["cursor"]
    assert files.code("list_directory", **{"path": here.spoken, "cursor": cursor, **change}) == "bad_cursor"
    assert files.names(path=here.spoken, cursor=cursor, limit=2) == ["b", "c"], "the length of a page may change"


@pytest.mark.parametrize("cursor", ["x", "AAAA", "\x00", "é", "A" * 1_000_000])
def test_what_is_no_cursor_is_refused(files: Files, cursor: str) -> None:
    assert files.code("list_directory", cursor=cursor) == "bad_cursor"


def test_what_gitignore_leaves_out_is_counted_and_shown_when_asked_for(files: Files, here: Here) -> None:
    make_tree(
        here.path, [".git/config", "node_modules/x", "src/a.py", "src/a.pyc", ".gitignore = node_modules/\n*.pyc"]
    )
    listing, note = files.blocks("list_directory", path=here.spoken, depth=2)
    assert names_in(listing) == [".gitignore", "src/", "  a.py"]
    assert "left out: 3 ignored" in note
    assert len(files.names(path=here.spoken, depth=2, ignored=True)) == 8
    assert files.names(path=here.named("node_modules")) == ["x"]


def test_of_a_secret_file_the_name_is_told_and_nothing_else(files: Files, here: Here) -> None:
    make_tree(here.path, [f".env = {OUTSIDE}", "x.pem -> .env", ".aws/credentials = key", "f", ".git/hooks/pre-commit"])
    os.utime(here / ".env", (86_400, 86_400))
    (here / "id_rsa").mkdir()
    listing = files.blocks("list_directory", path=here.spoken, depth=3, ignored=True)[0]
    lines = {line[30:].strip(): line[:28] for line in listing.split("\n")}
    assert (
        lines[".env [protected]"]
        == lines["x.pem [protected]"]
        == lines["id_rsa/ [protected]"]
        == f"{'-':>10}  {'-':<16}"
    )
    assert lines["credentials [protected]"].split() == ["-", "-"]
    assert re.search(r"\d", lines["pre-commit [protected]"]), "what may only not be written is described"
    assert "f" in lines


ODD = (
    b" leading", b"trailing ", b"two  spaces", b"a -> b", b"a [protected]", b"file:x", b"tab\t", b"new\nline",
    b"esc\x1b", b"caf\xe9", b"bidi\xe2\x80\xae", b"zero\xe2\x80\x8b",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD, ids=repr)
def test_a_misleading_name_comes_with_a_uri_that_can_be_sent_back(files: Files, here: Here, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(here.path) + b"/" + name)).write_text("IN")
    (line,) = files.names(path=here.spoken)
    assert line.isprintable()
    uri = line.rpartition("  (")[2].removesuffix(")")
    assert files.blocks("read_file", path=uri)[0] == "IN"


@pytest.mark.parametrize("name", ["plain", "with space", "-dash", "a%b", "a#b", "a?b", "~", "*", "ü", "..."])
def test_a_plain_name_is_sent_back_as_it_is_shown(files: Files, here: Here, name: str) -> None:
    (here / name).write_text("IN")
    assert files.names(path=here.spoken) == [name]
    assert files.blocks("read_file", path=here.named(name))[0] == "IN"


@pytest.mark.parametrize("seconds", [-(2**40), -1, 2**33, 2**40, 2**33 - 1])
def test_a_time_that_no_calendar_has_does_no_harm(files: Files, here: Here, seconds: int) -> None:
    (here / "f").touch()
    os.utime(here / "f", (seconds, seconds))
    assert files.names(path=here.spoken) == ["f"]
    assert files.data("file_info", path=here.named("f"))["size"] == 0


def test_a_hostile_directory_keeps_to_the_budget(files: Files, here: Here) -> None:
    for number in range(60):
        Path(os.fsdecode(os.fsencode(here.path) + b"/" + b"\xff" * 250 + b"%03d" % number)).touch()
        (here / f"link{number}").symlink_to("\x1b" * 4_000)
    assert sum(map(len, pages(files, path=here.spoken))) == 120


def test_a_deep_tree_of_long_names_keeps_to_the_budget(files: Files, here: Here) -> None:
    handle = os.open(here.path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=handle)  # a path of all these names would be too long for one call
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    result = files.ask("list_directory", path=here.spoken, depth=64)
    assert result["_meta"][FACTS]["skipped"] == {"name_too_long": 1}
    assert sum(map(len, pages(files, path=here.spoken, depth=64, limit=1))) == result["_meta"][FACTS]["count"]


def test_a_file_is_no_directory(files: Files, here: Here) -> None:
    (here / "f").touch()
    assert files.code("list_directory", path=here.named("f")) == "not_directory"
    assert files.code("list_directory", path=here.named("gone")) == "not_found"
    (here / "out").symlink_to("../..")
    assert files.code("list_directory", path=here.named("out")) == "escapes_root"
    assert files.code("list_directory", path="..") == "escapes_root"
    (here / ".env").mkdir()
    assert files.code("list_directory", path=here.named(".env")) == "protected_path"


@pytest.mark.parametrize("path", ["", ".", "./", "ground"])
def test_the_only_root_has_these_names(files: Files, here: Here, path: str) -> None:
    assert f"{here.spoken}/" in files.names(path=path, sort="modified")


@pytest.mark.parametrize(
    "entries", [50_000, pytest.param(1_000_000, marks=[pytest.mark.nightly, pytest.mark.timeout(600)])]
)
def test_other_calls_are_answered_while_a_huge_directory_is_listed(files: Files, here: Here, entries: int) -> None:
    (here / "small").mkdir()
    handle = os.open(here.path, os.O_RDONLY)
    for number in range(entries):
        os.close(os.open(f"{number:07}", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    huge = files.call("list_directory", path=here.spoken, sort="size")
    small = files.call("list_directory", path=here.named("small"))
    files.result(small)
    answered = [message.get("id") for message in files.received]
    assert huge not in answered
    assert len(names_in(files.result(huge)["content"][0]["text"])) == 200
    assert files.peak_memory_bytes() < 300 << 20
