"""Changes on POSIX: each on one name in a held directory, so that no path is looked up again.

Linux and macOS can rename without replacing and can exchange two names at once. Where the system or the file system
cannot (NFS, many FUSE), the nearest that it can is done, and said beside the call.

Source: renameat2(2); renameatx_np(2) of macOS; link(2), which never replaces.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.attributes import Attributes
from sandbox.errors import Exists, UnsupportedOp, from_change_error
from sandbox.resolve._posix_attributes import attributes_of, put_attributes

__all__ = ["PosixChanges"]

RenameCall = Callable[[int, bytes, int, bytes, int], int]
"""Renames a name in a directory to a name in another, with a flag; returns the errno, 0 for success."""

# For a libc without renameat2, as musl was for long. arch/*/entry/syscalls of the kernel, for processes of 64 bits; the
# generic table serves aarch64, riscv64 and loongarch64.
_RENAMEAT2 = {"x86_64": 316, "ppc64le": 357, "s390x": 347}
_GENERIC_RENAMEAT2 = 276

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_UNKNOWN = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a system answers that does not know a flag of the call, or the call."""


_SYNC_FILE_RANGE_WRITE = 2

_NONE_WITHOUT_A_NAME = frozenset(
    {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EACCES, errno.EPERM}
)
"""What a system answers that has no files without a name, here or at all."""


