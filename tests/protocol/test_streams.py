"""The streams in one process, where a test can hold both ends: what threads do, and what stops them."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress

import pytest

from fs_server.protocol.backlog import Backlog
from fs_server.protocol.lifecycle import CLOSED, ENDED, Bounds, Cause, Lifecycle
from fs_server.protocol.stdio import Source, open_source
from fs_server.protocol.threaded import ThreadedSink, ThreadedSource

NEVER = Bounds(deadline_s=86_400)
"""So that the clock of a test does not end the test runner."""

Scenario = Callable[[], Coroutine[None, None, None]]


def run(scenario: Scenario) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    with suppress(OSError):  # the test closed it
        os.close(writing)
    # A thread that still reads would take what the next test writes to a pipe of the same number.
    for thread in threading.enumerate():
        if thread.name == "stdin":
            thread.join(30)
    with suppress(OSError):
        os.close(reading)


@pytest.fixture(params=[open_source, ThreadedSource])
def source_of(request: pytest.FixtureRequest) -> Callable[[int], Source]:
    chosen: Callable[[int], Source] = request.param
    return chosen


def test_a_source_gives_what_was_written_and_then_its_end_for_ever(
    pipe: tuple[int, int], source_of: Callable[[int], Source]
) -> None:
    async def scenario() -> None:
        source = source_of(pipe[0])
        for piece in (b"one", b"two"):
            os.write(pipe[1], piece)
            assert await source.read() == piece
        os.close(pipe[1])
        assert await source.read() == b""
        assert await source.read() == b""

    run(scenario)


def test_a_source_that_waits_is_stopped(pipe: tuple[int, int], source_of: Callable[[int], Source]) -> None:
    async def scenario() -> None:
        source = source_of(pipe[0])
        reading = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        source.stop()
        assert await reading == b""
        os.write(pipe[1], b"too late")
        assert await source.read() == b""

    run(scenario)


def test_a_threaded_source_reads_one_chunk_ahead_and_no_more(pipe: tuple[int, int]) -> None:
    async def scenario() -> None:
        source = ThreadedSource(pipe[0])
        os.write(pipe[1], b"x" * 65_536)
        assert len(await source.read()) == 65_536
        os.write(pipe[1], b"y")
        assert await source.read() == b"y"
        assert not source.hung_up()

    run(scenario)


def test_a_threaded_sink_writes_in_order_and_counts_what_waits(pipe: tuple[int, int]) -> None:
    async def scenario() -> None:
        backlog = Backlog(high_bytes=100_000)
        sink = ThreadedSink(pipe[1], backlog, lambda: None)
        sink.write(b"a" * 200_000)
        sink.write(b"b" * 10)
        assert backlog.congested.is_set()
        assert not backlog.room.is_set()
        received = b""
        while len(received) < 200_010:
            received += await asyncio.to_thread(os.read, pipe[0], 65_536)
        await backlog.empty.wait()
        assert received == b"a" * 200_000 + b"b" * 10
        assert backlog.room.is_set()

    run(scenario)


def test_a_threaded_sink_tells_once_that_nobody_reads_any_more(pipe: tuple[int, int]) -> None:
    async def scenario() -> None:
        broken = asyncio.Event()
        backlog = Backlog(high_bytes=1)
        sink = ThreadedSink(pipe[1], backlog, broken.set)
        os.close(pipe[0])
        sink.write(b"lost")
        await broken.wait()
        sink.write(b"also lost")
        assert backlog.empty.is_set()

    run(scenario)


@pytest.mark.parametrize("kind", [ThreadedSource, lambda fd: ThreadedSink(fd, Backlog(1), lambda: None)])
def test_a_thread_that_outlives_its_loop_ends_quietly(
    pipe: tuple[int, int], kind: Callable[[int], ThreadedSource | ThreadedSink]
) -> None:

    before = set(threading.enumerate())
    end = pipe[0] if kind is ThreadedSource else pipe[1]

    async def scenario() -> None:
        made = kind(end)
        if isinstance(made, ThreadedSink):
            made.write(b"x" * 100_000)  # more than a pipe holds

    run(scenario)
    if kind is ThreadedSource:
        os.write(pipe[1], b"nobody listens")
    else:
        left = 100_000
        while left:
            left -= len(os.read(pipe[0], left))
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_only_the_first_cause_to_stop_counts() -> None:
    async def scenario() -> None:
        lifecycle = Lifecycle(NEVER)
        stopped: list[str] = []
        lifecycle.on_stop(lambda: stopped.append("early"))
        assert lifecycle.status == 0
        lifecycle.begin(Cause("a signal", 143))
        lifecycle.begin(ENDED)
        lifecycle.on_stop(lambda: stopped.append("late"))
        assert lifecycle.status == 143
        assert lifecycle.stopping.is_set()
        assert stopped == ["early", "late"]

    run(scenario)


def test_there_is_no_grace_for_answers_that_nobody_reads() -> None:
    async def scenario() -> None:
        for cause, has_grace in ((ENDED, True), (CLOSED, False)):
            lifecycle = Lifecycle(NEVER)
            lifecycle.begin(cause)
            assert (lifecycle.grace_s > 0) == has_grace

    run(scenario)


def test_a_closer_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def good() -> None:
        closed.append("good")

    async def bad() -> None:
        msg = "cannot close"
        raise OSError(msg)

    async def scenario() -> None:
        lifecycle = Lifecycle(NEVER)
        for closer in (bad, good):
            lifecycle.on_close(closer)
        await lifecycle.close()

    run(scenario)
    assert closed == ["good"]
    assert "cannot close" in caplog.text


def test_the_steps_of_stopping_fit_into_the_deadline() -> None:
    bounds = Bounds()
    assert bounds.grace_s + bounds.settle_s + bounds.close_s < bounds.deadline_s


def test_signals_are_as_they_were_when_the_server_is_done() -> None:
    async def scenario() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with Lifecycle(NEVER).signals():
            assert signal.getsignal(signal.SIGTERM) != before
        assert signal.getsignal(signal.SIGTERM) == before

    run(scenario)
