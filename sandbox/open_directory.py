"""A directory that was found and is held: its entries are looked at and opened relative to it."""

import os
from collections.abc import Iterator

from sandbox.entry import Entry
from sandbox.errors import InvalidPath, from_os_error
from sandbox.held import Held
from sandbox.open_file import OpenFile
from sandbox.policy import Access
from sandbox.resolve import Found, Kind
from sandbox.roots import Root

__all__ = ["OpenDirectory", "single"]


class OpenDirectory(Held):
    """A held directory; a context manager. Its entries are looked at by handle, links never followed.

    Attributes:
        root: that it lies beneath.
        parts: its real names beneath the root.
    """

    def __init__(self, root: Root, handle: int, parts: tuple[str, ...]) -> None:
        super().__init__(handle, root.resolver.close)
        self.root = root
        self.parts = parts

    def names(self) -> Iterator[tuple[str, Kind]]:
        """Yield names and kinds, in no order."""
        return self.root.resolver.names(self.handle)

    def own_stat(self) -> os.stat_result:
        """Return what the system knows of the directory itself."""
        return self.root.resolver.stat(self.handle)

    def stat(self, name: str) -> os.stat_result:
        """Return what the system knows of `name`; of a link, the link's own.

        Raises:
            NotFound: it has gone since it was listed.
        """
        return self.root.resolver.stat_child(self.handle, single(name))

    def entry(self, name: str) -> Entry:
        """Return the facts of `name`, and what the policy says of it.

        Raises:
            NotFound: it has gone since it was listed.
        """
        parts = (*self.parts, name)
        facts = self.stat(name)
        kind = Kind.of(facts.st_mode)
        target = self.root.resolver.read_link(self.handle, name) if kind is Kind.LINK else ""
        marked = self.root.marks(parts)
        return Entry(parts, kind, facts, target, marked, secret=marked and self.root.hides(parts))

    def descend(self, name: str) -> "OpenDirectory":
        """Open the directory `name`.

        Raises:
            SandboxError: it is no directory any more, may not be opened, or is secret.
        """
        self.root.require((*self.parts, single(name)), Access.LIST)
        return self.descend_unchecked(name)

    def descend_unchecked(self, name: str) -> "OpenDirectory":
        """Open the directory `name`, whatever the policy says of it: for changes, which have asked already."""
        handle = self.root.resolver.open_directory(self.handle, single(name))
        return OpenDirectory(self.root, handle, (*self.parts, name))

    def open(self, name: str) -> OpenFile:
        """Open the regular file `name` for reading.

        Raises:
            SandboxError: it is none, may not be opened, or is secret.
        """
        self.root.require((*self.parts, single(name)), Access.READ)
        return self.open_unchecked(name)

    def open_unchecked(self, name: str) -> OpenFile:
        """Open the regular file `name` for reading, whatever the policy says of it: for changes, which have asked."""
        descriptor = self.root.resolver.open_file(self.handle, single(name))
        try:
            facts = os.fstat(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise from_os_error(error, "") from error
        return OpenFile(descriptor, Found(descriptor, (*self.parts, name), facts))


def single(name: str) -> str:
    """Return `name` if it is one name in a directory: "..", "a/b" and "/etc" would be looked up elsewhere."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidPath(name, reason="this is not the name of an entry")
    return name
