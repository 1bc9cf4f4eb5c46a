"""The view of a command in the tier `namespace`: a machine that holds what was granted and nothing else.

It is built on an empty file system in memory, with copies of the mounts that are granted, and becomes the root. What
was not granted has no name there, so that its metadata cannot be looked at either. Whatever was opened before belongs
to the old view, and would be a way back into it; only the standard streams are kept.

Links of a system (`/bin` to `usr/bin`) are made anew, and what they lead to is granted beside them.

Sources: mount_namespaces(7), pivot_root(2), mount_setattr(2), open_tree(2).
"""

import contextlib
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
_MADE_LATER: Final = ("/tmp/", "/dev/shm/")
"""Beneath these a root's place is made when they are mounted."""

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
    system, devices = list(_system(confinement.readable)), list(_devices())
    roots = [_copied_root(root) for root in confinement.roots]
    base = _mounted_base()
    held = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _make_names(base)
        _put_system(base, (part for part in system if not part.path.startswith(_MADE_LATER)))
        _make_room_for(base, (*devices, *roots))
        namespaces.set_attributes(held, _SYSTEM)
        _make_own_mounts(base, confinement.private_bytes)
        _put_system(base, (part for part in system if part.path.startswith(_MADE_LATER)), _SYSTEM)
        for copy in (*devices, *roots):
            _put(held, copy)
        pinned: set[str] = set()
        unprotected = [path for path in protected if not _protect(held, path, confinement.roots, pinned)]
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
    put: set[str] = set()
    waiting = list(readable)
    for path in waiting:
        # What lies in a directory that is there already is there with it.
        if path in put or any(above in put for above in _above(path)):
            continue
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            continue
        put.add(path)
        if stat.S_ISLNK(mode):
            yield Link(path, os.readlink(path))
            waiting.append(os.path.realpath(path))  # and is taken in its turn
        else:
            yield Copy(path, namespaces.copied_tree(path), stat.S_ISDIR(mode))


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _devices() -> Iterator[Copy]:
    for path in DEVICES:
        if os.path.lexists(path):
            tree = namespaces.copied_tree(path)
            namespaces.set_attributes(tree, _DEVICE)
            yield Copy(path, tree, directory=False)


def _copied_root(root: Granted) -> Copy:
    tree = namespaces.copied_tree(root.path)
    namespaces.set_attributes(tree, _ROOT if root.writable else _SYSTEM)
    facts = os.fstat(tree)
    if (facts.st_dev, facts.st_ino) != root.identity:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return Copy(root.path, tree, directory=True)


def _mounted_base() -> str:
    base = next(path for path in _BASES if os.path.isdir(path) and not os.path.islink(path))
    namespaces.mount_new("tmpfs", base, Attribute.NO_SET_ID | Attribute.NO_DEVICES, "mode=755,size=1m")
    return base


def _make_names(base: str) -> None:
    for name in ("tmp", "proc", "dev", "dev/shm", "var"):
        os.mkdir(f"{base}/{name}", 0o755)
    os.symlink("../tmp", f"{base}/var/tmp")
    for name, target in _STREAMS.items():
        os.symlink(target, f"{base}/dev/{name}")


def _put_system(base: str, system: Iterable[Copy | Link], attributes: Attribute | None = None) -> None:
    """Put the system where it belongs; nothing of a user's is there yet.

    None of these lies in another, so every path leads through directories that were made here. Without `attributes`
    all of them get theirs together, afterwards.
    """
    made = {base}
    for part in system:
        target = base + part.path
        if isinstance(part, Link):
            _make_directory(os.path.dirname(target), made)
            os.symlink(part.target, target)
            continue
        if attributes is not None:
            namespaces.set_attributes(part.tree, attributes)
        _make_room(target, made, directory=part.directory)
        namespaces.attach_at(part.tree, target)
        os.close(part.tree)


def _make_room_for(base: str, later: Iterable[Copy]) -> None:
    """Make places for what comes when nothing can be made here any more."""
    for copy in later:
        if not copy.path.startswith(_MADE_LATER) and not os.path.lexists(base + copy.path):
            _make_room(base + copy.path, {base}, directory=copy.directory)


def _make_room(target: str, made: set[str], *, directory: bool) -> None:
    """Make a directory or a file to mount on, and the directories above it."""
    if directory:
        _make_directory(target, made)
    else:
        _make_directory(os.path.dirname(target), made)
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _make_directory(target: str, made: set[str]) -> None:
    if target not in made:
        os.makedirs(target, exist_ok=True)
        made.add(target)


def _make_own_mounts(base: str, private_bytes: int) -> None:
    private = f"mode=1777,size={private_bytes}"
    namespaces.mount_new("tmpfs", f"{base}/tmp", _ROOT, private)
    namespaces.mount_new("tmpfs", f"{base}/dev/shm", _ROOT | Attribute.NO_EXEC, private)
    namespaces.mount_new("proc", f"{base}/proc", _PROC)


def _put(held: int, copy: Copy) -> None:
    """Put a device or a root where it belongs. No link is followed on the way: an outer root may hold any."""
    path = copy.path.lstrip("/")
    if copy.path.startswith(_MADE_LATER):
        _make_beneath(held, path.split("/"))
    target = namespaces.beneath(held, path, os.O_DIRECTORY if copy.directory else 0)
    try:
        namespaces.attach(copy.tree, target)
    finally:
        os.close(target)
        os.close(copy.tree)


def _make_beneath(held: int, names: Sequence[str]) -> None:
    directory = os.dup(held)
    try:
        for name in names:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=directory)
            below = namespaces.beneath(directory, name, os.O_DIRECTORY)
            os.close(directory)
            directory = below
    finally:
        os.close(directory)


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
