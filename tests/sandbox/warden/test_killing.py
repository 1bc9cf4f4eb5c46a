"""Nothing that a command started outlives it, however it hides and whoever dies first; heartbeats tell."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.errors import SandboxUnavailable
from sandbox.linux import processes
from sandbox.runner import Run, Tier
from tests.sandbox.warden.commands import TIERS, WAIT_S, Ground, Heartbeats, ground, kill, python, system_python
from tests.support.as_user import REPOSITORY

WAYS = [*TIERS, Tier.NONE, "old landlock"]
COUNT = 15
END_S = 10.0
"""Seconds to die in, on a machine however busy; an idle one needs a hundredth."""


@pytest.fixture(params=WAYS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """Serve a root in each tier, and in the one that an older Landlock has, which knows no signals."""
    old = request.param == "old landlock"
    tier = Tier.LANDLOCK if old else request.param
    with ground(tmp_path, tier, **({"most_abi": 4} if old else {})) as one:
        assert one.runner.report.tree_kill == {
            Tier.NAMESPACE: "namespace of processes",
            Tier.LANDLOCK: "signal scope",
        }.get(request.param, "parent of orphans")
        yield one


async def daemons(served: Ground, then: str = "signal.pause()") -> tuple[Run, Heartbeats]:
    beats = Heartbeats(served.root)
    run = await served.start(*python(COUNT, then))
    await beats.begin(COUNT * 3)
    return run, beats


def test_daemons_die_when_the_program_ends(served: Ground) -> None:
    async def test() -> None:
        run, beats = await daemons(served, "time.sleep(0.2)")
        async with asyncio.timeout(WAIT_S):
            ended = await run.ended()
        beats.assert_none()
        assert (ended.exit_code, ended.signal, ended.why) == (0, None, "")
        assert ended.killed >= COUNT
        assert ended.user_s > 0
        run.close()

    asyncio.run(test())


def test_daemons_die_when_the_server_says_so(served: Ground) -> None:
    async def test() -> None:
        run, beats = await daemons(served)
        began = time.monotonic()
        run.kill()
        ended = await run.ended()
        beats.assert_none()
        assert time.monotonic() - began < END_S
        assert (ended.signal, ended.exit_code, ended.why) == (signal.SIGKILL, None, "server")
        run.kill()
        run.signal(signal.SIGTERM)
        run.close()
        run.close()

    asyncio.run(test())


def test_daemons_die_when_the_server_lets_go(served: Ground) -> None:
    async def test() -> None:
        run, beats = await daemons(served)
        run.close()
        assert (await run.ended()).why == "lost"
        served.runner.close()
        beats.assert_none()

    asyncio.run(test())


def test_daemons_die_with_the_warden_and_the_next_command_is_refused(served: Ground) -> None:
    """A guard that got a signal at its parent's death would be dead before it could end anything."""

    async def test() -> None:
        run, beats = await daemons(served)
        kill(served.runner._process.pid)
        async with asyncio.timeout(END_S):
            ended = await run.ended()
        beats.assert_none()
        assert ended.why in {"warden", "lost"}
        run.close()
        with pytest.raises(SandboxUnavailable, match="warden"):
            await served.start("true")

    asyncio.run(test())


def test_daemons_die_when_their_guard_is_killed(served: Ground) -> None:
    async def test() -> None:
        run, beats = await daemons(served)
        (stub,) = psutil.Process(served.runner._process.pid).children()
        kill(stub.pid)
        async with asyncio.timeout(END_S):
            assert (await run.ended()).why == "lost"
        beats.assert_none()
        run.close()
        assert (await served.to_the_end("true"))[0].exit_code == 0

    asyncio.run(test())


def test_number_one_of_a_namespace_takes_everything_with_it(tmp_path: Path) -> None:
    async def test(served: Ground) -> None:
        run, beats = await daemons(served)
        (stub,) = psutil.Process(served.runner._process.pid).children()
        (first,) = stub.children()
        kill(first.pid)
        async with asyncio.timeout(END_S):
            assert (await run.ended()).why == "lost"
        beats.assert_none()
        run.close()

    with ground(tmp_path, Tier.NAMESPACE) as served:
        asyncio.run(test(served))


def test_daemons_die_with_the_server(served: Ground, tmp_path: Path) -> None:
    """The server is a process of its own, and gets no chance to say anything."""
    tier, most_abi = served.runner.report.tier, served.runner.report.landlock_abi
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.sandbox.warden.mortal", str(tmp_path), str(tier), str(most_abi)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    warden = int(server.stdout.readline())
    beats = Heartbeats(tmp_path)
    asyncio.run(beats.begin(COUNT * 3))
    server.kill()
    server.wait()
    server.stdout.close()
    psutil.wait_procs([psutil.Process(warden)] if psutil.pid_exists(warden) else [], END_S)
    assert not psutil.pid_exists(warden)
    beats.assert_none()


def test_a_program_that_ends_by_a_signal_is_told_of_by_it(served: Ground) -> None:
    ended, _ = served.run("sh", "-c", "kill -SEGV $$")
    assert (ended.exit_code, ended.signal, ended.why) == (None, signal.SIGSEGV, "")


def test_a_signal_reaches_the_program_and_its_group(served: Ground) -> None:
    code = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print(1, flush=True)"
    code += "; signal.pause()"

    async def test() -> None:
        reading, writing = os.pipe()
        run = await served.start(system_python(), "-c", code, output=writing)
        os.close(writing)
        assert os.read(reading, 9) == b"1\n"
        os.close(reading)
        run.signal(signal.SIGTERM)
        assert (await run.ended()).exit_code == 7
        run.close()

    asyncio.run(test())


def test_whoever_waits_may_leave_and_wait_again(served: Ground) -> None:
    async def test() -> None:
        run = await served.start("sleep", "100")
        waiting = asyncio.ensure_future(run.ended())
        await asyncio.sleep(0)
        waiting.cancel()
        run.kill()
        assert (await run.ended()).signal == signal.SIGKILL
        run.close()

    asyncio.run(test())


def test_a_command_that_nobody_waits_for_any_more_while_it_starts_is_ended(served: Ground) -> None:
    async def test() -> None:
        starting = asyncio.ensure_future(served.start(*python(1, "signal.pause()")))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        served.runner.close()
        Heartbeats(served.root).assert_none()

    asyncio.run(test())


def test_the_number_of_the_program_is_the_machines_own(served: Ground) -> None:
    async def test() -> None:
        run = await served.start("sleep", "100")
        assert psutil.Process(run.pid).name() == "sleep"
        run.kill()
        await run.ended()
        run.close()
        assert not psutil.pid_exists(run.pid)

    asyncio.run(test())


def test_the_server_has_no_children_but_the_warden(served: Ground) -> None:
    assert served.runner._process.pid in processes.children()
    served.run("true")
    left = psutil.Process(served.runner._process.pid).children()
    assert psutil.wait_procs(left, END_S)[1] == []
