"""`resources/…`: the files under their URIs, the same policy as the tools, the codes of each era."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.odd_names import ODD_NAMES
from tests.support.product import Files
from tests.support.tree import make_tree
from tests.support.wire_client import Era

DIRECTORY_READ = "resources/directory/read"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ground = tmp_path_factory.mktemp("resources") / "ground"
    ground.mkdir()
    (ground.parent / "outside.txt").write_text(OUTSIDE)
    return ground


@pytest.fixture(scope="module", params=Era, ids=lambda era: era.name.lower())
def files(request: pytest.FixtureRequest, ground: Path) -> Iterator[Files]:
    """A server asked in each era in turn."""
    with Files(os.fspath(ground), "--resource-bytes", "100000", era=request.param) as client:
        yield client


@pytest.fixture
def not_found(files: Files) -> int:
    return -32602 if files.era is Era.MODERN else -32002


def test_the_roots_are_listed_and_nothing_else(files: Files, ground: Path) -> None:
    result = files.result(files.request("resources/list"))
    (root,) = result["resources"]
    assert (root["uri"], root["name"], root["mimeType"]) == (ground.as_uri(), "ground", "inode/directory")
    assert "nextCursor" not in result


def test_each_root_has_a_template(files: Files, ground: Path) -> None:
    template, _ = files.result(files.request("resources/templates/list"))["resourceTemplates"]
    assert template["uriTemplate"] == ground.as_uri() + "/{+path}"
    assert template["name"] == "ground"


@pytest.mark.parametrize("method", ["resources/list", "resources/templates/list"])
@pytest.mark.parametrize("cursor", ["x", ""])
def test_lists_of_one_page_take_no_cursor(files: Files, method: str, cursor: str) -> None:
    assert files.error(files.request(method, {"cursor": cursor}))["code"] == -32602


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain\r\n", "plain\r\n"),
        ("é\u2028😀".encode(), "é\u2028😀"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        ("wide\n".encode("utf-16"), "wide\n"),
        (b"", ""),
        (b"\xff\xfe\x00\xd8", None),
        (b"late \xff" + b" text" * 10, None),
        (bytes(range(256)), None),
        (b"valid at first " * 20_000 + b"\xff", "too large"),
        (b"a" * 99_999 + b"\xff", None),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), None),
    ],
)
def test_a_file_is_text_where_that_is_sure_and_its_bytes_otherwise(
    files: Files, here: Here, content: bytes, text: str | None
) -> None:
    (here / "f").write_bytes(content)
    if text == "too large":
        error = files.error(files.request("resources/read", {"uri": here.uri("f")}))
        assert (error["code"], error["data"]["code"]) == (-32602, "too_large")
        assert "300001 bytes; a resource is read whole, up to 100000" in error["message"]
        return
    found = files.read_resource(here.uri("f"))
    assert found["uri"] == here.uri("f")
    if text is None:
        assert base64.b64decode(found["blob"]) == content
        assert "text" not in found
    else:
        assert found["text"] == text
        assert "blob" not in found


@pytest.mark.parametrize(
    ("name", "kind"), [("a.py", "text/x-python"), ("a.md", "text/markdown"), ("a.json", "application/json")]
)
def test_a_file_has_its_media_type(files: Files, here: Here, name: str, kind: str) -> None:
    (here / name).write_text("x")
    assert files.read_resource(here.uri(name))["mimeType"] == kind


def test_a_directory_is_read_as_its_entries(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/", "f = 123", "l -> f", f".env = {OUTSIDE}"])
    found = files.read_resource(here.uri())
    assert found["mimeType"] == "application/json"
    assert json.loads(found["text"]) == {
        "entries": [
            {"name": "d", "uri": here.uri("d"), "type": "directory", "size": None},
            {"name": "f", "uri": here.uri("f"), "type": "file", "size": 3},
            {"name": "l", "uri": here.uri("l"), "type": "link", "size": None},
        ]
    }


def children(files: Files, uri: str) -> list[dict[str, Any]]:
    """Follow the pages of a directory."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = files.result(files.request(DIRECTORY_READ, {"uri": uri, **cursor}))
        assert ("ttlMs" in page, "cacheScope" in page) == (files.era is Era.MODERN,) * 2
        assert len(page["resources"]) <= 1_000
        found += page["resources"]
        if "nextCursor" not in page:
            return found
        cursor = {"cursor": page["nextCursor"]}


def test_a_directory_is_given_page_by_page(files: Files, here: Here) -> None:
    for number in range(2_500):
        (here / f"{number:04}").touch()
    (here / "0007.pem").write_text(OUTSIDE)
    assert [child["name"] for child in children(files, here.uri())] == [f"{number:04}" for number in range(2_500)]
    assert "more" in json.loads(files.read_resource(here.uri())["text"])


