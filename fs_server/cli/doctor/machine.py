"""What runs, on what, as whom, and with which packages beside it."""

import importlib.util
import os
import platform
import sys

from fs_server import __version__
from fs_server.cli.doctor.check import Check, State

__all__ = ["packages", "server", "user", "version"]

DOCUMENTS = {"pypdf": "PDF", "docx": "docx", "openpyxl": "xlsx"}
"""Module → what it reads."""

VERIFIED = sys.platform == "linux"


def version() -> Check:
    """Return which version this is, and of what."""
    system = platform.system() or sys.platform
    python = platform.python_version()
    verified = "" if VERIFIED else "; this version was not verified on this system"
    return Check(
        id="version",
        state=State.KNOWN,
        summary=f"fs-server {__version__}, {platform.python_implementation()} {python}, {system} {platform.release()}"
        f"{verified}",
        facts={
            "version": __version__,
            "python": python,
            "system": system,
            "release": platform.release(),
            "machine": platform.machine(),
            "verified": VERIFIED,
        },
    )


def user() -> Check:
    """Return whether this is root, whom the kernel holds back less."""
    if sys.platform == "win32":
        return Check(id="user", state=State.KNOWN, summary="not known on this system", facts={"root": None})
    if os.geteuid() != 0:
        return Check(id="user", state=State.KNOWN, summary="an ordinary user", facts={"root": False})
    return Check(
        id="user",
        state=State.KNOWN,
        summary="root",
        facts={"root": True},
        not_prevented=(
            "the number of processes of a command: the kernel does not hold root to it",
            "reading and writing whatever in a root belongs to other users",
        ),
        improve=("Start the server as an ordinary user.",),
    )


def server() -> Check:
    """Return what holds the server itself."""
    return Check(
        id="server",
        state=State.KNOWN,
        summary="its own process is not confined by the kernel; what its tools open is decided beneath the open roots",
        facts={"confined": False},
        not_prevented=("what a mistake in the server's own code, or in a library that it loads, would open",),
    )


def packages() -> Check:
    """Return which optional packages are there."""
    there = [name for name in DOCUMENTS if importlib.util.find_spec(name) is not None]
    missing = [name for name in DOCUMENTS if name not in there]
    kinds = ", ".join(DOCUMENTS[name] for name in missing)
    return Check(
        id="packages",
        subject="documents",
        state=State.ABSENT if missing else State.KNOWN,
        summary=f"text of {kinds} is not read" if missing else f"text of {', '.join(DOCUMENTS.values())} is read",
        facts={"there": there, "missing": missing},
        improve=("Install the extra: fs-server-mcp[documents].",) if missing else (),
    )
