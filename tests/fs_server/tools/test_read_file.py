"""`read_file`: the payload byte for byte, windows that join to the whole, and a note that says how to go on."""

import base64
import os
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.odd_names import ODD_NAMES
from tests.support.product import Files

if sys.platform == "win32":
    pytest.skip("made of names, links and modes that POSIX has", allow_module_level=True)


def test_the_first_block_is_the_payload_and_the_last_a_note(files: Files, here: Here) -> None:
    (here / "f").write_bytes(b"one\r\n\r\ntwo\n[not a note]\n\x0cthree")
    payload, note = files.blocks("read_file", path=here.named("f"))
    assert payload == "one\r\n\r\ntwo\n[not a note]\n\x0cthree"
    assert re.fullmatch(r'\["[^"]*/f"; .*utf-8.*lines 1-5 of 5.*\]', note)


lines = st.text(st.sampled_from("ab é\t\u2028\x0b\x85😀[]\\"), max_size=60)
texts = st.tuples(st.lists(lines, max_size=40), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 60))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, st.integers(0, 7))
def test_windows_join_to_the_whole_file(
    files: Files, ground: Path, text: tuple[list[str], str, bool, int], line_count: int
) -> None:
    found, end, ended, times = text
    content = end.join(found * (times if line_count == 0 else 1)) + end * ended
    (ground / "windows").write_bytes(content.encode())
    assert "".join(windows(files, path="windows", line_count=line_count)) == content


def windows(files: Files, **arguments: object) -> Iterator[str]:
    """Yield the payloads of a file, following the facts until there are no more."""
    start = 1
    while True:
        result = files.ask("read_file", start_line=start, **arguments)
        payload, note = (block["text"] for block in result["content"])
        yield payload
        facts = result["_meta"]["fs-server/result"]
        assert facts["truncated"] is ("next_start_line" in facts)
        assert len(payload) + len(note) <= 20_000
        if "next_start_line" not in facts:
            return
        assert f"more: start_line={facts['next_start_line']}" in note
        assert facts["next_start_line"] == facts["end_line"] + 1 > start
        start = facts["next_start_line"]


def test_a_long_file_fits_into_results_with_their_notes(files: Files, here: Here) -> None:
    content = "".join(f"{number} {'x' * (number % 90)}\n" for number in range(3_000))
    (here / "f").write_text(content)
    pieces = list(windows(files, path=here.named("f")))
    assert "".join(pieces) == content
    assert len(pieces) > 5
    for piece in pieces[:-1]:
        assert len(piece) > 19_000, "a result is used up"


@pytest.mark.parametrize("numbered", [False, True])
def test_a_line_longer_than_the_budget_is_cut_and_said(files: Files, here: Here, numbered: bool) -> None:  # noqa: FBT001
    (here / "f").write_text("x" * 100_000 + "\nnext\n")
    payload, note = files.blocks("read_file", path=here.named("f"), numbered=numbered)
    assert len(payload) + len(note) <= 20_000
    assert payload.lstrip(" 1\t").startswith("xxxx")
    assert "100001 bytes and was cut" in note
    assert "more: start_line=2" in note


def test_numbers_are_an_addition_to_the_payload(files: Files, here: Here) -> None:
    (here / "f").write_text("a\nb\nc\n")
    assert files.blocks("read_file", path=here.named("f"), start_line=2, numbered=True)[0] == "     2\tb\n     3\tc\n"


def test_negative_lines_count_from_the_end(files: Files, here: Here) -> None:
    (here / "f").write_text("a\nb\nc\n")
    assert files.blocks("read_file", path=here.named("f"), start_line=-2)[0] == "b\nc\n"
    assert files.blocks("read_file", path=here.named("f"), start_line=-2, line_count=1)[0] == "b\n"


def test_no_line_zero(files: Files, here: Here) -> None:
    (here / "f").write_text("a\n")
    assert files.code("read_file", path=here.named("f"), start_line=0) == "invalid_argument"


def test_an_empty_file_has_no_lines_and_is_no_error(files: Files, here: Here) -> None:
    (here / "f").touch()
    payload, note = files.blocks("read_file", path=here.named("f"))
    assert payload == ""
    assert "the file has 0" in note


def test_facts_are_those_of_the_contract(files: Files, here: Here) -> None:
    content = b"\xef\xbb\xbfa\r\nb\r\n"
    (here / "f").write_bytes(content)
    assert files.facts("read_file", path=here.named("f"), line_count=1) == {
        "path": here.named("f"), "uri": here.uri("f"), "size": 9, "encoding": "utf-8", "eol": "crlf", "start_line": 1,
        "end_line": 1, "total_lines": 2, "next_start_line": 2, "truncated": True,
        "etag": sha256(content).hexdigest()[:16],
    }  # fmt: skip


