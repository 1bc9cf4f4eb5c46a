r"""Lookup one component at a time with NtCreateFile: the walk of `_stepwise.py`, on Windows.

**Not verified on real Windows.** The walk is tested against a table of calls whose behaviour is a tree in memory;
the calls themselves (`_windows_calls.py`) have not been run yet.

Each component is opened relative to the handle before it and never followed. What it is, is asked of the handle
that the walk goes on from, so nothing can be swapped between the look and the step. A relative symbolic link's
text is put in place of its name; absolute ones, junctions, mount points and reparse points of unknown meaning are
refused. `..` takes a held handle back.

Then a second lock: the handle is asked where it stands, and that must be beneath where the root stands, in the
names that were walked. A name that differs by more than case was an 8.3 alias: not a name here, or policy would
be asked about another name than the file's own.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.errors import (
    EscapesRoot,
    InvalidPath,
    NameTooLong,
    NotDirectory,
    NotFound,
    NotRegularFile,
    SandboxError,
    SymlinkLoop,
)
from sandbox.resolve import MAX_LINKS, Changes, Found, Kind
from sandbox.resolve._windows_calls import Calls, Purpose, system_calls
from sandbox.resolve._windows_facts import Facts, entries_of, link_of, stat_of
from sandbox.resolve._windows_names import require_plain

__all__ = ["WindowsResolver"]

MAX_STEPS = 4096
"""Components walked in one lookup, those that links bring included: bounds the work and the open handles."""


class WindowsResolver:
    """Resolves by walking handles. `calls` are the system's own unless others are given."""

    name = "windows"
    changes: Changes | None = None  # not written yet: roots are read-only here

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls or system_calls()

    def open_root(self, path: str) -> int:
        """Return a handle of the directory at `path`, links followed: the operator chose it."""
        handle = self._calls.open_path(path)
        try:
            if not self._calls.is_on_disk(handle) or self._calls.facts(handle).kind is not Kind.DIRECTORY:
                raise NotDirectory
        except SandboxError:
            self._calls.close(handle)
            raise
        return handle

    def real_path(self, handle: int) -> str:
        """Return where the directory behind `handle` stands now."""
        return self._calls.final_path(handle, drive=True)

    def stat(self, handle: int) -> os.stat_result:
        """Return the facts of the thing behind `handle`."""
        return stat_of(self._calls.facts(handle))

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        """Look `parts` up beneath `root`."""
        walk = _Walk(self._calls, root)
        try:
            return walk.to(parts, directory=directory)
        finally:
            walk.close()

    def readable(self, found: Found) -> int:
        """Return a descriptor that reads the regular file behind `found`."""
        return self._reading(found.handle, self._calls.facts(found.handle))

    def open_directory(self, parent: int, name: str) -> int:
        """Return a handle of the directory `name` in `parent`."""
        handle, facts = self._child(parent, name)
        if facts.kind is not Kind.DIRECTORY:
            self._calls.close(handle)
            raise NotDirectory
        return handle

    def open_file(self, parent: int, name: str) -> int:
        """Return a descriptor that reads the regular file `name` in `parent`."""
        handle, facts = self._child(parent, name)
        try:
            return self._reading(handle, facts)
        finally:
            self._calls.close(handle)

    def names(self, directory: int) -> Iterator[tuple[str, Kind]]:
        """Yield names and kinds from a handle of the directory's own, since each handle has one position."""
        reader = self._calls.open(directory, "", Purpose.LIST)
        try:
            for records in self._calls.listing(reader):
                yield from entries_of(records)
        finally:
            self._calls.close(reader)

    def stat_child(self, directory: int, name: str) -> os.stat_result:
        """Return the facts of `name`, of a link the link's own."""
        handle, facts = self._child(directory, name)
        self._calls.close(handle)
        return stat_of(facts)

    def read_link(self, directory: int, name: str) -> str:
        """Return the text of the link `name`, with the separators that stand in it."""
        handle, facts = self._child(directory, name)
        try:
            if facts.kind is not Kind.LINK:
                raise InvalidPath
            return link_of(self._calls.reparse_data(handle)).text
        finally:
            self._calls.close(handle)

    def close(self, handle: int) -> None:
        """Give a handle back."""
        self._calls.close(handle)

    def _child(self, parent: int, name: str) -> tuple[int, Facts]:
        """Return a handle of `name` in `parent`, a link's own, and its facts; an 8.3 alias is `NotFound`."""
        require_plain(name)
        handle = self._calls.open(parent, name, Purpose.LOOK)
        try:
            stored = self._calls.final_path(handle).rpartition("\\")[2]
            if stored.casefold() != name.casefold():
                raise NotFound
            return handle, self._calls.facts(handle)
        except SandboxError:
            self._calls.close(handle)
            raise

    def _reading(self, handle: int, facts: Facts) -> int:
        """Return a descriptor that reads the file behind `handle`, which is opened once more for that."""
        _require_regular(facts)
        reader = self._calls.open(handle, "", Purpose.READ)
        try:
            again = self._calls.facts(reader)
            _require_regular(again)
            if not self._calls.is_on_disk(reader):
                raise NotRegularFile(kind=Kind.DEVICE)
            # A network drive may open by name again what here is opened by handle.
            if again.identity != facts.identity:
                raise NotFound
            return self._calls.descriptor(reader)
        except SandboxError:
            self._calls.close(reader)
            raise


