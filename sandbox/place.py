"""Places: spots beneath a root, and the only way from a name to something open.

A `Place` is allowed by its name. Everything else is decided on what was really opened: its real names pass the
policy again, and only then is it handed out.
"""

from dataclasses import dataclass, replace

from sandbox.entry import Entry
from sandbox.errors import IsDirectory, NotDirectory, NotFound, SandboxError
from sandbox.names import shown
from sandbox.open_directory import OpenDirectory
from sandbox.open_file import OpenFile
from sandbox.policy import Access
from sandbox.resolve import Found, Kind
from sandbox.roots import Root
from sandbox.uris import is_uri, uri_of_path

__all__ = ["Place"]


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

    def open(self) -> OpenFile:
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

    def open_directory(self) -> OpenDirectory:
        """Open the directory that is here.

        Raises:
            SandboxError: it is not there, no directory, leads out, or may not be listed.
        """
        found = self._find()
        if found.kind is not Kind.DIRECTORY:
            self.root.resolver.close(found.handle)
            raise NotDirectory(self.subject)
        return OpenDirectory(self.root, found.handle, found.parts)

    def root_directory(self) -> OpenDirectory:
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

    def own_parts(self) -> tuple[str, ...]:
        """Return the names beneath the root, without the root's own name where that was meant.

        Raises:
            SandboxError: the root cannot be looked at; without a subject.
        """
        if self.named and self.parts and not self._holds(self.parts[0]):
            return self.parts[1:]
        return self.parts

    def _find(self) -> Found:
        """Resolve, and ask the policy again with the real names."""
        root = self.root
        try:
            parts = self.own_parts()
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
