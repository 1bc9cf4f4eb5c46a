"""The resolver seam: from a held root and a list of names to an open thing, with links that never lead out.

The contract, the same on every platform:

- Names are looked up relative to a held handle, never through a path of the host. What is found is open, so
  there is nothing left to check and open again.
- Links beneath the root are followed, up to `MAX_LINKS` hops. A link that leads out, by `..` or because its
  text is absolute, is `EscapesRoot`, even where the absolute text points back into the root.
- `..` is resolved as the kernel resolves it: after the links, never by cutting text.
- `Found.parts` are the real names from the root to the thing, no link among them: policy is decided on them.
- Nothing that is not a regular file or a directory is ever opened for reading, so that no FIFO can hang a call
  and no device can feel a touch.

`KernelResolver` lets openat2(2) do the whole lookup. `StepwiseResolver` opens one component at a time and runs
on any POSIX system. `WindowsResolver` is the same walk with `NtCreateFile`. One is chosen at start for the whole
process by a live probe: a lookup that fails is never tried again by another resolver, because an attacker who
can make a lookup fail could then choose the weaker one.
"""

import enum
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.attributes import Attributes

__all__ = ["BACKENDS", "MAX_LINKS", "Changes", "Found", "Kind", "Resolver", "choose"]

MAX_LINKS = 40
"""Links followed in one lookup before it counts as a loop: the kernel's own limit (path_resolution(7))."""


class Kind(enum.StrEnum):
    """What stands at a name."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    OTHER = "other"

    @classmethod
    def of(cls, mode: int) -> "Kind":
        """Return the kind that the type bits of a `st_mode` say."""
        return _KINDS.get(stat.S_IFMT(mode), cls.OTHER)


_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.LINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.DEVICE,
    stat.S_IFBLK: Kind.DEVICE,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was looked up and is held.

    Attributes:
        handle: of the thing itself; the receiver closes it with `Resolver.close`. It may not be readable.
        parts: the real names from the root, without links; empty for the root.
        stat: taken from the handle.
    """

    handle: int
    parts: tuple[str, ...]
    stat: os.stat_result

    @property
    def kind(self) -> Kind:
        """What was found; never `Kind.LINK`."""
        return Kind.of(self.stat.st_mode)


