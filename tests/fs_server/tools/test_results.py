"""What holds for the result of every tool: the facts, the schemas, the equal text, the note."""

import json
import os
import re
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # comes with the protocol's library, without types
import PIL.Image
import pytest

from fs_server.tools import TOOLS
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

CONTRACT = frozenset({
    "path", "uri", "etag", "previous_etag", "size", "encoding", "eol", "start_line", "end_line", "total_lines",
    "next_start_line", "cursor", "count", "truncated", "stopped", "skipped", "change_id", "created", "occurrences",
    "exit_code", "signal", "timed_out", "duration_s", "cpu_s", "max_rss_bytes", "stdout_bytes", "stderr_bytes",
    "process_id", "state", "files_changed", "killed", "enforcement", "code",
})  # fmt: skip
"""The facts that a client may find. `code` is a refusal's."""

CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("list_roots", {}),
    ("list_directory", {}),
    ("list_directory", {"path": "tree", "depth": 9, "limit": 2}),
    ("list_directory", {"path": "gone"}),
    ("file_info", {"path": "f"}),
    ("file_info", {"path": "tree"}),
    ("file_info", {"path": "link"}),
    ("file_info", {"path": "binary"}),
    ("file_info", {"path": "gone"}),
    ("read_file", {"path": "f"}),
    ("read_file", {"path": "f", "numbered": True, "line_count": 1}),
    ("read_file", {"path": "f", "start_line": 99}),
    ("read_file", {"path": "binary"}),
    ("read_file", {"path": "binary", "format": "base64"}),
    ("read_file", {"path": "sound.wav"}),
    ("read_file", {"path": "picture.png"}),
    ("read_files", {"paths": ["f", "tree", "binary"]}),
    ("read_files", {"paths": []}),
    ("write_file", {"path": "new", "content": "x\n", "if_exists": "replace"}),
    ("write_file", {"path": "new", "content": "y\n", "if_exists": "append", "encoding": "utf-8"}),
    ("write_file", {"path": "f", "content": "x"}),
    ("edit_file", {"path": "new", "edits": [{"old_text": "x", "new_text": "xx", "occurrence": "first"}]}),
    ("edit_file", {"path": "new", "edits": [{"old_text": "y", "new_text": "z"}], "dry_run": True}),
    ("edit_file", {"path": "new", "edits": []}),
    ("apply_patch", {"patch": "*** Begin Patch\n*** Update File: new\n@@\n-y\n+z\n*** End Patch"}),
    ("apply_patch", {"patch": "*** Begin Patch\n*** Delete File: new\n*** End Patch", "dry_run": True}),
    ("apply_patch", {"patch": "none"}),
    ("replace_in_files", {"query": "z", "replacement": "zz", "path": "new"}),
    ("replace_in_files", {"query": "z", "replacement": "zz", "path": "new", "dry_run": False}),
    ("replace_in_files", {"query": "nowhere", "replacement": ""}),
    ("list_processes", {}),
    ("run_command", {"argv": ["true"]}),
    ("run_command", {"argv": ["sh", "-c", "echo out; echo err >&2; exit 3"]}),
    ("run_command", {"argv": ["nowhere"]}),
    ("run_command", {"argv": ["cat"], "background": True}),
    ("send_input", {"process_id": "p3", "text": "x\n"}),
    ("send_input", {"process_id": "p1", "text": "x"}),
    ("read_output", {"process_id": "p3", "wait_s": 30}),
    ("read_output", {"process_id": "p9"}),
    ("list_processes", {}),
    ("stop_process", {"process_id": "p3"}),
    ("stop_process", {"process_id": "p3", "signal": "USR1"}),
    ("create_directory", {"path": "made/d"}),
    ("create_directory", {"path": "made"}),
    ("create_directory", {"path": "f"}),
    ("copy_path", {"source": "f", "destination": "copy", "overwrite": True}),
    ("copy_path", {"source": "f", "destination": "tree"}),
    ("move_path", {"source": "copy", "destination": "moved", "overwrite": True}),
    ("move_path", {"source": "gone", "destination": "x"}),
    ("delete_path", {"path": "moved"}),
    ("delete_path", {"path": "tree"}),
    ("undo", {}),
    ("undo", {"change_id": "c999999"}),
    ("history", {}),
    ("history", {"path": "new", "limit": 1}),
    ("history", {"since": "none"}),
)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    root = make_tree(tmp_path_factory.mktemp("some"), ["f = one", "tree/a/b", "tree/c", "link -> f"])
    (root / "binary").write_bytes(bytes(range(256)))
    PIL.Image.new("RGB", (3, 2)).save(root / "picture.png")
    with wave.open(str(root / "sound.wav"), "wb") as sound:
        sound.setparams((1, 1, 8_000, 0, "NONE", ""))
        sound.writeframes(bytes(100))
    with Files(os.fspath(root)) as client:
        yield client


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
def test_a_result_tells_programs_only_what_the_contract_names(
    some: Files, tool: str, arguments: dict[str, object]
) -> None:
    result = some.ask(tool, **arguments)
    facts = result["_meta"][FACTS]
    assert set(facts) <= CONTRACT
    assert ("code" in facts) is result["isError"]
    assert "\ud800" not in json.dumps(facts)


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
def test_text_tools_give_blocks_and_data_tools_the_same_facts_twice(
    some: Files, tool: str, arguments: dict[str, object]
) -> None:
    result = some.ask(tool, **arguments)
    schema = output_schemas(some)[tool]
    if result["isError"]:
        assert "structuredContent" not in result
        assert [block["type"] for block in result["content"]] == ["text"]
    elif schema is None:
        assert "structuredContent" not in result
        assert re.fullmatch(r"\[.*\]", result["content"][-1]["text"]), "the last block is a note"
        assert len(result["content"]) > 1
    else:
        jsonschema.Draft202012Validator(schema).validate(result["structuredContent"])
        (block,) = result["content"]
        assert json.loads(block["text"]) == result["structuredContent"]


def test_pictures_and_sounds_come_as_such(some: Files) -> None:
    picture, _ = some.ask("read_file", path="picture.png")["content"]
    assert (picture["type"], picture["mimeType"]) == ("image", "image/png")
    sound, note = some.ask("read_file", path="sound.wav")["content"]
    assert (sound["type"], sound["mimeType"]) == ("audio", "audio/wav")
    assert "audio/wav" in note["text"]


def output_schemas(files: Files) -> dict[str, Any]:
    return {tool["name"]: tool.get("outputSchema") for tool in files.result(files.request("tools/list"))["tools"]}


def test_every_tool_is_called_here() -> None:
    assert {tool for tool, _ in CALLS} == {tool.name for tool in TOOLS}


def test_schemas_are_valid_themselves(some: Files) -> None:
    for tool in some.result(some.request("tools/list"))["tools"]:
        jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
        jsonschema.Draft202012Validator.check_schema(tool.get("outputSchema", {}))


def test_list_roots_tells_what_may_be_touched(some: Files, tmp_path: Path) -> None:
    (root,) = some.data("list_roots")["roots"]
    assert root["path"].endswith(root["name"])
    assert root["uri"] == Path(root["path"]).as_uri()
    assert ".env" in root["secret_patterns"]
    assert ".mcp.json" in root["protected_patterns"]
    limits = some.data("list_roots")["limits"]
    assert limits["result_chars"] == 20_000
    with Files("--root-ro", f"notes={tmp_path}") as other:
        (root,) = other.data("list_roots")["roots"]
        assert (root["name"], root["writable"]) == ("notes", False)
