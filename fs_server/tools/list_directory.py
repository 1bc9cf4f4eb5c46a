"""The tool `list_directory`: what a directory holds, a page at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field

from fs_server.errors import quoted
from fs_server.services import Services
from fs_server.times import minute
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.cursor import longest_cursor, read_cursor, write_cursor
from fs_server.tools.tool import Effect, tool
from sandbox import DEEPEST, Access, Entry, Key, Kind, Order, Place, Stop, Walk, ignored_in, shown

NOTE_CHARS = 400
"""Room that is kept in a result for the note at its end, its cursor apart."""

LONGEST_LINE = 600
"""Characters of one entry. A link's text may have 4,096 bytes, a URI three characters for each byte of a name."""

# Names that could be taken for something else than a name of this directory, and names that could not be sent back.
_MISLEADING = re.compile(r"^\s|\s$|\s\s| -> |\[protected\]$|^file:", re.IGNORECASE)

_ENDS = {Kind.DIRECTORY: "/", Kind.FIFO: "|", Kind.SOCKET: "=", Kind.DEVICE: "%"}


class ListDirectory(Arguments):
    """What `list_directory` takes."""

    path: str = Field("", description='Directory; "" for the roots')
    depth: Annotated[int, Field(ge=1, le=DEEPEST, description="Levels; a tree from 2 on")] = 1
    sort: Annotated[Literal["name", "modified", "size"], Field(description="Of siblings; newest or largest first")] = (
        "name"
    )
    ignored: Annotated[bool, Field(description="Also what .gitignore leaves out")] = False
    limit: Annotated[int, Field(ge=1, le=2000, description="Entries of a page")] = 200
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
        "path": page.shown,
        "uri": page.uri,
        "count": len(page.lines),
        "skipped": dict(page.skipped),
        "truncated": bool(page.cursor),
    }
    if page.stopped:
        facts["stopped"] = page.stopped
    if page.cursor:
        facts["cursor"] = page.cursor
    return Answer((Text("\n".join(page.lines)), _closing(page)), facts)


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a listing; `cursor` is where the next one begins, "" at the end."""

    lines: list[str]
    skipped: Mapping[str, int]
    total: int | None
    stopped: str
    cursor: str
    shown: str
    uri: str


def _question(asked: ListDirectory) -> str:
    return repr(("list_directory", asked.path, asked.depth, asked.sort, asked.ignored))


def _page(place: Place, asked: ListDirectory, after: tuple[Key, ...], max_chars: int, stop: Stop) -> _Page:
    with place.open_directory() as directory:
        ignored = None
        if not asked.ignored:
            with place.root_directory() as top:
                ignored = ignored_in(top, directory.parts)
        walk = Walk(directory, depth=asked.depth, order=Order(asked.sort), ignored=ignored, after=after, stop=stop)
        question = _question(asked)
        lines: list[str] = []
        left = max_chars - NOTE_CHARS
        last = after
        more = False
        # One more than is shown tells whether there are more, without a page that is empty in the end.
        for entry in islice(walk, asked.limit + 1):
            line = _line(entry, len(walk.keys) - 1, place)
            left -= len(line) + 1
            # The cursor takes room too; it is made only where it could be too long.
            full = left < longest_cursor(walk.keys) and left < len(write_cursor(question, walk.keys))
            if len(lines) == asked.limit or (full and lines):
                more = True
                break
            lines.append(line)
            last = walk.keys
        return _Page(
            lines=lines,
            skipped=walk.skipped,
            total=walk.total,
            stopped=walk.stopped,
            cursor=write_cursor(question, last) if more or walk.stopped else "",
            shown=place.shown_of(directory.parts),
            uri=place.uri_of(directory.parts),
        )


def _line(entry: Entry, level: int, place: Place) -> str:
    """Return `SIZE  TIME  NAME`; of what is secret no more than its name."""
    name = shown(entry.name)
    uri = place.uri_of(entry.parts) if name != entry.name or _MISLEADING.search(name) else ""
    name += _ENDS.get(entry.kind, "")
    if entry.kind is Kind.LINK and not entry.secret:
        name += f" -> {shown(entry.link_target)}"
    size = f"{entry.size}" if entry.kind is Kind.FILE and not entry.secret else "-"
    time = "-" if entry.secret else minute(entry.stat.st_mtime_ns)
    line = f"{size:>10}  {time:<16}  {'  ' * level}{name}"
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE - 1]}…"
    if uri and len(line) + len(uri) <= 2 * LONGEST_LINE:
        line += f"  ({uri})"  # the name as it is shown cannot be sent back; the URI can
    return line + " [protected]" * entry.protected


def _closing(page: _Page) -> Text:
    of = f" of {page.total}" if page.total is not None and page.total > len(page.lines) else ""
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(page.skipped.items()))
    return note(
        f"{quoted(page.shown)}: {len(page.lines)} entries{of}",
        f"left out: {left_out}" if left_out else "",
        f"stopped: {page.stopped}" if page.stopped else "",
        f'more: cursor="{page.cursor}"' if page.cursor else "",
    )


def _roots(services: Services) -> Answer:
    roots = services.workspace.roots
    lines = [f"{'-':>10}  {'-':<16}  {root.name}/" for root in roots]
    return Answer(
        (Text("\n".join(lines)), note(f"{len(roots)} roots", "begin a path with the name of one")),
        {"count": len(roots), "truncated": False},
    )