def _require_regular(facts: Facts) -> None:
    if facts.kind is not Kind.FILE:
        raise NotRegularFile(kind=facts.kind)


@dataclass(frozen=True, slots=True)
class _Step:
    """A component that is held: its name as it was asked for, and what it is."""

    name: str
    handle: int
    facts: Facts


class _Walk:
    """One lookup: the held components that lead from the root to where it stands."""

    def __init__(self, calls: Calls, root: int) -> None:
        self._calls = calls
        self._root = root
        self._steps: list[_Step] = []
        self._links = 0

    def to(self, parts: Sequence[str], *, directory: bool) -> Found:
        left = list(reversed(parts))
        walked = 0
        while left:
            part = left.pop()
            walked += 1
            if walked > MAX_STEPS:
                raise NameTooLong
            if part == "..":
                self._up()
                continue
            target = self._into(part)
            if target is not None:
                names = target.replace("\\", "/").split("/")
                # A separator at the end of a link's text asks for a directory, as one in the request does.
                directory = directory or (not left and names[-1] in {"", "."})
                left.extend(reversed([name for name in names if name not in {"", "."}]))
            elif (left or directory) and self._steps[-1].facts.kind is not Kind.DIRECTORY:
                raise NotDirectory
        return self._found()

    def _up(self) -> None:
        if not self._steps:
            raise EscapesRoot
        self._calls.close(self._steps.pop().handle)

    def _into(self, name: str) -> str | None:
        """Step to `name`; of a link return the text instead, and stay."""
        require_plain(name)
        step = self._look(self._steps[-1].handle if self._steps else self._root, name)
        if step.facts.kind in {Kind.LINK, Kind.OTHER}:
            try:
                return self._target(step)
            finally:
                self._calls.close(step.handle)
        self._steps.append(step)
        return None

    def _look(self, parent: int, name: str) -> _Step:
        handle = self._calls.open(parent, name, Purpose.LOOK)
        try:
            return _Step(name, handle, self._calls.facts(handle))
        except SandboxError:
            self._calls.close(handle)
            raise

    def _target(self, step: _Step) -> str:
        """Return the text of a link that may be followed."""
        if step.facts.kind is Kind.OTHER:  # a driver of its own decides where it leads
            raise EscapesRoot
        self._links += 1
        if self._links > MAX_LINKS:
            raise SymlinkLoop
        link = link_of(self._calls.reparse_data(step.handle))
        if not link.inward:
            raise EscapesRoot
        return link.text

    def _found(self) -> Found:
        if not self._steps:
            self._steps.append(self._look(self._root, ""))
        names = self._stored_names()
        last = self._steps.pop()
        return Found(last.handle, names, stat_of(last.facts))

    def _stored_names(self) -> tuple[str, ...]:
        """Return the names from the root to where the walk stands, as they are stored."""
        base = self._calls.final_path(self._root)
        place = self._calls.final_path(self._steps[-1].handle)
        if place != base and not place.startswith(base + "\\"):
            raise EscapesRoot
        stored = tuple(place[len(base) :].split("\\")[1:])
        asked = [step.name.casefold() for step in self._steps if step.name]
        if [name.casefold() for name in stored] != asked:
            raise NotFound
        return stored

    def close(self) -> None:
        for step in self._steps:
            self._calls.close(step.handle)
