"""Landlock: a process gives up what it does not need, for itself and all that it starts, for good.

Rights belong to inodes, which are named by handles here, never by paths. What a kernel's version of Landlock (its
ABI) cannot restrict stays allowed; so whoever relies on a restriction asks for the ABI, or better, tries.

Sources: landlock(7), landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2),
include/uapi/linux/landlock.h.
"""

import os
import stat
import struct
import sys
from enum import IntFlag
from typing import Final, Self

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.calls import buffer, call

__all__ = ["Files", "Net", "Ruleset", "Scope", "abi", "errata"]


class Files(IntFlag):
    """Rights on files, as the kernel numbers them."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


class Net(IntFlag):
    """Rights on TCP ports. Other protocols, and TCP by a side door, are not among them: that is for a filter."""

    BIND_TCP = 1 << 0
    CONNECT_TCP = 1 << 1


class Scope(IntFlag):
    """What reaches no process outside."""

    ABSTRACT_UNIX_SOCKET = 1 << 0
    SIGNAL = 1 << 1


NO_FILES, NO_NET, NO_SCOPE = Files(0), Net(0), Scope(0)

_FIRST_ABI_OF_FILES: Final = {Files.REFER: 2, Files.TRUNCATE: 3, Files.IOCTL_DEV: 5}
_ABI_OF_NET: Final = 4
_ABI_OF_SCOPES: Final = 6

_VERSION, _ERRATA = 1, 2
_PATH_BENEATH = 1

ON_FILES: Final = Files.EXECUTE | Files.WRITE_FILE | Files.READ_FILE | Files.TRUNCATE | Files.IOCTL_DEV
"""The rights that a rule for anything but a directory may name; of others the kernel says `EINVAL`."""


def abi() -> int:
    """Return the version of Landlock that the kernel offers; 0 where it offers none, or a filter hides it."""
    return _asked(_VERSION)


def errata() -> int:
    """Return which corrections this kernel has, one bit each; 0 where it does not say."""
    return _asked(_ERRATA)


def _asked(question: int) -> int:
    try:
        return call("landlock_create_ruleset", None, 0, question)
    except OSError:
        return 0


class Ruleset:
    """Rules in the making. A context manager, which gives the kernel's handle back.

    Attributes:
        files: the rights on files that are taken from whoever restricts itself by it, but for what rules give back.
    """

    def __init__(self, abi: int, *, files: Files = NO_FILES, net: Net = NO_NET, scopes: Scope = NO_SCOPE) -> None:
        """Begin with no rule. What `abi` does not know of the three is left out.

        Raises:
            OSError: `ENOSYS` or `EOPNOTSUPP` where there is no Landlock; `ENOMSG` where nothing is left to restrict.
        """
        self.files = files
        for right, first in _FIRST_ABI_OF_FILES.items():
            if abi < first:
                self.files &= ~right
        handled = (self.files, net if abi >= _ABI_OF_NET else 0, scopes if abi >= _ABI_OF_SCOPES else 0)
        # An old kernel takes a longer structure than its own as long as the rest of it is zero.
        attributes = buffer(struct.pack("=QQQ", *handled))
        self.handle = call("landlock_create_ruleset", attributes, len(attributes), 0)

    def allow(self, handle: int, rights: Files) -> None:
        """Let what is beneath the open thing be used so. On what is no directory, only rights that files have.

        Raises:
            OSError: the kernel refuses the rule.
        """
        rights &= self.files
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= ON_FILES
        if rights:
            call("landlock_add_rule", self.handle, _PATH_BENEATH, buffer(struct.pack("=Qi", rights, handle)), 0)

    def restrict(self) -> None:
        """Put this thread, and all that it starts from now on, under these rules. There is no way back.

        `PR_SET_NO_NEW_PRIVS` stands before.

        Raises:
            OSError: the kernel refuses; `E2BIG` where sixteen rulesets stand already.
        """
        call("landlock_restrict_self", self.handle, 0)

    def close(self) -> None:
        """Give the handle back. A second call does nothing."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
