"""Attributes on POSIX: taken from a descriptor and put on a descriptor."""

import errno
import os
import stat
import sys
from collections.abc import Iterator

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.attributes import Attributes

__all__ = ["attributes_of", "put_attributes"]

KEPT_BITS = 0o1777
"""Of a mode, what a new file may have. Set-user-id and set-group-id never go from one content to another."""

_NOT_GIVEN = frozenset({errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
"""What a system answers that does not give a file away: not to this user, not to one unknown to it, or never."""

# The kernel's and the administrator's own: they say something about the old content, or need rights to be copied.
_NOT_OURS = ("security.", "trusted.")


def attributes_of(descriptor: int) -> Attributes:
    """Return those of an open file or directory; raises `OSError`."""
    facts = os.fstat(descriptor)
    owner = (facts.st_uid, facts.st_gid)
    return Attributes(stat.S_IMODE(facts.st_mode), owner, facts.st_mtime_ns, _xattrs(descriptor))


def put_attributes(descriptor: int, attributes: Attributes, *, owner: bool, times: bool) -> bool:
    """Put them on an open file or directory, and tell whether it has the owner too; raises `OSError`."""
    owned = not owner or _give_away(descriptor, attributes.owner)
    _put_xattrs(descriptor, dict(attributes.xattrs))
    # Nothing runs by the set-group-id bit of a directory: it says whose its new files are.
    grouping = stat.S_ISGID * stat.S_ISDIR(os.fstat(descriptor).st_mode)
    os.fchmod(descriptor, attributes.mode & (KEPT_BITS | grouping))
    if times:
        os.utime(descriptor, ns=(attributes.mtime_ns, attributes.mtime_ns))
    return owned


def _give_away(descriptor: int, owner: tuple[int, int]) -> bool:
    """Give the file to its owner, or at least to the group; only root can do the first (chown(2))."""
    facts = os.fstat(descriptor)
    if (facts.st_uid, facts.st_gid) == owner:
        return True
    if _given(descriptor, *owner):
        return True
    _given(descriptor, -1, owner[1])
    return False


def _given(descriptor: int, user: int, group: int) -> bool:
    try:
        os.fchown(descriptor, user, group)
    except OSError as error:
        if error.errno not in _NOT_GIVEN:
            raise
        return False
    return True


if sys.platform != "linux":

    def _xattrs(_descriptor: int) -> tuple[tuple[str, bytes], ...]:
        return ()

    def _put_xattrs(_descriptor: int, _wanted: dict[str, bytes]) -> None:
        return

else:

    def _xattrs(descriptor: int) -> tuple[tuple[str, bytes], ...]:
        try:
            names = os.listxattr(descriptor)
        except OSError as error:
            if error.errno == errno.ENOTSUP:  # the file system has none
                return ()
            raise
        return tuple(_valued(descriptor, sorted(name for name in names if not name.startswith(_NOT_OURS))))

    def _valued(descriptor: int, names: list[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            try:
                yield name, os.getxattr(descriptor, name)
            except OSError as error:
                if error.errno != errno.ENODATA:  # it went just now
                    raise

    def _put_xattrs(descriptor: int, wanted: dict[str, bytes]) -> None:
        # A directory's default access list gave the new file one; what the old file did not have goes.
        present = dict(_xattrs(descriptor))
        for name in present.keys() - wanted.keys():
            os.removexattr(descriptor, name)
        for name, value in wanted.items():
            if present.get(name) != value:
                os.setxattr(descriptor, name, value)
