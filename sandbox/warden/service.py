"""The warden's own life: it hears what holds for all commands, says what it can offer, and forks a stub for each.

It ends when the server closes its end, or has ended: then every guard ends its tree, and the warden waits for them.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass, field

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import landlock, processes
from sandbox.linux.bpf import Instruction
from sandbox.linux.numbers import machine
from sandbox.warden import probe, protocol
from sandbox.warden.plan import Confinement, Request, Tier
from sandbox.warden.stub import Stub, filters_of
from sandbox.warden.worker import Work, run_program

__all__ = ["Service", "main"]


def main(descriptor: int) -> None:
    """Serve on this connection until its other end is closed."""
    # At once: a command that had this descriptor could ask for commands of its own.
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only parameter
    control = socket.socket(fileno=descriptor)
    processes.set_dumpable(dumpable=False)
    processes.adopt_orphans()
    received = protocol.receive(control)
    if received is None:
        return
    message, files = received
    confinement = Confinement.of(message, files, landlock.abi())
    service = Service(control, confinement, filters_of(machine(), confinement))
    # What is there now is never looked at again by the collector, so that no child copies it for that.
    gc.collect()
    gc.freeze()
    gc.disable()
    protocol.send(control, service.report())
    service.serve()


@dataclass(slots=True)
class Service:
    """The warden at work.

    Attributes:
        control: the connection to the server.
        confinement: what holds for every command.
        filters: of system calls, for each tier.
    """

    control: socket.socket
    confinement: Confinement
    filters: dict[Tier, list[Instruction]]
    _stubs: dict[int, socket.socket] = field(default_factory=dict)
    _lifeline: tuple[int, int] = field(default_factory=lambda: os.pipe2(os.O_CLOEXEC))

    def report(self) -> protocol.Message:
        """Return what the tiers showed, for the server."""
        verdicts = {tier.value: probe.verdict_on(tier, self.confinement, self._fork) for tier in self.confinement.tiers}
        self._end_strangers()
        return {
            "abi": self.confinement.abi,
            "errata": landlock.errata(),
            "scoped": self.confinement.scoped,
            "tiers": {
                name: [verdict.offered, verdict.why_not, verdict.refused, verdict.allowed]
                for name, verdict in verdicts.items()
            },
        }

    def serve(self) -> None:
        """Fork for every request, wait for everybody who ends; return when the server is gone and all is dead."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        served = True
        while served:
            for descriptor, _ in poll.poll():
                if descriptor == woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(woken, 4096)
                else:
                    served = self._take_a_request()
            self._reap()
        os.close(self._lifeline[1])
        while self._stubs:
            self._ended(*os.waitpid(-1, 0))
        self._end_strangers()

    def _take_a_request(self) -> bool:
        """Begin one command; tell whether the server is still there."""
        received = protocol.receive(self.control)
        if received is None:
            return False
        message, files = received
        request = Request.of(message, files)
        try:
            self._stubs[self._fork(request, run_program)] = request.leash
        except OSError as refused:  # no more processes, no more memory
            protocol.send(request.leash, {"event": "failed", "stage": "fork", "errno": refused.errno})
            request.leash.close()
        finally:
            for descriptor in (request.stdin, request.stdout, request.stderr, request.cwd):
                os.close(descriptor)
        return True

    def _fork(self, request: Request, work: Work) -> int:
        stub = os.fork()
        if stub == 0:  # pragma: no cover - the child never comes back
            self.control.close()
            os.close(self._lifeline[1])
            for leash in self._stubs.values():
                leash.close()
            instructions = self.filters.get(request.tier, [])
            Stub(self.confinement, request, instructions, self._lifeline[0], os.getppid(), work).run()
        return stub

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        """Let go of a stub; of one that was killed, end what it left before the server hears of it."""
        leash = self._stubs.pop(pid, None)
        if status != 0:
            self._end_strangers()
        if leash is not None:
            leash.close()

    def _end_strangers(self) -> None:
        """End every process that came here because its guard ended before it."""
        while strangers := [child for child in processes.children() if child not in self._stubs]:
            for stranger in strangers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stranger, signal.SIGKILL)
            for stranger in strangers:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(stranger, 0)
