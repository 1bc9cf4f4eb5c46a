"""The worker: it takes the last rights from itself, and becomes the program.

What can fail is told to the guard through a pipe that the program's start closes: the stage, and the errno.
"""

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.linux import processes, seccomp
from sandbox.linux.landlock import Ruleset
from sandbox.warden import limits, program
from sandbox.warden.plan import Request

__all__ = ["Work", "Worker", "run_program"]

Work = Callable[[Request], None]
"""What a worker does at last. It does not return where it becomes a program."""

_COULD_NOT: int = 127


def run_program(request: Request) -> NoReturn:
    """Become the program of the request.

    Raises:
        OSError: see `program.execute`.
    """
    program.execute(request.argv, request.environment)


@dataclass(frozen=True, slots=True)
class Worker:
    """What is left to be taken.

    Attributes:
        request: the command.
        failure: where a failure is told.
        rules: Landlock's, outer ones first.
        filter: of system calls; empty for none.
        processes: how many there may be of this user, or in this namespace.
        work: what is done in the end.
    """

    request: Request
    failure: int
    rules: Sequence[Ruleset]
    filter: bytes
    processes: int | None
    work: Work

    def run(self) -> NoReturn:  # pragma: no cover - ends in another program, or in the end of the process
        """Do all of it. Whatever fails is told, and this process ends."""
        stage = "start"
        try:
            os.setsid()
            processes.die_with_parent(signal.SIGKILL)
            stage = "streams"
            self._take_streams()
            stage = "limits"
            for name, most in self.request.limits.items():
                if name != limits.LAST:
                    limits.set_limit(name, most)
            if self.processes is not None:
                limits.set_limit("processes", self.processes)
            stage = "landlock"
            for rules in self.rules:
                rules.restrict()
            stage = "seccomp"
            if self.filter:
                seccomp.install(self.filter)
            stage = "memory"
            if limits.LAST in self.request.limits:
                limits.set_limit(limits.LAST, self.request.limits[limits.LAST])
            stage = "program"
            self.work(self.request)
        except OSError as error:
            self._tell(stage, error.errno or errno.EIO)
        except BaseException as error:  # noqa: BLE001 - nothing may go on from here
            self._tell(f"{stage}: {type(error).__name__}", errno.EINVAL)
        else:
            os._exit(0)
        os._exit(_COULD_NOT)

    def _take_streams(self) -> None:  # pragma: no cover - see above
        os.dup2(self.request.stdin, 0)
        os.dup2(self.request.stdout, 1)
        os.dup2(self.request.stderr, 2)
        # Python ignores two; whoever started the server may have ignored others, as nohup(1) does.
        for number in signal.valid_signals():
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(0o022)

    def _tell(self, stage: str, number: int) -> None:  # pragma: no cover - see above
        os.write(self.failure, json.dumps({"stage": stage, "errno": number}).encode())
