"""The filter of system calls: what it answers on every machine that is known, and that the kernel takes it."""

import errno
import os
import re
import socket
from pathlib import Path

import pytest

from sandbox.linux import bpf, processes, seccomp
from sandbox.linux.bpf import error
from sandbox.linux.calls import call
from sandbox.linux.numbers import AARCH64, X86_64, Machine, machine
from sandbox.linux.seccomp import Choices, program
from tests.sandbox.linux.interpreter import verdict, verdict_on
from tests.support.apart import in_a_thread

EPERM, EACCES, ENOSYS = error(errno.EPERM), error(errno.EACCES), error(errno.ENOSYS)
CHOICES = [Choices(), Choices(alone=True), Choices(network=True, no_truncate=True, no_signals_to=(77, 78))]
CREATE, TEMPORARY = 0o100, 0o20200000


@pytest.fixture(params=[X86_64, AARCH64], ids=lambda machine: machine.name)
def target(request: pytest.FixtureRequest) -> Machine:
    found = request.param
    assert isinstance(found, Machine)
    return found


@pytest.mark.parametrize("choices", CHOICES)
def test_every_jump_stays_within_the_program_and_the_program_within_the_kernels_bound(
    target: Machine, choices: Choices
) -> None:
    made = program(target, choices)
    assert len(made) < 4096  # BPF_MAXINSNS
    for at, (_, if_true, if_false, _) in enumerate(made):
        assert max(if_true, if_false) < 256
        assert at + 1 + max(if_true, if_false) < len(made) + (made[at][0] == bpf.answer(0)[0])
    assert len(bpf.assembled(made)) == 8 * len(made)


def test_calls_with_another_machines_numbers_end_the_process(target: Machine) -> None:
    """On x86_64 the calls of i386 are one instruction away (`int 0x80`), and 102 is their socketcall, not getuid."""
    i386, arm = 0x40000003, 0x40000028
    for audit in (i386, arm, 0):
        assert verdict_on(program(target, Choices()), audit, 102) == bpf.KILL_PROCESS


def test_the_x32_calls_do_not_exist(target: Machine) -> None:
    for number in (0x40000000, 0x40000000 | 41, 0xFFFFFFFF):
        assert verdict(program(target, Choices()), target, number) == ENOSYS


@pytest.mark.parametrize(
    "name",
    ["ptrace", "process_vm_writev", "pidfd_getfd", "io_uring_setup", "bpf", "userfaultfd", "keyctl", "mount", "setns"],
)
@pytest.mark.parametrize("choices", CHOICES)
def test_what_no_command_needs_is_refused(target: Machine, choices: Choices, name: str) -> None:
    assert verdict(program(target, choices), target, name, 1, 2, 3) == EPERM


def test_everything_else_is_allowed(target: Machine) -> None:
    made = program(target, Choices())
    for name in ("execve", "memfd_create", "landlock_restrict_self", "seccomp", "prctl", "truncate", "kill", "listen"):
        assert verdict(made, target, name, 1, 2, 3) == bpf.ALLOW


@pytest.mark.parametrize("name", ["clone", "unshare"])
def test_processes_are_made_and_namespaces_are_not(target: Machine, name: str) -> None:
    made = program(target, Choices())
    threads, new_user, new_time = 0x3D0F00, 0x10000000, 0x80
    assert verdict(made, target, name, threads) == bpf.ALLOW
    assert verdict(made, target, name, threads | 1 << 32) == bpf.ALLOW
    for flags in (new_user, new_user | 17, 0x20000, 0x40000000, new_time):
        assert verdict(made, target, name, flags) == EPERM
    assert verdict(made, target, "clone3") == ENOSYS
    assert verdict(made, target, "openat2") == ENOSYS


@pytest.mark.parametrize("request_", [0x5412, 0x541C])
def test_nothing_is_typed_into_a_terminal_whatever_the_upper_half_says(target: Machine, request_: int) -> None:
    """The kernel takes an unsigned int: a comparison of all 64 bits would be passed by a bit above."""
    made = program(target, Choices())
    assert verdict(made, target, "ioctl", 0, request_) == EPERM
    assert verdict(made, target, "ioctl", 0, request_ | 1 << 40) == EPERM
    assert verdict(made, target, "ioctl", 0, 0x5401) == bpf.ALLOW


def test_no_file_gets_the_rights_of_its_owner_or_group(target: Machine) -> None:
    made = program(target, Choices())
    for mode in (0o4755, 0o2755, 0o6000):
        assert verdict(made, target, "fchmod", 3, mode) == EPERM
        assert verdict(made, target, "fchmodat", 3, 4, mode) == EPERM
        assert verdict(made, target, "fchmodat2", 3, 4, mode) == EPERM
        assert verdict(made, target, "mknodat", 3, 4, mode) == EPERM
        for flags in (CREATE, TEMPORARY):
            assert verdict(made, target, "openat", 3, 4, flags, mode) == EPERM
            if target is X86_64:
                assert verdict(made, target, "open", 4, flags, mode) == EPERM
        # Without one of those flags the mode is whatever stood in the register.
        assert verdict(made, target, "openat", 3, 4, 0, mode) == bpf.ALLOW
    if target is X86_64:
        assert verdict(made, target, "chmod", 3, 0o4755) == EPERM
        assert verdict(made, target, "creat", 3, 0o4755) == EPERM
    assert verdict(made, target, "fchmod", 3, 0o1777) == bpf.ALLOW
    assert verdict(made, target, "openat", 3, 4, CREATE, 0o644) == bpf.ALLOW


