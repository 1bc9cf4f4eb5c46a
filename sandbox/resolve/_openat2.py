"""Lookup by the kernel: openat2(2) with `RESOLVE_BENEATH`, which no rename can race.

Two calls at most. The first allows no link at all, and then the names that were asked for are the real ones. Only
where a link stands in the way does the kernel follow it (still beneath the root, still no magic links); the place
that it found is read back from the handle, and that name is opened again by the first kind of call. So what is
handed out always comes from a lookup without links, and policy is decided on names that cannot be anything else.

Source: openat2(2). `EXDEV`: leads out. `ELOOP`: a link where none is allowed, or too many. `EAGAIN`: a rename
somewhere raced a `..`; the same call is repeated.
"""

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Sequence

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.errors import NotFound, SandboxError, from_os_error
from sandbox.resolve import Found
from sandbox.resolve._posix import PosixFiles, facts_of, reopens_by_proc
from sandbox.resolve._stepwise import StepwiseResolver

__all__ = ["KernelResolver", "kernel_resolves"]

# The same number on every architecture but alpha, whose table is offset (include/uapi/asm-generic/unistd.h).
_SYS_OPENAT2 = 547 if platform.machine() == "alpha" else 437
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08

RETRIES = 256
"""Times that a lookup raced by renames is repeated. Under the worst load measured, 12,000 in 600,000 needed one."""

LONGEST_PATH = 4000
"""Bytes that one call takes: PATH_MAX is 4096. Longer ones are walked, which needs no single long string."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class KernelResolver(PosixFiles):
    """Resolves with openat2. Needs Linux 5.6 and /proc; `kernel_resolves` tells."""

    name = "openat2"

    def __init__(self) -> None:
        super().__init__(path_handles=True)
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        # syscall(2) takes longs. Without the types an int would fill half of a register and leave the rest to chance.
        self._syscall.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
        self._walker = StepwiseResolver()

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        """Look `parts` up beneath `root`."""
        if sum(map(len, parts)) + len(parts) > LONGEST_PATH // 4 and _encoded_length(parts) > LONGEST_PATH:
            return self._walker.resolve(root, parts, directory=directory)
        flags = self.handle_flags | (os.O_DIRECTORY if directory else 0)
        try:
            for _ in range(RETRIES):
                try:
                    handle = self._open(root, parts, flags, _BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS)
                except OSError as error:
                    if error.errno != errno.ELOOP:
                        raise
                    followed = self._follow(root, parts, flags)
                    if followed is None:  # the place moved while it was read back
                        continue
                    parts = followed
                else:
                    return Found(handle, _without_dots(parts), facts_of(handle))
        except OSError as error:
            raise from_os_error(error, "") from error
        raise NotFound

    def _follow(self, root: int, parts: Sequence[str], flags: int) -> tuple[str, ...] | None:
        """Let the kernel follow the links in `parts`; return the real names of where they lead."""
        handle = self._open(root, parts, flags, _BENEATH | _NO_MAGICLINKS)
        try:
            base = self.real_path(root).rstrip("/")
            place = self.real_path(handle)
        finally:
            os.close(handle)
        if place != base and not place.startswith(base + "/"):
            return None
        return tuple(place[len(base) :].split("/")[1:])

    def _open(self, root: int, parts: Sequence[str], flags: int, resolve: int) -> int:
        name = os.fsencode("/".join(parts) or ".")
        if b"\0" in name:  # ctypes would pass the text before it, and another file would open
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        how = _OpenHow(flags, 0, resolve)
        for _ in range(RETRIES):
            handle: int = self._syscall(_SYS_OPENAT2, root, name, ctypes.byref(how), ctypes.sizeof(how))
            if handle >= 0:
                return handle
            number = ctypes.get_errno()
            if number not in {errno.EAGAIN, errno.EINTR}:
                raise OSError(number, os.strerror(number))
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def kernel_resolves() -> bool:
    """Tell whether openat2 works here and refuses what it must, by a lookup in and a lookup out.

    A system-call filter may answer anything for a call that it does not know, so no version is asked. /proc is the
    one directory that must be there; a temporary one cannot be made where everything is read-only.
    """
    if not reopens_by_proc():
        return False
    resolver = KernelResolver()
    root = resolver.open_root("/proc")
    try:
        os.close(resolver.resolve(root, ()).handle)
        os.close(resolver.resolve(root, ("..",)).handle)
    except SandboxError as refusal:
        return refusal.code == "escapes_root"
    finally:
        os.close(root)
    return False


def _encoded_length(parts: Sequence[str]) -> int:
    return len(os.fsencode("/".join(parts)))


def _without_dots(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the names that are left when `..` takes one back: true where no link stood among them."""
    names: list[str] = []
    for part in parts:
        if part == "..":
            names.pop()
        else:
            names.append(part)
    return tuple(names)
