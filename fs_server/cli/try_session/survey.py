"""What a directory has that is worth asking about, found as a client finds it: by asking the server."""

import itertools
from collections import deque
from collections.abc import AsyncIterator, Container, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import anyio
import mcp_types as t
from mcp import Client
from mcp.shared.exceptions import MCPError

from sandbox import shown

__all__ = ["DIRECTORY_READ", "DIRECTORY_TYPE", "Find", "Survey", "directory_page", "survey"]

DIRECTORY_READ = "resources/directory/read"
DIRECTORY_TYPE = "inode/directory"

MOST_DIRECTORIES = 200
MOST_SECONDS = 5.0
MOST_CHECKED = 12
"""Candidates for a text file that are described before we give up."""

TEXT_BYTES = range(1, 1_000_001)
LONG_BYTES = 100_000

_DOCUMENTS = ("/pdf", "ipynb", "wordprocessingml.document", "spreadsheetml.sheet")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_DENIED = ".env"
_PROSE = ("text/markdown", "text/x-rst")


@dataclass(frozen=True, slots=True)
class Find:
    """A file, by its URI and by the path that a client would send."""

    uri: str
    path: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found; empty or None where there is none, or none was found in time.

    Attributes:
        root: the URI of the root.
        template: the URI template of its files.
        top: what lies directly in it.
        secret: a path that its settings make secret, whether or not it exists.
        text: a file that holds text.
        picture: a file that is an image by its name.
        document: the same for what holds text within a format of its own.
    """

    root: str = ""
    template: str = ""
    top: tuple[Find, ...] = ()
    secret: str = ""
    text: Find | None = None
    picture: Find | None = None
    document: Find | None = None


@dataclass(frozen=True, slots=True)
class _File:
    listed: t.Resource
    depth: int

    @property
    def kind(self) -> str:
        return self.listed.mime_type or ""

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key: what a person would open first. Near the top, a README, prose, code, whatever else is short."""
        name = self.listed.name
        return (
            name.startswith("."),
            self.depth,
            not name.lower().startswith("readme"),
            (self.listed.size or 0) > LONG_BYTES,
            self.kind not in _PROSE,
            not self.kind.startswith("text/"),
            not self.kind,
            name,
        )


async def survey(client: Client, tools: Container[str]) -> Survey:
    """Look through the root, the nearest directories first, and return what was found.

    There is one root: the directory that is tried.
    """
    secret = await _secret(client) if "list_roots" in tools else ""
    roots = (await client.list_resources()).resources if client.server_capabilities.resources is not None else []
    if not roots:
        return Survey(secret=secret)
    root = roots[0].uri
    templates = (await client.list_resource_templates()).resource_templates
    files, top = [], []
    with anyio.move_on_after(MOST_SECONDS):
        async for child, depth in _children(client, root):
            if depth == 0:
                top.append(_find(root, child))
            if child.mime_type != DIRECTORY_TYPE:
                files.append(_File(child, depth))
    files.sort(key=lambda file: file.rank)
    return Survey(
        root=root,
        template=templates[0].uri_template if templates else "",
        top=tuple(top),
        secret=secret,
        text=await _text(client, root, files) if "file_info" in tools else None,
        picture=_first(root, (file for file in files if file.kind in _PICTURES)),
        document=_first(root, (file for file in files if any(part in file.kind for part in _DOCUMENTS))),
    )


async def directory_page(client: Client, uri: str) -> t.ListResourcesResult:
    """Return the first page of a directory's children. The SDK's client has no method of its own for this one."""
    request = t.Request[dict[str, Any], str](method=DIRECTORY_READ, params={"uri": uri})
    return await client.session.send_request(request, t.ListResourcesResult)


async def _children(client: Client, root: str) -> AsyncIterator[tuple[t.Resource, int]]:
    """Yield what lies beneath the root with its depth, breadth first. What cannot be listed is passed over."""
    queue = deque([(root, 0)])
    for _ in range(MOST_DIRECTORIES):
        if not queue:
            return
        uri, depth = queue.popleft()
        try:
            children = (await directory_page(client, uri)).resources
        except MCPError:
            continue
        for child in children:
            yield child, depth
            if child.mime_type == DIRECTORY_TYPE and not child.name.startswith("."):
                queue.append((child.uri, depth + 1))


async def _secret(client: Client) -> str:
    """Return `.env` if the settings make that secret."""
    roots = ((await client.call_tool("list_roots", {})).structured_content or {}).get("roots", [])
    return _DENIED if roots and _DENIED in roots[0]["secret_patterns"] else ""


async def _text(client: Client, root: str, files: list[_File]) -> Find | None:
    """Return the first file that the server itself takes for text: names promise much."""
    likely = (file for file in files if file.listed.size in TEXT_BYTES and not file.kind.startswith("image/"))
    with anyio.move_on_after(MOST_SECONDS):
        for file in itertools.islice(likely, MOST_CHECKED):
            find = _find(root, file.listed)
            result = await client.call_tool("file_info", {"path": find.path})
            if not result.is_error and (result.structured_content or {}).get("encoding"):
                return find
    return None


def _first(root: str, files: Iterator[_File]) -> Find | None:
    file = next(files, None)
    return None if file is None else _find(root, file.listed)


def _find(root: str, listed: t.Resource) -> Find:
    """Return a resource with its path relative to the root, or its URI where no path could be written down."""
    uri = listed.uri
    path = unquote(uri.removeprefix(f"{root}/"), errors="surrogateescape")
    return Find(uri, path if shown(path) == path else uri)
