"""Ways out of a confinement, tried from within. Run as a command: standard library only, told by JSON what is outside.

It prints, for each way, "done" where it worked, else the name of the errno, or how its process ended.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from typing import Any

Way = Callable[[], object]
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
HERE = -100
BYTES = ctypes.create_string_buffer(4096)


def checked(returned: int) -> int:
    if returned < 0:
        raise OSError(ctypes.get_errno(), "")
    return returned


def call(x86: int, other: int, *arguments: Any) -> int:
    numbers = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(libc.syscall(ctypes.c_long(x86 if X86 else other), *numbers))


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def files(told: dict[str, Any]) -> Iterator[tuple[str, Way]]:
    out, file = told["outside"], told["outside"] + "/secret"
    yield "read a file", lambda: read(file)
    yield "read by a link that leads out", both(lambda: os.symlink(file, "link"), lambda: read("link"))
    yield "read through /proc/self/root", lambda: read("/proc/self/root" + file)
    yield "read through /proc/1/root", lambda: read("/proc/1/root" + file)
    yield "read through the server's root", lambda: read(f"/proc/{told['server']}/root{file}")
    yield "read the server's environment", lambda: read(f"/proc/{told['server']}/environ")
    yield "read the server's memory map", lambda: read(f"/proc/{told['server']}/maps")
    yield "list the server's descriptors", lambda: os.listdir(f"/proc/{told['server']}/fd")
    yield "read upwards", lambda: read("../outside/secret")
    yield "read by chroot", both(lambda: os.chroot("."), lambda: read(file))
    yield "list a directory", lambda: os.listdir(out)
    yield "open a directory as a place", lambda: read(f"/proc/self/fd/{os.open(out, os.O_PATH)}/secret")
    yield "open by a handle of the file system", lambda: by_handle(out)
    yield "look at a file", lambda: os.stat(file)
    yield "read a link's text", lambda: os.readlink(out + "/link")
    yield "ask whether a file is there", lambda: needed(os.access(file, os.F_OK))
    yield "enter a directory", lambda: os.chdir(out)
    yield "ask for the file system", lambda: os.statvfs(out)
    yield "watch a directory", lambda: checked(libc.inotify_add_watch(libc.inotify_init(), os.fsencode(out), 0xFFF))
    yield "change a mode", lambda: os.chmod(file, 0o600)
    yield "change times", lambda: os.utime(file, (1, 1))
    yield "change an attribute", lambda: os.setxattr(file, "user.x", b"x")
    yield "write a file", lambda: os.open(file, os.O_WRONLY)
    yield "append to a file", lambda: os.open(file, os.O_WRONLY | os.O_APPEND)
    yield "make a file", lambda: os.open(out + "/new", os.O_WRONLY | os.O_CREAT)
    yield "make a directory", lambda: os.mkdir(out + "/new directory")
    yield "make a link", lambda: os.symlink("x", out + "/new link")
    yield "make a FIFO", lambda: os.mkfifo(out + "/new FIFO")
    yield "truncate by name", lambda: os.truncate(file, 0)
    yield "take a file in by a hard link", lambda: os.link(file, "hard")
    yield (
        "exchange with a file outside",
        both(lambda: make("x"), lambda: call(316, 276, HERE, b"x", HERE, os.fsencode(file), 2)),
    )
    yield "remove a directory", lambda: os.rmdir(out + "/hollow")
    yield "rename outside", lambda: os.rename(out + "/link", out + "/other")
    yield "take a file in by renaming", lambda: os.rename(file, "taken")
    yield "put a file out by renaming", both(lambda: make("mine"), lambda: os.rename("mine", out + "/mine"))
    yield "remove a file", lambda: os.unlink(out + "/empty/f")
    yield "write shared memory of the machine", lambda: os.unlink("/dev/shm/fs-server-escape")
    yield "write the machine's /tmp", lambda: os.unlink(told["in_tmp"])
    yield "open the terminal", lambda: os.open("/dev/tty", os.O_RDWR)
    yield "change a setting of the kernel", lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)
    yield "make a device", lambda: os.mknod("device", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    yield "make a file that runs as its owner", both(lambda: make("suid"), lambda: os.chmod("suid", 0o4755))
    yield "open a new file that runs as its owner", lambda: os.open("suid2", os.O_WRONLY | os.O_CREAT, 0o4755)
    yield "open it by a structure", by_structure


def make(name: str) -> None:
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644))


def both(*acts: Way) -> Way:
    return lambda: [act() for act in acts]


def needed(found: object) -> None:
    if not found:
        fail(errno.ENOENT)


def fail(number: int) -> None:
    raise OSError(number, "")


def by_handle(outside: str) -> None:
    handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)), ctypes.c_int()
    checked(libc.name_to_handle_at(HERE, os.fsencode(outside + "/secret"), handle, ctypes.byref(mount), 0))
    checked(libc.open_by_handle_at(os.open(".", os.O_RDONLY), handle, os.O_RDONLY))


def by_structure() -> None:
    how = struct.pack("QQQ", os.O_WRONLY | os.O_CREAT, 0o4755, 0)
    call(437, 437, HERE, b"suid3", how, len(how))


def processes(told: dict[str, Any]) -> Iterator[tuple[str, Way]]:
    server = told["server"]
    yield "signal the server", lambda: os.kill(server, 0)
    yield "signal the warden", lambda: os.kill(told["warden"], 0)
    yield "signal by a handle", lambda: signal.pidfd_send_signal(os.pidfd_open(server), 0)
    yield "signal the guard", lambda: os.kill(told["guard"], 0)
    yield "trace the guard", lambda: checked(libc.ptrace(0x4206, told["guard"], 0, 0))
    yield "trace the server", lambda: checked(libc.ptrace(0x4206, server, 0, 0))
    yield "read the server's memory", lambda: checked(libc.process_vm_readv(server, vector(), 1, vector(), 1, 0))
    yield "read the guard's environment", lambda: read(f"/proc/{told['guard']}/environ")
    yield "take a descriptor of the server", lambda: call(438, 438, os.pidfd_open(server), 0, 0)
    yield "compare with the server", lambda: call(312, 272, os.getpid(), server, 0, 0, 0)
    yield "limit the server", lambda: resource.prlimit(server, resource.RLIMIT_NOFILE, told["open_files"])
    yield "limit itself", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    yield "bind the server to a processor", lambda: os.sched_setaffinity(server, told["processors"])
    yield "slow the server down", lambda: os.setpriority(os.PRIO_PROCESS, server, told["priority"])
    yield "slow all of the user's processes down", lambda: slow_all(told)
    yield "share memory by System V", lambda: shared(told["shm"])
    yield "make a queue of messages", lambda: checked(libc.mq_open(b"/escape", os.O_RDWR | os.O_CREAT, 0o600, None))
    yield "see processes of the machine", lambda: read(f"/proc/{server}/stat")
    yield "leave by a user namespace", lambda: checked(libc.unshare(0x10000000))
    yield "leave by clone", cloned
    yield "mount", lambda: checked(libc.mount(b"none", b".", b"tmpfs", 0, None))
    yield "unmount", lambda: checked(libc.umount2(b"/proc", 2))
    yield "enter a namespace", lambda: checked(libc.setns(os.open("/proc/self/ns/net", os.O_RDONLY), 0))
    yield "load a program into the kernel", lambda: call(321, 280, 0, BYTES, 72)
    yield "count events", lambda: call(298, 241, BYTES, 0, -1, -1, 0)
    yield "handle faults", lambda: call(323, 282, 0)
    yield "add a key", lambda: call(248, 217, b"user", b"escape", b"x", 1, -3)
    yield "make a ring of requests", lambda: call(425, 425, 4, BYTES)
    yield "type into the terminal", typed
    yield "have a capability", capable
    yield "gain by a program of root's", gained
    yield "use a descriptor that was not given", lambda: needed(told["descriptors"])
    yield "call by the old numbers", old_numbers
    yield "call by the x32 numbers", lambda: call(0x40000000 | 39, 0x40000000 | 39)
    yield "have more than its environment", lambda: needed(os.environ.get("SECRET_OF_THE_SERVER"))


def shared(segment: int) -> None:
    libc.shmat.restype = ctypes.c_long
    checked(libc.shmat(segment, None, 0o10000))


def vector() -> Any:
    return struct.pack("PN", ctypes.addressof(BYTES), 8)


def cloned() -> None:
    child = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)


def typed() -> None:
    _, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSTI, b"x")


def capable() -> None:
    header, sets = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0)), ctypes.create_string_buffer(24)
    checked(libc.capget(header, sets))
    if not any(sets.raw):
        fail(errno.EPERM)


def gained() -> None:
    if libc.prctl(39, 0, 0, 0, 0) == 1:  # PR_GET_NO_NEW_PRIVS
        fail(errno.EPERM)


def slow_all(told: dict[str, Any]) -> None:
    """Set all to what they have; unconfined that is not tried, because not all have the same."""
    if not told["confined"]:
        fail(errno.ESRCH)
    os.setpriority(os.PRIO_USER, 0, told["priority"])


def descriptors() -> list[int]:
    found = []
    for descriptor in range(3, 1024):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            found.append(descriptor)
    return found


def old_numbers() -> None:
    """Socketcall of i386, one instruction away from every x86_64 program: `mov eax, 359; … int 0x80`."""
    if not X86:
        fail(errno.ENOSYS)
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # push rbx; mov eax, 359 (socket); mov ebx, 1; mov ecx, 1; xor edx, edx; int 0x80; pop rbx; ret
    page.write(bytes.fromhex("53b867010000bb01000000b90100000031d2cd805bc3"))
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    returned = function()
    if returned < 0:
        fail(-returned)


def network(told: dict[str, Any]) -> Iterator[tuple[str, Way]]:
    port = told["port"]
    there = ("127.0.0.1", port)
    yield "connect by TCP", lambda: tcp().connect(there)
    yield "send in the first packet of TCP", lambda: tcp().sendto(b"x", 0x20000000, there)
    yield "connect by MPTCP", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(there)
    yield "bind a port", lambda: tcp().bind(("127.0.0.1", 0))
    yield "listen without a port", lambda: tcp().listen()
    yield "send by UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", there)
    yield "send by UDP over IPv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", port))
    yield "send raw packets", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    yield "read the wire", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    yield "ask the kernel by netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    yield "connect to the host of a machine", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    yield "let the kernel compute", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
    yield "connect to a socket by its path", lambda: unix().connect(told["unix"])
    yield "connect to a socket by its name", lambda: unix().connect("\0" + told["abstract"])
    yield "retarget a pair", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield "make a pair of streams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    yield "make a file without a name", lambda: os.memfd_create("x")


def tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def unix() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def outcome(way: Way) -> str:
    """Try a way in a process of its own, so that none changes what the next one meets."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            way()
            said = "done"
        except OSError as error:
            said = errno.errorcode.get(error.errno or 0, str(error))
        except BaseException as error:  # noqa: BLE001 - told as it is
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 100).decode()
    _, status = os.waitpid(child, 0)
    os.close(reading)
    return said or signal.Signals(os.WTERMSIG(status)).name


def main() -> None:
    told = {**json.loads(sys.argv[1]), "guard": os.getppid(), "descriptors": descriptors()}
    ways = [*files(told), *processes(told), *network(told)]
    json.dump({name: outcome(way) for name, way in ways}, sys.stdout)


if __name__ == "__main__":
    main()