def test_without_network_there_is_no_socket_but_pairs_of_streams(target: Machine) -> None:
    made = program(target, Choices())
    for family in range(64):
        assert verdict(made, target, "socket", family, 1, 0) == EACCES
    cloexec = 0o2000000
    assert verdict(made, target, "socketpair", 1, 1 | cloexec) == bpf.ALLOW
    for family, kind in ((1, 2), (1, 2 | cloexec), (1, 5), (1, 3), (2, 1)):
        assert verdict(made, target, "socketpair", family, kind) == EACCES


def test_network_is_tcp_and_udp_over_ip_and_the_question_for_ones_own_addresses(target: Machine) -> None:
    made = program(target, Choices(network=True))
    inet, inet6, netlink, nonblock = 2, 10, 16, 0o4000
    allowed = [(inet, 1, 0), (inet6, 1 | nonblock, 6), (inet, 2, 17), (netlink, 3, 0)]
    for arguments in allowed:
        assert verdict(made, target, "socket", *arguments) == bpf.ALLOW
    mptcp, sctp, unix, vsock, packet, alg = 262, 132, 1, 40, 17, 38
    refused = [(inet, 1, mptcp), (inet, 1, sctp), (inet, 3, 1), (inet, 5, sctp), (netlink, 3, 9), (inet6, 3, 58)]
    refused += [(family, 1, 0) for family in (unix, vsock, packet, alg)]
    for arguments in refused:
        assert verdict(made, target, "socket", *arguments) == EACCES


def test_beside_other_processes_no_limit_priority_or_shared_memory_reaches_them(target: Machine) -> None:
    beside, alone = program(target, Choices()), program(target, Choices(alone=True))
    user, process = 2, 0
    for name, arguments in (
        ("prlimit64", (77, 7)),
        ("sched_setaffinity", (77,)),
        ("setpriority", (process, 77)),
        ("ioprio_set", (1, 77)),
        ("shmget", (1, 2, 3)),
        ("mq_open", ()),
    ):
        assert verdict(beside, target, name, *arguments) == EPERM
        assert verdict(alone, target, name, *arguments) == bpf.ALLOW
    for made in (beside, alone):
        assert verdict(made, target, "setpriority", user, 0) == EPERM
        assert verdict(made, target, "ioprio_set", 3, 0) == EPERM
    for name, arguments in (("prlimit64", (0, 7)), ("setpriority", (process, 0)), ("ioprio_set", (1, 0))):
        assert verdict(beside, target, name, *arguments) == bpf.ALLOW


def test_where_landlock_knows_no_signals_none_reaches_the_named_or_everybody(target: Machine) -> None:
    made = program(target, Choices(no_signals_to=(77, 78)))
    everybody = (1 << 64) - 1
    for process in (77, 78, everybody, 0xFFFFFFFF):
        for name in ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
            assert verdict(made, target, name, process) == EPERM
    assert verdict(made, target, "pidfd_send_signal", 5, 9) == EPERM
    assert verdict(made, target, "kill", 79) == bpf.ALLOW


def test_where_landlock_knows_no_truncate_the_filter_does(target: Machine) -> None:
    assert verdict(program(target, Choices(no_truncate=True)), target, "truncate") == EPERM


def test_only_five_personalities_can_be_taken(target: Machine) -> None:
    made = program(target, Choices())
    asked = 0xFFFFFFFF
    assert {verdict(made, target, "personality", one) for one in (0, 8, 0x20000, 0x20008, asked)} == {bpf.ALLOW}
    assert verdict(made, target, "personality", 0x0400000) == EPERM


@pytest.mark.parametrize("choices", CHOICES)
def test_the_kernel_takes_the_program_and_does_as_it_says(choices: Choices) -> None:
    def confined() -> list[str]:
        here = machine()
        assert here is not None
        processes.gain_nothing_by_exec()
        seccomp.install(program(here, choices))
        found = []
        for name, act in (
            ("socket", lambda: socket.socket(socket.AF_UNIX)),
            ("ring", lambda: call("io_uring_setup", 1, None)),
            ("namespace", lambda: call("unshare", 0x10000000)),
        ):
            try:
                act()
            except OSError as refused:
                found.append(f"{name} {errno.errorcode[refused.errno or 0]}")
        return found

    assert in_a_thread(confined) == ["socket EACCES", "ring EPERM", "namespace EPERM"]
    socket.socket(socket.AF_UNIX).close()  # this thread is free


def test_what_is_no_program_is_not_installed() -> None:
    def install_nothing() -> None:
        processes.gain_nothing_by_exec()
        seccomp.install([])

    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        in_a_thread(install_nothing)


def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    headers = {X86_64: "asm/unistd_64.h", AARCH64: "asm-generic/unistd.h"}
    directories = [Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu")]
    compared = 0
    for target, name in headers.items():
        for path in (directory / name for directory in directories if (directory / name).exists()):
            found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())
            known = {call: int(number) for call, number in found}
            for call_ in set(known) & set(_names()):
                assert target.number(call_) == known[call_], call_
                compared += 1
    if not compared:
        pytest.skip("there are no headers of the kernel here")


def _names() -> list[str]:
    from sandbox.linux import numbers  # noqa: PLC0415 - the table is nobody's but this test's

    return list(numbers._TABLE)
