"""What Landlock is told for a command: which rights on which places."""

import os
import sys
from collections.abc import Iterator
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux.landlock import Files, Net, Ruleset, Scope
from sandbox.warden.plan import Confinement

__all__ = ["DEVICES", "READ", "WRITE", "alone_with_its_own", "ruleset"]

EVERYTHING: Final = Files((Files.IOCTL_DEV << 1) - 1)
READ: Final = Files.EXECUTE | Files.READ_FILE | Files.READ_DIR
WRITE: Final = EVERYTHING & ~(Files.MAKE_CHAR | Files.MAKE_BLOCK | Files.IOCTL_DEV)
"""Of an inner root that is read-only nothing is taken back here: what a directory gives, all beneath it has."""

_WRITE_DEVICE: Final = Files.READ_FILE | Files.WRITE_FILE | Files.TRUNCATE

DEVICES: Final = {
    "/dev/null": _WRITE_DEVICE,
    "/dev/zero": _WRITE_DEVICE,
    "/dev/full": _WRITE_DEVICE,
    "/dev/random": Files.READ_FILE,
    "/dev/urandom": Files.READ_FILE,
}

PRIVATE: Final = ("/tmp", "/dev/shm")  # noqa: S108 - mounts that are made for each command
_PROC: Final = "/proc"


def ruleset(confinement: Confinement, *, own_view: bool) -> Ruleset:
    """Return the rules of a command; in a view of its own also for what is mounted there for it.

    Raises:
        OSError: there is no Landlock, or a place cannot be opened that has to be there.
    """
    rules = Ruleset(
        confinement.abi,
        files=EVERYTHING,
        net=Net(0) if confinement.network else Net.BIND_TCP | Net.CONNECT_TCP,
        scopes=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL,
    )
    try:
        for path, rights in _places(confinement, own_view=own_view):
            handle = _opened(path)
            if handle >= 0:
                try:
                    rules.allow(handle, rights)
                finally:
                    os.close(handle)
        if not own_view:
            for granted in (*confinement.roots, *filter(None, [confinement.scratch])):
                rules.allow(granted.handle, WRITE if granted.writable else READ)
    except BaseException:
        rules.close()
        raise
    return rules


def alone_with_its_own(abi: int) -> Ruleset:
    """Return rules by which a process reaches none that stands outside of them, by signals or by looking into it."""
    return Ruleset(abi, scopes=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL)


def _places(confinement: Confinement, *, own_view: bool) -> Iterator[tuple[str, Files]]:
    yield from ((path, READ) for path in confinement.readable)
    yield from DEVICES.items()
    if own_view:
        # Its files say much of the machine that root could change: none is writable, whoever asks.
        yield "/", Files.READ_DIR  # nothing that was not granted has a name there
        yield _PROC, READ
        yield from ((path, WRITE) for path in PRIVATE)
        yield from ((root.path, WRITE if root.writable else READ) for root in confinement.roots)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
