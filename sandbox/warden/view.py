"""The view of a command in the tier `namespace`: a machine that holds what was granted and nothing else.

It is built on an empty file system in memory, with copies of the mounts that are granted, and becomes the root. What
was not granted has no name there, so that its metadata cannot be looked at either. Whatever was opened before belongs
to the old view, and would be a way back into it; only the standard streams are kept.

Links of a system (`/bin` to `usr/bin`) are made anew, and what they lead to is granted beside them.

Sources: mount_namespaces(7), pivot_root(2), mount_setattr(2), open_tree(2).
"""

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import namespaces
from sandbox.linux.namespaces import Attribute
from sandbox.warden.plan import Confinement, Granted
from sandbox.warden.rules import DEVICES

__all__ = ["build", "reopened"]

_BASES: Final = ("/tmp", "/run", "/mnt", "/proc")
"""Directories to mount over, in a namespace that nobody else sees."""
_SYSTEM: Final = Attribute.READ_ONLY | Attribute.NO_SET_ID | Attribute.NO_DEVICES
_ROOT: Final = Attribute.NO_SET_ID | Attribute.NO_DEVICES
_DEVICE: Final = Attribute.NO_SET_ID | Attribute.NO_EXEC
_PROC: Final = Attribute.READ_ONLY | Attribute.NO_SET_ID | Attribute.NO_DEVICES | Attribute.NO_EXEC
_STREAMS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied mount, and where it belongs."""

    path: str
    tree: int
    directory: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is made anew."""

    path: str
    target: str


def build(confinement: Confinement, protected: Iterable[str]) -> list[str]:
    """Make the view and enter it. Returns which of `protected` nothing protects, because nothing stands there.

    The process is number 1 of its namespace, and has a user namespace and one of mounts.

    Raises:
        OSError: the system does not allow it, or a root is no longer where it was (`ESTALE`).
    """
    namespaces.make_private()
    # Copied before anything is mounted over: a root may lie beneath the place where the view is built.
    parts = list(_system(confinement.readable))
    roots = [(root, _copied_root(root)) for root in confinement.roots]
    base = _mounted_base()
    held = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _make_own_mounts(base, confinement.private_bytes)
        for part in parts:
            _put(held, base, part)
        for _, copy in roots:
            _put(held, base, copy)
        pinned: set[str] = set()
        unprotected = [path for path in protected if not _protect(held, path, confinement.roots, pinned)]
        namespaces.set_attributes(held, _SYSTEM, beneath_too=False)
    finally:
        os.close(held)
    namespaces.enter_root(base)
    for root in confinement.roots:
        _verify(root)
    return unprotected


def reopened(path: str, identity: tuple[int, int]) -> int:
    """Return a handle, in this view, of the directory that was held in the old one.

    Raises:
        OSError: it is not in this view, or another one stands there (`ESTALE`).
    """
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        handle = namespaces.beneath(top, path.lstrip("/"), os.O_DIRECTORY)
    finally:
        os.close(top)
    facts = os.fstat(handle)
    if (facts.st_dev, facts.st_ino) != identity:
        os.close(handle)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return handle


def _system(readable: Iterable[str]) -> Iterator[Copy | Link]:
    done: set[str] = set()
    waiting = list(readable)
    for path in waiting:
        if path in done or not os.path.lexists(path):
            continue
        done.add(path)
        if os.path.islink(path):
            yield Link(path, os.readlink(path))
            real = os.path.realpath(path)
            if not any(real == other or real.startswith(other + "/") for other in waiting):
                waiting.append(real)  # and is taken in its turn
        else:
            yield _copied(path, _SYSTEM)
    for path in DEVICES:
        if os.path.lexists(path):
            yield _copied(path, _DEVICE)


def _copied(path: str, attributes: Attribute) -> Copy:
    tree = namespaces.copied_tree(path)
    namespaces.set_attributes(tree, attributes)
    return Copy(path, tree, stat.S_ISDIR(os.fstat(tree).st_mode))


