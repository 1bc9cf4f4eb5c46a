"""Roots: the directories that the operator chose, held open from start to end."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sandbox.errors import ConfigRefused, PermissionDenied, RootGone, SandboxError
from sandbox.file_systems import PSEUDO, file_system
from sandbox.held import Held
from sandbox.names import fold
from sandbox.policy import Access, Patterns, Rules
from sandbox.resolve import Resolver

__all__ = ["Root", "RootSpec", "open_roots"]


@dataclass(frozen=True, slots=True)
class RootSpec:
    """A root as the operator wrote it down.

    Attributes:
        name: one path component, unique among the roots; clients address the root by it.
        path: absolute, of a directory; links on the way are the operator's own and are followed once, at start.
        writable: whether anything beneath may ever be written.
        secret: patterns of names that are never read (see `Patterns`).
        protected: patterns of names that are never written.
        ask: patterns of names that are written only if a person agrees, protected or not.
    """

    name: str
    path: str
    writable: bool = True
    secret: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inner:
    """A root seen from one that holds it: the names that lead there, and its rules."""

    parts: tuple[str, ...]
    name: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Root:
    """A held root.

    Attributes:
        name: as in the `RootSpec`.
        path: as the operator spelled it, absolute.
        spellings: the absolute paths, as names, that a client may write for it: the operator's and the real one.
        held: the directory, open.
        identity: device and inode, by which two spellings of one directory are known as one.
        rules: what may be done in it.
        resolver: looks names up beneath it.
        inner: the roots that lie beneath it: their rules hold for their files on this way too.
        base: of a root that is a part of another, the names that led to it: the rules are asked from there.
    """

    name: str
    path: str
    spellings: tuple[tuple[str, ...], ...]
    held: Held
    identity: tuple[int, int]
    rules: Rules
    resolver: Resolver
    inner: tuple["Inner", ...] = ()
    base: tuple[str, ...] = ()

    @property
    def handle(self) -> int:
        """Of the directory."""
        return self.held.handle

    def require(self, parts: Sequence[str], access: Access) -> None:
        """Return if `access` to these names is allowed, by this root and by every root that lies inside it.

        Raises:
            ProtectedPath, ReadOnly: it is not. Only with the fact `ask` could a person allow it (`Access.CONFIRMED`).
        """
        if access is Access.WRITE:
            # What nobody can allow is refused first, whichever root says so: no person is asked in vain.
            self.require(parts, Access.CONFIRMED)
        for name, rules, below in self._rules(parts):
            rules.require(below, access, root=name)

    def marks(self, parts: Sequence[str]) -> bool:
        """Tell whether a listing marks these names as protected: for reading, or for writing."""
        return any(rules.marks(below) for _, rules, below in self._rules(parts))

    def hides(self, parts: Sequence[str]) -> bool:
        """Tell whether these names are secret: no walk enters them, and no content of them is shown."""
        return any(rules.hides(below) for _, rules, below in self._rules(parts))

    def beneath(self, parts: tuple[str, ...]) -> "Root":
        """Return the directory with these names as a root of its own, under the same rules; it is held from now on.

        Raises:
            SandboxError: it is none, or may not be listed.
        """
        found = self.resolver.resolve(self.handle, parts, directory=True)
        try:
            self.require(found.parts, Access.LIST)
        except SandboxError:
            self.resolver.close(found.handle)
            raise
        return replace(
            self,
            name=found.parts[-1] if found.parts else self.name,
            path="/".join([self.path.rstrip("/"), *found.parts]),
            spellings=tuple((*spelling, *found.parts) for spelling in self.spellings),
            held=Held(found.handle, self.resolver.close),
            identity=(found.stat.st_dev, found.stat.st_ino),
            base=(*self.base, *found.parts),
        )

    def _rules(self, parts: Sequence[str]) -> Iterator[tuple[str, Rules, Sequence[str]]]:
        names = (*self.base, *parts)
        yield self.name, self.rules, names
        for inner in self.inner:
            # Folded, because the names are those that were asked for where a file system takes "App" for "app".
            if tuple(map(fold, names[: len(inner.parts)])) == tuple(map(fold, inner.parts)):
                yield inner.name, inner.rules, names[len(inner.parts) :]

    def require_alive(self) -> None:
        """Return if the directory still exists, wherever it was moved.

        A directory made anew at the same path is another one, and is not served.

        Raises:
            RootGone: it was removed.
        """
        if self.resolver.stat(self.handle).st_nlink == 0:
            raise RootGone(root=self.name)


def open_roots(specs: Sequence[RootSpec], resolver: Resolver) -> tuple[Root, ...]:
    """Open every root, in order; one directory under several spellings becomes one root, the first.

    Raises:
        ConfigRefused: a root is missing, no directory, `/`, on a pseudo file system, or a name is given twice; or
            one directory is, under different rules, of which nobody could say which ones hold.
    """
    roots: list[Root] = []
    try:
        for spec in specs:
            root = _open_root(spec, resolver)
            same = next((other for other in roots if other.identity == root.identity), None)
            roots.append(root)
            if same is not None:
                if same.rules != root.rules:
                    raise ConfigRefused(spec.path, reason=f"the root {same.name!r} is the same, under other rules")
                roots.pop().held.close()
            elif [other.name for other in roots].count(root.name) > 1:
                raise ConfigRefused(spec.path, reason=f"another root has the name {root.name!r}")
    except SandboxError:
        for root in roots:
            root.held.close()
        raise
    return tuple(replace(root, inner=_inner(root, roots)) for root in roots)


def _inner(outer: Root, roots: Sequence[Root]) -> tuple[Inner, ...]:
    base = outer.spellings[-1]
    return tuple(
        Inner(root.spellings[-1][len(base) :], root.name, root.rules)
        for root in roots
        if len(root.spellings[-1]) > len(base) and root.spellings[-1][: len(base)] == base
    )


def _open_root(spec: RootSpec, resolver: Resolver) -> Root:
    rules = Rules(Patterns(spec.secret), Patterns(spec.protected), Patterns(spec.ask), writable=spec.writable)
    try:
        handle = resolver.open_root(spec.path)
    except SandboxError as refusal:
        raise ConfigRefused(spec.path, reason=f"it cannot be opened as a directory ({refusal.code})") from refusal
    try:
        real = _real_path(spec, handle, resolver)
        facts = resolver.stat(handle)
    except SandboxError as refusal:
        resolver.close(handle)
        raise ConfigRefused(spec.path, reason=f"it cannot be looked at ({refusal.code})") from refusal
    reason = _refusal(handle, real)
    if reason:
        resolver.close(handle)
        raise ConfigRefused(spec.path, reason=reason)
    spelled, actual = names_of(spec.path), names_of(real)
    return Root(
        name=spec.name,
        path=spec.path.rstrip("/") if len(spec.path) > 1 else spec.path,
        spellings=(spelled,) if spelled == actual else (spelled, actual),
        held=Held(handle, resolver.close),
        identity=(facts.st_dev, facts.st_ino),
        rules=rules,
        resolver=resolver,
    )


def _real_path(spec: RootSpec, handle: int, resolver: Resolver) -> str:
    try:
        return resolver.real_path(handle)
    except PermissionDenied:
        # Where a handle cannot be asked, the directories above are listed, and one may not be: then clients have
        # the operator's spelling alone. The root of everything has none above it, so this is not it.
        return spec.path


def names_of(path: str) -> tuple[str, ...]:
    """Return the names of an absolute path; `/`, `//` and `/./` fall away."""
    separated = path.replace(os.sep, "/")
    return tuple(name for name in separated.split("/") if name not in {"", "."})


def _refusal(handle: int, real: str) -> str:
    # On Windows a drive is the first of the names, and the whole of it is no choice either.
    if len(names_of(real)) <= (sys.platform == "win32"):
        return "the whole file system cannot be a root; choose the directories that are meant"
    kind = file_system(handle)
    return f"it lies on a pseudo file system ({kind})" if kind in PSEUDO else ""
