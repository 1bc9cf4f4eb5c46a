"""All commands of one server: started, found again by their ids, stopped, and dead when the server is."""

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fs_server.commands.environment import environment
from fs_server.commands.files import NOTHING, Files
from fs_server.commands.output import Output
from fs_server.commands.pipes import Drain, Feed
from fs_server.commands.process import Process
from fs_server.commands.seam import LIMITS, Started
from fs_server.config.settings import Limits
from fs_server.errors import Failure, quoted
from sandbox.command import Command, ProcessLimits

__all__ = ["Asked", "Processes"]

_log = logging.getLogger(__name__)

MOST_RUNNING = 128
"""Commands that run at a time. Each costs the server a few pipes, and the machine what it does."""

MOST_KEPT = 64
"""Commands that have ended and whose output can still be read."""

MOST_KEPT_BYTES = 256 << 20
"""Of output of commands that have ended: the oldest are forgotten first, the last is not."""

GRACE_S = 2.0
"""Seconds that a program has to end by itself once it was asked."""

DRAIN_S = 5.0
"""Seconds for reading what a dead command has left in its pipes. It needs milliseconds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as a client asks for it.

    Attributes:
        argv: the program and its arguments.
        cwd: a handle of the directory that it begins in, held by the caller until it has started.
        told_cwd: as a client writes it.
        stdin: what it reads.
        env: the caller's own variables.
        timeout_s: after which it is ended; None for never.
        background: more can be sent to it, and nobody waits.
        protected: absolute paths that it may not change.
    """

    argv: Sequence[str]
    cwd: int
    told_cwd: str = "."
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    background: bool = False
    protected: tuple[str, ...] = ()


Watch = Callable[[Process], Awaitable[Files]]


