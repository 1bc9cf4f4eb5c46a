"""What a command takes at this moment, all its processes together."""

from dataclasses import dataclass

import psutil

__all__ = ["Usage", "usage_of"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Of the processes that are alive now.

    Attributes:
        processes: how many.
        cpu_s: seconds of processor time.
        rss_bytes: memory in use; what they share is counted for each.
    """

    processes: int
    cpu_s: float
    rss_bytes: int


def usage_of(pid: int) -> Usage | None:
    """Return what the program with this number takes, with all that it started; None where it has ended."""
    try:
        program = psutil.Process(pid)
        guard = program.parent()
        # Its guard is the parent of what the program left behind.
        tree = [program] if guard is None else guard.children(recursive=True)
    except psutil.Error:
        return None
    count, cpu_s, rss_bytes = 0, 0.0, 0
    for process in tree:
        try:
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.Error:  # it has ended since
            continue
        count += 1
        cpu_s += times.user + times.system
        rss_bytes += memory.rss
    return Usage(count, cpu_s, rss_bytes) if count else None