class Changes(Protocol):
    """What changes a tree: each call on one name in a held directory. No link is followed, nothing is replaced unsaid.

    All methods raise a `SandboxError` without a subject, never an `OSError`. A name is one component, without NUL.
    """

    def create(self, directory: int, name: str, mode: int) -> int:
        """Return a descriptor that reads and writes the new file `name`."""
        ...

    def create_unnamed(self, directory: int, mode: int) -> int | None:
        """Return a descriptor that reads and writes a new file that has no name yet, and goes away without one.

        None where there is no such thing.
        """
        ...

    def give_name(self, descriptor: int, directory: int, name: str) -> None:
        """Give such a file the name `name`, where nothing stands; `Exists` where something does."""
        ...

    def begin_flush(self, descriptor: int) -> None:
        """Let the disk begin to take what was written to a file, where that can be said; wait for nothing."""
        ...

    def make_directory(self, directory: int, name: str, mode: int) -> None:
        """Make the directory `name`."""
        ...

    def make_link(self, directory: int, name: str, target: str) -> None:
        """Make the symbolic link `name` with the text `target`."""
        ...

    def make_fifo(self, directory: int, name: str, mode: int) -> None:
        """Make the FIFO `name`."""
        ...

    def rename(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Give what is `name` the name `to_name`, where nothing stands; `Exists` where something does."""
        ...

    def exchange(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Let two names that exist change places, at once; `UnsupportedOp` where that cannot be done."""
        ...

    def replace(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Give what is `name` the name `to_name`, whatever stood there."""
        ...

    def hard_link(self, directory: int, name: str, to_name: str) -> None:
        """Give the file `name` a second name in the same directory, where nothing stands."""
        ...

    def unlink(self, directory: int, name: str) -> None:
        """Remove the name of anything but a directory."""
        ...

    def remove_directory(self, directory: int, name: str) -> None:
        """Remove the empty directory `name`."""
        ...

    def sync(self, directory: int) -> None:
        """Wait until the names in the directory are on the disk."""
        ...

    def flush(self, directory: int) -> bool:
        """Wait until all that was written to its file system is on the disk; False where no one call does that."""
        ...

    def may_change(self, directory: int) -> bool:
        """Tell whether this user may make and remove names in the directory."""
        ...

    def unlock(self, directory: int) -> None:
        """Let this user make and remove names in a directory of their own, where only its mode forbids that."""
        ...

    def is_written_to(self, descriptor: int) -> bool:
        """Tell whether somebody has the file open for writing, as far as the system tells that. It is open for reading.

        Some file systems say so of every file.
        """
        ...

    def attributes(self, descriptor: int) -> Attributes:
        """Return the attributes of a file or directory that is open for reading."""
        ...

    def put_attributes(self, descriptor: int, attributes: Attributes, *, owner: bool, times: bool) -> bool:
        """Put attributes on an open file or directory; tell whether it has the `owner` too, if that was asked.

        Only root can give a file away, and a user only to groups of their own. Set-id bits are left out.
        """
        ...


class Resolver(Protocol):
    """What each platform supplies. Handles are ints of the platform's own; every call is synchronous.

    All methods raise a `SandboxError` without a subject (the caller knows its own words), never an `OSError`.

    Attributes:
        name: of the way.
        changes: what changes a tree; None where this platform cannot yet: its roots are read-only.
    """

    name: str
    changes: Changes | None

    def open_root(self, path: str) -> int:
        """Return a handle of the directory at `path`: the only call that takes a path of the host."""
        ...

    def real_path(self, handle: int) -> str:
        """Return where the directory behind `handle` stands now. For people and URIs, never to open."""
        ...

    def stat(self, handle: int) -> os.stat_result:
        """Return the facts of the thing behind `handle`."""
        ...

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        """Look `parts` up beneath `root`. `directory` demands a directory (the text ended in a slash)."""
        ...

    def readable(self, found: Found) -> int:
        """Return a new descriptor that reads the regular file that was found, the same file and no other."""
        ...

    def open_directory(self, parent: int, name: str) -> int:
        """Return a handle of the directory `name` in `parent`; a link there is `NotDirectory`."""
        ...

    def open_file(self, parent: int, name: str) -> int:
        """Return a descriptor that reads the regular file `name` in `parent`; a link is `NotRegularFile`."""
        ...

    def names(self, directory: int) -> Iterator[tuple[str, Kind]]:
        """Yield the names in a directory as the system gives them, in no order. Nothing is followed."""
        ...

    def stat_child(self, directory: int, name: str) -> os.stat_result:
        """Return the facts of `name` in `directory`; of a link, the link's own."""
        ...

    def read_link(self, directory: int, name: str) -> str:
        """Return the text of the link `name` in `directory`."""
        ...

    def close(self, handle: int) -> None:
        """Give a handle back."""
        ...


if sys.platform == "win32":
    from sandbox.resolve._windows import WindowsResolver

    BACKENDS: dict[str, Callable[[], Resolver]] = {"windows": WindowsResolver}

    def choose() -> Resolver:
        """Return the strongest resolver that works here, found by trying it."""
        return WindowsResolver()

else:
    from sandbox.resolve._openat2 import KernelResolver, kernel_resolves
    from sandbox.resolve._stepwise import StepwiseResolver

    BACKENDS = {"openat2": KernelResolver, "stepwise": StepwiseResolver}

    def choose() -> Resolver:
        """Return the strongest resolver that works here, found by trying it."""
        return KernelResolver() if kernel_resolves() else StepwiseResolver()
