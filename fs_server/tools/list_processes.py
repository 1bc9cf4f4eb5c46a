"""The tool `list_processes`: the commands of this server."""

import asyncio
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fs_server.commands import Process
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.printed import processes_of
from fs_server.tools.tool import Effect, tool
from sandbox import shown

LONGEST_ARGUMENT = 200
MOST_ARGUMENTS = 50
"""Of a command that are told."""


class ProcessFacts(BaseModel):
    """One command."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    argv: list[str]
    cwd: str
    background: bool
    state: str
    exit_code: int | None = None
    age_s: float
    duration_s: float
    cpu_s: float | None = None
    memory_bytes: Annotated[
        int | None, Field(description="In use now; of one that has ended, the most of one process")
    ] = None
    processes: Annotated[int | None, Field(description="That are alive")] = None
    stdout_bytes: int
    stderr_bytes: int


class ProcessList(BaseModel):
    """The result of `list_processes`."""

    model_config = ConfigDict(frozen=True)

    processes: list[ProcessFacts]


class ListProcesses(Arguments):
    """`list_processes` takes nothing."""


@tool(title="List processes", effect=Effect.READ, about_commands=True, data=ProcessList)
async def list_processes(_asked: ListProcesses, services: Services) -> Answer:
    """The commands that this server started, oldest first, with state, processor time and memory."""
    known = processes_of(services).all()
    return Answer(facts={"count": len(known)}, data=ProcessList(processes=[await _facts(process) for process in known]))


async def _facts(process: Process) -> ProcessFacts:
    from fs_server.commands.usage import usage_of  # noqa: PLC0415 - loads psutil

    ended = process.ended if process.done.is_set() else None
    cpu_s = memory_bytes = count = None
    if ended is not None:
        cpu_s, memory_bytes = ended.user_s + ended.system_s, ended.max_rss_bytes
    elif process.run.pid and (usage := await asyncio.to_thread(usage_of, process.run.pid)):
        cpu_s, memory_bytes, count = usage.cpu_s, usage.rss_bytes, usage.processes
    return ProcessFacts(
        process_id=process.id,
        argv=[shown(argument[:LONGEST_ARGUMENT]) for argument in process.argv[:MOST_ARGUMENTS]],
        cwd=process.cwd,
        background=process.background,
        state=process.state,
        exit_code=None if ended is None else ended.exit_code,
        age_s=round(process.age_s, 1),
        duration_s=round(process.duration_s, 1),
        cpu_s=None if cpu_s is None else round(cpu_s, 2),
        memory_bytes=memory_bytes,
        processes=count,
        stdout_bytes=process.stdout.total,
        stderr_bytes=process.stderr.total,
    )
