"""The stub: forked from the warden for one command, it makes the confinement, and then guards it.

Order matters. Namespaces before mounts, mounts before Landlock (which forbids them), capabilities given up when the
last mount is made, `PR_SET_NO_NEW_PRIVS` before Landlock, everything before the worker is forked that the guard shares
with it. The guard of the tier `landlock` stands under the same outer rules as the worker, so that what it may send
signals to is exactly what the worker could have started; the worker has inner rules besides, by which it reaches not
even the guard.
"""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import capabilities, namespaces, processes, seccomp
from sandbox.linux.bpf import Instruction
from sandbox.linux.landlock import Ruleset
from sandbox.linux.namespaces import Namespace
from sandbox.linux.numbers import Machine
from sandbox.linux.seccomp import Choices
from sandbox.warden import limits, protocol, rules, view
from sandbox.warden.guard import Guard, Usage, sweep, within_reach_are_only_ours
from sandbox.warden.plan import Confinement, Request, Tier
from sandbox.warden.worker import Work, Worker

__all__ = ["Stub", "filters_of"]

_NAMESPACES = Namespace.USER | Namespace.MOUNTS | Namespace.PROCESSES | Namespace.IPC | Namespace.UTS
OWN_TASKS = 2
"""The stub and the guard are counted with a command, because they left the user namespace of the machine with it."""


def filters_of(machine: Machine | None, confinement: Confinement) -> dict[Tier, list[Instruction]]:
    """Return the filter of each tier; none where this machine's numbers are not known: then no trial succeeds.

    Without signal scoping the filter names who must not get a signal. A guard may: its end ends the worker.
    """
    if machine is None:
        return {}
    no_truncate = confinement.abi < 3  # noqa: PLR2004 - the first with LANDLOCK_ACCESS_FS_TRUNCATE
    unscoped = () if confinement.scoped else (os.getpid(), confinement.server)
    network = confinement.network
    return {
        Tier.NAMESPACE: seccomp.program(machine, Choices(network=network, alone=True, no_truncate=no_truncate)),
        Tier.LANDLOCK: seccomp.program(
            machine, Choices(network=network, no_truncate=no_truncate, no_signals_to=unscoped)
        ),
    }


