"""Times of files, for readers: always UTC, because a client may sit in another zone than the files."""

import datetime as dt
import functools

__all__ = ["minute", "moment"]


def moment(time_ns: int) -> str | None:
    """Return a file's time as RFC 3339, to the second; None for one that no calendar has."""
    found = _datetime(time_ns)
    return None if found is None else found.isoformat().replace("+00:00", "Z")


def minute(time_ns: int) -> str:
    """Return a file's time as `2026-11-21 07:30`; "?" for one that no calendar has."""
    return _minute(time_ns // 60_000_000_000)


@functools.lru_cache(maxsize=4096)  # files of one directory were often written in the same few minutes
def _minute(minutes: int) -> str:
    found = _datetime(minutes * 60_000_000_000)
    return "?" if found is None else found.replace(tzinfo=None).isoformat(" ", "minutes")  # strftime: year 1 as "1"


def _datetime(time_ns: int) -> dt.datetime | None:
    try:
        return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, tz=dt.UTC)
    except (OverflowError, ValueError, OSError):  # file systems store any 64-bit number
        return None
