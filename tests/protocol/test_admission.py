"""A call over a limit waits for its turn, or is refused with the time to wait."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fs_server.errors import Failure
from fs_server.protocol.admission import Admission


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(bounded())


def test_a_call_beyond_the_concurrent_ones_waits_for_its_turn() -> None:
    async def test() -> None:
        admission = Admission(concurrent_calls=2)
        running, most = 0, 0

        async def call() -> None:
            nonlocal running, most
            async with admission.call():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(call() for _ in range(500)))
        assert most == 2

    on_a_loop(test)


def test_a_call_whose_turn_does_not_come_is_refused_and_told_why() -> None:
    async def test() -> None:
        admission = Admission(concurrent_calls=1, patience_s=0.01)
        async with admission.call():
            with pytest.raises(Failure, match=r"\[busy\].*1 calls are running, the limit.*Wait 10 s"):
                await admission.call().__aenter__()
        async with admission.call():
            pass

    on_a_loop(test)


def test_a_call_that_fails_gives_its_place_back() -> None:
    async def test() -> None:
        admission = Admission(concurrent_calls=1, patience_s=0.01)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with admission.call():
                    _ = 1 / 0

    on_a_loop(test)


def test_a_caller_that_leaves_while_it_waits_takes_no_place() -> None:
    async def test() -> None:
        admission = Admission(concurrent_calls=1)
        async with admission.call():
            waiting = asyncio.create_task(admission.call().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with admission.call():
            pass

    on_a_loop(test)


def test_calls_of_the_last_minute_are_counted_and_the_wait_is_told() -> None:
    async def test() -> None:
        clock = Clock()
        admission = Admission(calls_per_minute=2, clock=clock)
        for clock.now_s in (0.0, 10.5):
            async with admission.call():
                pass
        clock.now_s = 20.0
        with pytest.raises(Failure, match=r"limit is 2 calls in a minute\. Wait 40 s"):
            await admission.call().__aenter__()
        clock.now_s = 60.0
        async with admission.call():
            pass
        with pytest.raises(Failure, match="Wait 11 s"):
            await admission.call().__aenter__()

    on_a_loop(test)


def test_zero_calls_per_minute_is_no_limit() -> None:
    async def test() -> None:
        admission = Admission(concurrent_calls=1)
        for _ in range(1000):
            async with admission.call():
                pass

    on_a_loop(test)
