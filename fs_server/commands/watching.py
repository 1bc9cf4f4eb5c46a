"""What stands in the roots, before and after a command: what it changed can be told, and taken back.

One picture is kept for all commands: each look gives what differs from the last one, and nothing is told twice. It
costs one look at the facts of every file. What `.gitignore` leaves out, and what git itself stores, is not looked at.

Contents are kept as far as they are small: read once, while their facts stay the same, and forgotten with the process.
"""

import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fs_server.commands.log import Log
from fs_server.journal.places import TEMPORARY, joined
from sandbox import Access, Ignored, Kind, OpenDirectory, Place, ProtectedPath, Root, SandboxError, ignored_in

__all__ = ["MOST_ENTRIES", "Difference", "Look", "Thing", "Watching"]

MOST_ENTRIES: Final = 10_000
"""Things in all roots together. Where there are more, nothing is watched: looking takes longer than most commands."""

LOOK_S: Final = 1.0
"""Seconds that one look may take, on a slow disk for one; else nothing is watched from then on."""

KEPT_FILE_BYTES: Final = 1 << 20
KEPT_BYTES: Final = 64 << 20
"""Of one file, and of all files together: what is larger is told, and cannot be put back."""

KEEPING_S: Final = 0.25
"""Seconds of one look that go into keeping contents. What is not kept by then is kept at the next one."""

DEEPEST: Final = 48

_IN_GIT: Final = ("config", "hooks")
"""Of a repository's own directory, what programs are run from."""

Facts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """What stood at a path.

    Attributes:
        kind: of it.
        facts: device, inode, mode, user, group, names, size, times of content and of the inode.
        target: of a link.
        guarded: no tool may write it unasked: it is secret, protected, or a person is asked about it.
        kept: where its content is, in the picture's store; None where it is not kept.
    """

    kind: Kind
    facts: Facts
    target: str = ""
    guarded: bool = False
    kept: tuple[int, int] | None = None

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.facts[0], self.facts[1]

    @property
    def mode(self) -> int:
        """Permission bits, set-id bits among them."""
        return self.facts[2]

    @property
    def owner(self) -> tuple[int, int]:
        """User and group."""
        return self.facts[3], self.facts[4]

    @property
    def links(self) -> int:
        """Names that it has."""
        return self.facts[5]

    @property
    def size(self) -> int:
        """In bytes."""
        return self.facts[6]

    @property
    def mtime_ns(self) -> int:
        """When its content was written."""
        return self.facts[7]


