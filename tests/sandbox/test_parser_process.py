import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.memory_watch import until_larger
from sandbox.parser_process import Answer, ParserFailed, ParserLimits, WhyFailed, _unframed, parse_in_child

LIMITS = ParserLimits(cpu_s=1, memory_bytes=300 << 20, wall_s=10, output_bytes=1 << 20)


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


def ask(descriptor: int, act: str, limits: ParserLimits = LIMITS) -> Answer:
    return asyncio.run(parse_in_child("tests.sandbox.misbehaving", descriptor, {"act": act}, limits=limits))


def failed(descriptor: int, act: str, limits: ParserLimits = LIMITS) -> tuple[WhyFailed, str]:
    with pytest.raises(ParserFailed) as caught:
        ask(descriptor, act, limits)
    return caught.value.why, caught.value.detail


Children = Callable[[], set[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """Give the processes that this test started and that are still there: other tests keep servers meanwhile."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: set(psutil.Process().children(recursive=True)) - before


def test_the_answer_is_what_the_parser_made_of_the_file_from_its_start(descriptor: int) -> None:
    os.lseek(descriptor, 3, os.SEEK_SET)
    answer = ask(descriptor, "echo")
    assert answer.body == b"content"
    assert answer.facts["position"] == 0


def test_memory_in_use_is_watched_where_the_system_does_not_limit_it(descriptor: int, children: Children) -> None:
    limits = ParserLimits(memory_bytes=8 << 30, resident_bytes=200 << 20)
    assert failed(descriptor, "grow", limits) == (WhyFailed.MEMORY, f"{200 << 20} bytes in use")
    assert children() == set()


def test_a_process_that_has_ended_is_not_larger_than_anything() -> None:
    async def test() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await until_larger(2**30, 1)

    asyncio.run(test())


def test_what_a_parser_prints_is_no_part_of_the_answer_and_its_environment_is_empty(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    answer = ask(descriptor, "echo")
    assert answer.body == b"content"
    # LC_CTYPE is what Python itself sets where it finds no locale (PEP 538).
    assert set(answer.facts["environment"]) <= {"LC_CTYPE", "SYSTEMROOT"}


def test_the_child_is_gone_when_the_answer_is_there(descriptor: int) -> None:
    assert not psutil.pid_exists(ask(descriptor, "echo").facts["pid"])


@pytest.mark.parametrize(
    ("act", "why", "detail"),
    [
        ("allocate", WhyFailed.MEMORY, "MemoryError"),
        ("flood", WhyFailed.OUTPUT, "1048576 bytes"),
        ("fail", WhyFailed.ERROR, "ZeroDivisionError"),
        ("no parser", WhyFailed.ERROR, "ModuleNotFoundError"),
        ("leave", WhyFailed.CRASH, "exit code 7"),
        ("forge_head", WhyFailed.CRASH, "exit code 0"),
        ("forge_json", WhyFailed.CRASH, "exit code 0"),
        pytest.param(
            "crash",
            WhyFailed.CRASH,
            "SIGSEGV",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX"),
        ),
        pytest.param(
            "spin",
            WhyFailed.TIME,
            "1 s of processor time",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit"),
        ),
    ],
)
def test_a_parser_that_goes_wrong_is_told_of_by_why(
    descriptor: int, children: Children, act: str, why: WhyFailed, detail: str
) -> None:
    assert failed(descriptor, act) == (why, detail)
    assert children() == set()


@pytest.mark.guarantee("G7")
def test_a_parser_that_never_answers_is_killed_at_its_deadline(descriptor: int, children: Children) -> None:
    limits = ParserLimits(wall_s=0.5)
    assert failed(descriptor, "wait", limits) == (WhyFailed.TIME, "0.5 s")
    assert children() == set()


def test_a_cancelled_caller_leaves_no_child_behind(descriptor: int, children: Children) -> None:
    async def cancel_it() -> None:
        task = asyncio.create_task(
            parse_in_child("tests.sandbox.misbehaving", descriptor, {"act": "wait"}, limits=LIMITS)
        )
        async with asyncio.timeout(5):
            while not children():  # noqa: ASYNC110 - nothing tells when a process has started
                await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert children() == set()

    asyncio.run(cancel_it())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize("act", ["open_a_file", "open_a_socket"])
@pytest.mark.guarantee("G7")
def test_a_loaded_parser_can_open_nothing_more(descriptor: int, act: str) -> None:
    assert ask(descriptor, act).facts["refused"] == "OSError"


@pytest.mark.skipif(sys.platform != "linux", reason="the limits differ elsewhere")
@pytest.mark.guarantee("G7")
def test_the_limits_stand_soft_and_hard(descriptor: int) -> None:
    assert ask(descriptor, "limits").facts == {
        "CORE": [0, 0],
        "FSIZE": [0, 0],
        "CPU": [1, 2],
        "AS": [300 << 20, 300 << 20],
        "NOFILE": [0, 0],
        "NPROC": [0, 0],
    }


@pytest.mark.parametrize("received", [b"", b"fsp1", b"x" * 100, b"fsp1\x02\x00\x00\x00" + bytes(8) + b"{"])
def test_what_is_no_whole_frame_is_no_answer(received: bytes) -> None:
    assert _unframed(received) is None
