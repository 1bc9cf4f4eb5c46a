"""Where a change goes: the real names of a place, and what stood there when they were looked up."""

import contextlib
import os
from dataclasses import dataclass, replace

from sandbox.errors import DanglingSymlink, InvalidPath, NotFound, RefusedRoot, SandboxError
from sandbox.names import deceptive
from sandbox.place import Place
from sandbox.resolve import Kind
from sandbox.roots import Root
from sandbox.spot import Spot

__all__ = ["Target", "target_of"]

MOST_MISSING = 64
"""Directories that one change would have to make. A path that lacks more is a mistake of whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place to change.

    Attributes:
        place: as the client named it.
        parts: its real names beneath the root, no link among them; those that do not exist yet as they were asked.
        stat: of what stands there, of a link that was not followed the link's own; None where nothing does.
        missing: how many names at the end do not exist: 0 for what is there, 1 where only the last one is not.
    """

    place: Place
    parts: tuple[str, ...]
    stat: os.stat_result | None
    missing: int = 0

    @property
    def root(self) -> Root:
        """That it lies beneath."""
        return self.place.root

    @property
    def kind(self) -> Kind | None:
        """What stands there; None for nothing."""
        return None if self.stat is None else Kind.of(self.stat.st_mode)

    @property
    def shown(self) -> str:
        """The path for a reader, in a form that can be sent back where nothing in it had to be escaped."""
        return self.place.shown_of(self.parts)

    @property
    def uri(self) -> str:
        """The file URI."""
        return self.place.uri_of(self.parts)

    def spot(self) -> Spot:
        """Hold its directory. What stands there now is to be looked at again.

        Raises:
            Changed: the directory is another one by now, or gone.
        """
        try:
            return Spot.of(self.root, self.parts)
        except SandboxError as refusal:
            raise refusal.about(self.place.subject) from refusal

    def directories_to_make(self) -> tuple["Target", ...]:
        """Return the directories above it that do not exist, the uppermost first."""
        ends = range(len(self.parts) - self.missing + 1, len(self.parts))
        return tuple(replace(self, parts=self.parts[:end], missing=1) for end in ends)


def target_of(place: Place, *, follow: bool = True, known: bool = False) -> Target:
    """Return where a change of `place` goes. `follow` a link at its end, or mean the link itself.

    `known` names stood there before: what a new name may not hold is no reason not to put them back.

    Raises:
        SandboxError: it leads out, may not be written, is the root, or could not be made.
    """
    try:
        target = _target(place, place.own_parts(), follow=follow)
        new = target.parts[len(target.parts) - target.missing :]
        if not known and any(map(deceptive, new)):
            raise InvalidPath(reason="a new name may hold no control or direction characters")
    except SandboxError as refusal:
        raise refusal.about(place.subject) from refusal
    return target


def _target(place: Place, parts: tuple[str, ...], *, follow: bool) -> Target:
    root = place.root
    if parts[-1:] == ("..",):
        raise InvalidPath(reason="a change needs a name at the end, and .. is none")
    if place.directory and place.subject.endswith("."):
        raise InvalidPath(reason="a change needs a name at the end, and . is none")
    target = None
    if parts:
        target = (_existing(place, parts) if follow else None) or _in_its_directory(place, parts, follow=follow)
    if target is None or not target.parts:
        root.require_alive()
        raise RefusedRoot(root=root.name)
    for made in (*target.directories_to_make(), target):  # a pattern may except what lies in a directory, and not it
        root.require(made.parts, place.access)
    return target


def _existing(place: Place, parts: tuple[str, ...]) -> Target | None:
    """Return the target of what stands at the end of all links; None where nothing does."""
    root = place.root
    try:
        found = root.resolver.resolve(root.handle, parts, directory=place.directory)
    except NotFound:
        return None
    root.resolver.close(found.handle)
    return Target(place, found.parts, found.stat)


def _in_its_directory(place: Place, parts: tuple[str, ...], *, follow: bool) -> Target:
    """Return the target by the directory that holds it, or by the nearest one above that is there."""
    root = place.root
    for missing in range(1, min(len(parts), MOST_MISSING) + 1):
        try:
            above = root.resolver.resolve(root.handle, parts[:-missing], directory=True)
        except NotFound:
            continue
        try:
            return _below(place, (above.parts, parts[-missing:]), above.handle, follow=follow)
        finally:
            root.resolver.close(above.handle)
    root.require_alive()
    raise NotFound


def _below(place: Place, parts: tuple[tuple[str, ...], tuple[str, ...]], above: int, *, follow: bool) -> Target:
    """Return the target whose first names are there, in the directory `above`, and whose others have to be made."""
    root = place.root
    real, (name, *further) = parts
    try:
        facts = root.resolver.stat_child(above, name)
    except NotFound:
        facts = None
    if facts is None:
        root.require_alive()
        for new in (name, *further):
            _require_makeable(root, above, new)
        return Target(place, (*real, name, *further), None, missing=1 + len(further))
    is_link = Kind.of(facts.st_mode) is Kind.LINK
    if further or (follow and is_link):  # it is there and leads to nothing, or it came just now
        raise DanglingSymlink if is_link else NotFound
    if place.directory and Kind.of(facts.st_mode) is not Kind.DIRECTORY:
        raise InvalidPath(reason="the path ends in a slash, and no directory is there")
    return Target(place, (*real, name), facts)


def _require_makeable(root: Root, above: int, name: str) -> None:
    if name == "..":
        raise NotFound
    with contextlib.suppress(NotFound):
        root.resolver.stat_child(above, name)  # what is too long for a name, the file system itself knows best
