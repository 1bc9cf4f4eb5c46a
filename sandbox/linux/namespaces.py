"""Namespaces and mounts: a view of the machine that a process has for itself.

Mounts are made from handles: a copy of a tree is taken (`copied_tree`), changed while it hangs nowhere, and then put
where it belongs. A handle from before `unshare` belongs to the old view and cannot be copied in the new one; what is
opened anew by its path has to be compared with it.

Sources: namespaces(7), user_namespaces(7), unshare(2), mount(2), mount_setattr(2), open_tree(2), move_mount(2),
pivot_root(2), openat2(2).
"""

import os
import struct
import sys
from enum import IntFlag
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.calls import buffer, call, text

__all__ = [
    "Attribute",
    "Namespace",
    "attach",
    "beneath",
    "copied_from",
    "copied_tree",
    "detach",
    "enter_root",
    "make_private",
    "map_own_ids",
    "mount_new",
    "set_attributes",
    "unshare",
]


class Namespace(IntFlag):
    """Kinds of namespaces, as clone(2) numbers them."""

    MOUNTS = 0x00020000
    UTS = 0x04000000
    IPC = 0x08000000
    USER = 0x10000000
    PROCESSES = 0x20000000
    NETWORK = 0x40000000


class Attribute(IntFlag):
    """What a mount does not let anybody do, as mount_setattr(2) numbers it; the numbers of mount(2) are the same."""

    READ_ONLY = 0x1
    NO_SET_ID = 0x2
    NO_DEVICES = 0x4
    NO_EXEC = 0x8


_HERE: Final = -100
_EMPTY_PATH, _RECURSIVE, _NO_FOLLOW = 0x1000, 0x8000, 0x100
_CLONE, _CLOEXEC = 0x1, 0o2000000
_FROM_EMPTY_PATH, _TO_EMPTY_PATH = 0x4, 0x40
_MS_PRIVATE_AND_ALL_BENEATH: Final = 0x40000 | 0x4000
_DETACH: Final = 0x2
_NO_LINKS_AT_ALL: Final = 0x04 | 0x02 | 0x08
"""RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_BENEATH (openat2(2))."""


def unshare(kinds: Namespace) -> None:
    """Leave the namespaces of these kinds for new ones; that of processes takes in children only.

    Raises:
        OSError: the system does not allow it (`EPERM`, `ENOSPC`), or has no such kind (`EINVAL`).
    """
    call("unshare", kinds)


def map_own_ids(user: int, group: int, directory: str = "/proc/self") -> None:
    """Keep one's own user and group in a new user namespace, and nobody else's.

    `directory` is the process's own. It is dumpable, or its files there are root's. For user 0 it had `CAP_SETFCAP`
    before.

    Raises:
        OSError: the system does not allow it.
    """
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, content.encode())
        finally:
            os.close(descriptor)


def make_private() -> None:
    """Let no mount of this namespace from now on appear in another, nor the other way."""
    call("mount", None, text("/"), None, _MS_PRIVATE_AND_ALL_BENEATH, None)


def mount_new(kind: str, target: str, attributes: Attribute, options: str = "") -> None:
    """Mount a file system that is made for it, over what stands at `target`."""
    call("mount", text(kind), text(target), text(kind), attributes, text(options))


def copied_tree(path: str) -> int:
    """Return a handle of a copy of what stands at `path` with all mounts beneath, which hangs nowhere yet."""
    return call("open_tree", _HERE, text(path), _CLONE | _CLOEXEC | _RECURSIVE | _NO_FOLLOW)


def copied_from(handle: int) -> int:
    """Return a handle of a copy of what was opened, in this namespace, with all mounts beneath."""
    return call("open_tree", handle, b"", _CLONE | _CLOEXEC | _RECURSIVE | _EMPTY_PATH)


def set_attributes(handle: int, attributes: Attribute, *, beneath_too: bool = True) -> None:
    """Add to what a mount, and all mounts beneath, let nobody do."""
    wanted = buffer(struct.pack("=QQQQ", attributes, 0, 0, 0))
    flags = _EMPTY_PATH | (_RECURSIVE if beneath_too else 0)
    call("mount_setattr", handle, b"", flags, wanted, len(wanted))


def attach(tree: int, target: int) -> None:
    """Put a copied tree over the open directory or file `target`."""
    call("move_mount", tree, b"", target, b"", _FROM_EMPTY_PATH | _TO_EMPTY_PATH)


def beneath(directory: int, path: str, flags: int = 0) -> int:
    """Open `path`, relative to a held directory, without following any link on the way. Mounts are crossed.

    Raises:
        OSError: it is not there, or a link stands in the way (`ELOOP`).
    """
    how = buffer(struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC | flags, 0, _NO_LINKS_AT_ALL))
    return call("openat2", directory, text(path or "."), how, len(how))


def enter_root(path: str) -> None:
    """Make the mount at `path` the root of this namespace, and let go of the old one with all that it held."""
    os.chdir(path)
    # Both the same directory: the old root ends up over the new one, from where it is taken off (pivot_root(2)).
    call("pivot_root", b".", b".")
    detach(".")
    os.chdir("/")


def detach(path: str) -> None:
    """Take a mount and all beneath it off; it is gone when nobody has a file in it open any more."""
    call("umount2", text(path), _DETACH)