@dataclass(frozen=True, slots=True)
class Difference:
    """One path where something else stands than before."""

    root: Root
    parts: tuple[str, ...]
    before: Thing | None
    after: Thing | None

    @property
    def sign(self) -> str:
        """A for added, D for deleted, M for modified."""
        return "A" if self.before is None else "D" if self.after is None else "M"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        differences: from the look before, parents first; empty for the first.
        guarded: absolute paths of what may not be written, the uppermost of each.
        complete: everything was looked at, now and before: what is not told did not change.
    """

    differences: tuple[Difference, ...] = ()
    guarded: tuple[str, ...] = ()
    complete: bool = True


_Key = tuple[int, tuple[str, ...]]
"""The number of a root, and names beneath it."""

_Picture = dict[_Key, Thing]


@dataclass
class _Pass:
    """One look under way."""

    until: float
    keep_until: float
    picture: _Picture = field(default_factory=dict)
    left_out: set[_Key] = field(default_factory=set)
    guarded: list[str] = field(default_factory=list)
    complete: bool = True

    def is_over(self) -> bool:
        """Tell whether a bound was reached."""
        if len(self.picture) > MOST_ENTRIES or time.monotonic() > self.until:
            self.complete = False
        return not self.complete


class Watching:
    """The picture of the roots. For threads: one looks at a time."""

    def __init__(self, roots: Sequence[Root], directory: Path) -> None:
        """Watch these roots, but for those that cannot be written or lie in one of the others."""
        self.roots = _uppermost([root for root in roots if root.rules.writable])
        self._directory = directory
        self._store = Log(directory, 2 * KEPT_BYTES)
        self._picture: _Picture | None = None
        self._left_out: set[_Key] = set()
        # What .gitignore says of a name, until one of these files changes.
        self._verdicts: dict[tuple[int, tuple[str, ...], bool], bool] = {}
        self._turn = threading.Lock()
        self._gave_up: Look | None = None

    def look(self) -> Look:
        """Look at all roots, and return what differs from the last look."""
        with self._turn:
            if self._gave_up is not None:
                return self._gave_up
            before, now = self._picture, time.monotonic()
            if self._store.size > KEPT_BYTES:  # half of it is of files that have changed since
                self._forget()
                before = None if before is None else {key: _unkept(thing) for key, thing in before.items()}
            known = before or {}
            found = _Pass(now + LOOK_S, now + KEEPING_S)
            for index, root in enumerate(self.roots):
                _Visit(index, known, found, self._verdicts, self._store).look_at(root)
            left_out, self._left_out = self._left_out, found.left_out
            self._picture = found.picture if found.complete else None
            if not found.complete:
                self._gave_up = Look(guarded=tuple(found.guarded), complete=False)
                return self._gave_up
            if before is None:
                return Look(guarded=tuple(found.guarded))
            differences = tuple(self._differences(before, found, left_out))
            if any(each.parts[-1] == ".gitignore" for each in differences):
                self._verdicts.clear()
            return Look(differences, tuple(found.guarded))

    def content(self, thing: Thing) -> bytes | None:
        """Return the content of a file as it was; None where it is not kept."""
        if thing.kept is None:
            return None
        offset, size = thing.kept
        with self._turn:
            content = self._store.read(offset, size)
        return content if len(content) == size else None

    def close(self) -> None:
        """Forget all contents."""
        self._store.close()

    def _forget(self) -> None:
        self._store.close()
        self._store = Log(self._directory, 2 * KEPT_BYTES)

    def _differences(self, before: _Picture, found: _Pass, left_out: set[_Key]) -> Iterator[Difference]:
        after = found.picture
        keys = {key for key, thing in after.items() if before.get(key) is not thing}
        for key in sorted(keys | (before.keys() - after.keys())):
            one, other = before.get(key), after.get(key)
            if one is None or other is None:
                # What only came into sight, or went out of it, is as it was.
                if _lies_in(key, left_out if one is None else found.left_out):
                    continue
            elif not self._differ(one, other):
                continue
            yield Difference(self.roots[key[0]], key[1], one, other)

    def _differ(self, one: Thing, other: Thing) -> bool:
        if one.kind is not other.kind or one.target != other.target:
            return True
        if one.kind is not Kind.FILE:
            # Of a directory only that it is there: what it holds is told by itself.
            return False
        if one.facts == other.facts:
            return False
        if one.mode != other.mode or one.size != other.size:
            return True
        if one.kept is None or other.kept is None:
            return (one.mtime_ns, one.identity) != (other.mtime_ns, other.identity)
        return self._store.read(*one.kept) != self._store.read(*other.kept)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A walk through one root.

    Attributes:
        index: the root's number.
        known: what stood there at the last look.
        found: what this look finds.
        verdicts: what .gitignore says of names that were seen before.
        store: of contents.
    """

    index: int
    known: _Picture
    found: _Pass
    verdicts: dict[tuple[int, tuple[str, ...], bool], bool]
    store: Log

    def look_at(self, root: Root) -> None:
        """Look at all that stands in the root."""
        try:
            with Place(root, (), Access.LIST, root.name, directory=True, alone=False).open_directory() as top:
                self._walk(top)
        except SandboxError:
            self.found.complete = False

    def _walk(self, top: OpenDirectory) -> None:
        levels = [self._level(top, ignored_in(top, ()))]
        try:
            while levels:
                directory, ignored, below = levels[-1]
                if self.found.is_over():
                    return
                if below:
                    inner = self._opened_below(levels, directory, below.pop())
                    levels += [] if inner is None else [self._level(inner, ignored, anew=True)]
                else:
                    levels.pop()
                    if directory is not top:
                        directory.close()
        finally:
            for directory, _, _ in levels[1:]:
                directory.close()

    def _opened_below(self, levels: "list[_Level]", directory: OpenDirectory, name: str) -> OpenDirectory | None:
        if len(levels) >= DEEPEST:
            self.found.complete = False
            return None
        return _opened(directory, name)

    def _level(self, directory: OpenDirectory, ignored: Ignored, *, anew: bool = False) -> "_Level":
        """Look at all that a directory holds, before anything deeper: what a bound does not reach is rather deep."""
        names = _names(directory)
        if anew and any(name in {".git", ".gitignore"} for name, _ in names):
            ignored = ignored.within(directory)
        below = []
        for name, kind in names:
            if name == ".git":
                self._git(directory)
            # Names of ours come and go with each change.
            elif name.startswith(TEMPORARY) or self._is_left_out(directory, ignored, name, kind):
                continue
            elif self._see(directory, name, kind):
                below.append(name)
            if self.found.is_over():
                break
        return directory, ignored, below

    def _is_left_out(self, directory: OpenDirectory, ignored: Ignored, name: str, kind: Kind) -> bool:
        if not ignored.levels:
            return False
        parts = (*directory.parts, name)
        key = (self.index, parts, kind is Kind.DIRECTORY)
        verdict = self.verdicts.get(key)
        if verdict is None:
            verdict = self.verdicts[key] = ignored.covers(parts, directory=key[2])
        if verdict:
            self.found.left_out.add((self.index, parts))
        return verdict

    def _git(self, above: OpenDirectory) -> None:
        """Look at what programs are run from in a repository's own directory, and at nothing else in it."""
        git = _opened(above, ".git")
        if git is None:
            return
        with git:
            for name in _IN_GIT:
                try:
                    kind = Kind.of(git.stat(name).st_mode)
                except SandboxError:
                    continue
                if self._see(git, name, kind, inside=True):
                    inner = _opened(git, name)
                    if inner is not None:
                        with inner:
                            for below, its_kind in _names(inner):
                                self._see(inner, below, its_kind, inside=True)

    def _see(
        self,
        directory: OpenDirectory,
        name: str,
        kind: Kind,
        *,
        inside: bool = False,
    ) -> bool:
        """Take one thing into the picture; tell whether it is a directory to go into."""
        key = (self.index, (*directory.parts, name))
        last = self.known.get(key)
        try:
            found_facts = directory.root.resolver.stat_child(directory.handle, name)
            target = directory.root.resolver.read_link(directory.handle, name) if kind is Kind.LINK else ""
        except SandboxError:  # it is gone by now
            return False
        facts = _facts(found_facts)
        if last is not None and last.facts == facts and last.target == target:
            thing = last
        else:
            guarded = _is_guarded(directory.root, key[1]) if last is None else last.guarded
            thing = Thing(Kind.of(found_facts.st_mode), facts, target, guarded)
        if thing.guarded:
            self._guard(directory, key[1])
        elif thing.kept is None and thing.kind is Kind.FILE and time.monotonic() < self.found.keep_until:
            thing = self._keep(directory, name, thing)
        self.found.picture[key] = thing
        return thing.kind is Kind.DIRECTORY and (inside or not (thing.guarded and directory.root.hides(key[1])))

    def _guard(self, directory: OpenDirectory, parts: tuple[str, ...]) -> None:
        above = self.found.picture.get((self.index, parts[:-1]))
        if above is None or not above.guarded:  # else what holds it is held, and it too
            self.found.guarded.append(joined(directory.root, parts))

    def _keep(self, directory: OpenDirectory, name: str, thing: Thing) -> Thing:
        size = thing.size
        if size > KEPT_FILE_BYTES or self.store.size + size > 2 * KEPT_BYTES:
            return thing
        try:
            with directory.open_unchecked(name) as file:
                content = file.read_at(0, size + 1)
                facts = _facts(os.fstat(file.fileno()))
        except (SandboxError, OSError):
            return thing
        if facts != thing.facts or len(content) != size:  # it is being written at this moment
            return thing
        offset = self.store.size
        if self.store.add(memoryview(content)) < size:
            return thing
        return Thing(thing.kind, thing.facts, thing.target, thing.guarded, (offset, size))