def test_an_encoding_is_detected_or_taken_from_the_call(files: Files, here: Here) -> None:
    (here / "f").write_bytes("жук\n".encode("koi8-r"))
    assert files.blocks("read_file", path=here.named("f"), encoding="koi8-r")[0] == "жук\n"
    assert files.code("read_file", path=here.named("f"), encoding="koi-9") == "unsupported_encoding"


def test_what_is_no_text_is_refused_with_its_kind_and_the_way_out(files: Files, here: Here) -> None:
    content = bytes(range(256)) * 3
    (here / "f").write_bytes(content)
    text = files.failure("read_file", path=here.named("f"))
    assert text.startswith("[binary_file] ")
    assert "768 bytes" in text
    assert 'format="base64"' in text
    payload, note = files.blocks("read_file", path=here.named("f"), format="base64")
    assert base64.b64decode(payload, validate=True) == content
    assert note.startswith("[")
    assert files.blocks("read_file", path=here.named("f"), format="text")[0]


def test_base64_of_a_large_file_is_refused_with_its_size_and_the_limit(files: Files, here: Here) -> None:
    (here / "f").write_bytes(b"\0" * 20_000)
    text = files.failure("read_file", path=here.named("f"), format="base64")
    assert text.startswith("[too_large] ")
    assert "20000 bytes" in text
    (here / "f").write_bytes(b"\0" * 14_700)
    payload, note = files.blocks("read_file", path=here.named("f"), format="base64")
    assert len(payload) + len(note) <= 20_000


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_a_file_of_any_name_is_read_by_its_uri_and_its_path_comes_back(files: Files, here: Here, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(here.path) + b"/" + name)).write_bytes(b"IN")
    uri = here.uri() + "/" + "".join(f"%{byte:02X}" for byte in name)
    result = files.ask("read_file", path=uri)
    payload, note = (block["text"] for block in result["content"])
    facts = result["_meta"]["fs-server/result"]
    assert payload == "IN"
    assert note.isprintable()
    assert "\ufffd" not in note
    assert files.blocks("read_file", path=facts["uri"])[0] == "IN"
    if os.fsdecode(name).isprintable() and "\\" not in facts["path"]:
        assert files.blocks("read_file", path=facts["path"])[0] == "IN"


def test_a_name_that_looks_like_a_uri_is_told_in_a_form_that_is_none(files: Files, ground: Path) -> None:
    (ground / "file:notes").write_text("IN")
    facts = files.facts("read_file", path=(ground / "file:notes").as_uri())
    assert facts["path"] == "./file:notes"
    assert files.blocks("read_file", path=facts["path"])[0] == "IN"


@pytest.mark.parametrize(
    ("setup", "path", "code"),
    [
        ("", "gone", "not_found"),
        ("dir", "d", "is_directory"),
        ("fifo", "p", "not_regular_file"),
        ("link /etc/hostname", "l", "escapes_root"),
        ("link ../../outside.txt", "l", "escapes_root"),
        ("link l", "l", "symlink_loop"),
        ("file .env", ".env", "protected_path"),
        ("file .ENV", ".ENV", "protected_path"),
        ("file .env link .env", "l", "protected_path"),
        ("file x.pem", "x.pem", "protected_path"),
        ("file f", "f/", "not_directory"),
        ("file f", "f/x", "not_directory"),
        ("", "../../outside.txt", "escapes_root"),
        ("", "a" * 300, "name_too_long"),
        ("", "a/" * 40_000, "name_too_long"),
        ("", "nul\0byte", "invalid_path"),
    ],
)
def test_a_refusal_has_its_code(files: Files, here: Here, setup: str, path: str, code: str) -> None:
    words = setup.split()
    while words:
        verb = words.pop(0)
        match verb:
            case "dir":
                (here / "d").mkdir()
            case "fifo":
                os.mkfifo(here / "p")
            case "link":
                (here / "l").symlink_to(words.pop(0))
            case "file":
                (here / words.pop(0)).write_text(OUTSIDE)
    text = files.failure("read_file", path=here.named(path))
    assert text.startswith(f"[{code}] ")
    assert OUTSIDE not in text


@pytest.mark.parametrize("path", ["", "/etc/hostname", "/", "~/x", "http://x/y", "file://elsewhere/x", "file:x"])
def test_a_path_that_names_no_file_here_is_refused(files: Files, path: str) -> None:
    assert files.code("read_file", path=path) in {
        "invalid_path", "outside_roots", "not_found", "unsupported_uri"
    }  # fmt: skip
