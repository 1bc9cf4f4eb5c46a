"""What a model and a host are shown of the tools: an interface that others build on, kept in snapshots."""

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fs_server.tools import TOOLS
from tests.support.product import Files

SNAPSHOTS = Path(__file__).with_name("snapshots")
NAMES = [tool.name for tool in TOOLS]

WHOLE_BUDGET_BYTES, WHOLE_TOOLS = 14_000, 22
"""What all tools of the finished server may show a model, and how many they are."""


@pytest.fixture(scope="session")
def catalogue(files: Files) -> Mapping[str, dict[str, Any]]:
    """What `tools/list` gives, by name."""
    return {tool["name"]: tool for tool in files.result(files.request("tools/list"))["tools"]}


def test_the_tools_are_listed_in_their_order(catalogue: Mapping[str, Any]) -> None:
    assert list(catalogue) == NAMES
    assert {path.stem for path in SNAPSHOTS.iterdir()} <= set(NAMES), "a snapshot without a tool"


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_has_the_name_of_its_module(name: str) -> None:
    assert getattr(importlib.import_module(f"fs_server.tools.{name}"), name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_is_listed_as_its_snapshot_says(
    name: str, catalogue: Mapping[str, Any], request: pytest.FixtureRequest
) -> None:
    """A change that a client can see is made on purpose: `pytest --update-snapshots` writes what is true now."""
    snapshot = SNAPSHOTS / f"{name}.json"
    found = json.dumps(catalogue[name], ensure_ascii=False, indent=2) + "\n"
    if request.config.getoption("--update-snapshots"):
        snapshot.write_text(found, encoding="utf-8")
    assert snapshot.exists(), "no snapshot: run pytest --update-snapshots, and look at it"
    assert found == snapshot.read_text(encoding="utf-8")


ADDING = {"create_directory"}
LOSING = {
    "write_file", "edit_file", "apply_patch", "replace_in_files", "move_path", "copy_path", "delete_path", "undo",
}  # fmt: skip
"""What may replace or remove something, if it is asked to."""

RUNNING = {"run_command", "send_input", "stop_process"}


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_tells_hosts_who_it_is_and_what_it_may_do(name: str, catalogue: Mapping[str, Any]) -> None:
    tool = catalogue[name]
    assert tool["title"] == tool["annotations"]["title"]
    assert tool["annotations"] == {
        "title": tool["title"],
        "readOnlyHint": name not in ADDING | LOSING | RUNNING,
        "destructiveHint": name in LOSING | RUNNING,
        "idempotentHint": name not in ADDING | LOSING | RUNNING,
        "openWorldHint": name in RUNNING,
    }


def test_hosts_that_look_for_tools_show_those_first_that_most_work_needs(catalogue: Mapping[str, Any]) -> None:
    first = {name for name, tool in catalogue.items() if tool.get("_meta", {}).get("anthropic/alwaysLoad")}
    assert first == {"list_roots", "list_directory", "read_file", "write_file", "edit_file"}


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_an_object_that_takes_nothing_unknown(name: str, catalogue: Mapping[str, Any]) -> None:
    schema = catalogue[name]["inputSchema"]
    assert schema["type"] == "object"
    assert not {"oneOf", "anyOf", "allOf", "not", "$ref", "$defs"} & schema.keys(), "hosts refuse these at the top"
    for part in parts(schema):
        if part.get("type") == "object":
            # Names of an environment are the caller's own.
            assert part["additionalProperties"] in (False, {"type": "string"})


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_and_typed(name: str, catalogue: Mapping[str, Any]) -> None:
    for part in parts(catalogue[name]["inputSchema"]):
        for parameter, schema in part.get("properties", {}).items():
            assert schema.get("description"), parameter
            assert isinstance(schema.get("type"), str), parameter


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_has_to_fill_in_refers_to_nothing(name: str, catalogue: Mapping[str, Any]) -> None:
    """Two model providers resolve no references."""
    assert "$ref" not in json.dumps(catalogue[name]["inputSchema"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["inputSchema", "outputSchema"])
def test_no_schema_holds_what_strict_hosts_refuse(name: str, kind: str, catalogue: Mapping[str, Any]) -> None:
    """A bare `true`, a list of types: the Inspector's strict mode and two model providers refuse both."""
    for part in parts(catalogue[name].get(kind, {})):
        assert isinstance(part, dict)
        assert not isinstance(part.get("type"), list)
        assert part, "an empty schema takes anything"


def parts(schema: Any) -> Iterator[Any]:
    """Yield a schema and every schema in it. A property that is called like a keyword is none."""
    if schema == {}:
        return
    yield schema
    for keyword, below in schema.items() if isinstance(schema, dict) else ():
        if keyword in {"properties", "$defs"}:
            for member in below.values():
                yield from parts(member) if member else [member]
        elif keyword in {"items", "additionalProperties"} and below is not False:
            yield from parts(below) if below else [below]
        elif keyword in {"anyOf", "oneOf", "allOf"}:
            for member in below:
                yield from parts(member) if member else [member]


def test_what_a_model_is_shown_leaves_room_for_all_the_tools_to_come(catalogue: Mapping[str, Any]) -> None:
    used = 0
    for tool in catalogue.values():
        seen = {key: tool[key] for key in ("name", "description", "inputSchema")}
        used += len(json.dumps(seen, ensure_ascii=False, separators=(",", ":")).encode())
    assert used <= WHOLE_BUDGET_BYTES * len(TOOLS) // WHOLE_TOOLS, f"{used} bytes for {len(TOOLS)} tools"


def test_the_catalogue_is_one_page(files: Files) -> None:
    error = files.error(files.request("tools/list", {"cursor": "next"}))
    assert error["code"] == -32602
    assert "nextCursor" not in files.result(files.request("tools/list"))


def test_an_unknown_tool_is_an_error_of_the_protocol_that_names_the_known_ones(files: Files) -> None:
    error = files.error(files.call("raed_file", path="x"))
    assert error["code"] == -32602
    assert error["message"] == f'Unknown tool: "raed_file". There are: {", ".join(NAMES)}'


@pytest.mark.parametrize("arguments", [[], "path", 5, True])
def test_arguments_that_are_no_object_are_an_error_of_the_protocol(files: Files, arguments: object) -> None:
    assert files.error(files.request("tools/call", {"name": "read_file", "arguments": arguments}))["code"] == -32602