def _facts(facts: os.stat_result) -> Facts:
    return (
        facts.st_dev,
        facts.st_ino,
        stat.S_IMODE(facts.st_mode),
        facts.st_uid,
        facts.st_gid,
        facts.st_nlink,
        facts.st_size,
        facts.st_mtime_ns,
        facts.st_ctime_ns,
    )


def _unkept(thing: Thing) -> Thing:
    return Thing(thing.kind, thing.facts, thing.target, thing.guarded)


def _is_guarded(root: Root, parts: Sequence[str]) -> bool:
    """Tell whether no tool could write there, or not without asking a person: of a command nobody is asked."""
    if not root.marks(parts):
        return False
    try:
        root.require(parts, Access.WRITE)
    except ProtectedPath:
        return True
    except SandboxError:
        pass
    return False


def _lies_in(key: _Key, left_out: set[_Key]) -> bool:
    index, parts = key
    return any((index, parts[:end]) in left_out for end in range(1, len(parts) + 1))


_Level = tuple[OpenDirectory, Ignored, list[str]]
"""A directory, what is left out in it, and the directories in it that were not entered yet."""


def _names(directory: OpenDirectory) -> list[tuple[str, Kind]]:
    try:
        return list(directory.names())
    except SandboxError:
        return []


def _opened(directory: OpenDirectory, name: str) -> OpenDirectory | None:
    try:
        return directory.descend_unchecked(name)
    except SandboxError:  # gone, or closed to this user
        return None


def _uppermost(roots: Sequence[Root]) -> tuple[Root, ...]:
    def lies_in_another(root: Root) -> bool:
        own = root.spellings[-1]
        return any(
            len(other.spellings[-1]) < len(own) and own[: len(other.spellings[-1])] == other.spellings[-1]
            for other in roots
        )

    return tuple(root for root in roots if not lies_in_another(root))
