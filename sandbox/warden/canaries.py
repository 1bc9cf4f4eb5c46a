"""Acts that a confined process must not be able to do, tried by one: what counts is what happens, not what is believed.

A tier is offered only if every act is refused that it promises to refuse, and what a command needs is possible. All is
imported before: within the confinement the files of this interpreter may be out of reach.
"""

import errno
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import capabilities, processes
from sandbox.linux.calls import buffer, call
from sandbox.warden.plan import Confinement, Tier

__all__ = ["ALLOWED", "Canary", "acts", "failures", "leave_a_daemon", "refused"]

Canary = Callable[[], object]

ALLOWED: Final = {
    Tier.LANDLOCK: frozenset({"look at a file outside", "change the mode of a file outside"}),
    Tier.NAMESPACE: frozenset[str](),
}
"""What a tier does not promise to refuse: Landlock has no word for metadata."""

_CLONE_NEWUSER: Final = 0x10000000


def acts(tier: Tier, directory: str, warden: int, confinement: Confinement) -> Iterator[tuple[str, Canary]]:
    """Yield each act that must fail, and its name. `directory` lies outside of all that is granted, with a file `f`."""
    file = f"{directory}/f"
    yield "read a file outside", lambda: os.open(file, os.O_RDONLY)
    yield "write a file outside", lambda: os.open(file, os.O_WRONLY)
    yield "make a file outside", lambda: os.open(f"{directory}/new", os.O_WRONLY | os.O_CREAT)
    yield "remove a file outside", lambda: os.unlink(file)
    yield "truncate a file outside", lambda: os.truncate(file, 0)
    yield "list a directory outside", lambda: os.listdir(directory)
    yield "look at a file outside", lambda: os.stat(file)
    yield "change the mode of a file outside", lambda: os.chmod(file, 0o600)
    if tier is Tier.NAMESPACE:
        # The numbers of others mean nothing here, and may even be those of our own.
        yield "see another process", _see_another_process
    else:
        yield "signal the warden", lambda: os.kill(warden, 0)
        yield "signal the server", lambda: os.kill(confinement.server, 0)
        yield "limit the warden", lambda: call("prlimit64", warden, 7, None, buffer(bytes(16)))
    yield "read the warden's memory", lambda: call("process_vm_readv", warden, buffer(bytes(16)), 1, bytes(16), 1, 0)
    yield "trace a process", lambda: call("ptrace", 0)
    for name, family, kind, protocol in _sockets(network=confinement.network):
        yield f"open a socket: {name}", partial(socket.socket, family, kind, protocol)
    yield "pair datagram sockets", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield "make a ring of requests", lambda: call("io_uring_setup", 1, buffer(bytes(120)))
    yield "leave the namespace", lambda: call("unshare", _CLONE_NEWUSER)
    yield "mount", lambda: call("mount", b"none", b"/", b"tmpfs", 0, None)
    yield "add a key", lambda: call("add_key", b"user", b"canary", b"x", 1, -3 & 0xFFFFFFFF)
    yield "have a capability", _have_a_capability
    yield "gain by executing", _gain_by_executing
    yield "use another's descriptor", _use_a_descriptor


def failures() -> list[str]:
    """Return what a command needs and this process cannot do; nothing is left behind."""
    needs: list[tuple[str, Canary]] = [
        ("list the directory that it starts in", lambda: os.listdir(".")),
        ("write to the null device", lambda: os.close(os.open(os.devnull, os.O_WRONLY))),
        ("start a process", _start_a_process),
    ]
    found = []
    for name, act in needs:
        try:
            act()
        except OSError as error:
            found.append(f"{name} ({errno.errorcode.get(error.errno or 0, '?')})")
    return found


def refused(act: Canary) -> bool:
    """Tell whether an act fails."""
    try:
        act()
    except OSError:
        return True
    return False


def leave_a_daemon() -> None:  # pragma: no cover - its process never ends by itself
    """Leave a process behind that has no parent, no terminal, and no ear for requests to end."""
    if os.fork():
        return
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    while True:
        signal.pause()


def _sockets(*, network: bool) -> Iterator[tuple[str, int, int, int]]:
    mptcp = 262
    yield "unix", socket.AF_UNIX, socket.SOCK_STREAM, 0
    yield "vsock", socket.AF_VSOCK, socket.SOCK_STREAM, 0
    yield "packet", socket.AF_PACKET, socket.SOCK_RAW, 0
    yield "MPTCP", socket.AF_INET, socket.SOCK_STREAM, mptcp
    yield "raw", socket.AF_INET, socket.SOCK_RAW, 1
    if not network:
        yield "TCP", socket.AF_INET, socket.SOCK_STREAM, 0
        yield "UDP", socket.AF_INET6, socket.SOCK_DGRAM, 0
        yield "netlink", socket.AF_NETLINK, socket.SOCK_RAW, 0


def _see_another_process() -> None:
    seen = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
    if seen <= {1, os.getpid()}:
        raise OSError(errno.ESRCH, "only the guard and this one")


def _have_a_capability() -> None:
    if not capabilities.held():
        raise OSError(errno.EPERM, "none")


def _gain_by_executing() -> None:
    if processes.gains_nothing_by_exec():
        raise OSError(errno.EPERM, "nothing is gained")


def _use_a_descriptor() -> None:
    """Find a socket among the descriptors: only that of the warden or a guard could be one."""
    for descriptor in range(3, 256):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode):
            return
    raise OSError(errno.EBADF, "no socket is open")


def _start_a_process() -> None:
    child = os.fork()
    if child == 0:  # pragma: no cover - it ends at once
        os._exit(0)
    os.waitpid(child, 0)
