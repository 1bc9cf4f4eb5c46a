"""Every entry for a host that the README shows starts a server that answers, in the words of the README."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fs_server.tools import TOOLS
from tests.support.installation import Installed
from tests.support.wire_client import Era, WireClient

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text("utf-8")
SCRIPTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
FORMS = {"mcpServers": {"command", "args"}, "servers": {"type", "command", "args"}}
"""What each host's file calls its servers, and the keys that an entry has there."""

# With the tests of the package, because one worker builds and installs the wheel for all of them.
pytestmark = pytest.mark.xdist_group("package")


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry for a host, with the key under which its file has it."""
    for block in re.findall(r"^```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        ((form, servers),) = json.loads(block).items()
        ((_, entry),) = servers.items()
        yield form, entry


def test_both_hosts_are_shown_both_ways_to_start() -> None:
    shown = [(form, entry["command"].rpartition("/")[2]) for form, entry in entries()]
    assert sorted(shown) == [("mcpServers", "python"), ("mcpServers", "uvx"), ("servers", "python"), ("servers", "uvx")]


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize(("form", "entry"), [*entries()])
def test_an_entry_for_a_host_starts_a_server_that_answers(
    form: str, entry: dict[str, Any], era: Era, installed: Installed, tmp_path: Path
) -> None:
    assert entry.keys() == FORMS[form]
    assert entry.get("type", "stdio") == "stdio"
    with WireClient(started(entry, installed, tmp_path), era=era) as client:
        client.shake_hands()
        tools = client.result(client.request("tools/list"))["tools"]
        assert [tool["name"] for tool in tools] == [tool.name for tool in TOOLS]
        roots = client.result(client.call("list_roots"))["structuredContent"]["roots"]
        assert len(roots) == len([word for word in entry["args"] if is_root(word)])


def is_root(word: str) -> bool:
    return word.startswith(("/", "${"))


def started(entry: dict[str, Any], installed: Installed, folder: Path) -> list[str]:
    """Return the entry's own command line; only what differs between machines is put in."""
    command, words = str(entry["command"]), list[str](entry["args"])
    if command == "uvx":  # runs the command of this name in an environment that holds the distribution of this name
        assert words[0] in SCRIPTS
        command, words = installed.console, words[1:]
    else:
        assert Path(command).is_absolute()
        command = installed.python
    return [command, *(directory(word, folder) if is_root(word) else word for word in words)]


def directory(word: str, folder: Path) -> str:
    """Make a directory that stands for the one in the README, and return its path."""
    made = folder / word.strip("${}/").replace("/", "-")
    made.mkdir()
    return str(made)
