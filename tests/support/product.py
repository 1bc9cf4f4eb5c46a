"""The product's own server as a process, and a client that asks it what a host would ask."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.wire_client import Era, Message, WireClient

__all__ = ["FACTS", "Files", "argv"]

FACTS = "fs-server/result"

_WITH_RESOLVER = str(Path(__file__).parents[1] / "fs_server" / "server_with_resolver.py")


def argv(*arguments: str, resolver: str = "") -> list[str]:
    """Return the command line of the server: with the resolver that it chooses, or with the one that is named."""
    if resolver:
        return [sys.executable, _WITH_RESOLVER, resolver, *arguments]
    return [sys.executable, "-m", "fs_server", "serve", *arguments]


class Files(WireClient):
    """A client that has shaken hands. What it returns is taken from real answers of a real process."""

    def __init__(self, *arguments: str, resolver: str = "", era: Era = Era.MODERN, prefix: Sequence[str] = ()) -> None:
        """Start the server with `arguments`; `prefix` is a command that starts it."""
        super().__init__([*prefix, *argv(*arguments, resolver=resolver)], era=era)
        self.introduction = self.shake_hands()

    def ask(self, tool: str, **arguments: object) -> Message:
        """Call a tool and return its whole result, failed or not."""
        return self.result(self.call(tool, **arguments))

    def blocks(self, tool: str, **arguments: object) -> list[str]:
        """Return the text blocks of a call that succeeds."""
        result = self.ask(tool, **arguments)
        assert not result.get("isError"), result
        return [block["text"] for block in result["content"]]

    def facts(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Return what a call that succeeds tells programs."""
        result = self.ask(tool, **arguments)
        assert not result.get("isError"), result
        facts: dict[str, Any] = result["_meta"][FACTS]
        return facts

    def data(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Return the structured result of a call that succeeds."""
        result = self.ask(tool, **arguments)
        assert not result.get("isError"), result
        data: dict[str, Any] = result["structuredContent"]
        return data

    def failure(self, tool: str, **arguments: object) -> str:
        """Return the text of a call that is refused; its form is checked here, for every refusal that a test meets."""
        result = self.ask(tool, **arguments)
        assert result.get("isError"), result
        (block,) = result["content"]
        text: str = block["text"]
        assert text.startswith(f"[{result['_meta'][FACTS]['code']}] ")
        assert len(text) < 300
        assert "Traceback" not in text
        return text

    def code(self, tool: str, **arguments: object) -> str:
        """Return the code of a call that is refused."""
        return self.failure(tool, **arguments)[1:].partition("]")[0]

    def names(self, **arguments: object) -> list[str]:
        """Return the last column of `list_directory`, line by line."""
        return names_in(self.blocks("list_directory", **arguments)[0])

    def read_resource(self, uri: str) -> Message:
        """Return the one content of a resource that can be read."""
        (content,) = self.result(self.request("resources/read", {"uri": uri}))["contents"]
        found: Message = content
        return found


def names_in(listing: str) -> list[str]:
    """Return the last column of a listing."""
    return [line[30:] for line in listing.split("\n") if line]
