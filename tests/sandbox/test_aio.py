"""The bridge to blocking work: bounded threads, an answer in time, nothing left open."""

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Access, Lane, RootSpec, Stop, Workspace, chunks_of

BOUND_S = 5.0
TICK = threading.Event()
"""Never set: waiting for it lets other threads run."""


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open([RootSpec("root", str(tmp_path))])


def descriptors() -> set[str]:
    """Return what this process has open, each with the number by which it is."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the descriptor that lists them is closed by now
            found.add(f"{link.name} {link.readlink()}")
    return found


def test_work_gives_its_result_from_another_thread() -> None:
    async def test() -> None:
        result = await Lane(1).run(lambda _stop: threading.current_thread(), timeout_s=BOUND_S)
        assert result is not threading.current_thread()

    on_a_loop(test)


def test_an_error_of_the_work_reaches_the_caller() -> None:
    async def test() -> None:
        with pytest.raises(ZeroDivisionError):
            await Lane(1).run(lambda _stop: 1 // 0, timeout_s=BOUND_S)

    on_a_loop(test)


def test_work_that_looks_at_its_clock_may_still_answer_when_the_time_is_over() -> None:
    def patient(stop: Stop) -> str:
        while not stop.is_set():
            TICK.wait(0.01)
        return "what I have" if stop.expired() else "nobody waits"

    async def test() -> None:
        assert await Lane(1).run(patient, timeout_s=0.05) == "what I have"

    on_a_loop(test)


def test_a_caller_is_answered_while_the_thread_is_stuck_and_the_work_is_told() -> None:
    release, told = threading.Event(), threading.Event()

    def stuck(stop: Stop) -> None:
        release.wait(BOUND_S)
        if stop.is_set():
            told.set()

    async def test() -> None:
        with pytest.raises(TimeoutError):
            await Lane(1).run(stuck, timeout_s=0.01)
        release.set()
        assert await asyncio.to_thread(told.wait, BOUND_S)

    on_a_loop(test)


def test_stuck_work_never_takes_more_threads_than_the_lane_has() -> None:
    """However many callers give up: each would otherwise leave a thread behind."""
    release = threading.Event()
    begun = threading.Semaphore(0)

    def stuck(_stop: Stop) -> None:
        begun.release()
        release.wait(BOUND_S)

    async def test() -> None:
        lane, other = Lane(2), Lane(2)
        before = threading.active_count()
        outcomes = await asyncio.gather(*(lane.run(stuck, timeout_s=0.01) for _ in range(20)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 20
        assert threading.active_count() - before == 2
        assert await other.run(lambda _stop: "alive", timeout_s=BOUND_S) == "alive"
        release.set()
        assert await lane.run(lambda _stop: "alive again", timeout_s=BOUND_S) == "alive again"
        assert [begun.acquire(blocking=False) for _ in range(3)] == [True, True, False], "abandoned work was begun"

    on_a_loop(test)


def test_cancelled_work_is_told_to_stop() -> None:
    begun, told = threading.Event(), threading.Event()

    def patient(stop: Stop) -> None:
        begun.set()
        while not stop.is_set():
            TICK.wait(0.01)
        if not stop.expired():
            told.set()

    async def test() -> None:
        call = asyncio.create_task(Lane(1).run(patient, timeout_s=BOUND_S))
        assert await asyncio.to_thread(begun.wait, BOUND_S)
        call.cancel()
        assert await asyncio.to_thread(told.wait, BOUND_S)

    on_a_loop(test)


def test_a_file_that_was_opened_for_a_caller_who_left_is_closed(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "f").write_bytes(b"x")
    begun, release, opened = threading.Event(), threading.Event(), threading.Event()

    def slow(_stop: Stop) -> object:
        begun.set()
        release.wait(BOUND_S)
        file = workspace.at("f", Access.READ).open()
        opened.set()
        return file

    async def test() -> None:
        lane = Lane(1)
        call = asyncio.create_task(lane.run(slow, timeout_s=BOUND_S))
        assert await asyncio.to_thread(begun.wait, BOUND_S)
        before = descriptors()
        call.cancel()
        release.set()
        assert await asyncio.to_thread(opened.wait, BOUND_S)
        await lane.run(lambda _stop: None, timeout_s=BOUND_S)  # the thread has let go of the result
        gc.collect()
        assert descriptors() == before

    on_a_loop(test)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 10_000])
def test_chunks_are_the_file_from_its_beginning(tmp_path: Path, workspace: Workspace, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)

    async def test() -> None:
        lane = Lane(1)
        with workspace.at("f", Access.READ).open() as file:
            os.lseek(file.fileno(), 3, os.SEEK_SET)
            before = descriptors()
            chunks = [chunk async for chunk in chunks_of(file, lane, size=4096)]
            assert descriptors() == before
        assert b"".join(chunks) == content
        assert all(len(chunk) <= 4096 for chunk in chunks)

    on_a_loop(test)


def test_chunks_whose_turn_never_came_leave_no_descriptor_behind(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "f").write_bytes(b"x")
    release = threading.Event()

    async def first_chunk(lane: Lane) -> None:
        with workspace.at("f", Access.READ).open() as file:
            async for _ in chunks_of(file, lane):
                pass

    async def test() -> None:
        lane = Lane(1)
        with pytest.raises(TimeoutError):
            await lane.run(lambda _stop: release.wait(BOUND_S), timeout_s=0.01)
        before = descriptors()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await first_chunk(lane)
        release.set()
        await lane.run(lambda _stop: None, timeout_s=BOUND_S)
        assert descriptors() == before

    on_a_loop(test)


def test_a_stop_without_an_end_is_set_only_by_hand() -> None:
    stop = Stop()
    assert not stop.is_set()
    assert not stop.expired()
    stop.set()
    assert stop.is_set()
    assert not stop.expired()
    over = Stop(0)
    assert over.is_set()
    assert over.expired()
