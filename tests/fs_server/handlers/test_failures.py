"""What goes wrong inside: told without a word of the implementation, and without an end of the server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import mcp_types as t
import pytest

from fs_server.config.settings import Settings
from fs_server.handlers.tools import ToolHandlers
from fs_server.protocol.admission import Admission
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.file_info import FileFacts
from fs_server.tools.list_roots import ListRoots
from fs_server.tools.tool import Effect, tool
from sandbox import RootSpec, Workspace
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree
from tests.support.wire_client import Era


@pytest.fixture(params=Era, ids=lambda era: era.name.lower())
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    make_tree(tmp_path, ["bad-disk = IN", "f = IN", "forbidden = IN", "growing"])
    limits = "--call-timeout-s", "0.4", "--resource-bytes", "100000"
    with Files(str(tmp_path), *limits, resolver="misbehaving", era=request.param) as client:
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


@tool(title="A tool with a defect", effect=Effect.READ, data=FileFacts)
async def defective(_asked: ListRoots, _services: Services) -> Answer:
    """Make a result that does not fit."""
    return Answer(data=FileFacts.model_validate({"path": "SECRET"}))


def test_a_result_that_does_not_fit_is_our_defect_and_no_wrong_parameter_of_the_client(tmp_path: Path) -> None:
    """The library answers any ValidationError with -32602 and its text; the router answers all others with -32603."""
    opened = Workspace.open([RootSpec("root", str(tmp_path))])
    services = Services(Settings(roots=(), journal=tmp_path / "never"), opened, opened)
    handlers = ToolHandlers([defective], services, Admission())
    params = t.CallToolRequestParams(name="defective")
    with pytest.raises(RuntimeError, match="defective made a result that does not fit its own schema"):
        asyncio.run(handlers.on_call(cast("Any", None), params))


def test_a_disk_that_cannot_be_read_is_said_to_be_so(files: Files, tmp_path: Path) -> None:
    for name in ("read_file", "file_info"):
        assert "The system answered EBADF." in files.failure(name, path="bad-disk")
    first, second, _ = files.blocks("read_files", paths=["bad-disk", "f"])
    assert first.startswith('[io_error] Reading "bad-disk". ')
    assert second.endswith("IN")
    error = files.error(files.request("resources/read", {"uri": (tmp_path / "bad-disk").as_uri()}))
    assert (error["code"], error["data"]["code"]) == (-32603, "io_error")
    assert str(tmp_path) not in error["message"].replace((tmp_path / "bad-disk").as_uri(), "")


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Files]:
    """A server whose calls have time enough to answer with what they have, on a busy machine too."""
    make_tree(tmp_path, ["d/endless"])
    with Files(str(tmp_path), "--call-timeout-s", "1.2", resolver="misbehaving") as client:
        yield client


def test_a_directory_without_an_end_is_left_when_the_time_is_over(patient: Files, tmp_path: Path) -> None:
    files = patient
    result = files.ask("list_directory", path="d")
    assert result["_meta"][FACTS]["stopped"] == "timeout"
    assert "stopped: timeout" in result["content"][-1]["text"]
    uri = (tmp_path / "d").as_uri()
    assert "nextCursor" in files.result(files.request("resources/directory/read", {"uri": uri}))
    template = {"type": "ref/resource", "uri": tmp_path.as_uri() + "/{+path}"}
    asked = {"ref": template, "argument": {"name": "path", "value": "d/end"}}
    assert files.result(files.request("completion/complete", asked))["completion"]["values"] == ["d/endless"]


def test_a_file_that_may_not_be_opened_is_described_all_the_same(files: Files) -> None:
    assert files.data("file_info", path="forbidden")["incomplete"] == "The server's user may not read it"
    assert files.code("read_file", path="forbidden") == "permission_denied"


def test_a_file_that_grows_while_it_is_read_is_held_to_the_cap(files: Files, tmp_path: Path) -> None:
    error = files.error(files.request("resources/read", {"uri": (tmp_path / "growing").as_uri()}))
    assert error["data"]["code"] == "too_large"
