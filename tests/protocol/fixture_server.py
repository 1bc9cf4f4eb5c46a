"""A server with tools that no product would have, on the product's own wire.

    python tests/protocol/fixture_server.py [--marker PATH]

`--marker` names a file that the closing hook writes, which proves an ordered end.
"""

import sys
from pathlib import Path

# Started by path, so that Python looks for packages here and not in the repository.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from fs_server.protocol import claim_stdio  # noqa: E402

WIRE = claim_stdio()

import argparse  # noqa: E402
import asyncio  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Awaitable, Callable  # noqa: E402
from typing import Any  # noqa: E402

import anyio.to_thread  # noqa: E402
import mcp_types as t  # noqa: E402
from mcp.server.context import ServerRequestContext  # noqa: E402
from mcp.server.lowlevel.server import Server  # noqa: E402
from mcp.shared.exceptions import MCPError  # noqa: E402

from fs_server.protocol.serving import Lifecycle, WireLimits, serve  # noqa: E402

Context = ServerRequestContext[Any, Any]
Arguments = dict[str, Any]


def say(words: str) -> None:
    """Tell the test, which waits for the line on standard error."""
    os.write(2, f"{words}\n".encode())


def text(value: str) -> t.CallToolResult:
    return t.CallToolResult(content=[t.TextContent(type="text", text=value)])


async def echo(_: Context, arguments: Arguments) -> t.CallToolResult:
    return t.CallToolResult(content=[], structured_content={"echo": arguments})


async def big(_: Context, arguments: Arguments) -> t.CallToolResult:
    return text("x" * arguments["size"])


async def wait(_: Context, __: Arguments) -> t.CallToolResult:
    await asyncio.Event().wait()
    return text("never")


async def nap(_: Context, arguments: Arguments) -> t.CallToolResult:
    await asyncio.sleep(arguments["seconds"])
    return text("rested")


async def thread(_: Context, arguments: Arguments) -> t.CallToolResult:
    """Block a thread that nothing can interrupt, and hold on to it, as a careless tool would."""
    await anyio.to_thread.run_sync(time.sleep, arguments["seconds"])
    return text("slept")


THREADS = anyio.CapacityLimiter(64)


async def own_thread(_: Context, arguments: Arguments) -> t.CallToolResult:
    """Block a thread of a pool of its own, and let go of it when cancelled."""
    await anyio.to_thread.run_sync(time.sleep, arguments["seconds"], limiter=THREADS, abandon_on_cancel=True)
    return text("slept")


async def surrogate(_: Context, __: Arguments) -> t.CallToolResult:
    return t.CallToolResult(content=[], structured_content={"name": os.fsdecode(b"caf\xe9")})


async def separators(_: Context, __: Arguments) -> t.CallToolResult:
    return text("a\u2028b\u2029c\u0085d\re\nf")


async def cyclic(_: Context, __: Arguments) -> t.CallToolResult:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    return t.CallToolResult.model_construct(content=[], structured_content=loop)


async def fail(_: Context, __: Arguments) -> t.CallToolResult:
    msg = "SECRET of the implementation"
    raise RuntimeError(msg)


async def pollute(_: Context, __: Arguments) -> t.CallToolResult:
    print("noise from print", flush=True)  # noqa: T201 - what a careless library does
    os.write(1, b"noise from a descriptor\n")
    subprocess.run([sys.executable, "-c", "print('noise from a child')"], check=True)  # noqa: ASYNC221
    return text("quiet")


async def read_stdin(_: Context, __: Arguments) -> t.CallToolResult:
    return text(repr(os.read(0, 10)))


async def progress(ctx: Context, arguments: Arguments) -> t.CallToolResult:
    for step in range(arguments["steps"]):
        await ctx.session.report_progress(step + 1, arguments["steps"], None)
    return text("done")


TOOLS: dict[str, Callable[[Context, Arguments], Awaitable[t.CallToolResult]]] = {
    tool.__name__: tool
    for tool in (
        echo, big, wait, nap, thread, own_thread, surrogate, separators, cyclic, fail, pollute, read_stdin, progress,
    )
}  # fmt: skip


async def list_tools(_: Context, __: t.PaginatedRequestParams | None) -> t.ListToolsResult:
    return t.ListToolsResult(tools=[t.Tool(name=name, input_schema={"type": "object"}) for name in TOOLS])


async def call_tool(ctx: Context, params: t.CallToolRequestParams) -> t.CallToolResult:
    if params.name not in TOOLS:
        raise MCPError(code=t.INVALID_PARAMS, message="Unknown tool")
    try:
        return await TOOLS[params.name](ctx, params.arguments or {})
    except asyncio.CancelledError:
        say(f"cancelled {params.name}")
        raise


def main() -> int:
    flags = argparse.ArgumentParser()
    flags.add_argument("--marker", type=Path)
    flags.add_argument("--stuck-closer", action="store_true")
    flags.add_argument("--requests", type=int, default=WireLimits().requests)
    options = flags.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    server: Server[Any] = Server(
        "fixture",
        version="1",
        title="A fixture",
        icons=[t.Icon(src="https://example.com/icon.svg")],
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.extensions["example.com/extension"] = {"on": True}

    async def run() -> int:
        lifecycle = Lifecycle()

        async def mark() -> None:
            options.marker.write_text("closed")

        async def hang() -> None:
            await asyncio.Event().wait()

        if options.stuck_closer:
            lifecycle.on_close(hang)
        if options.marker:
            lifecycle.on_close(mark)
        say("serving")
        return await serve(server, wire=WIRE, lifecycle=lifecycle, limits=WireLimits(requests=options.requests))

    return asyncio.run(run())


if __name__ == "__main__":
    threading.current_thread().name = "main"
    sys.exit(main())
