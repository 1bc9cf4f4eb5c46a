"""Lookup one component at a time with `O_NOFOLLOW`: for any POSIX system.

Every directory on the way is held open, so `..` takes the handle before from the stack and never asks the
system, which might by then answer with a directory outside (cap-std's lesson). A link is read, not followed: its
text is put in place of its name, and the walk goes on from the directory that holds it.
"""

import errno
import os
import sys
from collections.abc import Sequence

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.errors import (
    EscapesRoot,
    InvalidPath,
    NameTooLong,
    NotDirectory,
    NotRegularFile,
    SymlinkLoop,
    from_os_error,
)
from sandbox.resolve import MAX_LINKS, Found, Kind
from sandbox.resolve._posix import PosixFiles, facts_of

__all__ = ["StepwiseResolver"]

MAX_STEPS = 4096
"""Components walked in one lookup, those that links bring included: bounds the work."""

KEPT_HANDLES = 64
"""Directories of one lookup held open at a time, so that a path of thousands of names cannot use up descriptors."""


class StepwiseResolver(PosixFiles):
    """Resolves by walking. Needs nothing but openat(2) with `O_NOFOLLOW`."""

    name = "stepwise"

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        """Look `parts` up beneath `root`."""
        walk = _Walk(self, root)
        try:
            return walk.to(parts, directory=directory)
        except OSError as error:
            raise from_os_error(error, "") from error
        except ValueError as error:  # a NUL, or a letter that the system's encoding lacks
            raise InvalidPath from error
        finally:
            walk.close()


class _Walk:
    """One lookup: where the walk stands, the names that led there, and the handles of the last of them."""

    def __init__(self, files: StepwiseResolver, root: int) -> None:
        self._files = files
        self._root = root
        self._names: list[str] = []
        self._held: list[int] = []  # of the last names; never empty while there are names
        self._links = 0

    @property
    def _here(self) -> int:
        return self._held[-1] if self._held else self._root

    def to(self, parts: Sequence[str], *, directory: bool) -> Found:
        left = list(reversed(parts))
        for _ in range(MAX_STEPS):
            if not left:
                return self._found_here()
            part = left.pop()
            if part == "..":
                self._up()
                continue
            target = self._link(part)
            if target is not None:
                # A slash at the end of a link's text asks for a directory, as one at the end of the request does.
                directory = directory or (not left and target.endswith(("/", "/.")))
                left.extend(reversed([name for name in target.split("/") if name not in {"", "."}]))
            elif left or directory:
                self._down(part)
            else:
                found = self._last(part)
                if found is not None:
                    return found
                left.append(part)  # a link was put here just now: read it
        raise NameTooLong

    def _found_here(self) -> Found:
        handle = os.open(".", self._files.handle_flags | os.O_DIRECTORY, dir_fd=self._here)
        return Found(handle, tuple(self._names), facts_of(handle))

    def _up(self) -> None:
        if not self._names:
            raise EscapesRoot
        self._names.pop()
        os.close(self._held.pop())
        if self._names and not self._held:
            # Beyond the handles that were kept. The names that led here held no link: walk them again from the root.
            names, self._names = self._names, []
            for name in names:
                self._down(name)

    def _down(self, name: str) -> None:
        flags = self._files.handle_flags | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            self._held.append(os.open(name, flags, dir_fd=self._here))
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:  # a file, or a link that was put here just now
                raise NotDirectory from error
            raise
        self._names.append(name)
        if len(self._held) > KEPT_HANDLES:
            os.close(self._held.pop(0))

    def _last(self, name: str) -> Found | None:
        """Open the last name; None where it has become a link since it was looked at."""
        if not self._files.path_handles:
            # Without handles that only name, opening is reading: look first, so that no device feels it.
            kind = Kind.of(os.stat(name, dir_fd=self._here, follow_symlinks=False).st_mode)
            if kind not in {Kind.FILE, Kind.DIRECTORY, Kind.LINK}:
                raise NotRegularFile(kind=kind)
        try:
            handle = os.open(name, self._files.handle_flags | os.O_NOFOLLOW, dir_fd=self._here)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
        facts = facts_of(handle)
        if Kind.of(facts.st_mode) is Kind.LINK:  # O_PATH | O_NOFOLLOW holds the link itself (open(2))
            os.close(handle)
            return None
        return Found(handle, (*self._names, name), facts)

    def _link(self, name: str) -> str | None:
        """Return the text of the link `name`, or None where no link stands."""
        try:
            target = os.readlink(name, dir_fd=self._here)
        except OSError as error:
            if error.errno == errno.EINVAL:  # not a link (readlink(2))
                return None
            raise
        self._links += 1
        if self._links > MAX_LINKS:
            raise SymlinkLoop
        if target.startswith("/"):
            raise EscapesRoot
        return target

    def close(self) -> None:
        for handle in self._held:
            os.close(handle)
