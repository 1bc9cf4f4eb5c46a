r"""A table of Windows' calls whose behaviour is a tree in memory, for the walk that runs on top of them.

It answers as the documentation says that NTFS does: names match without regard to case and by their 8.3 alias,
a reparse point is opened and not followed, a handle stays with its file when the file is moved. Failures are
NTSTATUS numbers and links are bytes, so that what reads them runs too.
"""

import itertools
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.resolve._windows_calls import FileIdBothDirInfo, Purpose
from sandbox.resolve._windows_facts import DIRECTORY, REPARSE_POINT, Facts, refusal_of_status

NAME_NOT_FOUND, NOT_A_DIRECTORY, IS_A_DIRECTORY, ACCESS_DENIED = 0xC0000034, 0xC0000103, 0xC00000BA, 0xC0000022
SYMLINK, JUNCTION = 0xA000000C, 0xA0000003


def link_data(text: str, *, tag: int = SYMLINK, relative: bool = True, shown: str = "shown") -> bytes:
    """Return a REPARSE_DATA_BUFFER: the print name first, as Windows itself writes it for links."""
    show, real = shown.encode("utf-16-le"), text.encode("utf-16-le")
    body = struct.pack("<HHHH", len(show), len(real), 0, len(show))
    body += struct.pack("<I", int(relative)) if tag == SYMLINK else b""
    body += show + real
    return struct.pack("<IHH", tag, len(body), 0) + body


def listing_record(name: str, attributes: int, tag: int, *, last: bool) -> bytes:
    """Return one FILE_ID_BOTH_DIR_INFO, padded to eight bytes unless it is the last."""
    raw = name.encode("utf-16-le", "surrogatepass")
    fixed = FileIdBothDirInfo(attributes=attributes, file_name_length=len(raw), ea_size=tag)
    name_at = FileIdBothDirInfo.file_name.offset
    size = name_at + len(raw)
    size += 0 if last else -size % 8
    fixed.next_entry_offset = 0 if last else size
    return (bytes(fixed)[:name_at] + raw).ljust(size, b"\0")


@dataclass(eq=False)
class Node:
    """A file, directory or reparse point."""

    name: str
    parent: "Node | None"
    attributes: int = 0
    tag: int = 0
    data: bytes = b""
    alias: str = ""
    file_id: int = 0
    links: int = 1
    on_disk: bool = True
    children: list["Node"] = field(default_factory=list)

    def path(self) -> str:
        return self.name if self.parent is None else f"{self.parent.path()}\\{self.name}"

    def child(self, name: str) -> "Node | None":
        wanted = name.upper()
        return next((one for one in self.children if wanted in {one.name.upper(), one.alias.upper()}), None)


class FakeWindows:
    """`Calls` on a tree. `opened` records what was opened for what; `before_open` may change the tree first."""

    def __init__(self) -> None:
        self._numbers = itertools.count(100)
        self._ids = itertools.count(5000)
        self.volume = Node("\\Device\\HarddiskVolume1", None, DIRECTORY)
        self.held: dict[int, Node] = {}
        self.opened: list[tuple[str, Purpose]] = []
        self.before_open: Callable[[Node, str], None] = lambda _parent, _name: None

    # --- building ---

    def add(self, path: str, *, attributes: int = 0, tag: int = 0, data: bytes = b"", alias: str = "") -> Node:
        *above, name = path.split("/")
        parent = self.volume
        for one in above:
            parent = parent.child(one) or self._put(Node(one, parent, DIRECTORY))
        return self._put(Node(name, parent, attributes, tag, data, alias))

    def _put(self, node: Node) -> Node:
        assert node.parent is not None
        node.file_id = next(self._ids)
        node.parent.children.append(node)
        return node

    def link(self, path: str, text: str, *, tag: int = SYMLINK, relative: bool = True) -> Node:
        data = link_data(text, tag=tag, relative=relative)
        return self.add(path, attributes=REPARSE_POINT, tag=tag, data=data)

    def move(self, node: Node, to: Node) -> None:
        assert node.parent is not None
        node.parent.children.remove(node)
        node.parent = to
        to.children.append(node)

    def at(self, path: str) -> Node:
        node = self.volume
        for name in path.split("/"):
            found = node.child(name)
            assert found is not None, path
            node = found
        return node

    # --- the calls ---

    def open_path(self, path: str) -> int:
        return self._hold(self.at(path.removeprefix("C:\\").replace("\\", "/")))

    def open(self, parent: int, name: str, purpose: Purpose) -> int:
        above = self.held[parent]
        self.before_open(above, name)
        found = above.child(name) if name else above
        if found is None:
            raise refusal_of_status(NAME_NOT_FOUND)
        directory = bool(found.attributes & DIRECTORY)
        if purpose is Purpose.READ and directory:
            raise refusal_of_status(IS_A_DIRECTORY)
        if purpose is Purpose.LIST and not directory:
            raise refusal_of_status(NOT_A_DIRECTORY)
        self.opened.append((found.path().removeprefix(self.volume.name), purpose))
        return self._hold(found)

    def _hold(self, node: Node) -> int:
        handle = next(self._numbers)
        self.held[handle] = node
        return handle

    def facts(self, handle: int) -> Facts:
        node = self.held[handle]
        size = 0 if node.attributes & (DIRECTORY | REPARSE_POINT) else len(node.data)
        return Facts(node.attributes, node.tag, size, node.links, 0xABCD, node.file_id)

    def is_on_disk(self, handle: int) -> bool:
        return self.held[handle].on_disk

    def final_path(self, handle: int, *, drive: bool = False) -> str:
        path = self.held[handle].path()
        return path.replace(self.volume.name, "C:") if drive else path

    def reparse_data(self, handle: int) -> bytes:
        return self.held[handle].data

    def listing(self, handle: int) -> Iterator[bytes]:
        rows = [(".", DIRECTORY, 0), ("..", DIRECTORY, 0)]
        rows += [(one.name, one.attributes, one.tag) for one in self.held[handle].children]
        for begin in range(0, len(rows), 3):
            some = rows[begin : begin + 3]
            yield b"".join(listing_record(*row, last=row is some[-1]) for row in some).ljust(256, b"\xee")

    def descriptor(self, handle: int) -> int:
        with tempfile.TemporaryFile() as content:
            content.write(self.held.pop(handle).data)
            content.seek(0)
            return os.dup(content.fileno())

    def close(self, handle: int) -> None:
        del self.held[handle]
