"""Attacks by commands, in each tier that this machine offers: ways out, daemons, and limits."""

# ruff: noqa: E402 - the platform is asserted before anything is imported that only this platform has
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from fs_server.cli.doctor.redteam.escapes import MARK
from fs_server.cli.doctor.redteam.race import seen
from fs_server.cli.doctor.redteam.tried import Tried
from fs_server.config.settings import Settings
from sandbox import SandboxError
from sandbox.command import Command, Ended, ProcessLimits
from sandbox.runner import ISOLATED, SYSTEM, TIERS, Allowed, Run, Runner, Tier

__all__ = ["attack_commands"]

HERE: Final = Path(__file__).parent
ESCAPE_TIMES, ESCAPE_S = 25, 1.5
"""How often each way out is tried, unless the time is over before."""

_PYTHON: Final = os.path.realpath(sys.executable)

DAEMONS, ROUNDS = 8, 3
STILL_S = 0.15
"""Seconds that are waited for a beat: some seventy steps of each daemon."""

COMMAND_S = 10.0
"""Seconds that one command of these may take."""

UNPROMISED: Final = {Tier.NAMESPACE: frozenset[str](), Tier.LANDLOCK: frozenset({"metadata outside"})}
"""The kinds that a tier promises nothing of."""

FILE_BYTES, OPEN_FILES, CPU_S = 4096, 20, 1


def attack_commands(settings: Settings, *, tiers: Sequence[Tier] = TIERS, rounds: int = ROUNDS) -> list[Tried]:
    """Attack in each of these tiers that is offered."""
    found: list[Tried] = []
    for tier in tiers:
        with tempfile.TemporaryDirectory() as name:
            found += _attack_in(tier, Path(name).resolve(), settings.network, rounds)
    return found


def _attack_in(tier: Tier, base: Path, network: str, rounds: int) -> list[Tried]:
    _make(base)
    handle = os.open(base / "root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        runner = Runner.start(
            [Allowed(handle)],
            readable=(*SYSTEM, sys.base_prefix, sys.prefix),
            network=network == "full",
            require=tier,
            tiers=(tier,),
        )
        try:
            if runner.report.tier is not tier:
                return []
            return asyncio.run(_Attack(tier, base, handle, runner, network, rounds).all())
        finally:
            runner.close()
    except SandboxError as refusal:
        return [_not_tried(tier, "commands", "start one", str(refusal.facts.get("reason", refusal.code.value)))]
    finally:
        os.close(handle)


def _make(base: Path) -> None:
    for directory in ("root", "outside/empty", "outside/bare"):
        (base / directory).mkdir(parents=True)
    (base / "outside/secret").write_bytes(MARK)
    for file in ("outside/hollow", "outside/empty/f"):
        (base / file).touch()
    (base / "outside/link").symlink_to("nowhere")


def _not_tried(tier: Tier, kind: str, act: str, why: str) -> Tried:
    return Tried(where=tier.value, kind=kind, act=act, times=0, through=0, trouble=why)


