"""Places and what is found there: the only way to open, list or describe a file.

A `Place` is a spot beneath a held root that the policy allows by its name. Everything else is decided on what
was really opened: its real names pass the policy again, and only then is a byte handed out.
"""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from sandbox.errors import InvalidPath, IsDirectory, NotDirectory, NotFound, SandboxError, from_os_error
from sandbox.names import shown
from sandbox.policy import Access
from sandbox.resolve import Found, Kind
from sandbox.roots import Root
from sandbox.uris import is_uri, uri_of_path

__all__ = ["Entry", "OpenDirectory", "OpenFile", "Place"]

CHUNK = 1 << 20
"""Bytes read at a time where a whole file is gone through: large enough that a call costs nothing beside it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The facts of one thing, taken by handle.

    Attributes:
        parts: its real names beneath the root.
        kind: what it is; a link only where a directory lists it.
        size: in bytes, as `st_size` says.
        stat: everything else that the system knows of it.
        link_target: the text of a link, as it stands; "" for anything else.
        protected: a pattern of the policy covers it, for reading or for writing.
        secret: a pattern covers it for reading: nothing more than its name is told.
    """

    parts: tuple[str, ...]
    kind: Kind
    stat: os.stat_result
    link_target: str = ""
    protected: bool = False
    secret: bool = False

    @property
    def name(self) -> str:
        """The last of its names; "" for a root."""
        return self.parts[-1] if self.parts else ""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stat.st_size


@dataclass(frozen=True, slots=True)
class Place:
    """A spot beneath a root, allowed by name for one kind of access.

    Attributes:
        root: that holds it.
        parts: the names, as the client wrote them.
        access: what was asked, and is asked again of what is found.
        subject: the client's own words for it.
        directory: the words demand a directory.
        alone: the root is the only one, so that a client needs no root's name.
        named: the first of `parts` is the only root's own name. Which of the two it means is looked up when it is
            opened: a project often holds a directory of its own name, and then that one is meant.
    """

    root: Root
    parts: tuple[str, ...]
    access: Access
    subject: str
    directory: bool
    alone: bool
    named: bool = False

    @property
    def spoken(self) -> str:
        """The path as a client can send it back: relative, behind the root's name where there are several."""
        return self.spoken_of(self.parts)

    def spoken_of(self, parts: tuple[str, ...]) -> str:
        """Return the sendable path of other names beneath the same root."""
        names = parts if self.alone else (self.root.name, *parts)
        text = "/".join(names) or "."
        return f"./{text}" if is_uri(text) else text  # a file may be called "file:notes"

    def shown_of(self, parts: tuple[str, ...]) -> str:
        """Return the path for a reader's eyes, with everything that could mislead escaped."""
        return shown(self.spoken_of(parts))

    def uri_of(self, parts: tuple[str, ...]) -> str:
        """Return the file URI of names beneath the same root; it carries their very bytes."""
        return uri_of_path(self.root.path, parts)

    def open(self) -> "OpenFile":
        """Open the regular file that is here, for reading.

        Raises:
            SandboxError: it is not there, not a regular file, leads out, or may not be read.
        """
        found = self._find()
        try:
            if found.kind is Kind.DIRECTORY:
                raise IsDirectory(self.subject)
            return OpenFile(self.root.resolver.readable(found), found)
        except SandboxError as refusal:
            raise refusal.about(self.subject) from refusal
        finally:
            self.root.resolver.close(found.handle)

    def open_directory(self) -> "OpenDirectory":
        """Open the directory that is here.

        Raises:
            SandboxError: it is not there, no directory, leads out, or may not be listed.
        """
        found = self._find()
        if found.kind is not Kind.DIRECTORY:
            self.root.resolver.close(found.handle)
            raise NotDirectory(self.subject)
        return OpenDirectory(self.root, found.handle, found.parts)

    def root_directory(self) -> "OpenDirectory":
        """Open the root that this place lies beneath."""
        return replace(self, parts=(), directory=True, access=Access.LIST, named=False).open_directory()

    def stat(self) -> Entry:
        """Return the facts of what is here, links followed. A link's own text is told beside them.

        Raises:
            SandboxError: it is not there, leads out, or may not be described.
        """
        found = self._find()
        self.root.resolver.close(found.handle)
        return Entry(found.parts, found.kind, found.stat, protected=self.root.marks(found.parts))

    def link_target(self) -> str | None:
        """Return the text of the link that the last name is; None where it is none. Nothing is followed for it."""
        if not self.parts or self.parts[-1] == "..":
            return None
        try:
            with replace(self, parts=self.parts[:-1], directory=True, access=Access.LIST).open_directory() as parent:
                return parent.entry(self.parts[-1]).link_target or None
        except SandboxError:
            return None

    def _find(self) -> Found:
        """Resolve, and ask the policy again with the real names."""
        root = self.root
        try:
            parts = self.parts
            if self.named and parts and not self._holds(parts[0]):
                parts = parts[1:]
            if not parts:
                root.require_alive()
            try:
                found = root.resolver.resolve(root.handle, parts, directory=self.directory)
            except NotFound:
                root.require_alive()
                raise
            try:
                root.require(found.parts, self.access)
            except SandboxError:
                root.resolver.close(found.handle)
                raise
        except SandboxError as refusal:
            raise refusal.about(self.subject) from refusal
        return found

    def _holds(self, name: str) -> bool:
        """Tell whether a name stands directly in the root. A link counts: it is not followed."""
        try:
            self.root.resolver.stat_child(self.root.handle, name)
        except NotFound:
            return False
        return True