class Processes:
    """The commands of one server. For the event loop, but for `begin`."""

    def __init__(self, starting: Callable[[], Started], limits: Limits, directory: Path) -> None:
        """Prepare; `starting` is called once, in a thread. Long outputs are kept in `directory`."""
        self._starting = starting
        self._limits = limits
        self._directory = directory
        self._begun: concurrent.futures.Future[Started] | None = None
        self._last = 0
        self._places = 0
        self._kept: dict[str, Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        # A cursor of another server's command with the same id is none of ours.
        self.token = os.urandom(8).hex()

    def begin(self) -> None:
        """Start what starts commands, without waiting for it: it takes as long as an answer or two."""
        if self._begun is None:
            self._begun = concurrent.futures.Future()
            threading.Thread(target=self._begin, args=(self._begun,), name="commands", daemon=True).start()

    def _begin(self, begun: "concurrent.futures.Future[Started]") -> None:
        try:
            begun.set_result(self._starting())
        except BaseException as error:  # noqa: BLE001 - told to everybody who asks
            begun.set_exception(error)

    async def started(self) -> Started:
        """Return what starts commands.

        Raises:
            SandboxError, Failure: it could not be started.
        """
        self.begin()
        assert self._begun is not None
        return await asyncio.shield(asyncio.wrap_future(self._begun))

    def all(self) -> list[Process]:
        """Return the commands that are known, the oldest first."""
        return list(self._kept.values())

    def find(self, name: str) -> Process:
        """Return the command with this id.

        Raises:
            Failure: `no_such_process`.
        """
        process = self._kept.get(name.strip())
        if process is None:
            known = ", ".join(list(self._kept)[-10:])
            fact = f"Known are {known}" if known else "This server has started no command yet"
            raise Failure("no_such_process", f"process_id {quoted(name)}", fact, "list_processes shows all of them")
        return process

    async def start(self, asked: Asked, watch: Watch | None = None) -> Process:
        """Start a command and return it when its program runs. `watch` learns which files it changed, at its end.

        Raises:
            SandboxError, Failure: it cannot be started, or too many run.
        """
        started = await self.started()
        if self._places >= MOST_RUNNING or self._closed:
            fact = f"{self._places} commands are running, and the limit is {MOST_RUNNING}"
            raise Failure("busy", "This command was not started", fact, "Stop one with stop_process, or wait")
        variables = environment(asked.env, started.home, started.within)
        self._places += 1
        try:
            process = await self._start(started, asked, variables, watch)
        except BaseException:
            self._places -= 1
            raise
        self._kept[process.id] = process
        self._forget()
        return process

    async def _start(
        self, started: Started, asked: Asked, variables: Mapping[str, str], watch: Watch | None
    ) -> Process:
        out, err = (Output(self._directory, self._limits.output_bytes) for _ in range(2))
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            feed = Feed() if asked.stdin or asked.background else None
            if feed is not None:
                ours.callback(feed.close)
                theirs.callback(os.close, feed.theirs)
                feed.send(asked.stdin.encode("utf-8", "surrogateescape"), last=not asked.background)
                stdin = feed.theirs
            else:
                stdin = os.open(os.devnull, os.O_RDONLY)
                theirs.callback(os.close, stdin)
            # Before the process exists something may come: its pipes have it until the loop goes on.
            telling: list[Process] = []
            drains = [Drain(_taking(output, telling)) for output in (out, err)]
            for drain in drains:
                ours.callback(drain.close)
                theirs.callback(os.close, drain.theirs)
            run = await started.runner.run(
                Command(
                    argv=tuple(asked.argv),
                    cwd=asked.cwd,
                    stdin=stdin,
                    stdout=drains[0].theirs,
                    stderr=drains[1].theirs,
                    environment=variables,
                    limits=self._process_limits(),
                    protected=asked.protected,
                )
            )
            self._last += 1
            process = Process(
                number=self._last,
                argv=asked.argv,
                cwd=asked.told_cwd,
                background=asked.background,
                stdout=out,
                stderr=err,
                run=run,
                feed=feed,
            )
            telling.append(process)
            ours.pop_all()
        self._task(self._until_the_end(process, drains, watch))
        if asked.timeout_s is not None:
            self._task(self._in_time(process, asked.timeout_s))
        return process

    async def _until_the_end(self, process: Process, drains: Sequence[Drain], watch: Watch | None) -> None:
        """Wait for the end of a command, and clear up behind it."""
        try:
            ended = await process.run.ended()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    for drain in drains:
                        await drain.done.wait()
            process.ended_s = time.monotonic()
            process.ended = ended
            process.dead.set()
            # At the end of the server nobody is left to read it, and the journal closes.
            process.files = await watch(process) if watch and not self._closed else NOTHING
        except Exception:  # noqa: BLE001 - whatever it is, nobody waits for ever
            _log.exception("The end of the command %s could not be seen to", process.id)
        finally:
            process.dead.set()
            process.run.close()
            for drain in drains:
                drain.close()
            if process.feed is not None:
                process.feed.close()
            self._places -= 1
            process.done.set()
            process.tell()
            self._forget()

    async def _in_time(self, process: Process, timeout_s: float) -> None:
        """End a command when its time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await process.dead.wait()
        except TimeoutError:
            process.timed_out = True
            await self.stop(process, signal.SIGTERM)

    async def stop(self, process: Process, number: int, *, grace_s: float = GRACE_S) -> None:
        """Ask a command to end with a signal, end it if it does not, and return when all of it is dead."""
        process.run.signal(number)
        try:
            async with asyncio.timeout(grace_s):
                await process.dead.wait()
        except TimeoutError:
            process.run.kill()
        await process.done.wait()

    async def close(self) -> None:
        """End every command, and what starts them; return when all are dead."""
        self._closed = True
        for process in self._kept.values():
            process.run.kill()
        if self._begun is not None:
            with contextlib.suppress(Exception):
                started = await self.started()
                await asyncio.to_thread(started.runner.close)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
        for process in self._kept.values():
            process.stdout.close()
            process.stderr.close()

    def _task(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self) -> None:
        """Let go of those that ended first, if many have ended."""
        ended = [process for process in self._kept.values() if process.done.is_set()]
        taken = sum(process.stdout.kept + process.stderr.kept for process in ended)
        while len(ended) > MOST_KEPT or (taken > MOST_KEPT_BYTES and len(ended) > 1):
            process = ended.pop(0)
            taken -= process.stdout.kept + process.stderr.kept
            process.stdout.close()
            process.stderr.close()
            del self._kept[process.id]

    def _process_limits(self) -> ProcessLimits:
        return ProcessLimits(**{name: getattr(self._limits, name) or None for name in LIMITS})


def _taking(output: Output, telling: Sequence[Process]) -> Callable[[bytes], None]:
    """Return what takes the pieces of an output, and tells whoever waits for them."""

    def take(piece: bytes) -> None:
        output.add(piece)
        for process in telling:
            process.tell()

    return take
