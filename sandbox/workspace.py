"""The workspace: the open roots, and the one way from a client's text to a place in them."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sandbox.errors import ConfigRefused, EscapesRoot, InvalidPath, OutsideRoots, SandboxError
from sandbox.paths import Spoken, parse
from sandbox.place import Place
from sandbox.policy import Access
from sandbox.resolve import Resolver, choose
from sandbox.roots import Root, RootSpec, open_roots

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """The roots of one process, in the operator's order. Holds their directories open; immutable.

    What it promises: nothing that `at` returns opens, lists or describes anything that is not reachable beneath a
    root, whatever the text is and whatever happens to the tree meanwhile.

    What it does not: a hard link or a mount that someone put into a root is part of the root, because no lookup
    can tell them from its own files.
    """

    roots: tuple[Root, ...]
    resolver: Resolver

    @classmethod
    def open(cls, specs: Sequence[RootSpec], *, resolver: Resolver | None = None) -> "Workspace":
        """Open the roots, with the strongest resolver that works here unless one is given.

        Raises:
            ConfigRefused: there is no root, or one cannot be served.
        """
        if not specs:
            raise ConfigRefused(reason="no root is configured")
        resolver = resolver or choose()
        return cls(open_roots(specs, resolver), resolver)

    def close(self) -> None:
        """Give the roots' handles back, those too that narrower workspaces share."""
        for root in self.roots:
            root.held.close()

    def preferring(self, directories: Sequence[str]) -> "Workspace":
        """Return the same roots, those first that one of these directories (absolute paths or URIs) touches."""
        wanted = _spoken(directories)
        return Workspace(
            tuple(sorted(self.roots, key=lambda root: not any(_meet(root, names) for names in wanted))), self.resolver
        )

    def within(self, directories: Sequence[str]) -> "Workspace":
        """Return what lies in the roots and in one of these directories as well: of two nested, the deeper one.

        It may have no root at all. It need not be closed: a root that is a part of ours is held for as long as
        somebody has it, and the others are ours.
        """
        narrowed: dict[tuple[int, int], Root] = {}
        for names in _spoken(directories):
            for root in self.roots:
                part = _common(root, names)
                if part is not None:
                    narrowed.setdefault(part.identity, part)
        return Workspace(tuple(_told_apart(narrowed.values())), self.resolver)

    def root(self, name: str) -> Root | None:
        """Return the root of this name."""
        return next((root for root in self.roots if root.name == name), None)

    def at(self, text: str, access: Access) -> Place:
        """Return the place that a client's text names, if the policy allows this access to its name.

        The text is an absolute path beneath a root, a `file://` URI of one, a root's name and what follows, or,
        where there is one root, a path relative to it. "" means the only root, where a directory is meant.

        Raises:
            SandboxError: the text is no path, lies beneath no root, or the policy refuses.
        """
        spoken = parse(text)
        if not text and (access is Access.READ or access.writes or len(self.roots) != 1):
            raise InvalidPath(text, reason="an empty path names no file")
        root, parts, named = self._beneath(spoken, text)
        try:
            # A name that is not there is told so, even one that would be secret: a listing tells no less. But what
            # a secret directory holds is not told, and nothing is created under a name that is protected.
            root.require(parts if access.writes else parts[:-1], access)
        except SandboxError as refusal:
            raise refusal.about(text) from refusal
        if parts[:1] == ("..",):  # said here, so that the answer does not depend on what is outside
            raise EscapesRoot(text, root=root.name)
        return Place(root, parts, access, text, spoken.directory, alone=len(self.roots) == 1, named=named)

    def _beneath(self, spoken: Spoken, text: str) -> tuple[Root, tuple[str, ...], bool]:
        """Return the root, the names beneath it, and whether the first of them may stand for the root itself."""
        if spoken.absolute:
            return *self._absolute(spoken.parts, text), False
        if not self.roots:
            raise OutsideRoots(text)
        if not spoken.parts and len(self.roots) > 1:
            raise InvalidPath(text, reason="there are several roots; begin with the name of one")
        first, *rest = spoken.parts or ("",)
        named = self.root(first)
        if len(self.roots) > 1:
            if named is None:
                raise OutsideRoots(text)
            return named, tuple(rest), False
        return self.roots[0], spoken.parts, named is not None

    def _absolute(self, parts: tuple[str, ...], text: str) -> tuple[Root, tuple[str, ...]]:
        """Return the root with the longest spelling that the path begins with: of nested roots, the inner one."""
        best: tuple[int, Root] | None = None
        for root in self.roots:
            for spelling in root.spellings:
                fits = parts[: len(spelling)] == spelling
                if fits and (best is None or len(spelling) > best[0]):
                    best = (len(spelling), root)
        if best is None:
            raise OutsideRoots(text)
        length, root = best
        return root, parts[length:]


def _spoken(directories: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the names in these absolute paths or URIs; what is none of them is left out."""
    found: list[tuple[str, ...]] = []
    for text in directories:
        with contextlib.suppress(SandboxError):
            spoken = parse(text)
            if spoken.absolute and ".." not in spoken.parts:
                found.append(spoken.parts)
    return found


def _told_apart(roots: Iterable[Root]) -> Iterator[Root]:
    """Yield roots of which each has a name of its own: a second `app` is `app-2`."""
    taken: set[str] = set()
    for root in roots:
        names = (root.name, *(f"{root.name}-{number}" for number in range(2, len(taken) + 3)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield root if name == root.name else replace(root, name=name)


def _meet(root: Root, names: tuple[str, ...]) -> bool:
    """Tell whether a directory lies in the root, is it, or holds it."""
    return any(spelling[: len(names)] == names[: len(spelling)] for spelling in root.spellings)


def _common(root: Root, names: tuple[str, ...]) -> Root | None:
    """Return what a root and a directory have in common, as a root."""
    for spelling in root.spellings:
        if spelling[: len(names)] == names:
            return root
        if names[: len(spelling)] == spelling:
            with contextlib.suppress(SandboxError):
                return root.beneath(names[len(spelling) :])
    return None
