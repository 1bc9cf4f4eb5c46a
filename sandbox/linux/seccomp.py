"""The filter of system calls that every command runs under: a list of what is refused, everything else allowed.

It closes what Landlock has no word for: sockets of all kinds, other processes, namespaces, keys, rings of requests
that the kernel carries out past every filter. A refused call fails with an errno, as if the kernel did not have it,
so that programs go on without. Calls of another machine (the 32-bit calls of an x86_64 kernel) end the process, since
their numbers mean something else.

Arguments are compared in their low 32 bits, which is all that the kernel reads of an int. What stands in memory
cannot be compared, so the calls that take their arguments there (`clone3`, `openat2`) do not exist here; the C library
falls back to the older ones.

Sources: seccomp(2), and the manual page of each call.
"""

import ctypes
import errno
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import bpf
from sandbox.linux.bpf import Instruction, answer, error, load_argument
from sandbox.linux.calls import buffer, call
from sandbox.linux.numbers import Machine

__all__ = ["Choices", "install", "program"]

_EPERM, _ENOSYS, _EACCES = error(errno.EPERM), error(errno.ENOSYS), error(errno.EACCES)
_X32_BIT: Final = 0x40000000

# fmt: off
_REFUSED: Final = (
    # other processes and their memory
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "migrate_pages",
    "move_pages", "perf_event_open",
    # doors into the kernel that have had holes, or that lead past a filter
    "bpf", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "modify_ldt", "fanotify_init",
    "uselib", "nfsservctl", "lookup_dcookie",
    # keys are the user's, whichever process asks
    "add_key", "request_key", "keyctl",
    # files past their paths, mounts and namespaces
    "open_by_handle_at", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "quotactl", "quotactl_fd",
    # the machine as a whole
    "swapon", "swapoff", "reboot", "sethostname", "setdomainname", "iopl", "ioperm", "init_module", "finit_module",
    "delete_module", "kexec_load", "kexec_file_load", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "acct", "syslog", "vhangup",
)
_SHARED_BETWEEN_PROCESSES: Final = (
    "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semctl", "semtimedop",
    "mq_open", "mq_unlink",
)
# fmt: on

_NEW_NAMESPACES: Final = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME (clone(2), unshare(2))."""

_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PERSONALITIES: Final = (0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""The native one with and without UNAME26, PER_LINUX32, and the question (personality(2))."""

_SET_IDS: Final = 0o6000
_MAKES_A_FILE: Final = 0o100 | 0o20000000
"""O_CREAT, and what is O_TMPFILE without O_DIRECTORY (open(2))."""

_SET_ID_ARGUMENT: Final = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
_OPENS: Final = {"open": 1, "openat": 2}

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _DATAGRAM = 1, 2
_CLOEXEC, _NONBLOCK = 0o2000000, 0o4000
"""These stand beside the kind of a socket (socket(2))."""

_PROCESS_OF: Final = {
    "prlimit64": 0,
    "sched_setaffinity": 0,
    "sched_setscheduler": 0,
    "sched_setparam": 0,
    "sched_setattr": 0,
}
_OWN_KINDS: Final = {"setpriority": (0, 1), "ioprio_set": (1, 2)}
"""PRIO_PROCESS and PRIO_PGRP, IOPRIO_WHO_PROCESS and IOPRIO_WHO_PGRP: everything but all processes of a user."""

