"""`write_file`: exactly what was given, over nothing that was not meant, and durable when it returns."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, etag_of, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is written on Windows yet", allow_module_level=True)

CONTENT = "one\r\ntwo\n\n  größe 😀\u2028\tthree"


def test_a_new_file_holds_what_was_given_and_its_directories_are_made(files: Files, here: Here) -> None:
    result = files.ask("write_file", path=here.named("a/b/f.txt"), content=CONTENT)
    data = result["structuredContent"]
    assert data == {
        "path": here.named("a/b/f.txt"), "uri": here.uri("a/b/f.txt"), "size": len(CONTENT.encode()),
        "etag": etag_of(CONTENT.encode()), "created": True, "encoding": "utf-8", "change_id": data["change_id"],
        "notes": [],
    }  # fmt: skip
    assert json.loads(result["content"][0]["text"]) == data
    assert result["_meta"][FACTS] == {key: value for key, value in data.items() if key != "notes"}
    assert (here / "a/b/f.txt").read_bytes() == CONTENT.encode()
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE((here / "a/b/f.txt").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((here / "a/b").stat().st_mode) == 0o777 & ~umask


@pytest.mark.parametrize("content", ["", "\n", "\r\n", "x", "\ufeffx", "#!/bin/sh\n", "x" * 3_000_000])
def test_a_content_comes_back_as_it_was_given(files: Files, here: Here, content: str) -> None:
    facts = files.facts("write_file", path=here.named("f"), content=content)
    assert (here / "f").read_bytes() == content.encode()
    assert (facts["etag"], facts["size"]) == (etag_of(content.encode()), len(content.encode()))


@pytest.mark.guarantee("G18")
def test_what_exists_is_left_alone_unless_asked_otherwise(files: Files, here: Here) -> None:
    (here / "f").write_text("old")
    with nothing_changes(here.path, files):
        text = files.failure("write_file", path=here.named("f"), content="new")
    assert text.startswith("[exists] ")
    assert "3 bytes" in text
    assert "edit_file" in text
    assert 'if_exists="replace"' in text


@pytest.mark.guarantee("G17")
def test_a_replaced_file_keeps_its_mode_and_attributes(files: Files, here: Here) -> None:
    before = attributes(dressed(make_tree(here.path, ["f = old"]) / "f"))
    data = files.data("write_file", path=here.named("f"), content="new", if_exists="replace")
    assert (data["created"], data["previous_etag"], data["etag"]) == (False, etag_of(b"old"), etag_of(b"new"))
    assert (here / "f").read_text() == "new"
    assert attributes(here / "f") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_stays_its_owner_s(files: Files, here: Here) -> None:
    (here / "f").write_text("old")
    os.chown(here / "f", 65534, 65534)
    assert files.data("write_file", path=here.named("f"), content="new", if_exists="replace")["notes"] == []
    assert ((here / "f").stat().st_uid, (here / "f").stat().st_gid) == (65534, 65534)


def test_set_id_bits_do_not_outlive_what_they_were_given_to(files: Files, here: Here) -> None:
    (here / "f").write_text("old")
    (here / "f").chmod(0o4755)
    (note,) = files.data("write_file", path=here.named("f"), content="new", if_exists="replace")["notes"]
    assert "set-id" in note
    assert stat.S_IMODE((here / "f").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("old", "encoding", "found"),
    [
        (b"", "utf-8", "utf-8"),
        (b"one\r\n", "utf-8", "utf-8"),
        (b"no end", "utf-8", "utf-8"),
        (b"\xef\xbb\xbfone\n", "utf-8", "utf-8"),
        (b"\xff\xfe" + "größe\r\n".encode("utf-16-le"), "utf-16-le", "utf-16-le"),
        (b"\xfe\xff" + "größe".encode("utf-16-be"), "utf-16-be", "utf-16-be"),
        ("größe und länge\n".encode("cp1252"), "cp1252", "cp1252"),
    ],
)
def test_what_is_appended_stands_behind_what_was_there_in_its_encoding(
    files: Files, here: Here, old: bytes, encoding: str, found: str
) -> None:
    (here / "f").write_bytes(old)
    before = attributes(dressed(here / "f"))
    data = files.data("write_file", path=here.named("f"), content="ä\nb\r\n", if_exists="append")
    assert (here / "f").read_bytes() == old + "ä\nb\r\n".encode(encoding)
    assert (data["created"], data["encoding"], data["previous_etag"]) == (False, found, etag_of(old))
    assert attributes(here / "f") == before


def test_to_append_to_nothing_makes_the_file(files: Files, here: Here) -> None:
    assert files.data("write_file", path=here.named("f"), content="x", if_exists="append")["created"] is True
    assert (here / "f").read_text() == "x"


def test_an_empty_file_has_no_encoding_yet(files: Files, here: Here) -> None:
    (here / "f").touch()
    files.data("write_file", path=here.named("f"), content="ä", if_exists="append", encoding="utf-16")
    assert (here / "f").read_bytes() == b"\xff\xfe\xe4\x00"


def test_text_is_not_put_behind_what_is_no_text(files: Files, here: Here) -> None:
    (here / "f").write_bytes(bytes(range(256)))
    with nothing_changes(here.path, files):
        assert files.code("write_file", path=here.named("f"), content="x", if_exists="append") == "binary_file"
    files.data("write_file", path=here.named("f"), content="whole", if_exists="replace")
    assert (here / "f").read_text() == "whole"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("shift_jis", "日本".encode("shift_jis")),
        ("utf-16", b"\xff\xfe" + "日本".encode("utf-16-le")),
        ("UTF-8-SIG", b"\xef\xbb\xbf" + "日本".encode()),
        ("utf-16-be", "日本".encode("utf-16-be")),
    ],
)
def test_a_new_file_gets_the_encoding_that_was_asked_for(
    files: Files, here: Here, encoding: str, written: bytes
) -> None:
    files.data("write_file", path=here.named("f"), content="日本", encoding=encoding)
    assert (here / "f").read_bytes() == written


def test_a_replaced_file_keeps_its_encoding_and_its_mark(files: Files, here: Here) -> None:
    (here / "f").write_bytes(b"\xff\xfea\0")
    assert files.data("write_file", path=here.named("f"), content="é", if_exists="replace")["encoding"] == "utf-16-le"
    assert (here / "f").read_bytes() == b"\xff\xfe\xe9\0"
    files.data("write_file", path=here.named("f"), content="é", if_exists="replace", encoding="utf-8")
    assert (here / "f").read_bytes() == "é".encode()


@pytest.mark.parametrize("if_exists", ["replace", "append"])
def test_what_the_encoding_of_the_file_lacks_is_not_written(files: Files, here: Here, if_exists: str) -> None:
    (here / "f").write_bytes("größe und länge\n".encode("cp1252"))
    with nothing_changes(here.path, files):
        text = files.failure("write_file", path=here.named("f"), content="a\n日", if_exists=if_exists)
    assert text.startswith("[unsupported_encoding] ")
    assert "U+65E5" in text
    assert "line 2" in text
    assert "utf-8" in text


def test_an_encoding_that_does_not_exist_is_refused(files: Files, here: Here) -> None:
    with nothing_changes(here.path, files):
        text = files.failure("write_file", path=here.named("f"), content="x", encoding="utf-9")
    assert text.startswith("[unsupported_encoding] ")


@pytest.mark.parametrize(
    ("content", "named"), [("a\nb\0c", "line 2 has a NUL"), ("a\ud800", "half"), ("\udcff", "half")]
)
def test_what_is_no_text_is_not_written(files: Files, here: Here, content: str, named: str) -> None:
    with nothing_changes(here.path, files):
        text = files.failure("write_file", path=here.named("f"), content=content)
    assert text.startswith("[invalid_argument] ")
    assert named in text


@pytest.mark.parametrize("if_exists", ["replace", "append"])
def test_a_write_is_made_on_the_content_that_it_was_decided_on_only(files: Files, here: Here, if_exists: str) -> None:
    (here / "f").write_text("seen")
    (here / "f").write_text("changed since")
    arguments = {"path": here.named("f"), "content": "mine", "if_exists": if_exists}
    with nothing_changes(here.path, files):
        text = files.failure("write_file", if_match=etag_of(b"seen"), **arguments)
    assert text.startswith("[conflict] ")
    assert etag_of(b"seen") in text
    data = files.data("write_file", if_match=etag_of(b"changed since"), **arguments)
    assert data["previous_etag"] == etag_of(b"changed since")


@pytest.mark.parametrize("if_match", ["x", "0123", "*", '"0123456789abcdef"', "0123456789ABCDEF", "0" * 65, "é" * 16])
def test_what_is_no_etag_is_told_so(files: Files, here: Here, if_match: str) -> None:
    (here / "f").write_text("old")
    arguments = {"path": here.named("f"), "content": "new", "if_exists": "replace"}
    with nothing_changes(here.path, files):
        text = files.failure("write_file", if_match=if_match, **arguments)
    assert text.startswith("[invalid_argument] ")
    assert "16 hexadecimal digits" in text


def test_an_etag_of_what_is_gone_is_a_conflict(files: Files, here: Here) -> None:
    with nothing_changes(here.path, files):
        assert files.code("write_file", path=here.named("f"), content="x", if_match="0" * 16) == "conflict"


def test_the_same_content_again_is_no_change(files: Files, here: Here) -> None:
    (here / "f").write_text("same")
    with nothing_changes(here.path, files):
        data = files.data("write_file", path=here.named("f"), content="same", if_exists="replace")
    assert "change_id" not in data
    assert data["etag"] == data["previous_etag"] == etag_of(b"same")


def test_a_link_inside_the_root_stays_and_what_it_leads_to_is_written(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = old", "link -> d/f", "way -> d"])
    data = files.data("write_file", path=here.named("link"), content="new", if_exists="replace")
    assert data["path"] == here.named("d/f")
    assert (here / "link").is_symlink()
    assert (here / "d/f").read_text() == "new"
    assert files.data("write_file", path=here.named("way/g"), content="x")["path"] == here.named("d/g")


@pytest.mark.guarantee("G15")
def test_no_link_leads_a_write_out(files: Files, here: Here, ground: Path) -> None:
    outside = ground.parent / "outside.txt"
    make_tree(here.path, ["out -> ../../outside.txt", "up -> ../..", f"far -> {ground.parent}", "gone -> nothing"])
    cases = {"out": "escapes_root", "up/new": "escapes_root", "far/new": "escapes_root", "gone": "dangling_symlink"}
    with nothing_changes(here.path, files):
        for name, code in cases.items():
            for if_exists in ("error", "replace", "append"):
                found = files.code("write_file", path=here.named(name), content="x", if_exists=if_exists)
                assert found == code, name
    assert outside.read_text() == OUTSIDE
    assert sorted(path.name for path in ground.parent.iterdir()) == ["ground", "outside.txt"]


def test_a_file_of_several_names_is_not_split_in_silence(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = old", "twin => f"])
    with nothing_changes(here.path, files):
        text = files.failure("write_file", path=here.named("f"), content="x", if_exists="append")
    assert text.startswith("[hardlink_refused] ")
    assert "2 names" in text
    (note,) = files.data("write_file", path=here.named("f"), content="new", if_exists="replace")["notes"]
    assert "2 names" in note
    assert ((here / "f").read_text(), (here / "twin").read_text()) == ("new", "old")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("d", "is_directory"),
        ("d/", "invalid_path"),
        ("fifo", "not_regular_file"),
        ("f/", "not_directory"),
        ("f/x", "not_directory"),
        ("new/", "invalid_path"),
        ("d/..", "invalid_path"),
        ("new\nline", "invalid_path"),
        ("esc\x1b[2J", "invalid_path"),
        ("turn\u202etxt", "invalid_path"),
        ("nul\0", "invalid_path"),
        ("half\ud800", "invalid_argument"),
        ("n" * 300, "name_too_long"),
        ("/".join("d" * 70), "not_found"),
        (".git/config", "protected_path"),
        (".git/hooks/pre-commit", "protected_path"),
        (".GIT/hooks/pre-commit", "protected_path"),
        ("deep/.vscode/tasks.json", "protected_path"),
        (".env", "protected_path"),
        ("keys/server.pem", "protected_path"),
    ],
)
@pytest.mark.parametrize("if_exists", ["error", "replace"])
def test_what_can_be_no_file_here_is_refused(files: Files, here: Here, name: str, code: str, if_exists: str) -> None:
    make_tree(here.path, ["d/g = G", "f = F", "fifo|"])
    with nothing_changes(here.path, files):
        assert files.code("write_file", path=here.named(name), content="x", if_exists=if_exists) == code


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "invalid_path"), (".", "refused_root"), ("/", "outside_roots"), ("/etc/motd", "outside_roots"),
        ("../x", "escapes_root"), ("http://x/y", "unsupported_uri"),
    ],
)  # fmt: skip
def test_only_what_lies_in_a_root_is_written(files: Files, path: str, code: str) -> None:
    assert files.code("write_file", path=path, content="x") == code


def test_an_odd_name_that_is_there_is_written_by_its_uri(files: Files, here: Here) -> None:
    name = Path(os.fsdecode(os.fsencode(here.path) + b"/\xff\x1b"))
    name.write_text("old")
    data = files.data("write_file", path=here.uri() + "/%FF%1B", content="new", if_exists="replace")
    assert name.read_text() == "new"
    assert data["path"] == here.named("\\xff\\x1b")
    assert data["uri"].endswith("/%FF%1B")
