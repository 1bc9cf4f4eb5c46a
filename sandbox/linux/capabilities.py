"""The privileges of root, one by one, and how to give all of them up so that no program gets them back.

Sources: capabilities(7), capset(2), PR_CAPBSET_DROP(2const), PR_SET_SECUREBITS(2const).
"""

import errno
import struct
import sys
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.calls import buffer, call, prctl

__all__ = ["drop_all", "held"]

_HEADER: Final = struct.pack("=Ii", 0x20080522, 0)
"""The third version of the interface, of this thread."""

_SETS: Final = struct.Struct("=6I")
_CAPBSET_READ, _CAPBSET_DROP, _SET_SECUREBITS, _CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 23, 24, 28, 47, 4
_LOCKED_SECUREBITS: Final = 0b1110_1111
"""NOROOT, NO_SETUID_FIXUP and their locks, KEEP_CAPS off and locked, NO_CAP_AMBIENT_RAISE and its lock."""


def held() -> int:
    """Return which capabilities this thread has or could take, one bit each.

    Raises:
        OSError: the kernel does not say.
    """
    sets = buffer(bytes(_SETS.size))
    call("capget", buffer(_HEADER), sets)
    low_effective, low_permitted, low_inheritable, *high = _SETS.unpack(sets.raw)
    high_effective, high_permitted, high_inheritable = high
    low = low_effective | low_permitted | low_inheritable
    return int(low | (high_effective | high_permitted | high_inheritable) << 32)


def drop_all() -> None:
    """Give up every capability of this thread, and let none come back by executing a program, as root either.

    Raises:
        OSError: one stayed (`EPERM`), or the kernel refuses.
    """
    # Without CAP_SETPCAP the bounding set and the bits stay; then there was nothing to take them from, and what is
    # executed has nothing to gain under PR_SET_NO_NEW_PRIVS.
    for act in (_drop_bounding, _lock, _clear_ambient):
        try:
            act()
        except OSError as refused:
            if refused.errno not in {errno.EPERM, errno.EINVAL}:
                raise
    call("capset", buffer(_HEADER), buffer(bytes(_SETS.size)))
    if held():
        raise OSError(errno.EPERM, "capabilities stayed")


def _drop_bounding() -> None:
    number = 0
    while True:  # behind the last that this kernel knows comes EINVAL
        if prctl(_CAPBSET_READ, number) == 1:
            prctl(_CAPBSET_DROP, number)
        number += 1


def _lock() -> None:
    prctl(_SET_SECUREBITS, _LOCKED_SECUREBITS)


def _clear_ambient() -> None:
    prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0)
