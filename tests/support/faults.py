"""Make the Nth system call of a piece of work fail, N = 1, 2, 3 … until it runs through."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from sandbox import Resolver

__all__ = ["CHANGING", "READING", "Fault", "faults"]

READING = ("open", "fstat", "stat", "readlink", "dup", "scandir", "listdir", "pread")

CHANGING = (
    *("read", "write", "lseek", "fsync", "access"),
    *("mkdir", "rename", "replace", "link", "symlink", "mkfifo", "unlink", "remove", "rmdir", "truncate", "ftruncate"),
    *("chmod", "fchmod", "chown", "fchown", "utime"),
    *("listxattr", "getxattr", "setxattr", "removexattr"),
)
"""What only changes need, as the module `os` names it. Of these a system may lack some."""

# Nothing is raised for a question that the system cannot answer: the answer is no.
_ANSWERED = frozenset({"access"})


class Fault:
    """One call that fails, or with `lasting` that one and all behind it, as when a disk goes.

    Attributes:
        struck: whether the work came so far.
        call: the name of the one that failed first, as the module `os` has it; "" until then.
    """

    def __init__(self, nth: int, number: int, *, lasting: bool = False) -> None:
        self.struck = False
        self.call = ""
        self._left = nth
        self._number = number
        self._lasting = lasting

    def _falls(self, name: str) -> bool:
        self._left -= 1
        if self._left == 0:
            self.struck, self.call = True, name
        return self._left <= 0 if self._lasting else self._left == 0

    def install(self, patch: pytest.MonkeyPatch, resolver: Resolver) -> None:
        """Stand between the program and the system.

        Before the calls of `os`, and before those that `resolver` makes past it: openat2, renaming with flags, syncfs.
        What opens files otherwise (`open`, SQLite) is not reached.
        """
        for name in (*READING, *CHANGING):
            if hasattr(os, name):
                call = getattr(os, name)
                guarded = self._guarded(name, call)
                patch.setattr(os, name, guarded)
                for kind in ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks"):
                    if call in getattr(os, kind):  # a program asks there what a call can do
                        patch.setattr(os, kind, getattr(os, kind) | {guarded})
        if hasattr(resolver, "_syscall"):
            patch.setattr(resolver, "_syscall", self._guarded_syscall("openat2", resolver._syscall))
        changes: Any = resolver.changes
        if getattr(changes, "_syncfs", None) is not None:
            patch.setattr(changes, "_syncfs", self._guarded_syscall("syncfs", changes._syncfs))
        if hasattr(changes, "_call"):
            patch.setattr(changes, "_call", self._guarded_rename(changes._call))

    def _guarded(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            if self._falls(name):
                if name in _ANSWERED:
                    return False
                raise OSError(self._number, os.strerror(self._number))
            return call(*arguments, **options)

        return guarded

    def _guarded_syscall(self, name: str, call: Callable[..., int]) -> Callable[..., int]:
        def guarded(*arguments: Any) -> int:
            if self._falls(name):
                ctypes.set_errno(self._number)
                return -1
            return call(*arguments)

        return guarded

    def _guarded_rename(self, call: Callable[..., int]) -> Callable[..., int]:
        def guarded(*arguments: Any) -> int:
            return self._number if self._falls("renameat2") else call(*arguments)

        return guarded


def faults(number: int = errno.EMFILE, *, lasting: bool = False) -> Iterator[Fault]:
    """Yield faults, each one call later, until one was not reached."""
    for nth in count(1):
        fault = Fault(nth, number, lasting=lasting)
        yield fault
        if not fault.struck:
            return
