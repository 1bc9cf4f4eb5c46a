"""What a process may settle about itself: who learns of its parent's death, who inherits orphans, who may look in.

Sources: prctl(2) and the pages of its options, close_range(2).
"""

import errno
import os
import sys
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.calls import call, prctl

__all__ = [
    "adopt_orphans",
    "children",
    "close_from",
    "die_with_parent",
    "gain_nothing_by_exec",
    "gains_nothing_by_exec",
    "set_dumpable",
]

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 1, 4, 36, 38, 39
_LAST_DESCRIPTOR: Final = 0xFFFFFFFF


def die_with_parent(signal: int) -> None:
    """Get this signal when the thread that forked this process ends; also behind execve of a usual program."""
    prctl(_SET_PDEATHSIG, signal)


def set_dumpable(*, dumpable: bool) -> None:
    """Let other processes of the user look into this one, or not. Its files in /proc belong to root then."""
    prctl(_SET_DUMPABLE, int(dumpable))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    prctl(_SET_CHILD_SUBREAPER, 1)


def gain_nothing_by_exec() -> None:
    """Let no program that is executed from now on have more rights than this one: set-user-ID bits say nothing."""
    prctl(_SET_NO_NEW_PRIVS, 1)


def gains_nothing_by_exec() -> bool:
    """Tell whether it is so."""
    return prctl(_GET_NO_NEW_PRIVS) == 1


def close_from(lowest: int) -> None:
    """Close every descriptor from this one on.

    Raises:
        OSError: neither the call nor /proc is there, so that nobody knows which are open.
    """
    try:
        call("close_range", lowest, _LAST_DESCRIPTOR, 0)
    except OSError as refused:
        if refused.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
        for name in os.listdir("/proc/self/fd"):
            if int(name) >= lowest:
                _close(int(name))


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError as gone:  # the listing's own
        if gone.errno != errno.EBADF:
            raise


def children() -> list[int]:
    """Return the processes that this one has to wait for, ended ones too. Those that come meanwhile may be missing.

    Raises:
        OSError: /proc is not there.
    """
    own = os.getpid()
    try:
        # Where the kernel is built with it, one read instead of one for each process (proc_tid_children(5)).
        with open(f"/proc/self/task/{own}/children", "rb") as file:
            return [int(number) for number in file.read().split()]
    except FileNotFoundError:
        return _children_by_looking_at_all(own)


def _children_by_looking_at_all(own: int) -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and _parent_of(name) == own]


def _parent_of(process: str) -> int:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            # The name before may hold anything, brackets too; it ends at the last one (proc_pid_stat(5)).
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
