"""The tool `stop_process`: the end of a command, and of all that it started."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fs_server.commands.process import SIGNALS, name_of
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.printed import processes_of
from fs_server.tools.tool import Effect, tool


class StopProcess(Arguments):
    """What `stop_process` takes."""

    process_id: str = Field(description="As list_processes shows it")
    signal: Annotated[
        Literal["TERM", "INT", "HUP", "QUIT", "KILL"], Field(description="Sent first; after 2 s all is killed")
    ] = "TERM"


class Stopped(BaseModel):
    """The result of `stop_process`."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    state: str
    exit_code: int | None = None
    signal: str | None = None
    killed: int = Field(0, description="Processes that it had started and left")
    files_changed: list[str]


@tool(title="Stop a process", effect=Effect.RUN, data=Stopped)
async def stop_process(asked: StopProcess, services: Services) -> Answer:
    """End a command with all that it started; returns when they are dead."""
    processes = processes_of(services)
    process = processes.find(asked.process_id)
    if not process.done.is_set():
        process.stopped = True
        await processes.stop(process, SIGNALS[asked.signal])
    ended = process.ended
    stopped = Stopped(
        process_id=process.id,
        state=process.state,
        exit_code=None if ended is None else ended.exit_code,
        signal=None if ended is None or ended.signal is None else name_of(ended.signal),
        killed=0 if ended is None else ended.killed,
        files_changed=list(process.files.changed),
    )
    return Answer(facts=process.facts(), data=stopped)
