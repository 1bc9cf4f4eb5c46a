"""A call over the limit is refused at once, with the time to wait."""

from contextlib import ExitStack

import pytest

from fs_server.errors import Failure
from fs_server.protocol.admission import Admission


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_call_beyond_the_concurrent_ones_is_refused_until_one_ends() -> None:
    admission = Admission(concurrent_calls=2)
    with admission.call():
        with admission.call(), pytest.raises(Failure, match=r"\[busy\].*2 calls are running.*limit is 2"):
            admission.call().__enter__()
        with admission.call():
            pass


def test_a_call_that_fails_gives_its_place_back() -> None:
    admission = Admission(concurrent_calls=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.call():
            1 / 0  # noqa: B018 - it raises


def test_calls_of_the_last_minute_are_counted_and_the_wait_is_told() -> None:
    clock = Clock()
    admission = Admission(calls_per_minute=2, clock=clock)
    for clock.now_s in (0.0, 10.5):
        with admission.call():
            pass
    clock.now_s = 20.0
    with pytest.raises(Failure, match=r"limit is 2 calls in a minute\. Wait 40 s"):
        admission.call().__enter__()
    clock.now_s = 60.0
    with admission.call():
        pass
    with pytest.raises(Failure, match=r"Wait 11 s"):
        admission.call().__enter__()


def test_a_refused_call_does_not_count_against_the_minute() -> None:
    clock = Clock()
    admission = Admission(concurrent_calls=1, calls_per_minute=2, clock=clock)
    with admission.call():
        for _ in range(5):
            with pytest.raises(Failure, match="calls are running"):
                admission.call().__enter__()
    with admission.call():
        pass


def test_zero_calls_per_minute_is_no_limit() -> None:
    admission = Admission(concurrent_calls=1)
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(admission.call())
            stack.close()