@dataclass(frozen=True, slots=True)
class Stub:
    """All that a command needs from the warden.

    Attributes:
        confinement: what holds for every command.
        request: the command.
        filter: of system calls.
        lifeline: a pipe whose other end the warden alone holds.
        warden: its number.
        work: what the worker does.
    """

    confinement: Confinement
    request: Request
    filter: Sequence[Instruction]
    lifeline: int
    warden: int
    work: Work

    def run(self) -> NoReturn:  # pragma: no cover - runs after a fork, and ends with its process
        """Guard the command until its whole tree is dead. Whatever fails before it begins is told to the server."""
        _forget_the_warden()
        stage = ["start"]
        try:
            if self.request.tier is Tier.NAMESPACE:
                self._in_namespaces(stage)
            else:
                self._among_others(stage)
        except OSError as error:
            self._fail(stage[0], error.errno or 0)
        except BaseException as error:  # noqa: BLE001 - the server hears of it; nothing else can be done
            self._fail(f"{stage[0]}: {type(error).__name__}", 0)
        os._exit(0)

    def _fail(self, stage: str, number: int) -> NoReturn:  # pragma: no cover - see above
        # If the worker runs already, it ends here, and all that it started.
        with contextlib.suppress(OSError):
            sweep(all_at_once=os.getpid() == 1, usage=Usage())
        with contextlib.suppress(OSError):
            protocol.send(self.request.leash, {"event": "failed", "stage": stage, "errno": number})
        os._exit(1)

    def _among_others(self, stage: list[str]) -> None:  # pragma: no cover - see above
        os.setsid()
        processes.adopt_orphans()
        stage[0] = "directory"
        os.fchdir(self.request.cwd)
        allowed = self._allowed_processes()
        stage[0] = "capabilities"
        capabilities.drop_all()
        processes.gain_nothing_by_exec()
        if self.request.tier is Tier.NONE:
            self._guarded([], (), allowed, all_at_once=False)
            return
        stage[0] = "landlock"
        outer = rules.ruleset(self.confinement, own_view=False)
        if self.confinement.scoped:
            os.kill(self.warden, 0)  # within reach now; that it is not any more, behind the next line, is the proof
            outer.restrict()
            inner = rules.alone_with_its_own(self.confinement.abi)
            stage[0] = "worker"
            self._guarded([inner], self.filter, allowed, all_at_once=True)
        else:
            # No rule keeps signals within, so the guard stays outside: it needs /proc to find who is left.
            stage[0] = "worker"
            self._guarded([outer], self.filter, allowed, all_at_once=False)

    def _in_namespaces(self, stage: list[str]) -> None:  # pragma: no cover - see above
        os.setsid()
        user, group = os.geteuid(), os.getegid()
        cwd = os.readlink(f"/proc/self/fd/{self.request.cwd}")
        facts = os.fstat(self.request.cwd)
        stage[0] = "namespaces"
        processes.set_dumpable(dumpable=True)  # or the maps below would be root's
        namespaces.unshare(_NAMESPACES | (Namespace(0) if self.confinement.network else Namespace.NETWORK))
        namespaces.map_own_ids(user, group)
        first = os.fork()
        if first:
            self._stand_aside(first)
        processes.die_with_parent(signal.SIGKILL)
        stage[0] = "view"
        unprotected = view.build(self.confinement, self.request.protected)
        processes.set_dumpable(dumpable=False)
        stage[0] = "directory"
        here = view.reopened(cwd, (facts.st_dev, facts.st_ino))
        os.fchdir(here)
        os.close(here)
        stage[0] = "capabilities"
        capabilities.drop_all()
        processes.gain_nothing_by_exec()
        stage[0] = "landlock"
        with rules.ruleset(self.confinement, own_view=True) as outer:
            outer.restrict()
        inner = rules.alone_with_its_own(self.confinement.abi) if self.confinement.scoped else None
        allowed = self.request.processes
        stage[0] = "worker"
        self._guarded(
            [inner] if inner else [],
            self.filter,
            None if allowed is None else allowed + OWN_TASKS,
            all_at_once=True,
            unprotected=unprotected,
        )

    def _stand_aside(self, first: int) -> NoReturn:  # pragma: no cover - see above
        """Wait for number 1 of the namespace. It is gone only when all others in there are."""
        processes.close_from(0)
        _, status = os.waitpid(first, 0)
        os._exit(0 if status == 0 else 1)

    def _allowed_processes(self) -> int | None:  # pragma: no cover - see above
        """Return how many processes the user may have: the limit counts those that he has already."""
        if self.request.processes is None:
            return None
        return limits.tasks_of(os.getuid()) + self.request.processes

    def _guarded(
        self,
        inner: list[Ruleset],
        instructions: Sequence[Instruction],
        allowed: int | None,
        *,
        all_at_once: bool,
        unprotected: list[str] | None = None,
    ) -> None:  # pragma: no cover - see above
        # Proven, not believed: only then may everything within reach be ended at once.
        if all_at_once and not within_reach_are_only_ours(self.warden):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        ours, workers = os.pipe2(os.O_CLOEXEC)
        worker = os.fork()
        if worker == 0:
            self._keep_only(workers, *(one.handle for one in inner))
            Worker(self.request, workers, inner, instructions, allowed, self.work).run()
        os.close(workers)
        for rule in inner:
            rule.close()
        self._let_go()
        Guard(self.request.leash, self.lifeline, ours, worker, all_at_once, unprotected or []).watch()

    def _keep_only(self, *kept: int) -> None:  # pragma: no cover - see above
        wanted = {self.request.stdin, self.request.stdout, self.request.stderr, *kept}
        for descriptor in range(3, max(wanted)):
            if descriptor not in wanted:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        processes.close_from(max(wanted) + 1)

    def _let_go(self) -> None:  # pragma: no cover - see above
        """Close what is the worker's: as long as a pipe of its is open here, the server sees no end of it."""
        for descriptor in {self.request.stdin, self.request.stdout, self.request.stderr, self.request.cwd}:
            os.close(descriptor)


def _forget_the_warden() -> None:  # pragma: no cover - see above
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
