"""The guard by itself, in a process of its own that nothing confines: what it waits for, and what it never does."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sandbox.errors import CommandNotFound, CommandRefused
from sandbox.linux import landlock, processes
from sandbox.linux.landlock import Ruleset, Scope
from sandbox.warden import guard, program, protocol
from sandbox.warden.guard import Guard, Usage, sweep, within_reach_are_only_ours
from tests.support.apart import apart, hide, in_a_thread


def test_the_whole_session_is_within_reach_of_a_process_that_nothing_keeps_in() -> None:
    """So `kill(-1)` is not made: it would end everything that the user runs."""
    assert not within_reach_are_only_ours(os.getppid())
    with subprocess.Popen(["true"]) as ended:
        pass
    assert not within_reach_are_only_ours(ended.pid)  # who is not there proves nothing


def test_behind_a_scope_of_signals_only_what_is_ones_own_is_within_reach() -> None:
    if landlock.abi() < 6:
        pytest.skip("this kernel's Landlock knows no signals")

    def confined() -> bool:
        processes.gain_nothing_by_exec()
        with Ruleset(landlock.abi(), scopes=Scope.SIGNAL) as rules:
            rules.restrict()
        return within_reach_are_only_ours(os.getppid())

    assert in_a_thread(confined)


def in_a_namespace() -> tuple[str, ...]:
    """Return the words that start a process as number 1: there `kill(-1)` can end nobody else."""
    unshare = shutil.which("unshare")
    words = (unshare or "", "--pid", "--fork", "--kill-child", "--user", "--map-root-user", "--mount-proc")
    if unshare is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system allows no namespace of processes")
    return words


def test_number_one_ends_all_at_once() -> None:
    apart(f"{__name__}:be_number_one", before=in_a_namespace())


def be_number_one() -> None:
    assert os.getpid() == 1
    assert within_reach_are_only_ours(12345)
    for _ in range(5):
        subprocess.Popen(["setsid", "sleep", "100"])
    usage = Usage()
    statuses = sweep(all_at_once=True, usage=usage)
    assert set(statuses.values()) == {signal.SIGKILL}
    assert usage.ended == 5
    assert sweep(all_at_once=True, usage=usage) == {}


def test_without_a_scope_a_bystander_survives_the_sweep() -> None:
    """Run where there is nobody else, in case that it is wrong."""
    apart(f"{__name__}:spare_the_bystander", before=in_a_namespace())


def spare_the_bystander() -> None:
    with subprocess.Popen(["sleep", "100"]) as bystander:
        tree = subprocess.Popen([sys.executable, "-m", "tests.support.apart", f"{__name__}:sweep_its_own"])
        assert tree.wait() == 0
        assert bystander.poll() is None
        bystander.kill()


def sweep_its_own() -> None:
    processes.adopt_orphans()
    subprocess.run(["sh", "-c", "setsid sleep 100 & setsid sleep 100 & sleep 100 &"], check=True)
    assert len(sweep(all_at_once=False, usage=Usage())) == 3


@dataclass
class Watched:
    """A guard and both ends of what it listens to."""

    guard: Guard
    server: socket.socket
    lifeline: int

    def told(self) -> list[protocol.Message]:
        messages = []
        self.guard.leash.close()
        while (received := protocol.receive(self.server)) is not None:
            messages.append(received[0])
            for descriptor in received[1]:
                os.close(descriptor)
        return messages


def watched(work: Callable[[int], object]) -> Watched:
    processes.adopt_orphans()
    server, leash = protocol.pair()
    lifeline, warden = os.pipe()
    ours, workers = os.pipe()
    worker = os.fork()
    if worker == 0:
        for descriptor in (server.fileno(), leash.fileno(), lifeline, warden, ours):
            os.close(descriptor)
        os.setsid()
        with contextlib.suppress(BaseException):
            work(workers)
        os._exit(1)
    os.close(workers)
    return Watched(Guard(leash, lifeline, ours, worker, all_at_once=False), server, warden)


def execute(*argv: str) -> Callable[[int], object]:
    return lambda _: os.execvp(argv[0], argv)


CASES: dict[str, Callable[[], None]] = {}


def case(function: Callable[[], None]) -> Callable[[], None]:
    CASES[function.__name__] = function
    return function


@case
def a_program_that_ends_is_told_of_twice() -> None:
    one = watched(execute("sh", "-c", "setsid sleep 100 & exit 3"))
    one.guard.watch()
    started, ended = one.told()
    assert started == {"event": "started", "unprotected": []}
    assert (ended["event"], os.WEXITSTATUS(ended["status"]), ended["why"], ended["killed"]) == ("ended", 3, "", 1)
    assert ended["max_rss_bytes"] > 100_000


@case
def the_server_lets_go() -> None:
    one = watched(execute("sleep", "100"))
    one.server.shutdown(socket.SHUT_WR)
    one.guard.watch()
    ended = one.told()[-1]
    assert (ended["status"], ended["why"], ended["killed"]) == (signal.SIGKILL, "server", 0)


@case
def the_server_is_gone_with_something_unread() -> None:
    one = watched(execute("sleep", "100"))
    protocol.send(one.guard.leash, {"never": "read"})
    one.server.close()
    one.guard.watch()
    assert processes.children() == []


@case
def what_the_server_says_cannot_be_heard() -> None:
    one = watched(execute("sleep", "100"))

    def broken(_: socket.socket) -> None:
        raise OSError

    protocol.receive, before = broken, protocol.receive  # type: ignore[assignment]
    protocol.send(one.server, {"signal": signal.SIGTERM})
    one.guard.watch()
    protocol.receive = before
    assert one.told()[-1]["why"] == "server"


@case
def the_warden_ends() -> None:
    one = watched(execute("sleep", "100"))
    os.close(one.lifeline)
    one.guard.watch()
    assert one.told()[-1]["why"] == "warden"


@case
def a_signal_is_passed_on_and_files_beside_it_are_closed() -> None:
    one = watched(execute("sleep", "100"))
    protocol.send(one.server, {"signal": signal.SIGTERM}, [0])
    one.guard.watch()
    assert one.told()[-1]["status"] == signal.SIGTERM


@case
def a_signal_for_a_program_that_has_ended_is_for_nobody() -> None:
    one = watched(lambda _: os._exit(0))
    os.waitid(os.P_PID, one.guard.worker, os.WEXITED | os.WNOWAIT)
    os.waitpid(one.guard.worker, 0)
    protocol.send(one.server, {"signal": signal.SIGTERM})
    assert one.guard._obey()


@case
def a_worker_that_fails_is_told_of_once() -> None:
    one = watched(lambda end: os.write(end, json.dumps({"stage": "program", "errno": 2}).encode()))
    one.guard.watch()
    assert one.told() == [{"event": "failed", "stage": "program", "errno": 2}]


@case
def a_worker_that_failed_before_anybody_looked_is_told_of_once() -> None:
    one = watched(lambda end: os.write(end, json.dumps({"stage": "limits", "errno": 22}).encode()))
    os.waitid(os.P_PID, one.guard.worker, os.WEXITED | os.WNOWAIT)
    one.guard.watch()
    assert one.told() == [{"event": "failed", "stage": "limits", "errno": 22}]


@case
def a_worker_that_ended_before_anybody_looked_is_told_of() -> None:
    one = watched(lambda _: os._exit(7))
    os.waitid(os.P_PID, one.guard.worker, os.WEXITED | os.WNOWAIT)
    one.guard.watch()
    assert [message["event"] for message in one.told()] == ["started", "ended"]


@case
def orphans_are_waited_for_while_the_program_runs() -> None:
    one = watched(execute("sh", "-c", "for i in 1 2 3 4 5; do (setsid true &); done; sleep 0.3"))
    one.guard.watch()
    assert one.told()[-1]["killed"] == 0
    assert one.guard._usage.ended > 1


@case
def without_handles_of_processes_the_program_starts_all_the_same() -> None:
    def without() -> list[int]:
        hide({"pidfd_open": 38})
        return guard._handle_of(os.getpid())

    assert in_a_thread(without) == []


@case
def a_sweep_ends_what_forks_on() -> None:
    processes.adopt_orphans()
    child = os.fork()
    if child == 0:
        until = time.monotonic() + 15
        while time.monotonic() < until:
            if os.fork():
                os._exit(0)
            os.setsid()
        os._exit(0)
    os.waitpid(child, 0)
    sweep(all_at_once=False, usage=Usage())
    assert processes.children() == []


@pytest.mark.parametrize("name", CASES)
def test_guarding(name: str) -> None:
    apart(f"{__name__}:{name}")


def test_a_program_is_looked_for_where_the_environment_says_and_never_where_it_starts() -> None:
    environment = {b"PATH": b"/one:relative::/two"}
    assert program.candidates(b"x", environment) == [b"/one/x", b"/two/x"]
    assert program.candidates(b"x", {})
    assert program.candidates(b"./x", environment) == [b"./x"]


def test_what_cannot_be_executed_says_why(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = os.fsencode(tmp_path_factory.mktemp("bin"))
    with open(directory + b"/shut", "wb"):
        pass
    for name, number in ((b"none", FileNotFoundError), (b"shut", PermissionError), (b"x" * 300, OSError)):
        with pytest.raises(number):
            program.execute([name], {b"PATH": directory + b":/nowhere:" + directory})
    with pytest.raises(PermissionError):
        program.execute([b"shut"], {b"PATH": b"/nowhere:" + directory + b":/nowhere"})
    assert CommandNotFound.code != CommandRefused.code
