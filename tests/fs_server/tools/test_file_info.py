"""`file_info`: everything that is known of one file, and what could not be found out is said."""

import os
import socket
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.as_user import own_directory
from tests.support.product import FACTS, Files, names_in
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("made of names, links and modes that POSIX has", allow_module_level=True)


def test_a_text_file_is_described_to_its_last_line(files: Files, here: Here) -> None:
    content = "a\r\nb\r\nc".encode("utf-16")
    (here / "f.txt").write_bytes(content)
    (here / "f.txt").chmod(0o640)
    os.utime(here / "f.txt", (1, 86_400))
    data = files.data("file_info", path=here.named("f.txt"))
    assert data == {
        "path": here.named("f.txt"), "uri": here.uri("f.txt"), "type": "file", "size": len(content),
        "modified": "1970-01-02T00:00:00Z", "accessed": "1970-01-01T00:00:01Z", "mode": "-rw-r-----",
        "owner": data["owner"], "group": data["group"], "hard_links": 1, "protected": False, "media_type": "text/plain",
        "encoding": "utf-16-le", "bom": True, "line_ending": "crlf", "total_lines": 3,
        "etag": sha256(content).hexdigest()[:16],
    }  # fmt: skip
    assert files.facts("file_info", path=here.named("f.txt")) == {
        "path": here.named("f.txt"), "uri": here.uri("f.txt"), "etag": data["etag"], "size": len(content),
        "encoding": "utf-16-le", "total_lines": 3, "eol": "crlf",
    }  # fmt: skip


def test_a_binary_file_has_a_type_and_no_lines(files: Files, here: Here) -> None:
    (here / "f.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    data = files.data("file_info", path=here.named("f.png"))
    assert data["media_type"] == "image/png"
    assert not {"encoding", "bom", "line_ending", "total_lines", "incomplete"} & data.keys()
    assert len(data["etag"]) == 16


@pytest.mark.parametrize("path", ["", ".", "ground", "file"])
def test_the_only_root_is_described(files: Files, ground: Path, path: str) -> None:
    data = files.data("file_info", path=ground.as_uri() if path == "file" else path)
    assert (data["path"], data["type"], data["uri"]) == (".", "directory", ground.as_uri())
    assert "link_target" not in data


def test_a_directory_has_no_content(files: Files, here: Here) -> None:
    data = files.data("file_info", path=here.spoken)
    assert data["type"] == "directory"
    assert not {"etag", "media_type", "incomplete"} & data.keys()


def test_a_link_is_followed_and_its_text_told_escaped(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = IN"])
    os.symlink("d/./\x1b[2J/../f", here / "odd")  # noqa: PTH211 - a text that pathlib would tidy
    (here / "d/\x1b[2J").mkdir()
    data = files.data("file_info", path=here.named("odd"))
    assert data["link_target"] == "d/./\\x1b[2J/../f"
    assert data["path"] == here.named("d/f")


def test_special_files_are_described_and_never_opened(
    files: Files, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(here / "p")
    monkeypatch.chdir(here.path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert files.data("file_info", path=here.named("p"))["type"] == "fifo"
        assert files.data("file_info", path=here.named("s"))["type"] == "socket"


@pytest.mark.parametrize("name", [".env", ".ENV", "link", "\u2024env", "d/.aws/credentials"])
def test_of_a_secret_file_nothing_is_told(files: Files, here: Here, name: str) -> None:
    make_tree(here.path, [f".env = {OUTSIDE}", ".ENV", "link -> .env", "\u2024env", "d/.aws/credentials"])
    assert files.code("file_info", path=here.named(name)) == "protected_path"


def test_a_file_that_may_not_be_written_says_so(files: Files, here: Here) -> None:
    make_tree(here.path, [".mcp.json = {}"])
    assert files.data("file_info", path=here.named(".mcp.json"))["protected"] is True


def test_a_huge_file_is_described_in_time_without_what_takes_longer(here: Here) -> None:
    with (here / "huge").open("wb") as file:
        file.truncate(1 << 42)
    with Files(os.fspath(here.path), "--call-timeout-s", "0.4") as files:
        result = files.ask("file_info", path="huge")
        data = result["structuredContent"]
        assert data["size"] == 1 << 42
        assert data["incomplete"] == "It is too large to be read through"
        assert "etag" not in data
        assert result["_meta"][FACTS]["stopped"] == "timeout"
        assert files.code("read_file", path="huge", format="text", start_line=10**9) == "timeout"
        assert files.data("list_roots")["roots"], "the server goes on"


def test_what_may_not_be_read_is_described_without_its_content() -> None:
    with own_directory() as own:
        make_tree(own, ["f = closed", "shut/f", "open/f"])
        for name in ("f", "shut"):
            (own / name).chmod(0)
        with Files(os.fspath(own), resolver="nobody") as files:
            data = files.data("file_info", path="f")
            assert (data["size"], data["mode"]) == (6, "----------")
            assert data["incomplete"] == "The server's user may not read it"
            assert files.code("read_file", path="f") == "permission_denied"
            assert files.code("file_info", path="shut/f") == "permission_denied"
            assert "shut" in files.failure("list_directory", path="shut")
            listing, note = files.blocks("list_directory", depth=2)
            assert names_in(listing) == ["f", "open/", "  f", "shut/"]
            assert "left out: 1 permission_denied" in note


def test_an_owner_without_a_name_is_told_by_number(files: Files, here: Here) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (here / "f").touch()
    os.chown(here / "f", 54_321, 54_322)
    data = files.data("file_info", path=here.named("f"))
    assert (data["owner"], data["group"]) == ("54321", "54322")
