"""What both POSIX resolvers share: opening by handle, reading directories by handle.

Linux has handles that only name (`O_PATH`); a file behind one is opened for reading through `/proc/self/fd`,
which opens that very inode. Elsewhere, and without /proc, the thing is opened once with flags that cannot hang.
"""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.errors import NotDirectory, NotFound, NotRegularFile, SandboxError, from_os_error
from sandbox.resolve import Changes, Found, Kind
from sandbox.resolve._posix_changes import PosixChanges

__all__ = ["PosixFiles", "facts_of", "reopens_by_proc"]

# O_NONBLOCK: opening a FIFO would otherwise wait for a writer (open(2)). O_NOCTTY: a terminal must not become ours.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_O_PATH = getattr(os, "O_PATH", 0)


def reopens_by_proc() -> bool:
    """Tell whether a handle can be opened again through /proc, by doing it."""
    if not _O_PATH:
        return False
    try:
        handle = os.open("/proc", _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(os.open(f"/proc/self/fd/{handle}", _DIRECTORY & ~os.O_NOFOLLOW))
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def facts_of(handle: int) -> os.stat_result:
    """Return the facts of what was just opened; where they cannot be had (NFS, FUSE) the handle is given back."""
    try:
        return os.fstat(handle)
    except OSError:
        os.close(handle)
        raise


class PosixFiles:
    """Calls on held descriptors. `path_handles` false takes the form for systems without `O_PATH` or /proc."""

    def __init__(self, *, path_handles: bool | None = None) -> None:
        self.path_handles = reopens_by_proc() if path_handles is None else path_handles
        self.handle_flags = _O_PATH | os.O_CLOEXEC if self.path_handles else _READ
        # The form for other systems is without what Linux alone has, in both respects.
        self.changes: Changes | None = PosixChanges(flags=self.path_handles or sys.platform == "darwin")

    def open_root(self, path: str) -> int:
        """Return a handle of the directory at `path`, links followed: the operator chose it."""
        try:
            return os.open(path, (self.handle_flags & ~os.O_NONBLOCK) | os.O_DIRECTORY)
        except OSError as error:
            raise from_os_error(error, path) from error

    def real_path(self, handle: int) -> str:
        """Return where the directory behind `handle` stands now."""
        try:
            if self.path_handles:
                return os.readlink(f"/proc/self/fd/{handle}")
            return _path_of(handle)
        except OSError as error:
            raise from_os_error(error, "") from error

    def stat(self, handle: int) -> os.stat_result:
        """Return the facts of the thing behind `handle`."""
        try:
            return os.fstat(handle)
        except OSError as error:
            raise from_os_error(error, "") from error

    def readable(self, found: Found) -> int:
        """Return a descriptor that reads the regular file behind `found`."""
        require_regular(found.stat.st_mode)
        try:
            if self.path_handles:
                return os.open(f"/proc/self/fd/{found.handle}", _READ)
            return os.dup(found.handle)
        except OSError as error:
            raise from_os_error(error, "") from error

    def open_directory(self, parent: int, name: str) -> int:
        """Return a descriptor of the directory `name` in `parent`, opened without following a link."""
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotDirectory from error
            raise from_os_error(error, "") from error

    def open_file(self, parent: int, name: str) -> int:
        """Return a descriptor that reads the regular file `name` in `parent`, without following a link."""
        # Looked at before it is opened, so that a device feels no open; and again on the descriptor, which decides.
        require_regular(self.stat_child(parent, name).st_mode)
        try:
            descriptor = os.open(name, _READ | os.O_NOFOLLOW, dir_fd=parent)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotRegularFile(kind=Kind.LINK) from error
            raise from_os_error(error, "") from error
        try:
            require_regular(self.stat(descriptor).st_mode)
        except SandboxError:
            os.close(descriptor)
            raise
        return descriptor

    def names(self, directory: int) -> Iterator[tuple[str, Kind]]:
        """Yield names and kinds by handle: entries that a path would list could be another directory's by now."""
        # A handle that only names cannot be read, and a shared descriptor shares its position: open "." anew.
        reader = self.open_directory(directory, ".")
        try:
            with os.scandir(reader) as found:
                for entry in found:
                    yield entry.name, _kind_of(entry)
        except OSError as error:
            raise from_os_error(error, "") from error
        finally:
            os.close(reader)

    def stat_child(self, directory: int, name: str) -> os.stat_result:
        """Return the facts of `name`, of a link the link's own."""
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise from_os_error(error, "") from error

    def read_link(self, directory: int, name: str) -> str:
        """Return the text of the link `name`."""
        try:
            return os.readlink(name, dir_fd=directory)
        except OSError as error:
            raise from_os_error(error, "") from error

    def close(self, handle: int) -> None:
        """Give a descriptor back."""
        os.close(handle)


def require_regular(mode: int) -> None:
    """Refuse whatever `mode` says is not a regular file, by its kind."""
    kind = Kind.of(mode)
    if kind is not Kind.FILE:
        raise NotRegularFile(kind=kind)


def _kind_of(entry: os.DirEntry[str]) -> Kind:
    """Return the kind from the directory's own record, which costs no further call on most file systems."""
    if entry.is_symlink():
        return Kind.LINK
    if entry.is_dir(follow_symlinks=False):
        return Kind.DIRECTORY
    if entry.is_file(follow_symlinks=False):
        return Kind.FILE
    try:
        return Kind.of(entry.stat(follow_symlinks=False).st_mode)
    except OSError:  # gone since it was listed, or not to be looked at: no reason to lose the others
        return Kind.OTHER


if sys.platform == "darwin":

    def _path_of(directory: int) -> str:
        """Return the path of an open directory; fcntl(2) says that it takes MAXPATHLEN bytes."""
        return os.fsdecode(fcntl.fcntl(directory, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))

else:

    def _path_of(directory: int) -> str:
        """Return the path of an open directory."""
        return _path_by_parents(directory)


def _path_by_parents(directory: int) -> str:
    """Return the path of an open directory by climbing `..` and finding each one's name in its parent.

    For systems where a handle cannot be asked. Slow, used once per root at start.
    """
    names: list[str] = []
    current = os.dup(directory)
    try:
        while True:
            here = os.fstat(current)
            parent = os.open("..", _DIRECTORY, dir_fd=current)
            above = facts_of(parent)
            if (above.st_dev, above.st_ino) == (here.st_dev, here.st_ino):
                os.close(parent)
                return "/" + "/".join(reversed(names))
            os.close(current)
            current = parent
            names.append(_name_in(parent, here))
    finally:
        os.close(current)


def _name_in(parent: int, child: os.stat_result) -> str:
    for name in os.listdir(parent):
        try:
            facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except OSError:  # a sibling that vanished or may not be looked at is not the one we look for
            continue
        if stat.S_ISDIR(facts.st_mode) and (facts.st_dev, facts.st_ino) == (child.st_dev, child.st_ino):
            return name
    raise NotFound