_SIGNALS_TO: Final = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filter depends on.

    Attributes:
        network: whether there is any: TCP and UDP over IP, and nothing else. Without it no socket exists at all.
        alone: the processes stand in namespaces of their own. Where they do not, nothing may reach other processes
            by System V's and POSIX's shared memory and queues, by limits, or by priorities.
        no_truncate: truncate(2) is refused, because this kernel's Landlock does not know it.
        no_signals_to: processes that must not get a signal, because this kernel's Landlock does not know signals.
            Then no signal goes to all processes at once either.
    """

    network: bool = False
    alone: bool = False
    no_truncate: bool = False
    no_signals_to: tuple[int, ...] = ()


def program(machine: Machine, choices: Choices) -> list[Instruction]:
    """Return the filter, as instructions."""
    found = [bpf.load_machine(), bpf.if_equal(machine.audit, 1), answer(bpf.KILL_PROCESS), bpf.load_number()]
    # The x32 calls of an x86_64 kernel: its own machine's name, other numbers. No machine has numbers that high.
    found += [bpf.unless_at_least(_X32_BIT, 1), answer(_ENOSYS)]
    for name, steps in _rules(choices):
        number = machine.number(name)
        if number is not None:
            body = steps if len(steps) == 1 else [*steps, answer(bpf.ALLOW)]
            found += [bpf.unless_equal(number, len(body)), *body]
    return [*found, answer(bpf.ALLOW)]


def install(instructions: Sequence[Instruction]) -> None:
    """Put this thread, and all that it starts from now on, under the filter. There is no way back.

    `PR_SET_NO_NEW_PRIVS` stands before, for whoever is not root.

    Raises:
        OSError: the kernel refuses; `EINVAL` where the program is none.
    """
    code = buffer(bpf.assembled(instructions))
    header = buffer(struct.pack("@HP", len(instructions), ctypes.addressof(code)))
    set_mode_filter = 1
    call("seccomp", set_mode_filter, 0, header)


def _rules(choices: Choices) -> Iterator[tuple[str, list[Instruction]]]:
    for name in _REFUSED:
        yield name, [answer(_EPERM)]
    for name in ("clone", "unshare"):
        yield name, _if_any_bit(0, _NEW_NAMESPACES, _EPERM)
    for name in ("clone3", "openat2"):
        yield name, [answer(_ENOSYS)]
    yield "ioctl", [load_argument(1), *_if_one_of((_TIOCSTI, _TIOCLINUX), _EPERM)]
    yield "personality", [load_argument(0), *bpf.if_none_of(_PERSONALITIES, [answer(_EPERM)])]
    for name, index in _SET_ID_ARGUMENT.items():
        yield name, _if_any_bit(index, _SET_IDS, _EPERM)
    for name, index in _OPENS.items():
        with_set_ids = _if_any_bit(index + 1, _SET_IDS, _EPERM)
        yield name, [load_argument(index), bpf.unless_any_bit(_MAKES_A_FILE, len(with_set_ids)), *with_set_ids]
    for name, kinds in _OWN_KINDS.items():
        whose = [] if choices.alone else [load_argument(1), *bpf.if_none_of((0,), [answer(_EPERM)])]
        yield name, [load_argument(0), *bpf.if_none_of(kinds, [answer(_EPERM)]), *whose]
    yield from _sockets(network=choices.network)
    if not choices.alone:
        yield from _other_processes()
    yield from _instead_of_landlock(choices)


def _instead_of_landlock(choices: Choices) -> Iterator[tuple[str, list[Instruction]]]:
    if choices.no_truncate:
        yield "truncate", [answer(_EPERM)]
    if choices.no_signals_to:
        for name in _SIGNALS_TO:
            yield name, [load_argument(0), *_if_one_of((-1, *choices.no_signals_to), _EPERM)]
        yield "pidfd_send_signal", [answer(_EPERM)]  # whose handle it is cannot be seen


def _sockets(*, network: bool) -> Iterator[tuple[str, list[Instruction]]]:
    # A pair of datagram sockets would do as a socket: it can be connected to something else.
    pair = [load_argument(0), *bpf.if_none_of((_UNIX,), [answer(_EACCES)])]
    pair += [load_argument(1), *bpf.if_none_of(_with_flags(_STREAM), [answer(_EACCES)])]
    yield "socketpair", pair
    if not network:
        yield "socket", [answer(_EACCES)]
        return
    over_ip = [load_argument(1), *bpf.if_none_of(_with_flags(_STREAM, _DATAGRAM), [answer(_EACCES)])]
    # What protocol of TCP's kind or UDP's: MPTCP, SCTP and the like go past what Landlock knows of TCP.
    over_ip += [load_argument(2), *bpf.if_none_of((0, 6, 17), [answer(_EACCES)]), answer(bpf.ALLOW)]
    # The addresses of this machine are asked through a routing socket (rtnetlink(7)).
    routing = [load_argument(2), *bpf.if_none_of((0,), [answer(_EACCES)]), answer(bpf.ALLOW)]
    steps = [load_argument(0)]
    for family, body in ((_INET, over_ip), (_INET6, over_ip), (_NETLINK, routing)):
        steps += [bpf.unless_equal(family, len(body)), *body]
    yield "socket", [*steps, answer(_EACCES)]


def _other_processes() -> Iterator[tuple[str, list[Instruction]]]:
    for name in _SHARED_BETWEEN_PROCESSES:
        yield name, [answer(_EPERM)]
    for name, index in _PROCESS_OF.items():
        yield name, [load_argument(index), *bpf.if_none_of((0,), [answer(_EPERM)])]


def _if_any_bit(index: int, mask: int, verdict: int) -> list[Instruction]:
    return [load_argument(index), bpf.unless_any_bit(mask, 1), answer(verdict)]


def _if_one_of(values: Sequence[int], verdict: int) -> list[Instruction]:
    return [step for value in values for step in (bpf.unless_equal(value, 1), answer(verdict))]


def _with_flags(*kinds: int) -> tuple[int, ...]:
    return tuple(kind | flags for kind in kinds for flags in (0, _CLOEXEC, _NONBLOCK, _CLOEXEC | _NONBLOCK))
