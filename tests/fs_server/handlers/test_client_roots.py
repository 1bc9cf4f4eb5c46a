"""The client's roots order the operator's or narrow them; they never widen them. The SDK's own client answers."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import mcp_types as t
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

Step = Callable[[Client, list[t.Root]], Awaitable[None]]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Two roots to be, and a directory outside."""
    for name in ("code/app", "code/lib", "notes", "outside"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "f.txt").write_text(name, encoding="utf-8")
    return tmp_path


def drive(base: Path, announced: list[Path], step: Step, *flags: str, mode: Any = "legacy") -> None:
    """Start the server on `code` and `notes` with a client that announces directories, and take one step."""

    async def run() -> None:
        roots = [t.Root.model_validate({"uri": path.as_uri()}) for path in announced]
        changed = asyncio.Event()

        async def say_roots(context: Any) -> t.ListRootsResult | t.ErrorData:  # noqa: ARG001 - called by name
            asyncio.get_running_loop().call_soon(changed.set)
            return t.ListRootsResult(roots=list(roots))

        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "fs_server", "serve", *flags, str(base / "code"), str(base / "notes")],
        )
        async with Client(server, mode=mode, list_roots_callback=say_roots) as client:
            if mode == "legacy":
                async with asyncio.timeout(10):
                    await changed.wait()
            await step(client, roots)

    asyncio.run(run())


async def names_until(client: Client, wanted: list[str]) -> list[str]:
    """Return the names of the roots once they are `wanted`, or what they stayed at."""
    names: list[str] = []
    for _ in range(200):
        result = await client.call_tool("list_roots", {})
        names = [root["name"] for root in (result.structured_content or {}).get("roots", [])]
        if names == wanted:
            break
    return names


def text_of(result: Any) -> str:
    return "".join(block.text for block in result.content)


def test_a_hint_puts_the_clients_root_first_and_takes_none_away(code: Path) -> None:
    async def step(client: Client, _roots: list[t.Root]) -> None:
        assert await names_until(client, ["notes", "code"]) == ["notes", "code"]
        read = await client.call_tool("read_file", {"path": "code/app/f.txt"})
        assert text_of(read).startswith("code/app")

    drive(code, [code / "notes"], step)


@pytest.mark.guarantee("G10")
def test_a_hint_from_outside_changes_nothing(code: Path) -> None:
    async def step(client: Client, _roots: list[t.Root]) -> None:
        assert await names_until(client, ["code", "notes"]) == ["code", "notes"]
        refused = await client.call_tool("read_file", {"path": str(code / "outside/f.txt")})
        assert refused.is_error
        assert text_of(refused).startswith("[outside_roots]")

    drive(code, [code / "outside"], step)


@pytest.mark.guarantee("G10")
def test_narrow_serves_only_what_lies_in_both(code: Path) -> None:
    async def step(client: Client, _roots: list[t.Root]) -> None:
        assert await names_until(client, ["app"]) == ["app"]
        assert text_of(await client.call_tool("read_file", {"path": "f.txt"})).startswith("code/app")
        refused = await client.call_tool("read_file", {"path": str(code / "code/lib/f.txt")})
        assert text_of(refused).startswith("[outside_roots]")
        listed = await client.list_resources()
        assert [resource.uri for resource in listed.resources] == [(code / "code/app").as_uri()]

    drive(code, [code / "code/app", code / "outside"], step, "--client-roots", "narrow")


def test_narrow_with_nothing_in_common_serves_nothing_and_says_both_sides(code: Path) -> None:
    async def step(client: Client, _roots: list[t.Root]) -> None:
        assert await names_until(client, []) == []
        refused = text_of(await client.call_tool("list_directory", {}))
        for _ in range(200):
            if "do not meet" in refused:
                break
            refused = text_of(await client.call_tool("list_directory", {}))
        assert "do not meet" in refused
        assert refused.startswith("[outside_roots]")
        assert "client_roots" in refused

    drive(code, [code / "outside"], step, "--client-roots", "narrow")


@pytest.mark.filterwarnings("ignore:The roots capability is deprecated")  # it is; 2025 clients send it all the same
def test_narrow_follows_the_client_when_its_roots_change(code: Path) -> None:
    async def step(client: Client, roots: list[t.Root]) -> None:
        assert await names_until(client, ["app"]) == ["app"]
        roots[:] = [t.Root.model_validate({"uri": code.as_uri()})]
        await client.send_roots_list_changed()
        assert await names_until(client, ["code", "notes"]) == ["code", "notes"]

    drive(code, [code / "code/app"], step, "--client-roots", "narrow")


def test_narrow_serves_a_2026_client_nothing_because_it_announces_nothing(code: Path) -> None:
    async def step(client: Client, _roots: list[t.Root]) -> None:
        refused = text_of(await client.call_tool("read_file", {"path": "code/app/f.txt"}))
        assert refused.startswith("[outside_roots]")
        assert "client_roots = narrow" in refused

    drive(code, [code], step, "--client-roots", "narrow", mode="auto")