def _copied_root(root: Granted) -> Copy:
    copy = _copied(root.path, _ROOT if root.writable else _SYSTEM)
    facts = os.fstat(copy.tree)
    if (facts.st_dev, facts.st_ino) != root.identity:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return copy


def _mounted_base() -> str:
    base = next(path for path in _BASES if os.path.isdir(path) and not os.path.islink(path))
    namespaces.mount_new("tmpfs", base, Attribute.NO_SET_ID | Attribute.NO_DEVICES, "mode=755,size=1m")
    return base


def _make_own_mounts(base: str, private_bytes: int) -> None:
    for name in ("tmp", "proc", "dev", "dev/shm", "var"):
        os.mkdir(f"{base}/{name}", 0o755)
    private = f"mode=1777,size={private_bytes}"
    namespaces.mount_new("tmpfs", f"{base}/tmp", _ROOT, private)
    namespaces.mount_new("tmpfs", f"{base}/dev/shm", _ROOT | Attribute.NO_EXEC, private)
    namespaces.mount_new("proc", f"{base}/proc", _PROC)
    os.symlink("../tmp", f"{base}/var/tmp")
    for name, target in _STREAMS.items():
        os.symlink(target, f"{base}/dev/{name}")


def _put(held: int, base: str, part: Copy | Link) -> None:
    if isinstance(part, Link):
        os.makedirs(base + os.path.dirname(part.path), exist_ok=True)
        os.symlink(part.target, base + part.path)
        return
    target = _place(held, part)
    try:
        namespaces.attach(part.tree, target)
    finally:
        os.close(target)
        os.close(part.tree)


def _place(held: int, part: Copy) -> int:
    """Return a handle of where a copy is put; it is made if nothing is there. No link is followed on the way."""
    *above, last = part.path.strip("/").split("/")
    directory = os.dup(held)
    try:
        for name in above:
            below = _entered(directory, name)
            os.close(directory)
            directory = below
        if part.directory:
            return _entered(directory, last)
        try:
            return namespaces.beneath(directory, last)
        except FileNotFoundError:
            os.close(os.open(last, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=directory))
            return namespaces.beneath(directory, last)
    finally:
        os.close(directory)


def _entered(directory: int, name: str) -> int:
    try:
        return namespaces.beneath(directory, name, os.O_DIRECTORY)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=directory)
        return namespaces.beneath(directory, name, os.O_DIRECTORY)


def _protect(held: int, path: str, roots: Sequence[Granted], pinned: set[str]) -> bool:
    """Make what stands at `path` read-only, and keep every directory between it and its root where it is.

    A mount cannot be renamed or removed (`EBUSY`). Without the pins above it, a directory could be moved away with the
    mount in it, and another take its name.
    """
    root = max((one.path for one in roots if path.startswith(one.path + "/")), key=len, default="")
    names = path[len(root) + 1 :].split("/")
    try:
        os.close(namespaces.beneath(held, path.lstrip("/")))
    except OSError as missing:
        if missing.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return False
        raise
    for count in range(1, len(names)):
        above = "/".join([root, *names[:count]])
        if above not in pinned:
            pinned.add(above)
            _mount_on_itself(held, above, Attribute(0))
    _mount_on_itself(held, path, Attribute.READ_ONLY)
    return True


def _mount_on_itself(held: int, path: str, attributes: Attribute) -> None:
    here = namespaces.beneath(held, path.lstrip("/"))
    try:
        tree = namespaces.copied_from(here)
        try:
            namespaces.set_attributes(tree, attributes)
            namespaces.attach(tree, here)
        finally:
            os.close(tree)
    finally:
        os.close(here)


def _verify(root: Granted) -> None:
    """Look whether a root is where it belongs, and as read-only as it shall be: names may have moved meanwhile."""
    handle = reopened(root.path, root.identity)
    try:
        if not root.writable and not os.fstatvfs(handle).f_flag & os.ST_RDONLY:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    finally:
        os.close(handle)
