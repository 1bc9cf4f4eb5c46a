"""The guard of one command: it waits for the worker and for the server's word, and ends the whole tree.

Every descendant of the worker whose parent ends becomes a child of the guard: it adopts orphans, or is process number
1 of a namespace. So the tree is dead when, and only when, the kernel says that the guard has no child (`ECHILD`).

`kill(-1)` reaches all processes at once that a process may send signals to; no fork gets away in between. Where only
the command's own processes are within reach it is the surest way to end them. Where that is not so it would end the
user's whole session; so it is made only behind a proof (`within_reach_are_only_ours`), and otherwise the children are
ended one by one, as often as new ones turn up.

Sources: kill(2), wait(2), PR_SET_CHILD_SUBREAPER(2const), landlock(7) on signal scoping.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass, field

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import processes
from sandbox.warden import protocol

__all__ = ["Guard", "sweep", "within_reach_are_only_ours"]


def within_reach_are_only_ours(outside: int) -> bool:
    """Tell whether `kill(-1)` from here ends nothing but the command's own processes.

    Either this is process number 1, and no other exists for it; or `outside`, a living process of the same user that
    is not the command's, is proven to be out of reach.
    """
    if os.getpid() == 1:
        return True
    try:
        os.kill(outside, 0)
    except PermissionError:
        return True
    except ProcessLookupError:  # it has ended, so nothing is proven
        pass
    return False


@dataclass(slots=True)
class Usage:
    """What processes took that have ended: seconds of processor time, and the most memory that one of them had."""

    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0
    ended: int = 0

    def add(self, user_s: float, system_s: float, max_rss_kib: int) -> None:
        """Count one more."""
        self.user_s += user_s
        self.system_s += system_s
        self.max_rss_bytes = max(self.max_rss_bytes, max_rss_kib << 10)
        self.ended += 1


def sweep(*, all_at_once: bool, usage: Usage) -> dict[int, int]:
    """End every process of the tree, and return only when none is left. Gives the status of each that ended here."""
    statuses: dict[int, int] = {}
    while True:
        if all_at_once:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for child in processes.children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        try:
            # Wait for one, and take with it who else has ended: what forks on has no time to lose to us.
            pid, status, took = os.wait4(-1, 0)
            while pid:  # pragma: no branch - whether the others have ended by now is the kernel's affair
                statuses[pid] = status
                usage.add(took.ru_utime, took.ru_stime, took.ru_maxrss)
                pid, status, took = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return statuses


@dataclass(slots=True)
class Guard:
    """Waits and ends.

    Attributes:
        leash: to the server. When it closes its end, the command is to end.
        lifeline: reaches its end when the warden has ended.
        failure: what the worker writes if it cannot become the program; closed when it has.
        worker: its number.
        all_at_once: whether `kill(-1)` is safe here.
        unprotected: paths that could not be protected, for the server to know.
    """

    leash: socket.socket
    lifeline: int
    failure: int
    worker: int
    all_at_once: bool
    unprotected: list[str] = field(default_factory=list)
    _usage: Usage = field(default_factory=Usage)
    _status: int | None = None
    _told: bytes = b""
    _begun: bool = False
    _killed: int = 0

    def watch(self) -> None:
        """Return when the whole tree is dead and the server knows how it ended."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._reap()  # what ended before the handler stood
        why = self._why_it_ends(woken)
        ended_before = self._usage.ended
        statuses = sweep(all_at_once=self.all_at_once, usage=self._usage)
        self._killed = self._usage.ended - ended_before
        if self._status is None:
            self._status = statuses.get(self.worker)
            self._killed -= 1
        self._tell_the_end(why)

    def _why_it_ends(self, woken: int) -> str:
        poll = select.poll()
        for descriptor in (woken, self.lifeline, self.leash.fileno(), self.failure):
            poll.register(descriptor, select.POLLIN)
        while self._status is None:
            for descriptor, _ in poll.poll():
                if descriptor == woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(woken, 4096)
                    self._reap()
                elif descriptor == self.failure:
                    if not self._hear_of_failure():
                        poll.unregister(self.failure)
                elif descriptor == self.lifeline:
                    return "warden"
                elif not self._obey():
                    return "server"
        return ""

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, took = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._usage.add(took.ru_utime, took.ru_stime, took.ru_maxrss)
                if pid == self.worker:
                    self._status = status

    def _hear_of_failure(self) -> bool:
        """Read on; tell whether there may be more. With nothing read, its end is the beginning of the program."""
        piece = os.read(self.failure, 4096)
        self._told += piece
        if not piece and not self._told and not self._begun:
            self._begun = True
            handle = _handle_of(self.worker)
            self._tell({"event": "started", "unprotected": self.unprotected}, handle)
        return bool(piece)

    def _obey(self) -> bool:
        """Do what the server says; tell whether it is still there."""
        try:
            received = protocol.receive(self.leash)
        except OSError:
            return False
        if received is None:
            return False
        message, files = received
        for descriptor in files:
            os.close(descriptor)
        # The worker is not waited for yet, so its number cannot be another's. It leads a group of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.worker, message["signal"])
        return True

    def _tell_the_end(self, why: str) -> None:
        # The worker is dead, so the pipe has an end.
        while self._hear_of_failure():
            pass
        if self._told:
            self._tell({"event": "failed", **json.loads(self._told)})
            return
        usage = self._usage
        self._tell(
            {
                "event": "ended",
                "status": self._status,
                "why": why,
                "killed": self._killed,
                "user_s": usage.user_s,
                "system_s": usage.system_s,
                "max_rss_bytes": usage.max_rss_bytes,
            }
        )

    def _tell(self, message: protocol.Message, files: list[int] | None = None) -> None:
        files = files or []
        with contextlib.suppress(OSError):  # nobody listens any more
            protocol.send(self.leash, message, files)
        for descriptor in files:
            os.close(descriptor)


def _handle_of(process: int) -> list[int]:
    """Return a handle of the process, by which whoever gets it knows its number in his own namespace."""
    try:
        return [os.pidfd_open(process)]
    except OSError:  # the kernel is older than the call, or a filter hides it
        return []
