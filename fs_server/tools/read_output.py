"""The tool `read_output`: what a command printed, page by page."""

import asyncio
from typing import Annotated

from pydantic import Field

from fs_server.commands import Process
from fs_server.commands.telling import page
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.cursor import read_cursor, write_cursor
from fs_server.tools.printed import NO_OUTPUT, STDERR, files_told, processes_of, split
from fs_server.tools.tool import Effect, tool

NOTE_CHARS = 1_500

LONGEST_WAIT_S = 300.0


class ReadOutput(Arguments):
    """What `read_output` takes."""

    process_id: str = Field(description="Of any command, ended or not")
    cursor: Annotated[str, Field(description="From the last page")] = ""
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_WAIT_S, description="Wait so long for more, or for the end")] = 0


@tool(title="Read output", effect=Effect.READ, about_commands=True)
async def read_output(asked: ReadOutput, services: Services) -> Answer:
    """What a command has printed since the cursor, and its state."""
    processes = processes_of(services)
    process = processes.find(asked.process_id)
    question = repr(("read_output", processes.token, process.id))
    keys = read_cursor(question, asked.cursor)
    out, err = (number for number, _ in keys) if len(keys) == 2 else (0, 0)  # noqa: PLR2004 - one for each output
    await _wait(process, out, err, asked.wait_s)
    runs = not process.done.is_set()
    room = services.limits.result_chars - min(NOTE_CHARS, services.limits.result_chars // 2)
    out_room, err_room = split(room, process.stdout.total - out, process.stderr.total - err)
    pages = (
        page(process.stdout, out, out_room, more_may_come=runs),
        page(process.stderr, err, err_room, more_may_come=runs),
    )
    cursor = write_cursor(question, [(found.end, "") for found in pages])
    rest = process.stdout.total - pages[0].end + process.stderr.total - pages[1].end
    omitted = sum(found.omitted for found in pages)
    more = runs or rest > 0
    closing = note(
        f"{process.id}: {process.told_end()}",
        f"{omitted} bytes before this are no longer kept (output_bytes)" if omitted else "",
        f"{rest} bytes follow" if rest and not runs else "",
        "" if runs else files_told(process),
        f'go on with cursor="{cursor}"' if more else "",
    )
    facts = {**process.facts(), "truncated": bool(rest or omitted), "cursor": cursor}
    blocks = [Text(prefix + found.text) for prefix, found in zip(("", STDERR), pages, strict=True) if found.text]
    return Answer((*(blocks or [NO_OUTPUT]), closing), facts)


async def _wait(process: Process, out: int, err: int, wait_s: float) -> None:
    """Return when there is more than these bytes, or the command has ended, or the time is over."""
    try:
        async with asyncio.timeout(wait_s):
            while process.stdout.total <= out and process.stderr.total <= err and not process.done.is_set():
                await process.news()
    except TimeoutError:
        return
