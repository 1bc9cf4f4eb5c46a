"""Limits that the kernel holds for each process: what a name means, and how much is left to give.

Sources: getrlimit(2). Of processes it counts all of the user's, or of the user namespace's; for root nothing.
"""

import os
import resource
import sys
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

__all__ = ["KINDS", "LAST", "set_limit", "tasks_of"]

KINDS: Final = {
    "cpu_s": resource.RLIMIT_CPU,
    "memory_bytes": resource.RLIMIT_AS,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "processes": resource.RLIMIT_NPROC,
    "core_bytes": resource.RLIMIT_CORE,
}

LAST: Final = "memory_bytes"
"""Set behind everything else: this interpreter may have more already, and then can take nothing more."""


def set_limit(name: str, most: int) -> None:
    """Hold this process, and all that it starts, to at most this; never to more than it is held to already.

    The soft limit is the hard one, so that no handler of a signal gains a second.

    Raises:
        OSError, ValueError: the kernel refuses.
    """
    kind = KINDS[name]
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def tasks_of(user: int) -> int:
    """Return how many threads this user has, as the limit of processes counts them.

    Raises:
        OSError: /proc is not there.
    """
    return sum(_tasks(name, user) for name in os.listdir("/proc") if name.isdecimal())


def _tasks(process: str, user: int) -> int:
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            lines = dict(line.split(b":\t", 1) for line in file if line.startswith((b"Uid:", b"Threads:")))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # The first of four: the real one, which the limit is about.
    return int(lines[b"Threads"]) if int(lines[b"Uid"].split()[0]) == user else 0
