"""The tool `list_directory`: what a directory holds, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from pydantic import Field

from fs_server.errors import quoted
from fs_server.services import Services
from fs_server.times import minute
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.cursor import read_cursor, write_cursor
from fs_server.tools.tool import Effect, tool
from sandbox import DEEPEST, Access, Entry, Key, Kind, Order, Place, Stop, Walk, ignored_in, shown

_ENDS = {Kind.DIRECTORY: "/", Kind.FIFO: "|", Kind.SOCKET: "=", Kind.DEVICE: "%"}


class ListDirectory(Arguments):
    """What `list_directory` takes."""

    path: str = Field("", description='Directory; "" for the roots')
    depth: Annotated[int, Field(ge=1, le=DEEPEST, description="Levels; a tree from 2 on")] = 1
    sort: Annotated[Order, Field(description="Of siblings; newest or largest first")] = Order.NAME
    ignored: Annotated[bool, Field(description="Also what .gitignore leaves out")] = False
    limit: Annotated[int, Field(ge=1, le=2000)] = 200
    cursor: Annotated[str, Field(description="From the last page")] = ""


@tool(title="List a directory", effect=Effect.READ, core=True)
async def list_directory(asked: ListDirectory, services: Services) -> Answer:
    """List entries with size and time (UTC): name/ is a directory, name -> target a link. Links are not followed."""
    if asked.path in {"", "."} and len(services.workspace.roots) > 1:
        return _roots(services)
    place = services.at("." if asked.path == "" else asked.path, Access.LIST)
    after = read_cursor(_question(asked), asked.cursor)
    page = await services.run(
        place.root,
        lambda stop: _page(place, asked, after, services.limits.result_chars, stop),
        what=f"Listing {quoted(asked.path)}",
    )
    facts: dict[str, object] = {
        "path": shown(page.spoken),
        "uri": page.uri,
        "count": len(page.lines),
        "skipped": dict(page.skipped),
        "truncated": page.keys is not None,
    }
    if page.stopped:
        facts["stopped"] = page.stopped
    cursor = write_cursor(_question(asked), page.keys) if page.keys is not None else ""
    if cursor:
        facts["cursor"] = cursor
    return Answer((Text("\n".join(page.lines)), _closing(page, cursor)), facts)


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a listing; `keys` is where the next one begins, None at the end."""

    lines: list[str]
    skipped: Mapping[str, int]
    total: int | None
    stopped: str
    keys: tuple[Key, ...] | None
    spoken: str
    uri: str


def _question(asked: ListDirectory) -> str:
    return repr(("list_directory", asked.path, asked.depth, asked.sort.value, asked.ignored))


def _page(place: Place, asked: ListDirectory, after: tuple[Key, ...], budget: int, stop: Stop) -> _Page:
    with place.open_directory() as directory:
        ignored = None
        if not asked.ignored:
            with place.root_directory() as top:
                ignored = ignored_in(top, directory.parts)
        walk = Walk(directory, depth=asked.depth, order=asked.sort, ignored=ignored, after=after, stop=stop)
        lines: list[str] = []
        keys: tuple[Key, ...] = after
        more = False
        # One more than is shown tells whether there are more, without a page that is empty in the end.
        for entry in islice(walk, asked.limit + 1):
            line = _line(entry, len(walk.keys) - 1, place)
            budget -= len(line) + 1
            if len(lines) == asked.limit or (budget < 0 and lines):
                more = True
                break
            lines.append(line)
            keys = walk.keys
        return _Page(
            lines=lines,
            skipped=walk.skipped,
            total=walk.total,
            stopped=walk.stopped,
            keys=keys if more or walk.stopped else None,
            spoken=place.spoken_of(directory.parts),
            uri=place.uri_of(directory.parts),
        )


def _line(entry: Entry, level: int, place: Place) -> str:
    """Return `SIZE  TIME  NAME`; of what is secret no more than its name."""
    name = shown(entry.name) + _ENDS.get(entry.kind, "")
    if entry.kind is Kind.LINK:
        name += f" -> {shown(entry.link_target)}"
    if shown(entry.name) != entry.name:
        name += f"  ({place.uri_of(entry.parts)})"  # the escaped name cannot be sent back; the URI can
    if entry.protected:
        name += " [protected]"
    size = f"{entry.size}" if entry.kind is Kind.FILE and not entry.secret else "-"
    time = "-" if entry.secret else minute(entry.stat.st_mtime_ns)
    return f"{size:>10}  {time:<16}  {'  ' * level}{name}"


def _closing(page: _Page, cursor: str) -> Text:
    of = f" of {page.total}" if page.total is not None and page.total > len(page.lines) else ""
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(page.skipped.items()))
    return note(
        f"{shown(page.spoken)}: {len(page.lines)} entries{of}",
        f"left out: {left_out}" if left_out else "",
        f"stopped: {page.stopped}" if page.stopped else "",
        f'more: cursor="{cursor}"' if cursor else "",
    )


def _roots(services: Services) -> Answer:
    roots = services.workspace.roots
    lines = [f"{'-':>10}  {'-':<16}  {root.name}/" for root in roots]
    return Answer(
        (Text("\n".join(lines)), note(f"{len(roots)} roots", "begin a path with the name of one")),
        {"count": len(roots), "truncated": False},
    )
