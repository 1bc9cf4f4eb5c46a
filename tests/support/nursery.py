"""Servers that begin where their start ends: forked from a process that has imported everything already.

Importing the SDK takes a hundred times as long as most of what a test asks. So the gate forks its servers; `--nightly`
starts each as a host does, and in both, the tests of the command line and of the package do. Everything from the first
line of `fs_server/__main__.py` on is the same: arguments, environment, pipes, signals, exit status.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

__all__ = ["Process", "Started", "allow", "started"]

CHECKOUT = Path(__file__).parents[2]

PRELOADED = ("fs_server.cli", "fs_server.app", "fs_server.cli.serve")
"""What every server imports."""

SCRIPTS = {"fixture_server.py", "server_with_resolver.py"}

_STATUS = struct.Struct("i")
_MOST_BYTES = 1 << 20

_allowed = False


def allow(*, forking: bool) -> None:
    """Decide for this process whether servers are forked where that is possible."""
    global _allowed  # noqa: PLW0603 # an option of the whole run
    _allowed = forking and sys.platform == "linux"


class Started:
    """A server that was forked; of `subprocess.Popen`, what the tests use."""

    def __init__(
        self, status: socket.socket, stdin: IO[bytes] | None, stdout: IO[bytes] | None, stderr: IO[bytes] | None
    ) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None
        self._status = status
        self.pid = self._number()

    def poll(self) -> int | None:
        """Return the exit status, if there is one by now."""
        with contextlib.suppress(BlockingIOError):
            self._look(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal; wait so many seconds for it."""
        try:
            return self._look(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired("a server", timeout or 0) from None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int:
        if self.returncode is None:
            self._status.settimeout(timeout)
            self.returncode = self._number()
            self._status.close()
        return self.returncode

    def _number(self) -> int:
        number: int = _STATUS.unpack(self._status.recv(_STATUS.size))[0]
        return number


Process = subprocess.Popen[bytes] | Started


def started(argv: Sequence[str], *, stdin: int, stdout: int) -> Process:
    """Start a server with these ends; its log is a pipe. What is no server of ours is started as it says."""
    if not (_allowed and _can_be_forked(argv)):
        return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, bufsize=0)
    with contextlib.ExitStack() as theirs:
        ends: list[IO[bytes] | None] = []
        handles: list[int] = []
        for asked, mode in ((stdin, "wb"), (stdout, "rb"), (subprocess.PIPE, "rb")):
            if asked != subprocess.PIPE:
                ends.append(None)
                handles.append(asked)
                continue
            reading, writing = os.pipe()
            our_end, their_end = (writing, reading) if mode == "wb" else (reading, writing)
            ends.append(open(our_end, mode, buffering=0))  # noqa: PTH123, SIM115 # a handle, kept open
            theirs.callback(os.close, their_end)
            handles.append(their_end)
        ours, status = socket.socketpair()
        theirs.enter_context(status)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        request = json.dumps([list(argv[1:]), str(Path.cwd()), environment]).encode()
        socket.send_fds(_nursery(), [request], [*handles, status.fileno()])
    return Started(ours, *ends)


def _can_be_forked(argv: Sequence[str]) -> bool:
    """Tell whether it is our Python with our module, or with a script of the tests that changes no module."""
    return argv[0] == sys.executable and (argv[1:3] == ["-m", "fs_server"] or Path(argv[1]).name in SCRIPTS)


@functools.cache
def _nursery() -> socket.socket:
    """Return the way to the process that forks, started for the first that asks."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", __name__, str(theirs.fileno())]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def main(control: socket.socket) -> None:
    """Fork a server for each request, and tell how each of them ends. Returns in every server, to become it."""
    for module in PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    waited = select.poll()
    waited.register(control, select.POLLIN)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in waited.poll():
            if ready != control.fileno():
                waited.unregister(ready)
                _tell_end(*running.pop(ready))
                os.close(ready)
                continue
            request, handles, _, _ = socket.recv_fds(control, _MOST_BYTES, 4)
            if not request:
                return
            if not (pid := os.fork()):
                control.detach()
                _become(request, handles)
                return
            for handle in handles[:3]:
                os.close(handle)
            os.write(handles[3], _STATUS.pack(pid))
            process = os.pidfd_open(pid)
            running[process] = pid, handles[3]
            waited.register(process, select.POLLIN)


def _tell_end(pid: int, status: int) -> None:
    _, ended = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):  # nobody wants to know
        os.write(status, _STATUS.pack(os.waitstatus_to_exitcode(ended)))
    os.close(status)


def _become(request: bytes, handles: Sequence[int]) -> None:
    """Be a process that was started with these arguments, in this directory, with these standard streams."""
    arguments, directory, environment = json.loads(request)
    for number in range(3):
        os.dup2(handles[number], number)
    os.closerange(3, 4_096)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
