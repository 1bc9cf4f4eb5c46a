"""What goes wrong inside: told without a word of the implementation, and without an end of the server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.product import Files
from tests.support.tree import make_tree
from tests.support.wire_client import Era


@pytest.fixture(params=Era, ids=lambda era: era.name.lower())
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    make_tree(tmp_path, ["bad-disk = IN", "f = IN"])
    with Files(str(tmp_path), resolver="misbehaving", era=request.param) as client:
        yield client


def test_a_defect_is_told_to_the_log_and_to_nobody_else(files: Files, tmp_path: Path) -> None:
    uri = (tmp_path / "broken").as_uri()
    asked = [
        *(files.call(tool, path="broken") for tool in ("read_file", "file_info", "list_directory")),
        files.call("read_files", paths=["f", "broken"]),
        files.request("resources/read", {"uri": uri}),
        files.request("resources/directory/read", {"uri": uri}),
    ]
    for request in asked:
        error = files.error(request)
        assert error["code"] == -32603
        assert "SECRET" not in json.dumps(error)
        assert "Runtime" not in json.dumps(error)
    files.wait_for_log("SECRET of the implementation")
    assert files.blocks("read_file", path="f")[0] == "IN"


def test_a_disk_that_cannot_be_read_is_said_to_be_so(files: Files, tmp_path: Path) -> None:
    for tool in ("read_file", "file_info"):
        assert "The system answered EBADF." in files.failure(tool, path="bad-disk")
    first, second, _ = files.blocks("read_files", paths=["bad-disk", "f"])
    assert first.startswith('[io_error] Reading "bad-disk". ')
    assert second.endswith("IN")
    error = files.error(files.request("resources/read", {"uri": (tmp_path / "bad-disk").as_uri()}))
    assert error["data"]["code"] == "io_error"
    assert str(tmp_path) not in error["message"].replace((tmp_path / "bad-disk").as_uri(), "")