def test_a_child_is_a_resource_that_can_be_read(files: Files, here: Here) -> None:
    make_tree(here.path, ["f.py = IN", "d/g"])
    os.utime(here / "f.py", (0, 0))
    directory, file = children(files, here.uri())
    assert file == {
        "uri": here.uri("f.py"), "name": "f.py", "mimeType": "text/x-python", "size": 2,
        "annotations": {"lastModified": "1970-01-01T00:00:00Z"},
    }  # fmt: skip
    assert directory["mimeType"] == "inode/directory"
    assert [child["name"] for child in children(files, directory["uri"])] == ["g"]


@pytest.mark.parametrize("cursor", ["x", "A" * 100_000, "é"])
def test_a_bad_cursor_is_invalid_in_both_eras(files: Files, here: Here, cursor: str) -> None:
    error = files.error(files.request(DIRECTORY_READ, {"uri": here.uri(), "cursor": cursor}))
    assert error["code"] == -32602
    assert error["data"]["code"] == "bad_cursor"


def test_a_cursor_of_another_directory_is_refused(files: Files, here: Here) -> None:
    (here / "d").mkdir()
    for number in range(1_001):
        (here / f"{number}").touch()
    cursor = files.result(files.request(DIRECTORY_READ, {"uri": here.uri()}))["nextCursor"]
    error = files.error(files.request(DIRECTORY_READ, {"uri": here.uri("d"), "cursor": cursor}))
    assert error["data"]["code"] == "bad_cursor"


REFUSED = (
    ("gone", "not_found"),
    (".env", "protected_path"),
    (".ENV", "protected_path"),
    ("secret-link", "protected_path"),
    ("%2Eenv", "protected_path"),
    ("out", "escapes_root"),
    ("..%2F..%2Foutside.txt", "escapes_root"),
    ("../../outside.txt", "escapes_root"),
    ("pipe", "not_regular_file"),
    ("f?query", "invalid_path"),
    ("f#fragment", "invalid_path"),
    ("f%", "invalid_path"),
    ("f%00", "invalid_path"),
    ("f%zz", "invalid_path"),
    ("f%252e", "not_found"),
)


@pytest.mark.parametrize(("name", "code"), REFUSED)
def test_a_refusal_has_the_code_of_its_era_and_says_of_what(
    files: Files, not_found: int, here: Here, name: str, code: str
) -> None:
    make_tree(here.path, [f".env = {OUTSIDE}", ".ENV", "secret-link -> .env", "out -> ../../outside.txt", "f", "pipe|"])
    uri = f"{here.uri()}/{name}"
    for method in ("resources/read", DIRECTORY_READ):
        error = files.error(files.request(method, {"uri": uri}))
        if (method, name) == (DIRECTORY_READ, "pipe"):  # asked of the wrong thing: a wrong parameter in both eras
            assert (error["code"], error["data"]["code"]) == (-32602, "not_directory")
            continue
        assert error["code"] == not_found
        assert error["data"] == {"uri": uri, "code": code}
        assert error["message"].startswith(f'[{code}] "')
        assert len(error["message"]) < 300
        assert OUTSIDE not in json.dumps(error)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("file:///etc/hostname", "outside_roots"),
        ("file:///", "outside_roots"),
        ("file://elsewhere/x", "unsupported_uri"),
        ("http://localhost/x", "unsupported_uri"),
        ("ground/f", "unsupported_uri"),
        ("/etc/hostname", "unsupported_uri"),
        ("file:f", "invalid_path"),
        ("file:///" + "a" * 70_000, "name_too_long"),
    ],
)
def test_a_uri_that_names_nothing_here_is_refused(files: Files, not_found: int, uri: str, code: str) -> None:
    error = files.error(files.request("resources/read", {"uri": uri}))
    assert (error["code"], error["data"]["code"]) == (not_found, code)


def test_this_machine_may_be_named(files: Files, here: Here) -> None:
    (here / "f").write_text("IN")
    for uri in (
        f"file://localhost{here.path}/f",
        f"FILE://{here.path}/f",
        f"file:{here.path}/f",
        f"file://{here.path}//./f",
    ):
        found = files.read_resource(uri)
        assert (found["uri"], found["text"]) == (uri, "IN"), "a client finds its own spelling again"


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_a_name_of_any_bytes_is_listed_with_a_uri_that_reads_it(files: Files, here: Here, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(here.path) + b"/" + name)).write_text("IN")
    (child,) = children(files, here.uri())
    assert child["name"].isprintable()
    assert "\ufffd" not in child["name"]
    assert files.read_resource(child["uri"])["text"] == "IN"
    assert child["uri"].isascii()


def test_hints_for_caches_are_given_in_the_era_that_has_them(files: Files, here: Here) -> None:
    (here / "f").touch()
    for method, params in (("resources/list", {}), ("resources/read", {"uri": here.uri("f")})):
        result = files.result(files.request(method, params))
        assert ("ttlMs" in result) is (files.era is Era.MODERN)
        assert result.get("cacheScope") == ("private" if files.era is Era.MODERN else None)
        if method == "resources/read":
            assert result.get("ttlMs") == (0 if files.era is Era.MODERN else None)
