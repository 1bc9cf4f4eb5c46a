"""The journal of changes: whether it opens, who may look into it, what it takes, and what waits in it."""

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path

from fs_server.cli.doctor.check import Check, Fact, State
from fs_server.config.roots import nearest_directory
from fs_server.config.settings import Settings
from fs_server.errors import Failure
from fs_server.journal.directory import is_begun
from fs_server.journal.journal import Journal

__all__ = ["journal"]

FOR_EVER_S = 1e9
"""Seconds; thirty years. Whoever only looks makes nothing forgotten."""


def journal(settings: Settings) -> Check:
    """Open it. One that is not begun is not made: another is, beside its place, and removed."""
    facts: dict[str, Fact] = {
        "path": str(settings.journal),
        "begun": is_begun(settings.journal),
        "private": None,
        "bytes": 0,
        "max_bytes": settings.limits.journal_bytes,
        "max_days": settings.limits.journal_days,
        "changes": 0,
        "waiting": 0,
    }
    if sys.platform == "win32":
        summary = "there is none on Windows yet, where roots are read-only"
        return Check(id="journal", state=State.ABSENT, summary=summary, facts=facts)
    try:
        return _begun(settings.journal, facts) if facts["begun"] else _not_begun(settings.journal, facts)
    except Failure as failure:
        improve = (f"{failure.step}.",) if failure.step else ()
        return Check(
            id="journal", state=State.FAILS, summary=failure.fact or failure.what, facts=facts, improve=improve
        )
    except OSError as error:
        summary = f"it could not be made ({error.strerror})"
        return Check(
            id="journal",
            state=State.FAILS,
            summary=summary,
            facts=facts,
            improve=("Give this server a state directory of its own (XDG_STATE_HOME).",),
        )


def _begun(directory: Path, facts: dict[str, Fact]) -> Check:
    mode = stat.S_IMODE(directory.stat().st_mode)
    with Journal.open(directory, max_bytes=sys.maxsize, max_age_s=FOR_EVER_S) as opened:
        usage = opened.usage()
        waiting = sum(1 for _ in opened.unfinished())
    facts |= {
        "private": not stat.S_IMODE(directory.stat().st_mode) & 0o077,
        "bytes": usage.bytes,
        "changes": usage.changes,
        "waiting": waiting,
    }
    words = [f"opens, {usage.changes} changes, {usage.bytes:,} of {facts['max_bytes']:,} bytes"]
    words.append("for you alone" if facts["private"] else "others may look into it")
    if mode & 0o077:
        words.append(f"it had the mode {mode:04o}, which opening it has corrected")
    improve: tuple[str, ...] = ()
    if waiting:
        words.append(f"{waiting} changes of servers that died wait to be put in order")
        improve = ("Start the server once with the roots that they lie in; it puts them in order.",)
    return Check(
        id="journal",
        state=State.HOLDS if facts["private"] else State.FAILS,
        summary=", ".join(words),
        facts=facts,
        improve=improve,
    )


def _not_begun(directory: Path, facts: dict[str, Fact]) -> Check:
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    with tempfile.TemporaryDirectory(prefix=".fs-server-doctor-", dir=nearest_directory(directory)) as name:
        tried = Path(name) / "journal"
        with Journal.open(tried, max_bytes=sys.maxsize, max_age_s=FOR_EVER_S):
            facts["private"] = not stat.S_IMODE(tried.stat().st_mode) & 0o077
    return Check(
        id="journal",
        state=State.HOLDS if facts["private"] else State.FAILS,
        summary="not begun; one was made beside its place, opened, and removed",
        facts=facts,
    )