class PosixChanges:
    """What `Changes` asks for. `flags` false takes the form for systems without flags for rename."""

    def __init__(self, *, flags: bool = True) -> None:
        self._flags = flags
        # A name is given through /proc, as open(2) tells; linkat(2) with AT_EMPTY_PATH is for root.
        self._unnamed = getattr(os, "O_TMPFILE", 0) if flags and Path("/proc/self/fd").is_dir() else 0
        # Source: syncfs(2). Part of the form that only Linux has.
        self._syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if flags else None
        # Source: sync_file_range(2), which warns that it makes nothing durable.
        self._begin_flush = getattr(ctypes.CDLL(None), "sync_file_range", None) if flags else None
        self._call = _rename_call()

    def create(self, directory: int, name: str, mode: int) -> int:
        """Return a descriptor that reads and writes the new file `name`."""
        try:
            return os.open(name, _CREATE, mode, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def create_unnamed(self, directory: int, mode: int) -> int | None:
        """Return a descriptor of a new file that has no name yet; None where there is no such thing.

        Source: open(2), O_TMPFILE, and how it says that a kernel or a file system has none.
        """
        if not self._unnamed:
            return None
        try:
            return os.open(".", os.O_RDWR | os.O_CLOEXEC | self._unnamed, mode, dir_fd=directory)
        except OSError as error:
            # It may also say that the directory is gone or closed: whoever makes a file with a name hears which.
            if error.errno in _NONE_WITHOUT_A_NAME:
                return None
            raise from_change_error(error) from error

    def give_name(self, descriptor: int, directory: int, name: str) -> None:
        """Give a file without a name the name `name`, where nothing stands."""
        try:
            os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=directory, follow_symlinks=True)
        except OSError as error:
            raise from_change_error(error) from error

    def begin_flush(self, descriptor: int) -> None:
        """Let the disk begin to take what was written to a file, where that can be said."""
        if self._begin_flush is not None:
            everything = ctypes.c_int64(0)
            self._begin_flush(descriptor, everything, everything, ctypes.c_uint(_SYNC_FILE_RANGE_WRITE))

    def make_directory(self, directory: int, name: str, mode: int) -> None:
        """Make the directory `name`."""
        try:
            os.mkdir(name, mode, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def make_link(self, directory: int, name: str, target: str) -> None:
        """Make the symbolic link `name` with the text `target`."""
        try:
            os.symlink(target, name, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def make_fifo(self, directory: int, name: str, mode: int) -> None:
        """Make the FIFO `name`."""
        try:
            os.mkfifo(name, mode, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def rename(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Give what is `name` the name `to_name`, where nothing stands."""
        try:
            if not self._flagged(_NO_REPLACE, directory, name, to_directory, to_name):
                _rename_to_nothing(directory, name, to_directory, to_name)
        except OSError as error:
            raise from_change_error(error) from error

    def exchange(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Let two names that exist change places."""
        try:
            done = self._flagged(_EXCHANGE, directory, name, to_directory, to_name)
        except OSError as error:
            raise from_change_error(error) from error
        if not done:
            raise UnsupportedOp

    def replace(self, directory: int, name: str, to_directory: int, to_name: str) -> None:
        """Give what is `name` the name `to_name`, whatever stood there."""
        try:
            os.rename(name, to_name, src_dir_fd=directory, dst_dir_fd=to_directory)
        except OSError as error:
            raise from_change_error(error) from error

    def hard_link(self, directory: int, name: str, to_name: str) -> None:
        """Give the file `name` a second name in the same directory, where nothing stands."""
        try:
            os.link(name, to_name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise from_change_error(error) from error

    def unlink(self, directory: int, name: str) -> None:
        """Remove the name of anything but a directory."""
        try:
            os.unlink(name, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def remove_directory(self, directory: int, name: str) -> None:
        """Remove the empty directory `name`."""
        try:
            os.rmdir(name, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def sync(self, directory: int) -> None:
        """Wait until the names in the directory are on the disk."""
        try:
            # A handle that only names cannot be synchronised.
            readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            try:
                os.fsync(readable)
            finally:
                os.close(readable)
        except PermissionError:  # a directory that may be written and not read: its names reach the disk later
            return
        except OSError as error:
            if error.errno not in _UNKNOWN:  # some network file systems have no fsync of directories
                raise from_change_error(error) from error

    def flush(self, directory: int) -> bool:
        """Wait until all that was written to the directory's file system is on the disk; Linux has a call for it."""
        if self._syncfs is None:
            return False
        try:
            readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        except PermissionError:  # a directory that may be written and not read
            return False
        except OSError as error:
            raise from_change_error(error) from error
        try:
            number = 0 if self._syncfs(readable) == 0 else ctypes.get_errno()
        finally:
            os.close(readable)
        if number not in {0, *_UNKNOWN}:
            raise from_change_error(OSError(number, os.strerror(number)))
        return number == 0

    def may_change(self, directory: int) -> bool:
        """Tell whether this user may make and remove names in the directory, as it is or once it is unlocked."""
        try:
            if os.stat(".", dir_fd=directory).st_uid == os.geteuid():
                return True
        except OSError as error:
            raise from_change_error(error) from error
        return os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=os.access in os.supports_effective_ids)

    def unlock(self, directory: int) -> None:
        """Let this user make and remove names in a directory of their own, where only its mode forbids that."""
        try:
            mode = os.stat(".", dir_fd=directory).st_mode
            os.chmod(".", stat.S_IMODE(mode) | stat.S_IRWXU, dir_fd=directory)
        except OSError as error:
            raise from_change_error(error) from error

    def is_written_to(self, descriptor: int) -> bool:
        """Tell whether somebody has the file open for writing, as far as the system tells that."""
        return self._flags and _is_written_to(descriptor)

    def attributes(self, descriptor: int) -> Attributes:
        """Return the attributes of an open file or directory."""
        try:
            return attributes_of(descriptor)
        except OSError as error:
            raise from_change_error(error) from error

    def put_attributes(self, descriptor: int, attributes: Attributes, *, owner: bool, times: bool) -> bool:
        """Put attributes on an open file or directory, and tell whether it has the owner too."""
        try:
            return put_attributes(descriptor, attributes, owner=owner, times=times)
        except OSError as error:
            raise from_change_error(error) from error

    def _flagged(self, flag: int, directory: int, name: str, to_directory: int, to_name: str) -> bool:
        """Rename with a flag; tell whether the system knows it here."""
        if not self._flags:
            return False
        number = self._call(directory, os.fsencode(name), to_directory, os.fsencode(to_name), flag)
        if number in _UNKNOWN:
            return False
        if number:
            raise OSError(number, os.strerror(number))
        return True


def _rename_to_nothing(directory: int, name: str, to_directory: int, to_name: str) -> None:
    """Rename without replacing, where rename itself cannot promise it.

    A file gets its second name by link(2), which never replaces, and loses the first. A directory is looked for and
    then renamed: what could be lost in between is an empty directory, because rename(2) replaces no other.
    """
    if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        try:
            os.stat(to_name, dir_fd=to_directory, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, to_name, src_dir_fd=directory, dst_dir_fd=to_directory)
            return
        raise Exists
    os.link(name, to_name, src_dir_fd=directory, dst_dir_fd=to_directory, follow_symlinks=False)
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:  # somebody else removed it just now: the second name is the only one
        return
    except OSError:  # the first directory may not be changed: nothing is moved
        with contextlib.suppress(OSError):
            os.unlink(to_name, dir_fd=to_directory)
        raise


if sys.platform != "linux":

    def _is_written_to(_descriptor: int) -> bool:
        return False

else:

    def _is_written_to(descriptor: int) -> bool:
        """Ask for a lease for reading, which nobody gets while a file is open for writing, and give it back at once.

        Whoever opens it in between waits for a moment. The signal that tells of that would end this process, were it
        not one that is ignored. Another user's file has no lease, and many a file system of a network has none.

        Source: fcntl(2), leases.
        """
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
        return False


if sys.platform == "darwin":
    _EXCHANGE, _NO_REPLACE = 0x2, 0x4

    def _rename_call() -> RenameCall:
        call = ctypes.CDLL(None, use_errno=True).renameatx_np
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        return lambda *arguments: 0 if call(*arguments) == 0 else ctypes.get_errno()

else:
    _NO_REPLACE, _EXCHANGE = 0x1, 0x2

    def _rename_call() -> RenameCall:
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "renameat2"):
            call = libc.renameat2
            call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
            return lambda *arguments: 0 if call(*arguments) == 0 else ctypes.get_errno()
        if ctypes.sizeof(ctypes.c_void_p) < 8:  # noqa: PLR2004 # bytes
            # A process of 32 bits: the machine's name may be that of a kernel of 64, with other numbers.
            return lambda *_: errno.ENOSYS
        call = libc.syscall
        call.restype = ctypes.c_long
        number = _RENAMEAT2.get(platform.machine(), _GENERIC_RENAMEAT2)
        # syscall(2) takes longs; see `_openat2.py`.
        call.argtypes = (*(ctypes.c_long,) * 2, ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p, ctypes.c_long)
        return lambda *arguments: 0 if call(number, *arguments) == 0 else ctypes.get_errno()