@dataclass
class _Attack:
    tier: Tier
    base: Path
    root: int
    runner: Runner
    network: str
    rounds: int
    python: tuple[str, ...] = ()

    async def all(self) -> list[Tried]:
        """Attack with everything."""
        for candidate in (_PYTHON, "/usr/bin/python3"):
            with contextlib.suppress(SandboxError, TimeoutError):
                if (await self._run(candidate, *ISOLATED, "-c", "print(1)"))[1] == "1\n":
                    self.python = (candidate, *ISOLATED)
                    break
        else:
            return [_not_tried(self.tier, "commands", "start one", "no Python that a command may execute")]
        return [*await self._escapes(), *await self._daemons(), *await self._limits()]

    async def _escapes(self) -> list[Tried]:
        before = seen(self.base / "outside", facts=False)
        with _others(self.base) as (told, victim):
            told |= {"times": ESCAPE_TIMES, "seconds": ESCAPE_S}
            ended, printed = await self._run(*self.python, "-c", _source("escapes.py"), json.dumps(told))
            signalled = victim.poll() is not None
        if ended.exit_code != 0:
            return [_not_tried(self.tier, "escapes", "all of them", f"the program failed: {printed[-200:]}")]
        found = [
            Tried(
                where=self.tier.value,
                kind=kind,
                act=act,
                times=times,
                through=int(signalled) if act.startswith("end it") else through,
                promised=self._promised(kind),
            )
            for kind, act, times, through in json.loads(printed)
        ]
        changed = seen(self.base / "outside", facts=False) != before
        return [*found, self._tried("write outside", "change anything, as seen from outside", 1, int(changed))]

    def _promised(self, kind: str) -> bool:
        return kind not in UNPROMISED[self.tier] and not (kind == "network" and self.network == "full")

    def _tried(self, kind: str, act: str, times: int, through: int) -> Tried:
        return Tried(where=self.tier.value, kind=kind, act=act, times=times, through=through)

    async def _daemons(self) -> list[Tried]:
        found = []
        for act, then in (("outlive the program that left them", "leave"), ("outlive being stopped", "stay")):
            survived = 0
            try:
                for _ in range(self.rounds):
                    survived += await self._survive(then)
            except (SandboxError, TimeoutError) as error:
                found.append(_not_tried(self.tier, "daemons", act, f"they did not come to an end ({error!r})"))
            else:
                found.append(self._tried("daemons", act, self.rounds * DAEMONS, survived))
        return found

    async def _survive(self, then: str) -> bool:
        """Tell whether anything of a command lives on when it is told to be dead.

        Raises:
            TimeoutError: they did not begin to live, or were not told to be dead.
        """
        beats = self.base / "root/beats"
        beats.unlink(missing_ok=True)
        run = await self._start(*self.python, "-c", _source("daemons.py"), str(DAEMONS), then)
        try:
            async with asyncio.timeout(COMMAND_S):
                ended = asyncio.ensure_future(run.ended())
                while then == "stay" and _size(beats) < DAEMONS * 3 and not ended.done():  # noqa: ASYNC110 - of a file
                    await asyncio.sleep(0.005)
                if then == "stay":
                    run.kill()
                await ended
        finally:
            run.close()
        before = _size(beats)
        if before < DAEMONS:
            raise TimeoutError("no daemon began to live")
        await asyncio.sleep(STILL_S)
        return _size(beats) != before

    async def _limits(self) -> list[Tried]:
        spin, _ = await self._run(*self.python, "-c", "while True: pass", limits=ProcessLimits(cpu_s=CPU_S))
        big = self.base / "root/big"
        code = f"open('big', 'wb', 0).write(bytes({FILE_BYTES} * 4))"
        await self._run(*self.python, "-c", code, limits=ProcessLimits(file_bytes=FILE_BYTES))
        code = f"import os; print(len([os.dup(0) for _ in range({OPEN_FILES})]))"
        opened, _ = await self._run(*self.python, "-c", code, limits=ProcessLimits(open_files=OPEN_FILES))
        return [
            self._tried("limits", f"take more than {CPU_S} s of processor", 1, int(spin.signal != signal.SIGKILL)),
            self._tried("limits", f"write more than {FILE_BYTES} bytes", 1, int(_size(big) > FILE_BYTES)),
            self._tried("limits", f"open more than {OPEN_FILES} files", 1, int(opened.exit_code == 0)),
        ]

    async def _run(self, *argv: str, limits: ProcessLimits | None = None) -> tuple[Ended, str]:
        with tempfile.TemporaryFile() as output:
            run = await self._start(*argv, output=output.fileno(), limits=limits)
            try:
                async with asyncio.timeout(COMMAND_S):
                    ended = await run.ended()
            finally:
                run.close()
            output.seek(0)
            return ended, output.read().decode(errors="replace")

    async def _start(self, *argv: str, output: int | None = None, limits: ProcessLimits | None = None) -> Run:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        output = null if output is None else output
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        try:
            return await self.runner.run(
                Command(argv, self.root, null, output, output, environment, limits or ProcessLimits())
            )
        finally:
            os.close(null)


@contextlib.contextmanager
def _others(base: Path) -> Iterator[tuple[dict[str, Any], "subprocess.Popen[bytes]"]]:
    """Give what is outside besides files: what listens, as it is told to the program, and a process."""
    with contextlib.ExitStack() as held:
        victim = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, *ISOLATED, "-c", "input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"MARK": MARK.decode()},
        )
        held.callback(victim.wait)
        held.callback(victim.kill)
        assert victim.stdin is not None
        held.callback(victim.stdin.close)
        tcp = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix, abstract, datagrams = (
            held.enter_context(socket.socket(socket.AF_UNIX, kind))
            for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
        )
        name = f"fs-server-redteam-{os.getpid()}-{os.urandom(4).hex()}"
        path = base / "socket"
        unix.bind(os.fspath(path))
        datagrams.bind(f"{path}.datagrams")
        abstract.bind("\0" + name)
        for listener in (unix, abstract):
            listener.listen(ESCAPE_TIMES * 2)
        told = {
            "outside": os.fspath(base / "outside"),
            "victim": victim.pid,
            "port": tcp.getsockname()[1],
            "udp_port": udp.getsockname()[1],
            "unix": os.fspath(path),
            "abstract": name,
            # What it has already, so that a way that is open changes nothing.
            "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "priority": os.getpriority(os.PRIO_PROCESS, 0),
        }
        yield told, victim


def _source(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
