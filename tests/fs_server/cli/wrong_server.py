"""A server that says it is ours and does what it should not. Its one argument chooses what: see `MANNERS`.

`python wrong_server.py leaky`: refuses nothing, and finds what is not there.
`python wrong_server.py bare`: has nothing of what it announces.
`python wrong_server.py denied`: is not let into its root.
"""

import sys
from typing import Any

import anyio
import mcp_types as t
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

ROOT = "file:///root"
LEAKY, BARE, DENIED = "leaky", "bare", "denied"
TOOLS = ("list_roots", "list_directory", "read_file", "file_info", "read_files")
READS = t.ToolAnnotations(read_only_hint=True)


def main(manners: str) -> None:
    async def tools(*_: Any) -> t.ListToolsResult:
        named = [
            t.Tool(name=name, input_schema={"type": "object"}, annotations=READS if manners == DENIED else None)
            for name in TOOLS
        ]
        return t.ListToolsResult(tools=[] if manners == BARE else named)

    async def call(_: Any, params: t.CallToolRequestParams) -> t.CallToolResult:
        if manners == DENIED:
            return t.CallToolResult(
                content=[t.TextContent(text="")],
                structured_content={},
                _meta={"fs-server/result": {"skipped": {"permission_denied": 1}}},
            )
        told = {"list_roots": {"roots": [{"name": "r", "secret_patterns": [".env"]}]}, "file_info": {"encoding": "x"}}
        return t.CallToolResult(content=[t.TextContent(text="all")], structured_content=told.get(params.name))

    async def resources(*_: Any) -> t.ListResourcesResult:
        return t.ListResourcesResult(resources=[] if manners == BARE else [t.Resource(name="r", uri=ROOT)])

    async def children(*_: Any) -> dict[str, Any]:
        readme = {"name": "README.md", "uri": f"{ROOT}/README.md", "mimeType": "text/markdown", "size": 3}
        return {"resources": [readme] if manners == LEAKY else []}

    async def templates(*_: Any) -> t.ListResourceTemplatesResult:
        return t.ListResourceTemplatesResult(resource_templates=[])

    async def read(_: Any, params: t.ReadResourceRequestParams) -> t.ReadResourceResult:
        text = t.TextResourceContents(uri=params.uri, text="all")
        return t.ReadResourceResult(contents=[] if "README" in str(params.uri) else [text])

    async def complete(*_: Any) -> t.CompleteResult:
        return t.CompleteResult(completion=t.Completion(values=[]))

    server: Server[Any] = Server(
        "fs-server",
        version="0",
        on_list_tools=tools,
        on_call_tool=call,
        on_list_resources=resources,
        on_list_resource_templates=templates,
        on_read_resource=read,
        on_completion=complete,
    )
    server.add_request_handler("resources/directory/read", t.RequestParams, children)

    async def serve() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(serve)


if __name__ == "__main__":
    main(sys.argv[1])
