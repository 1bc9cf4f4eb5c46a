"""The tool `run_command`: a program, in the sandbox."""

import asyncio
import json
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BeforeValidator, Field

from fs_server.commands import Asked, Enforcement, Process
from fs_server.errors import Failure, quoted
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments, list_from_json
from fs_server.tools.consent import Consent
from fs_server.tools.printed import NO_OUTPUT, command_line, files_told, last_line, printed, processes_of
from fs_server.tools.progress import Progress
from fs_server.tools.tool import Effect, tool
from fs_server.tools.watched import look_before, look_behind
from sandbox import Access, OpenDirectory, Place

NOTE_CHARS = 2_000
"""Room that is kept in a result for the note at its end, at most half of it."""


def _object_from_json(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


TELLING_S = 0.2
"""Seconds between two reports of progress."""


class RunCommand(Arguments):
    """What `run_command` takes."""

    argv: Annotated[
        list[str],
        BeforeValidator(list_from_json),
        Field(min_length=1, description='Program and arguments, run as they are: no shell (["sh", "-c", …] is one)'),
    ]
    cwd: Annotated[str, Field(description='Directory; "" for the only root')] = ""
    stdin: Annotated[str, Field(description="What it reads")] = ""
    env: Annotated[
        dict[str, str], BeforeValidator(_object_from_json), Field(description="Further variables of its environment")
    ] = {}  # noqa: RUF012 - pydantic copies it
    timeout_s: Annotated[float, Field(gt=0, description="It is ended then; in the background only if given")] = 60
    background: Annotated[bool, Field(description="Return at once; go on with read_output, send_input")] = False


@tool(title="Run a command", effect=Effect.RUN)
async def run_command(asked: RunCommand, services: Services, _consent: Consent, progress: Progress) -> Answer:
    """Run a program in the sandbox: files of the roots only, no network unless allowed. All it started ends with it.

    Returns output (beginning and end), exit code and files changed.
    """
    processes = processes_of(services)
    _require_allowed(asked, services)
    started = await processes.started()
    _require_confined(services)
    place = services.at(asked.cwd, Access.LIST)
    directory = await services.run(place.root, lambda _stop: _opened(place), what=f"Opening {quoted(asked.cwd)}")
    with directory:
        protected = await look_before(services)
        process = await processes.start(
            Asked(
                argv=asked.argv,
                cwd=directory.handle,
                told_cwd=place.shown_of(directory.parts),
                stdin=asked.stdin,
                env=asked.env,
                timeout_s=_timeout_s(asked, services),
                background=asked.background,
                protected=protected,
            ),
            partial(look_behind, services),
        )
    if asked.background:
        told = f"{process.id} runs in the background: {command_line(process.argv)}"
        closing = note(
            told, f'read_output(process_id="{process.id}") has what it prints', _sandbox(started.enforcement)
        )
        return Answer((Text(process.id), closing), {**process.facts(), "enforcement": started.enforcement.facts()})
    telling = asyncio.ensure_future(_tell(process, progress))
    telling.add_done_callback(lambda told: told.cancelled() or told.exception())  # a client that left is no trouble
    try:
        await process.done.wait()
    finally:
        telling.cancel()
        if not process.done.is_set():  # whoever asked has left
            process.run.kill()
    return answer_of(process, started.enforcement, services.limits.result_chars)


def answer_of(process: Process, enforcement: Enforcement, room: int) -> Answer:
    """Return the result of a command that has ended."""
    blocks, left_out = printed(process, room - min(NOTE_CHARS, room // 2))
    ended = process.ended
    closing = note(
        process.told_end(),
        "" if process.timed_out else f"{process.duration_s:.1f} s",
        f'{left_out} bytes left out: read_output(process_id="{process.id}") pages through them' if left_out else "",
        f"{ended.killed} processes that it had left were ended" if ended is not None and ended.killed else "",
        files_told(process),
        *process.files.notes,
        _sandbox(enforcement),
    )
    facts = {**process.facts(), "truncated": bool(left_out), "enforcement": enforcement.facts()}
    return Answer((*(blocks or [NO_OUTPUT]), closing), facts)


async def _tell(process: Process, progress: Progress) -> None:
    """Say what a command prints, as it comes, but not too often."""
    if progress.tell is None:
        return
    told = 0
    while not process.done.is_set():
        count = process.stdout.total + process.stderr.total
        if count == told:
            await process.news()
            continue
        told = count
        await progress.tell(count, last_line(process))
        await asyncio.sleep(TELLING_S)


def _opened(place: Place) -> OpenDirectory:
    return place.open_directory()


def _sandbox(enforcement: Enforcement) -> str:
    network = "no network" if enforcement.network == "none" else "with network"
    return f"sandbox: {enforcement.tier}, {network}" if enforcement.tier != "none" else "no sandbox"


def _timeout_s(asked: RunCommand, services: Services) -> float | None:
    if asked.background and "timeout_s" not in asked.model_fields_set:
        return None
    return min(asked.timeout_s, services.limits.timeout_s)


def _require_allowed(asked: RunCommand, services: Services) -> None:
    """Return if the operator lets this program be run, by its name.

    Raises:
        Failure: `command_refused`.
    """
    allowed = services.settings.allow_command
    program = asked.argv[0]
    if allowed and program not in allowed:
        inside = PurePosixPath(program).name in allowed
        fact = "It is named by a path" if inside else f"The operator allows {', '.join(allowed[:8])}"
        step = "Give its name alone" if inside else "Use one of these; only the operator can allow more (allow_command)"
        raise Failure("command_refused", quoted(program), fact, step)


def _require_confined(services: Services) -> None:
    """Return if a command could reach no more than the tools may.

    Raises:
        Failure: `command_refused`.
    """
    served = {root.identity for root in services.workspace.roots}
    if services.settings.client_roots == "narrow" and served != {root.identity for root in services.opened.roots}:
        fact = "Commands reach every root of the settings, and this client's directories are less (client_roots)"
        raise Failure("command_refused", "This command", fact, "Go on without commands")
