"""The tool `send_input`: text for a command in the background."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.printed import processes_of
from fs_server.tools.tool import Effect, tool

MOST_WAITING = 4 << 20
"""Bytes that wait for a command that does not read them."""


class SendInput(Arguments):
    """What `send_input` takes."""

    process_id: str = Field(description="Of a background command")
    text: str = Field(description="As it is; a line ends with \\n")
    close: Annotated[bool, Field(description="Nothing follows: the end of its input")] = False


class Sent(BaseModel):
    """The result of `send_input`."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    state: str
    sent_bytes: int
    waiting_bytes: int = Field(description="It has not read yet")
    closed: bool


@tool(title="Send input", effect=Effect.RUN, data=Sent)
async def send_input(asked: SendInput, services: Services) -> Answer:
    """Send text to the standard input of a background command."""
    process = processes_of(services).find(asked.process_id)
    feed, data = process.feed, asked.text.encode("utf-8", "surrogateescape")
    what = f"Sending input to {quoted(process.id)}"
    if feed is None or not process.background:
        fact = "It was not started in the background, so nothing is sent to it"
        raise Failure("unsupported_op", what, fact, "Start it with background=true")
    if feed.closed:
        fact = "It has ended" if process.done.is_set() else "Its input is closed"
        raise Failure("unsupported_op", what, fact, "read_output tells what it printed")
    if data and feed.waiting + len(data) > MOST_WAITING:
        fact = f"It has not read {feed.waiting} bytes, and at most {MOST_WAITING} wait"
        raise Failure("busy", what, fact, "Wait until it has read them, or send less at once")
    feed.send(data, last=asked.close)
    sent = Sent(
        process_id=process.id,
        state=process.state,
        sent_bytes=len(data),
        waiting_bytes=feed.waiting,
        closed=feed.closed,
    )
    return Answer(facts={"process_id": process.id, "state": process.state}, data=sent)
