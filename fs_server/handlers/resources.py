"""`resources/…`: files and directories under their `file://` URIs, and the output of commands."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from fs_server.errors import Failure, explain, quoted
from fs_server.files.encoding import SAMPLE_BYTES, Binary, detect
from fs_server.files.media_type import by_name, media_type
from fs_server.handlers.eras import is_modern
from fs_server.handlers.process_logs import TEMPLATE, is_log, log_of
from fs_server.services import Services
from fs_server.times import moment
from fs_server.tools.cursor import read_cursor, write_cursor
from resources import Children, Content, Listed, TooLarge, children, read, root_entries
from sandbox import (
    Access,
    Key,
    Kind,
    Lane,
    OpenDirectory,
    OpenFile,
    Place,
    Root,
    SandboxError,
    UnsupportedUri,
    uri_of_path,
)

__all__ = ["DIRECTORY_READ", "DirectoryReadParams", "ResourceHandlers"]

DIRECTORY_READ = "resources/directory/read"
DIRECTORY_TYPE = "inode/directory"
PAGE = 1000
"""Entries of a directory in one answer."""

_RESOURCE_NOT_FOUND = -32002
"""What 2025 clients expect where 2026 has -32602 (specification 2025-11-25, server/resources, error handling)."""


class DirectoryReadParams(t.RequestParams):
    """What `resources/directory/read` takes."""

    uri: str
    cursor: str | None = None


class ResourceHandlers:
    """Answers for the roots, their templates, and whatever lies beneath."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_list(
        self, _ctx: ServerRequestContext[Any, Any], params: t.PaginatedRequestParams | None
    ) -> t.ListResourcesResult:
        """Give the roots, on one page."""
        _require_no_cursor(params)
        return t.ListResourcesResult(resources=[_resource(root) for root in root_entries(self._services.workspace)])

    async def on_list_templates(
        self, _ctx: ServerRequestContext[Any, Any], params: t.PaginatedRequestParams | None
    ) -> t.ListResourceTemplatesResult:
        """Give a template per root: `{+path}`, so that slashes in a path stay slashes (RFC 6570); and one of logs."""
        _require_no_cursor(params)
        logs = [] if self._services.processes is None else [TEMPLATE]
        return t.ListResourceTemplatesResult(
            resource_templates=[*map(_template, self._services.workspace.roots), *logs]
        )

    async def on_read(
        self, ctx: ServerRequestContext[Any, Any], params: t.ReadResourceRequestParams
    ) -> t.ReadResourceResult:
        """Give a file's content, or a directory's entries as JSON."""
        uri = str(params.uri)
        try:
            if is_log(uri):
                return t.ReadResourceResult(contents=[log_of(self._services, uri)])
            place = self._at(uri, Access.READ)
            what = f"Reading {quoted(uri)}"
            found = await self._services.run(place.root, lambda _stop: _open(place), what=what)
            with found:
                if isinstance(found, OpenFile):
                    contents = await self._services.read(
                        place.root, lambda lane: self._whole(uri, found, lane), what=what
                    )
                    return t.ReadResourceResult(contents=[contents])
            page = await self._children(uri, ())
            return t.ReadResourceResult(contents=[_directory(uri, page)])
        except SandboxError as refusal:
            raise _error(ctx, uri, explain(refusal)) from refusal
        except TooLarge as refusal:
            raise _error(ctx, uri, _too_large(uri, refusal)) from refusal
        except Failure as failure:
            raise _error(ctx, uri, failure) from failure

    async def on_directory_read(
        self, ctx: ServerRequestContext[Any, Any], params: DirectoryReadParams
    ) -> dict[str, Any]:
        """Give a page of a directory's children as resources."""
        question = f"{DIRECTORY_READ} {params.uri}"
        try:
            page = await self._children(params.uri, read_cursor(question, params.cursor or ""))
        except SandboxError as refusal:
            raise _error(ctx, params.uri, explain(refusal)) from refusal
        except Failure as failure:
            raise _error(ctx, params.uri, failure) from failure
        listed = [_resource(entry).model_dump(by_alias=True, mode="json", exclude_none=True) for entry in page.entries]
        result: dict[str, Any] = {"resources": listed}
        if page.after is not None:
            result["nextCursor"] = write_cursor(question, page.after)
        if is_modern(ctx):  # a method of no 2025 version: nothing takes the hints out again on the way
            result |= {"ttlMs": 0, "cacheScope": "private"}
        return result

    async def _whole(self, uri: str, file: OpenFile, lane: Lane) -> t.TextResourceContents | t.BlobResourceContents:
        limits = self._services.limits
        content = await read(file, lane, limit=limits.resource_bytes)
        # Megabytes are decoded in a thread too: other calls are answered meanwhile.
        return await lane.run(lambda _stop: _contents(uri, content), timeout_s=limits.call_timeout_s)

    def _at(self, uri: str, access: Access) -> Place:
        """Return the place of a URI. A path without a scheme is none, though tools take one."""
        if not uri.lower().startswith("file:"):
            raise UnsupportedUri(uri, reason="Resources here have file:// URIs")
        return self._services.at(uri, access)

    async def _children(self, uri: str, after: Sequence[Key]) -> Children:
        place = self._at(uri, Access.LIST)
        return await self._services.run(
            place.root,
            lambda stop: children(place, after=after, limit=PAGE, stop=stop),
            what=f"Listing {quoted(uri)}",
        )


