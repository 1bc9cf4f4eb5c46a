"""One command that this server started: what it is, how far it has come, and what it printed."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fs_server.commands.files import NOTHING, Files
from fs_server.commands.output import Output
from fs_server.commands.pipes import Feed
from fs_server.commands.seam import Running
from sandbox.command import Ended

__all__ = ["SIGNALS", "Process"]

SIGNALS: Final = {
    name: getattr(signal, f"SIG{name}", signal.SIGTERM) for name in ("TERM", "INT", "HUP", "QUIT", "KILL")
}
"""By which a process may be asked to end."""


@dataclass(eq=False)
class Process:
    """A command.

    Attributes:
        number: counts the commands of this server.
        argv: the program and its arguments.
        cwd: where it began, as a client writes it.
        background: whoever started it did not wait for it.
        stdout: what it printed.
        stderr: what it printed there.
        run: the sandbox's side of it.
        feed: what it reads; None where that is nothing, or was sent whole.
        began_s: on the monotonic clock.
        began_ns: since 1970.
        ended_s: as well; None while it runs.
        ended: how it ended; None while it runs.
        timed_out: its time was over.
        stopped: somebody asked for its end.
        files: that it changed, known when it has ended.
        dead: set when it and all that it started are dead.
        done: set when that is so, and the files that it changed are known.
    """

    number: int
    argv: Sequence[str]
    cwd: str
    background: bool
    stdout: Output
    stderr: Output
    run: Running
    feed: Feed | None = None
    began_s: float = field(default_factory=time.monotonic)
    began_ns: int = field(default_factory=time.time_ns)
    ended_s: float | None = None
    ended: Ended | None = None
    timed_out: bool = False
    stopped: bool = False
    files: Files = NOTHING
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """The name that a client uses."""
        return f"p{self.number}"

    @property
    def state(self) -> str:
        """`running`, or how it ended."""
        if self.ended is None or not self.done.is_set():
            return "running"
        if self.timed_out:
            return "timed out"
        if self.ended.signal is not None:
            return "killed" if not self.stopped else "stopped"
        return "exited" if self.ended.exit_code is not None else "lost"

    @property
    def age_s(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.began_s

    @property
    def duration_s(self) -> float:
        """How long it has run."""
        return (time.monotonic() if self.ended_s is None else self.ended_s) - self.began_s

    def tell(self) -> None:
        """Wake up everybody who waits for news of it."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self) -> None:
        """Return when it has printed something more, or has ended."""
        await self._changed.wait()

    def facts(self) -> dict[str, object]:
        """Return what programs are told of it."""
        facts: dict[str, object] = {
            "process_id": self.id,
            "state": self.state,
            "duration_s": round(self.duration_s, 3),
            "stdout_bytes": self.stdout.total,
            "stderr_bytes": self.stderr.total,
        }
        if self.ended is not None and self.done.is_set():
            ended = self.ended
            facts |= {
                "exit_code": ended.exit_code,
                "signal": None if ended.signal is None else name_of(ended.signal),
                "timed_out": self.timed_out,
                "cpu_s": round(ended.user_s + ended.system_s, 3),
                "max_rss_bytes": ended.max_rss_bytes,
                "killed": ended.killed,
                "files_changed": list(self.files.changed),
            }
            if self.files.change_id:
                facts["change_id"] = self.files.change_id
        return facts

    def told_end(self) -> str:
        """Return in words how it ended, or that it runs."""
        if self.ended is None or not self.done.is_set():
            return f"still running after {self.duration_s:.1f} s"
        if self.timed_out:
            return f"ended after {self.duration_s:.1f} s, because its time was over"
        ended = self.ended
        if ended.exit_code is not None:
            return f"exit code {ended.exit_code}"
        return "its end is not known" if ended.signal is None else f"ended by the signal {name_of(ended.signal)}"


def name_of(number: int) -> str:
    """Return the name of a signal, such as TERM."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:  # one of the real-time signals
        return str(number)
