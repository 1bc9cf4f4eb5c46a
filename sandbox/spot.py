"""One name in a held directory: the only place where a tree is changed.

A change is never made through a path. The directory is held, the name is one component, and nothing that the name
may have become by now is followed.
"""

import contextlib
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sandbox.attributes import Attributes
from sandbox.errors import (
    Changed,
    EscapesRoot,
    InvalidPath,
    NotDirectory,
    NotFound,
    ReadOnly,
    SymlinkLoop,
    UnsupportedOp,
)
from sandbox.held import Held
from sandbox.new_file import NewFile
from sandbox.open_directory import OpenDirectory, single
from sandbox.open_file import OpenFile
from sandbox.resolve import Changes, Kind
from sandbox.roots import Root

__all__ = ["Spot"]


class Spot:
    """A name in a directory that is held; a context manager that gives the directory back.

    The policy was asked when it was made. Names beside it are the change's own, and are not asked about.

    Attributes:
        directory: that holds the name.
        name: one component.
    """

    def __init__(self, directory: OpenDirectory, name: str) -> None:
        self.directory = directory
        self.name = single(name)

    @classmethod
    def of(cls, root: Root, parts: tuple[str, ...]) -> "Spot":
        """Return the spot of names that were found to be real: a link among them was put there since.

        Raises:
            Changed: one of the directories is another one now, or none.
        """
        *above, name = map(single, parts)
        try:
            found = root.resolver.resolve(root.handle, above, directory=True)
        except (NotFound, NotDirectory, EscapesRoot, SymlinkLoop) as error:
            root.require_alive()
            raise Changed from error
        directory = OpenDirectory(root, found.handle, found.parts)
        if found.parts != parts[:-1]:
            directory.close()
            raise Changed
        return cls(directory, name)

    @property
    def root(self) -> Root:
        """That it lies beneath."""
        return self.directory.root

    @property
    def parts(self) -> tuple[str, ...]:
        """The names beneath the root."""
        return (*self.directory.parts, self.name)

    def beside(self, name: str) -> "Spot":
        """Return another name in the same directory; this spot is still the one that gives the directory back."""
        return Spot(self.directory, name)

    def close(self) -> None:
        """Give the directory back."""
        self.directory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stat(self) -> os.stat_result | None:
        """Return the facts of what is here, of a link the link's own; None where nothing is."""
        try:
            return self.directory.stat(self.name)
        except NotFound:
            return None

    def open(self) -> OpenFile:
        """Open the regular file that is here, for reading.

        Raises:
            SandboxError: it is none, or may not be opened.
        """
        return self.directory.open_unchecked(self.name)

    def is_written_to(self) -> bool:
        """Tell whether somebody has the file that is here open for writing, as far as the system tells that.

        Some file systems say so of every file: ask them of one that nobody can have open too.

        Raises:
            SandboxError: it is no file, or may not be opened.
        """
        with self._changing() as changes, self.open() as file:
            return changes.is_written_to(file.handle)

    def open_directory(self) -> OpenDirectory:
        """Open the directory that is here.

        Raises:
            SandboxError: it is none, or may not be opened.
        """
        return self.directory.descend_unchecked(self.name)

    def attributes(self, of: Held) -> Attributes:
        """Return the attributes of the file or directory that was opened here."""
        with self._changing() as changes:
            return changes.attributes(of.handle)

    def dress(self, attributes: Attributes, *, owner: bool = True, times: bool = False) -> bool:
        """Give the directory that is here attributes; tell whether it has the `owner` too, if that was asked."""
        with self._changing() as changes, self.open_directory() as directory:
            return changes.put_attributes(directory.handle, attributes, owner=owner, times=times)

    def may_change(self) -> bool:
        """Tell whether the system lets this user make and remove names in the directory that is here."""
        with self._changing() as changes, self.open_directory() as directory:
            return changes.may_change(directory.handle)

    def unlock(self) -> None:
        """Let this user change what stands beside this name, where only the mode of the directory forbids it.

        Raises:
            PermissionDenied: it is another user's.
        """
        with self._changing() as changes:
            changes.unlock(self.directory.handle)

    def read_link(self) -> str:
        """Return the text of the link that is here."""
        return self.root.resolver.read_link(self.directory.handle, self.name)

    def create(self, mode: int = 0o666) -> NewFile:
        """Make a file here, where nothing is. The system takes its mask, or the directory's default list, off `mode`.

        Raises:
            Exists: something is here.
        """
        with self._changing() as changes:
            return NewFile(changes.create(self.directory.handle, self.name, mode), changes)

    def create_unnamed(self, mode: int = 0o666) -> NewFile | None:
        """Make a file in the directory that has no name yet, and goes away without one; None where that cannot be done.

        The system takes its mask, or the directory's default list, off `mode`.
        """
        with self._changing() as changes:
            descriptor = changes.create_unnamed(self.directory.handle, mode)
            return None if descriptor is None else NewFile(descriptor, changes)

    def take(self, file: NewFile) -> None:
        """Give a file that has no name this one, where nothing is.

        Raises:
            Exists: something is here.
        """
        with self._changing() as changes:
            changes.give_name(file.handle, self.directory.handle, self.name)

    def make_directory(self, mode: int = 0o777) -> None:
        """Make a directory here, where nothing is.

        Raises:
            Exists: something is here.
        """
        with self._changing() as changes:
            changes.make_directory(self.directory.handle, self.name, mode)

    def make_link(self, target: str) -> None:
        """Make a symbolic link here, where nothing is. What its text says is looked at by nobody."""
        if "\0" in target:
            raise InvalidPath(reason="a NUL cannot be part of a link's text")
        with self._changing() as changes:
            changes.make_link(self.directory.handle, self.name, target)

    def make_fifo(self, mode: int) -> None:
        """Make a FIFO here, where nothing is."""
        with self._changing() as changes:
            changes.make_fifo(self.directory.handle, self.name, mode)

    def move_to(self, other: "Spot") -> None:
        """Give what is here another name, where nothing is.

        Raises:
            Exists: something is there. CrossDevice: that is another file system.
        """
        with self._changing() as changes:
            changes.rename(self.directory.handle, self.name, other.directory.handle, other.name)

    def exchange_with(self, other: "Spot") -> None:
        """Let what is here and what is there change places, at once.

        Raises:
            UnsupportedOp: this file system cannot.
        """
        with self._changing() as changes:
            changes.exchange(self.directory.handle, self.name, other.directory.handle, other.name)

    def replace(self, other: "Spot") -> None:
        """Give what is here the name `other`, whatever stood there."""
        with self._changing() as changes:
            changes.replace(self.directory.handle, self.name, other.directory.handle, other.name)

    def link_to(self, other: "Spot") -> None:
        """Give the file that is here a second name in the same directory, where nothing is."""
        with self._changing() as changes:
            changes.hard_link(self.directory.handle, self.name, other.name)

    def remove(self, kind: Kind) -> None:
        """Remove what is here, which is of this kind. A directory has to be empty.

        Raises:
            NotEmpty: it is not.
        """
        with self._changing() as changes:
            if kind is Kind.DIRECTORY:
                changes.remove_directory(self.directory.handle, self.name)
            else:
                changes.unlink(self.directory.handle, self.name)

    def flush(self) -> bool:
        """Wait until all that was written to this file system is on the disk; False where no one call does that."""
        with self._changing() as changes:
            return changes.flush(self.directory.handle)

    def sync(self) -> None:
        """Wait until the names in the directory are on the disk."""
        with self._changing() as changes:
            changes.sync(self.directory.handle)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Changes]:
        changes = self.root.resolver.changes
        if changes is None:
            raise UnsupportedOp(reason="this version writes on Linux and macOS only")
        try:
            yield changes
        except ReadOnly as error:  # of the whole file system
            raise ReadOnly(root=self.root.name) from error
