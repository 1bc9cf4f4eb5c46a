"""Run commands on real runners, and look at what they leave."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.command import Command, Ended, ProcessLimits
from sandbox.runner import Allowed, Run, Runner, Tier

__all__ = ["TIERS", "Ground", "Heartbeats", "ground", "measured_interpreter", "python", "system_python"]

TIERS = (Tier.NAMESPACE, Tier.LANDLOCK)
PATH = "/usr/local/bin:/usr/bin:/bin"
WAIT_S = 20.0


def system_python() -> str:
    """Return an interpreter that every user may execute, and every command; skip where there is none."""
    found = shutil.which("python3", path="/usr/bin:/bin")
    if found is None:
        pytest.skip("this system has no Python of its own")
    return found


def measured_interpreter() -> Sequence[str]:
    """Return how a warden is started so that coverage sees it: with a site, and told where to put what it saw."""
    told = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("COVERAGE_")]
    return ("/usr/bin/env", *told, sys.executable, "-P", "-B")


@dataclass
class Ground:
    """A root with a runner that serves it, and a place outside."""

    root: Path
    runner: Runner
    handle: int

    async def start(
        self,
        *argv: str,
        output: int | None = None,
        stdin: int | None = None,
        environment: Mapping[str, str] | None = None,
        limits: ProcessLimits | None = None,
        protected: Sequence[str] = (),
        cwd: str = "",
    ) -> Run:
        null = os.open(os.devnull, os.O_RDWR)
        here = os.open(self.root / cwd, os.O_PATH | os.O_DIRECTORY)
        output = null if output is None else output
        try:
            return await self.runner.run(
                Command(
                    argv,
                    here,
                    null if stdin is None else stdin,
                    output,
                    output,
                    {"PATH": PATH, **(environment or {})},
                    limits or ProcessLimits(),
                    tuple(protected),
                )
            )
        finally:
            os.close(null)
            os.close(here)

    async def to_the_end(self, *argv: str, **options: Any) -> tuple[Ended, str]:
        """Return how a command ended, and what it printed."""
        with tempfile.TemporaryFile() as output:
            run = await self.start(*argv, output=output.fileno(), **options)
            try:
                async with asyncio.timeout(WAIT_S):
                    ended = await run.ended()
            finally:
                run.close()
            output.seek(0)
            return ended, output.read().decode(errors="replace")

    def run(self, *argv: str, **options: Any) -> tuple[Ended, str]:
        return asyncio.run(self.to_the_end(*argv, **options))

    def python(self, code: str, **options: Any) -> Any:
        """Return what a piece of Python prints as JSON, run as a command."""
        ended, printed = self.run(system_python(), "-c", code, **options)
        assert ended.exit_code == 0, (ended, printed)
        return json.loads(printed)


@contextlib.contextmanager
def ground(root: Path, tier: Tier | None = None, **options: Any) -> Iterator[Ground]:
    """Serve a root in this tier; skip where the machine does not offer it."""
    handle = os.open(root, os.O_PATH | os.O_DIRECTORY)
    chosen = {} if tier is None else {"tiers": (tier,) if tier is not Tier.NONE else (), "require": Tier.NONE}
    runner = Runner.start([Allowed(handle)], **{**chosen, **options})
    try:
        if tier is not None and runner.report.tier is not tier:
            pytest.skip(f"{tier} is not offered here: {runner.report.offers}")
        yield Ground(root, runner, handle)
    finally:
        runner.close()
        os.close(handle)


DAEMONS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
def beat():
    os.write(beats, b".")
until = time.monotonic() + 15  # if nothing ends them, they must not stay on this machine for ever
beats = os.open("beats", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
for number in range(COUNT):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        while time.monotonic() < until:
            beat()
            time.sleep(0.002)
            if os.fork():
                os._exit(0)
            os.setsid()
        os._exit(0)
sys.stdout.write("ready")
sys.stdout.flush()
THEN
"""
"""Each leaves its parent and session, then goes on as a new process every two milliseconds."""


def python(count: int, then: str) -> tuple[str, ...]:
    """Return the command that leaves so many daemons behind, then does this."""
    return (system_python(), "-c", DAEMONS.replace("COUNT", str(count)).replace("THEN", then))


class Heartbeats:
    """What daemons in a root write as long as they live."""

    def __init__(self, root: Path) -> None:
        self.file = root / "beats"

    def count(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    async def begin(self, at_least: int) -> None:
        """Return when so many were counted."""
        async with asyncio.timeout(WAIT_S):
            while self.count() < at_least:  # noqa: ASYNC110 - a file tells nobody that it has grown
                await asyncio.sleep(0.005)

    def assert_none(self, over_s: float = 0.1) -> None:
        """Look twice: fifty beats of each would have been between."""
        before = self.count()
        until = time.monotonic() + over_s
        while time.monotonic() < until:
            assert self.count() == before
            os.sched_yield()


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
