"""The one way from an open file to what a parser in a child process says of it."""

from typing import Any, Final, Protocol

from fs_server.errors import Failure
from sandbox.parser_process import Answer, ParserFailed, ParserLimits, WhyFailed, parse_in_child

__all__ = ["Descriptor", "parsed"]

_CODES: Final = {
    WhyFailed.TIME: ("timeout", "It took more than {}"),
    WhyFailed.MEMORY: ("too_large", "It unpacks to more than the memory that a parser may take, {} MB"),
    WhyFailed.OUTPUT: ("too_large", "It gives more than {}"),
    WhyFailed.ERROR: ("io_error", "It is damaged or not what it seems: {}"),
    WhyFailed.CRASH: ("io_error", "Its parser crashed: {}"),
}


class Descriptor(Protocol):
    """An open file of the system, such as `sandbox.OpenFile`."""

    def fileno(self) -> int:
        """Return the descriptor; it stays the file's."""


async def parsed(file: Descriptor, kind: str, *, limits: ParserLimits | None = None, **options: int) -> Answer:
    """Return what the parser of `kind` (see `parse.py`) makes of `file`.

    Raises:
        Failure: the file is refused, or its parser was stopped, or it crashed.
    """
    limits = limits or ParserLimits()
    arguments: dict[str, Any] = {"kind": kind, **options}
    try:
        answer = await parse_in_child("fs_server.files.parse", file.fileno(), arguments, limits=limits)
    except ParserFailed as failed:
        code, fact = _CODES[failed.why]
        detail = str(limits.memory_bytes >> 20) if failed.why is WhyFailed.MEMORY else failed.detail
        raise Failure(
            code,
            f"This file could not be read as {kind}",
            fact.format(detail),
            'Trying again will not help; format="base64" gives the bytes',
        ) from failed
    if "failure" in answer.facts:
        raise Failure(*answer.facts["failure"])
    return answer