class OpenFile:
    """A regular file, open for reading; a context manager. Safe to read from several threads.

    Attributes:
        parts: its real names beneath the root.
        stat: taken when it was opened.
        size: in bytes, when it was opened.
    """

    def __init__(self, descriptor: int, found: Found) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.parts = found.parts
        self.stat = found.stat
        self.size = found.stat.st_size

    @property
    def identity(self) -> tuple[int, ...]:
        """Device, inode, size and times of change: equal as long as the content is, by the system's clock.

        The time of the inode's change too, because nobody can set that one back.
        """
        return (self.stat.st_dev, self.stat.st_ino, self.size, self.stat.st_mtime_ns, self.stat.st_ctime_ns)

    def entry(self) -> Entry:
        """Return the facts of this file, as they were when it was opened."""
        return Entry(self.parts, Kind.FILE, self.stat)

    def fileno(self) -> int:
        """Return the descriptor; it stays this object's."""
        return self._descriptor

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of the file.

        Raises:
            IoFailure: the device or the network behind the file failed.
        """
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self._read(offset, size)
            except OSError as error:
                raise from_os_error(error, "") from error
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, offset: int, size: int) -> bytes:
        if sys.platform == "win32":
            with self._lock:  # one position per descriptor, and no call that leaves it alone
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                return os.read(self._descriptor, size)
        return os.pread(self._descriptor, size, offset)

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the content from `start` on, `size` bytes at a time, up to where the file ends now."""
        while chunk := self.read_at(start, size):
            yield chunk
            start += len(chunk)

    def close(self) -> None:
        """Give the descriptor back. A second call does nothing."""
        # Taken before it is closed: the number may be another file's the moment after.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        # Whoever asked may have left while a thread was still opening: then nobody else gives it back.
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OpenDirectory:
    """A held directory; a context manager. Its entries are looked at by handle, links never followed.

    Attributes:
        root: that it lies beneath.
        parts: its real names beneath the root.
    """

    def __init__(self, root: Root, handle: int, parts: tuple[str, ...]) -> None:
        self.root = root
        self.parts = parts
        self._handle = handle

    def names(self) -> Iterator[tuple[str, Kind]]:
        """Yield names and kinds, in no order."""
        return self.root.resolver.names(self._handle)

    def stat(self, name: str) -> os.stat_result:
        """Return what the system knows of `name`; of a link, the link's own.

        Raises:
            NotFound: it has gone since it was listed.
        """
        return self.root.resolver.stat_child(self._handle, _single(name))

    def entry(self, name: str) -> Entry:
        """Return the facts of `name`, and what the policy says of it.

        Raises:
            NotFound: it has gone since it was listed.
        """
        parts = (*self.parts, name)
        facts = self.stat(name)
        kind = Kind.of(facts.st_mode)
        target = self.root.resolver.read_link(self._handle, name) if kind is Kind.LINK else ""
        marked = self.root.marks(parts)
        return Entry(parts, kind, facts, target, marked, secret=marked and self.root.hides(parts))

    def descend(self, name: str) -> "OpenDirectory":
        """Open the directory `name`.

        Raises:
            SandboxError: it is no directory any more, may not be opened, or is secret.
        """
        parts = (*self.parts, _single(name))
        self.root.require(parts, Access.LIST)
        return OpenDirectory(self.root, self.root.resolver.open_directory(self._handle, name), parts)

    def open(self, name: str) -> OpenFile:
        """Open the regular file `name` for reading.

        Raises:
            SandboxError: it is none, may not be opened, or is secret.
        """
        parts = (*self.parts, _single(name))
        self.root.require(parts, Access.READ)
        descriptor = self.root.resolver.open_file(self._handle, name)
        try:
            facts = os.fstat(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise from_os_error(error, "") from error
        return OpenFile(descriptor, Found(descriptor, parts, facts))

    def close(self) -> None:
        """Give the handle back. A second call does nothing."""
        # Taken before it is closed: the number may be another file's the moment after.
        handle, self._handle = self._handle, -1
        if handle >= 0:
            self.root.resolver.close(handle)

    def __del__(self) -> None:
        # Whoever asked may have left while a thread was still opening: then nobody else gives it back.
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _single(name: str) -> str:
    """Return `name` if it is one name in a directory: "..", "a/b" and "/etc" would be looked up elsewhere."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidPath(name, reason="this is not the name of an entry")
    return name
