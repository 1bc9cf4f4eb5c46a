"""What can be addressed: the roots, the children of a directory a page at a time, the ways a path can go on.

Only the roots are listed as such. A list of every file would be one that hosts fetch to its last page, and a list
of the files touched last would differ from client to client.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from sandbox import Access, Entry, Key, Kind, Place, Root, Stop, Walk, Workspace, shown, uri_of_path

__all__ = ["Children", "Listed", "children", "completions", "root_entries"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One addressable thing.

    Attributes:
        uri: carries the very bytes of its name.
        name: for a reader, escaped.
        kind: what it is; a link is listed, and followed only when it is read.
        size: of a file, in bytes.
        modified_ns: since 1970.
    """

    uri: str
    name: str
    kind: Kind
    size: int | None = None
    modified_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Children:
    """One page of a directory; `after` is where the next begins, None at the end."""

    entries: tuple[Listed, ...]
    after: tuple[Key, ...] | None


def root_entries(workspace: Workspace) -> tuple[Listed, ...]:
    """Return the roots, in the operator's order."""
    return tuple(Listed(uri_of_path(root.path), root.name, Kind.DIRECTORY) for root in workspace.roots)


def children(place: Place, *, after: Sequence[Key] = (), limit: int, stop: Stop) -> Children:
    """Return a page of the directory at `place`, names sorted by code point; secret names are left out.

    Raises:
        SandboxError: it is none, or may not be listed.
    """
    with place.open_directory() as directory:
        walk = Walk(directory, ignored=None, after=after, stop=stop)
        entries: list[Listed] = []
        keys = tuple(after)
        for entry in walk:
            if entry.secret:
                continue
            if len(entries) == limit:  # one more than fits: so no page is empty in the end
                return Children(tuple(entries), keys)
            entries.append(_listed(entry, place))
            keys = walk.keys
        return Children(tuple(entries), keys if walk.stopped else None)


def _listed(entry: Entry, place: Place) -> Listed:
    size = entry.size if entry.kind is Kind.FILE else None
    return Listed(place.uri_of(entry.parts), shown(entry.name), entry.kind, size, entry.stat.st_mtime_ns)


def completions(workspace: Workspace, root: Root, typed: str, *, limit: int, stop: Stop) -> tuple[list[str], bool]:
    """Return how a path relative to `root` can go on from what was typed, sorted, and whether there are more.

    Directories end in `/`. Secret names are left out, and those that only an escape could show.

    Raises:
        SandboxError: the directory typed so far is none.
    """
    folder, slash, begun = typed.rpartition("/")
    place = workspace.at(uri_of_path(root.path, folder.split("/")), Access.LIST)
    with place.open_directory() as directory:
        fitting = (
            name + ("/" if kind is Kind.DIRECTORY else "")
            for name, kind in takewhile(lambda _: not stop.is_set(), directory.names())
            # The directory's own root decides: it may be one inside of the root that was asked.
            if name.startswith(begun) and shown(name) == name and not directory.root.hides((*directory.parts, name))
        )
        names = heapq.nsmallest(limit + 1, fitting)
    return [folder + slash + name for name in names[:limit]], len(names) > limit