def _open(place: Place) -> OpenFile | OpenDirectory:
    return place.open_directory() if place.stat().kind is Kind.DIRECTORY else place.open()


def _resource(entry: Listed) -> t.Resource:
    modified = None if entry.modified_ns is None else moment(entry.modified_ns)
    return t.Resource(
        uri=entry.uri,
        name=entry.name,
        mime_type=DIRECTORY_TYPE if entry.kind is Kind.DIRECTORY else by_name(entry.name),
        size=entry.size,
        annotations=None if modified is None else t.Annotations(last_modified=modified),
    )


def _template(root: Root) -> t.ResourceTemplate:
    return t.ResourceTemplate(
        name=root.name,
        title=f"Files in {root.name}",
        uri_template=uri_of_path(root.path) + "/{+path}",
        description=f"A file or directory beneath the root {root.name}",
    )


def _contents(uri: str, content: Content) -> t.TextResourceContents | t.BlobResourceContents:
    """Return text where the bytes surely are text, else the bytes: a guess belongs to `read_file`, which says so."""
    head = content.data[:SAMPLE_BYTES]
    name = content.parts[-1]
    found = detect(head, len(content.data))
    if not isinstance(found, Binary) and found.certain:
        try:
            text = content.data[len(found.bom) :].decode(found.name)
        except UnicodeDecodeError:
            pass
        else:
            return t.TextResourceContents(uri=uri, mime_type=media_type(name, head, text=True), text=text)
    blob = base64.b64encode(content.data).decode("ascii")
    return t.BlobResourceContents(uri=uri, mime_type=media_type(name, head, text=False), blob=blob)


def _directory(uri: str, page: Children) -> t.TextResourceContents:
    entries = [
        {"name": entry.name, "uri": entry.uri, "type": entry.kind.value, "size": entry.size} for entry in page.entries
    ]
    facts: dict[str, object] = {"entries": entries}
    if page.after is not None:
        facts["more"] = f"{DIRECTORY_READ} gives all, page by page"
    return t.TextResourceContents(uri=uri, mime_type="application/json", text=json.dumps(facts, ensure_ascii=False))


def _too_large(uri: str, refusal: TooLarge) -> Failure:
    return Failure(
        "too_large",
        quoted(uri),
        f"It has {refusal.size} bytes; a resource is read whole, up to {refusal.limit}",
        "Read it in windows of lines with the tool read_file",
    )


_ASKED_WRONGLY = {"bad_cursor", "not_directory", "too_large"}
"""What is there, but cannot be had in this way: wrong parameters, in either era."""

_OUR_TROUBLE = {"timeout", "io_error"}
"""What the client can do nothing about."""


def _error(ctx: ServerRequestContext[Any, Any], uri: str, failure: Failure) -> MCPError:
    """Return the error of the client's era: the same whether nothing is there or it may not be seen."""
    code = t.INVALID_PARAMS if is_modern(ctx) else _RESOURCE_NOT_FOUND
    if failure.code in _ASKED_WRONGLY:
        code = t.INVALID_PARAMS
    elif failure.code in _OUR_TROUBLE:
        code = t.INTERNAL_ERROR
    return MCPError(code=code, message=str(failure), data={"uri": uri, "code": failure.code})


def _require_no_cursor(params: t.PaginatedRequestParams | None) -> None:
    if params is not None and params.cursor is not None:
        raise MCPError(code=t.INVALID_PARAMS, message="Invalid cursor: this list has one page")
