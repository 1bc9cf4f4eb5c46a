"""Make the Nth system call of a piece of work fail, N = 1, 2, 3 … until it runs through."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import Resolver

__all__ = ["Fault", "faults"]

CALLS = ("open", "fstat", "stat", "readlink", "dup", "scandir", "listdir", "pread")


class Fault:
    """One call that fails. `struck` tells whether the work came so far."""

    def __init__(self, nth: int, number: int) -> None:
        self.struck = False
        self._left = nth
        self._number = number

    def _falls(self) -> bool:
        self._left -= 1
        self.struck = self.struck or self._left == 0
        return self._left == 0

    def install(self, patch: pytest.MonkeyPatch, resolver: Resolver) -> None:
        """Stand between the sandbox and the system: before the calls of `os`, and before openat2 of `resolver`."""
        for name in CALLS:
            patch.setattr(os, name, self._guarded(getattr(os, name)))
        if hasattr(resolver, "_syscall"):
            patch.setattr(resolver, "_syscall", self._guarded_syscall(resolver._syscall))

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            if self._falls():
                raise OSError(self._number, os.strerror(self._number))
            return call(*arguments, **options)

        return guarded

    def _guarded_syscall(self, call: Callable[..., int]) -> Callable[..., int]:
        def guarded(*arguments: Any) -> int:
            if self._falls():
                ctypes.set_errno(self._number)
                return -1
            return call(*arguments)

        return guarded


def faults(number: int = errno.EMFILE) -> Iterator[Fault]:
    """Yield faults, each one call later, until one was not reached."""
    fault = Fault(1, number)
    nth = 1
    while True:
        yield fault
        if not fault.struck:
            return
        nth += 1
        fault = Fault(nth, number)
