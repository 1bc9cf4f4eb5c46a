"""Steps: who the server says it is, what it offers, where it may go."""

from collections.abc import Mapping
from json import dumps
from typing import Any

from fs_server import identity
from fs_server.cli.try_session.step import Group, Question, Seen, Step, Unexpected

__all__ = ["CONNECT", "INTRODUCTION"]


async def _connect(question: Question) -> Seen:
    client = question.client
    server = client.server_info
    if server is None or server.name != identity.NAME:
        raise Unexpected(f"The server calls itself {server and server.name!r}.")
    offers = sorted(client.server_capabilities.model_dump(exclude_none=True))
    return Seen(
        told=f"{server.name} {server.version}",
        came=f"{server.name} {server.version}, protocol {client.protocol_version}, offers {', '.join(offers)}",
        quoted=tuple((client.instructions or "").splitlines()),
    )


async def _tools(question: Question) -> Seen:
    tools = (await question.client.list_tools()).tools
    if not tools:
        raise Unexpected("The list of tools is empty.")
    bare = [tool.name for tool in tools if tool.annotations is None or tool.annotations.read_only_hint is None]
    if bare:
        raise Unexpected(f"Without a hint whether they only read: {', '.join(bare)}")
    # What a model is shown of a tool, and so what the tools cost it.
    size = sum(len(dumps([tool.name, tool.description, tool.input_schema]).encode()) for tool in tools)
    reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
    changing = [tool.name for tool in tools if tool.name not in reading]
    told = f"{len(tools)} tools"
    said = [f"Reading: {', '.join(reading)}."] if reading else []
    said += [f"Changing: {', '.join(changing)}."] if changing else []
    return Seen(told, came=f"{told}, {size:,} bytes for the model to read", said=tuple(said))


async def _roots(question: Question) -> Seen:
    result = await question.answer("list_roots", {})
    data = result.structured_content or {}
    roots = data.get("roots") or []
    if not roots:
        raise Unexpected("There is no root.")
    told = "1 root" if len(roots) == 1 else f"{len(roots)} roots"
    return Seen(told, came=f"{told}, paths are kept inside by {data.get('resolver')}", quoted=tuple(map(_root, roots)))


def _root(root: Mapping[str, Any]) -> str:
    writable = "writable" if root["writable"] else "read-only"
    secret, protected = len(root["secret_patterns"]), len(root["protected_patterns"])
    return f"{root['name']}: {root['path']}, {writable}; patterns: {secret} secret, {protected} protected"


CONNECT = Step("connect", _connect)

INTRODUCTION = Group(
    "What a host learns first",
    (
        CONNECT,
        Step("tools/list", _tools, capability="tools"),
        Step("list_roots", _roots, tool="list_roots"),
    ),
)
