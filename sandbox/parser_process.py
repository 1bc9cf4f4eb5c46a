"""Parse a file of a hostile format in a process of its own, which can take little and harm nothing.

The child gets the open file as its standard input, an empty environment, a session of its own, and limits that it
sets on itself before it imports the parser: processor time, memory, no file written, no process started, and no
further file opened once the parser is loaded. It answers once, through a pipe; then its whole group is killed.

On Windows there are no such limits: the deadline, the memory in use and the bound on the answer are all.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sandbox.memory_watch import until_larger
from sandbox.parser_child import FRAME, MAGIC

__all__ = ["Answer", "ParserFailed", "ParserLimits", "WhyFailed", "parse_in_child"]

_CHILD: Final = Path(__file__).with_name("parser_child.py")
_READ: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What a child may take.

    Attributes:
        cpu_s: seconds of processor time.
        memory_bytes: address space, where the system limits it.
        resident_bytes: memory in use, which is watched on every system.
        open_files: descriptors, while it imports.
        wall_s: seconds until it is killed.
        output_bytes: of its answer.
    """

    cpu_s: int = 10
    memory_bytes: int = 1 << 30
    resident_bytes: int = 1 << 30
    open_files: int = 64
    wall_s: float = 20.0
    output_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the parser says: facts, and bytes."""

    facts: dict[str, Any]
    body: bytes


class WhyFailed(StrEnum):
    """Why there is no answer."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    ERROR = "error"
    CRASH = "crash"


class ParserFailed(Exception):
    """The child ended without an answer.

    Attributes:
        why: what kind of end.
        detail: the name of the exception or signal, or the limit that was met.
    """

    def __init__(self, why: WhyFailed, detail: str) -> None:
        super().__init__(why.value, detail)
        self.why = why
        self.detail = detail


async def parse_in_child(
    module: str, descriptor: int, arguments: dict[str, Any], *, limits: ParserLimits | None = None
) -> Answer:
    """Return the answer of `module.load(**arguments)(stream)`, where `stream` is the file behind `descriptor`.

    `load` imports what it needs and returns the function that parses; that returns facts for JSON, and bytes.
    The position of the descriptor is moved. When the caller is cancelled, the child is killed first.

    Raises:
        ParserFailed: it ended otherwise.
    """
    limits = limits or ParserLimits()
    request = {
        "module": module,
        "arguments": arguments,
        "path": [entry for entry in sys.path if entry],
        "limits": {
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "open_files": limits.open_files,
        },
    }
    # -S: the parent's import path is handed over, so that no start-up file of a site is run. -B: nothing is written.
    command = (sys.executable, "-I", "-S", "-B", str(_CHILD), json.dumps(request))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=descriptor,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.wall_s):
            return await _answer_within(process, limits)
    except TimeoutError:
        raise ParserFailed(WhyFailed.TIME, f"{limits.wall_s:g} s") from None
    finally:
        await asyncio.shield(_end(process))


def _environment() -> dict[str, str]:
    # Without it Python does not start on Windows: it finds no source of random numbers.
    return {"SYSTEMROOT": os.environ.get("SYSTEMROOT", "")} if sys.platform == "win32" else {}


async def _answer_within(process: asyncio.subprocess.Process, limits: ParserLimits) -> Answer:
    """Return the child's answer, unless it takes too much memory for it."""
    answer = asyncio.ensure_future(_answer(process, limits))
    too_large = asyncio.ensure_future(until_larger(process.pid, limits.resident_bytes))
    try:
        await asyncio.wait({answer, too_large}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise ParserFailed(WhyFailed.MEMORY, f"{limits.resident_bytes} bytes in use")
    finally:
        answer.cancel()
        too_large.cancel()
        await asyncio.wait({answer, too_large})  # or the pipe would have two readers when it is emptied


async def _answer(process: asyncio.subprocess.Process, limits: ParserLimits) -> Answer:
    assert process.stdout is not None
    received = bytearray()
    while piece := await process.stdout.read(_READ):
        received += piece
        if len(received) > limits.output_bytes:
            raise ParserFailed(WhyFailed.OUTPUT, f"{limits.output_bytes} bytes")
    found = _unframed(bytes(received))
    if found is None:
        raise _reason(await process.wait(), limits)
    for why in WhyFailed:
        if found.facts.get("parser_failed") == why:
            raise ParserFailed(why, str(found.facts.get("error", "MemoryError")))
    return found


def _unframed(received: bytes) -> Answer | None:
    """Return the answer in `received`, or None where it is not a whole one."""
    if len(received) < FRAME.size:
        return None
    magic, head_bytes, body_bytes = FRAME.unpack_from(received)
    if magic != MAGIC or len(received) != FRAME.size + head_bytes + body_bytes:
        return None
    body_at = FRAME.size + head_bytes
    try:
        facts = json.loads(received[FRAME.size : body_at])
    except (ValueError, RecursionError):
        return None
    return Answer(facts, received[body_at:]) if isinstance(facts, dict) else None


def _reason(exit_code: int, limits: ParserLimits) -> ParserFailed:
    if sys.platform != "win32" and exit_code < 0:
        if -exit_code == signal.SIGXCPU:
            return ParserFailed(WhyFailed.TIME, f"{limits.cpu_s} s of processor time")
        with contextlib.suppress(ValueError):
            return ParserFailed(WhyFailed.CRASH, signal.Signals(-exit_code).name)
    return ParserFailed(WhyFailed.CRASH, f"exit code {exit_code}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the child's whole group, and wait until the child is gone."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    await process.stdout.read()  # the pipe has to be empty for asyncio to let go of it
    await process.wait()
