"""Which tiers this machine offers: each is made once, just as for a command, and acts are tried in it.

The answer is what happened. A version that is high enough, a file in /proc or a successful call prove nothing: a
filter of system calls may hide what the kernel has, and a security module may allow namespaces and then take every
use of them.
"""

import contextlib
import errno
import json
import os
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.warden import canaries, protocol
from sandbox.warden.plan import Confinement, Request, Tier

__all__ = ["Launch", "Verdict", "verdict_on"]

Launch = Callable[[Request, Callable[[Request], None]], int]
"""Forks a stub for a request, whose worker does this; gives its number."""

PROBE_S: Final = 10.0
"""Seconds for one tier. It takes some milliseconds; a machine that is so busy has no tier."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a tier.

    Attributes:
        offered: whether commands can run in it.
        why_not: what kept it from being offered; "" if nothing did.
        refused: the acts that were tried and failed.
        allowed: the acts that were tried and succeeded, though the tier promises nothing of them.
    """

    offered: bool
    why_not: str
    refused: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


def verdict_on(tier: Tier, confinement: Confinement, launch: Launch) -> Verdict:
    """Try a tier. Nothing of the trial is left behind."""
    try:
        with _outside(confinement) as directory:
            told, failed = _tried(tier, confinement, launch, directory)
    except OSError as error:
        return Verdict(offered=False, why_not=f"there is no place for a trial ({_name(error.errno)})")
    if failed:
        return Verdict(offered=False, why_not=failed)
    allowed = tuple(name for name, was_refused in told["acts"] if not was_refused)
    refused = tuple(name for name, was_refused in told["acts"] if was_refused)
    promised = [name for name in allowed if name not in canaries.ALLOWED[tier]]
    broken = [f"a command could {name}" for name in promised] + [
        f"a command could not {need}" for need in told["needs"]
    ]
    return Verdict(offered=not broken, why_not="; ".join(broken), refused=refused, allowed=allowed)


def _tried(tier: Tier, confinement: Confinement, launch: Launch, directory: str) -> tuple[dict[str, Any], str]:
    """Return what the worker told, or why there is nothing; when it returns, the worker's whole tree is dead."""
    warden = os.getpid()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    ours, leash = protocol.pair()
    with ours:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        cwd = os.dup(confinement.roots[0].handle)

        def work(request: Request) -> None:  # pragma: no cover - runs in the worker
            acts = canaries.acts(tier, directory, warden, confinement)
            told = [(name, canaries.refused(act)) for name, act in acts]
            os.write(request.stdout, json.dumps({"acts": told, "needs": canaries.failures()}).encode())
            canaries.leave_a_daemon()

        request = Request(leash, null, writing, null, cwd, [], {}, {}, [], tier)
        try:
            stub = launch(request, work)
        finally:
            for descriptor in (writing, null, cwd):
                os.close(descriptor)
            leash.close()
        told, in_time = _read_to_the_end(reading)
        if not in_time:
            return {}, f"something of a command outlived it by {PROBE_S:g} s"
        received = None
        while (following := protocol.receive(ours)) is not None:
            received = following[0]
            for descriptor in following[1]:
                os.close(descriptor)
        os.waitpid(stub, 0)
    if received is None:
        return {}, "its guard ended"
    if received["event"] == "failed":
        return {}, f"{received['stage']}: {_name(received['errno'])}"
    if not told:
        return {}, f"its worker ended with status {received['status']}"
    return json.loads(told), ""


def _read_to_the_end(reading: int) -> tuple[bytes, bool]:
    """Return what is written, and whether everybody who could write is dead in time."""
    until = time.monotonic() + PROBE_S
    told = b""
    with os.fdopen(reading, "rb", buffering=0) as file:
        poll = select.poll()
        poll.register(file, select.POLLIN)
        while poll.poll(max(0, until - time.monotonic()) * 1000):
            piece = file.read(1 << 16)
            if not piece:
                return told, True
            told += piece
    return told, False


@contextlib.contextmanager
def _outside(confinement: Confinement) -> Iterator[str]:
    """Give a directory that no command may use, with a file `f` in it; it is removed afterwards."""
    for place in (tempfile.gettempdir(), "/var/tmp", "/dev/shm", "/run"):  # noqa: S108 - a new name in it, for us alone
        if any(place == root.path or place.startswith(root.path + "/") for root in confinement.roots):
            continue
        try:
            directory = tempfile.mkdtemp(dir=place)
        except OSError:
            continue
        try:
            with open(f"{directory}/f", "wb") as file:
                file.write(b"canary")
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def _name(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "for no reason that the system names")
