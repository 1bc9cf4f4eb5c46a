"""A bound on the memory that a process really uses, for systems whose own limits know none.

macOS does not enforce `RLIMIT_AS` (setrlimit(2)), Windows has no such limit. Where it is enforced, it strikes first.
"""

import asyncio

__all__ = ["until_larger"]

CHECK_S = 0.05
"""Seconds between two looks. A process can take a gigabyte a second; so it exceeds its bound by 50 MB or so."""


async def until_larger(pid: int, most_bytes: int) -> None:
    """Return when the process has more than `most_bytes` of memory in use. Of one that has ended, never."""
    import psutil  # noqa: PLC0415 - ten milliseconds, and most servers never parse anything

    try:
        process = psutil.Process(pid)
        while process.memory_info().rss <= most_bytes:  # noqa: ASYNC110 - no event tells of memory
            await asyncio.sleep(CHECK_S)
    except psutil.Error:  # it has ended, or ends just now
        await asyncio.Event().wait()
