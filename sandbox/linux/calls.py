"""System calls that Python has no function for. Every failure is an `OSError`.

Python holds the lock of the interpreter during these calls where it matters to nobody: they are made in processes
of one thread.
"""

import ctypes
import errno
import os
import sys
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.numbers import machine

__all__ = ["Argument", "buffer", "call", "prctl", "text"]

Argument = int | bytes | ctypes.Array[ctypes.c_char] | None

_libc: Final = ctypes.CDLL(None, use_errno=True)
_syscall: Final = _libc.syscall
_syscall.restype = ctypes.c_long
# Six registers, always all of them: syscall(2) is variadic, and what is not given would be left to chance.
_syscall.argtypes = (ctypes.c_long, *(ctypes.c_void_p,) * 6)
_MACHINE: Final = machine()
_REGISTERS: Final = 6


def call(name: str, *arguments: Argument) -> int:
    """Make the system call `name`; return what it returns.

    Raises:
        OSError: it failed; `ENOSYS` also where this machine has no number for it.
    """
    number = None if _MACHINE is None else _MACHINE.number(name)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
    returned: int = _syscall(number, *arguments, *(0,) * (_REGISTERS - len(arguments)))
    if returned < 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed), name)
    return returned


def prctl(option: int, *arguments: Argument) -> int:
    """Ask the kernel for something that is about this process; return its answer.

    Raises:
        OSError: it failed.
    """
    return call("prctl", option, *arguments)


def text(path: str | bytes) -> bytes:
    """Return a path as the kernel takes it.

    Raises:
        OSError: it holds a NUL, at which the kernel would stop reading: it would take another path than was meant.
    """
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return encoded


def buffer(content: bytes) -> ctypes.Array[ctypes.c_char]:
    """Return memory that a system call reads or writes; it lives as long as this object."""
    return ctypes.create_string_buffer(content, len(content))
