"""Ways out of a confinement, tried from within, again and again. Run as a command: standard library only.

Its argument is JSON that tells what is outside. It prints, as JSON, each act with how often it was tried and how often
it got through. Nothing that it does would hurt where nothing confined it: all that it touches was made for it.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

Told = dict[str, Any]
Way = Callable[[], object]

MARK = b"fs-server-redteam"
"""What the file outside holds, and the environment of the process outside."""


class Kept(Exception):
    """The act did not get what it was after."""


def main() -> None:
    """Try everything, as often as was told, or until the time is over."""
    told = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps(tries(told)))


def tries(told: Told) -> list[list[Any]]:
    """Return kind, act, how often it was tried, how often it got through."""
    counts: dict[tuple[str, str], list[int]] = {}
    until = time.monotonic() + told["seconds"]
    for turn in range(told["times"]):
        if turn and time.monotonic() > until:
            break
        for kind, group in GROUPS:
            for act, way in group(told):
                count = counts.setdefault((kind, act), [0, 0])
                count[0] += 1
                with contextlib.suppress(OSError, ValueError, Kept):
                    way()
                    count[1] += 1
    return [[kind, act, *count] for (kind, act), count in counts.items()]


def both(*acts: Way) -> Way:
    """Return the way that is all of these, one behind the other."""
    return lambda: [act() for act in acts]


def reading(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to learn what a file outside holds."""
    file = told["outside"] + "/secret"
    yield "a file outside", lambda: marked(file)
    yield "upwards", lambda: marked("../outside/secret")
    yield "by a link out", both(lambda: linked(file, "link"), lambda: marked("link"))
    yield "by /proc/self/root", lambda: marked("/proc/self/root" + file)
    yield "by another process's root", lambda: marked(f"/proc/{told['victim']}/root{file}")
    yield (
        "by a handle of the directory",
        lambda: marked(f"/proc/self/fd/{os.open(told['outside'], os.O_RDONLY)}/secret"),
    )
    yield "by a hard link", both(lambda: gone("hard"), lambda: os.link(file, "hard"), lambda: marked("hard"))
    yield "another process's environment", lambda: marked(f"/proc/{told['victim']}/environ")


def listing(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to learn what a directory outside holds."""
    outside = told["outside"]
    yield "a directory outside", lambda: holds(outside, "secret")
    yield "by a link out", both(lambda: linked(outside, "directory"), lambda: holds("directory", "secret"))
    yield "upwards", lambda: holds("../outside", "secret")
    yield "another process's descriptors", lambda: holds(f"/proc/{told['victim']}/fd", "0")


def writing(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to change something outside."""
    outside = told["outside"]
    file, new = outside + "/secret", outside + "/new"
    yield "open a file for writing", lambda: os.close(os.open(file, os.O_WRONLY))
    yield "open a file for appending", lambda: os.close(os.open(file, os.O_WRONLY | os.O_APPEND))
    yield "write by a link out", both(lambda: linked(file, "link"), lambda: os.close(os.open("link", os.O_WRONLY)))
    yield "truncate a file", lambda: os.truncate(outside + "/hollow", 0)
    yield (
        "make a file",
        both(lambda: os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)), lambda: os.unlink(new)),
    )
    yield "make a directory", both(lambda: os.mkdir(new), lambda: os.rmdir(new))
    yield "make a link", both(lambda: os.symlink("x", new), lambda: os.unlink(new))
    yield "remove a file", lambda: os.unlink(outside + "/empty/f")
    yield "remove a directory", lambda: os.rmdir(outside + "/bare")
    yield (
        "rename a file",
        both(lambda: os.rename(outside + "/hollow", new), lambda: os.rename(new, outside + "/hollow")),
    )
    yield (
        "take a file in",
        both(lambda: os.rename(outside + "/hollow", "taken"), lambda: os.rename("taken", outside + "/hollow")),
    )
    yield "put a file out", both(lambda: made("mine"), lambda: os.rename("mine", new), lambda: os.unlink(new))


def metadata(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to look at a file outside without opening it, or to change what stands beside its content."""
    file = told["outside"] + "/secret"
    yield "look at a file", lambda: os.stat(file)
    yield "read a link's text", lambda: os.readlink(told["outside"] + "/link")
    yield "change a mode", lambda: os.chmod(file, 0o600)
    yield "change times", lambda: os.utime(file, (1, 1))


def network(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to talk to what listens on this machine, which stands for all that is further away."""
    here = ("127.0.0.1", told["port"])
    yield "TCP", lambda: connected(socket.AF_INET, socket.SOCK_STREAM, 0, here)
    yield "MPTCP", lambda: connected(socket.AF_INET, socket.SOCK_STREAM, 262, here)
    yield "TCP with its first bytes", lambda: sent(socket.SOCK_STREAM, 0x20000000, here)
    yield "UDP", lambda: sent(socket.SOCK_DGRAM, 0, ("127.0.0.1", told["udp_port"]))
    yield "listen", listened


def sockets(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to talk to other programs of the user."""
    yield "a socket with a path", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, 0, told["unix"])
    yield "a socket without a path", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, 0, "\0" + told["abstract"])
    yield "a pair turned elsewhere", lambda: turned(told["unix"])


def processes(told: Told) -> Iterator[tuple[str, Way]]:
    """Yield ways to reach another process of the user. Whether a signal arrived is seen there, and told elsewhere."""
    victim = told["victim"]
    yield "end it by a signal", both(lambda: os.kill(victim, signal.SIGTERM), kept)
    yield (
        "end it by a handle",
        both(lambda: signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGTERM), kept),
    )
    yield (
        "limit it",
        both(lambda: seen(victim), lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, tuple(told["open_files"]))),
    )
    yield "slow it down", both(lambda: seen(victim), lambda: os.setpriority(os.PRIO_PROCESS, victim, told["priority"]))


GROUPS: tuple[tuple[str, Callable[[Told], Iterator[tuple[str, Way]]]], ...] = (
    ("read outside", reading),
    ("list outside", listing),
    ("write outside", writing),
    ("metadata outside", metadata),
    ("network", network),
    ("other programs", sockets),
    ("other processes", processes),
)


def marked(path: str) -> None:
    """Return if this can be read and holds the mark."""
    with open(path, "rb") as file:
        if MARK not in file.read(1 << 16):
            raise Kept


def holds(directory: str, name: str) -> None:
    """Return if the directory can be listed and holds the name."""
    if name not in os.listdir(directory):
        raise Kept


def linked(target: str, name: str) -> None:
    """Make a link in the root."""
    gone(name)
    os.symlink(target, name)


def made(name: str) -> None:
    """Make a file in the root."""
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))


def gone(name: str) -> None:
    """Remove a name in the root."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


def connected(family: int, kind: int, protocol: int, address: Any) -> None:
    """Return if something there answers."""
    with socket.socket(family, kind, protocol) as end:
        end.settimeout(1)
        end.connect(address)


def sent(kind: int, flags: int, address: tuple[str, int]) -> None:
    """Return if bytes go there."""
    with socket.socket(socket.AF_INET, kind) as end:
        end.settimeout(1)
        end.sendto(b"x", flags, address)


def listened() -> None:
    """Return if others could come."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as end:
        end.listen()


def turned(path: str) -> None:
    """Return if a pair of sockets could be connected to something else."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.settimeout(1)
        one.sendto(b"x", path + ".datagrams")


def seen(process: int) -> None:
    """Return if there is such a process; a number of another world means nothing."""
    os.kill(process, 0)


def kept() -> None:
    """Say nothing here: whether a signal arrived is seen where it would have."""
    raise Kept


if __name__ == "__main__":
    main()
