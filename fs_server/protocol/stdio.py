"""The two streams that the SDK's dispatcher talks to, over the claimed wire.

Reading is pulled: nothing is read until the dispatcher wants the next message, and nothing while a client that
does not read has left us more than `queued_bytes` of answers. So memory stays flat both ways.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

from mcp.shared.message import SessionMessage

from fs_server.protocol.backlog import Backlog
from fs_server.protocol.framing import MAX_LINE_BYTES, LineSplitter, Oversize, Rejection, read_line
from fs_server.protocol.in_flight import MAX_REQUESTS, InFlight
from fs_server.protocol.lifecycle import ENDED, Lifecycle
from fs_server.protocol.serialise import line_of, line_of_rejection
from fs_server.protocol.threaded import ThreadedSink, ThreadedSource

if sys.platform != "win32":
    from fs_server.protocol.polled import PolledSink, PolledSource

__all__ = ["Incoming", "Outgoing", "WireLimits", "open_sink", "open_source"]

HANG_UP_CHECK_S = 0.1


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What one client may make us hold: a line, unread answers, unanswered requests."""

    line_bytes: int = MAX_LINE_BYTES
    queued_bytes: int = 4 * 1024 * 1024
    requests: int = MAX_REQUESTS


class Source(Protocol):
    """See `PolledSource`."""

    async def read(self) -> bytes: ...
    def stop(self) -> None: ...
    def hung_up(self) -> bool: ...


class Sink(Protocol):
    """See `PolledSink`."""

    def write(self, line: bytes) -> None: ...


def open_source(fd: int) -> Source:
    """Read from `fd` without a thread where the platform can watch it."""
    if sys.platform != "win32":
        with suppress(PermissionError):
            return PolledSource(fd)
    return ThreadedSource(fd)


def open_sink(fd: int, backlog: Backlog, on_broken: Callable[[], None]) -> Sink:
    """Write to `fd`, in a thread only on Windows."""
    if sys.platform != "win32":
        return PolledSink(fd, backlog, on_broken)
    return ThreadedSink(fd, backlog, on_broken)


class Outgoing:
    """Messages to the client: an anyio-like send stream."""

    def __init__(self, sink: Sink, backlog: Backlog, in_flight: InFlight, stopping: asyncio.Event) -> None:
        self._sink = sink
        self._backlog = backlog
        self._in_flight = in_flight
        self._stopping = stopping

    async def send(self, item: SessionMessage) -> None:
        """Queue one message, then wait until the client has read enough of the others.

        In this order, so that a cancelled sender has sent all of its message.
        """
        self._sink.write(line_of(item.message))
        self._in_flight.answered(item)
        await self.room()

    def reject(self, rejection: Rejection) -> None:
        """Queue an error for a line that is not a message."""
        self._sink.write(line_of_rejection(rejection))

    async def room(self) -> None:
        """Wait until a well-behaved client may be given more. Ends when the server stops."""
        if not self._backlog.room.is_set():
            await _first(self._backlog.room, self._stopping)

    async def aclose(self) -> None:
        """Wait until everything is written. Whoever stops the server bounds this."""
        await self._backlog.empty.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Incoming:
    """Messages from the client: an anyio-like receive stream, which ends when the server stops."""

    def __init__(
        self, source: Source, outgoing: Outgoing, in_flight: InFlight, lifecycle: Lifecycle, *, line_bytes: int
    ) -> None:
        self._source = source
        self._outgoing = outgoing
        self._in_flight = in_flight
        self._lifecycle = lifecycle
        self._lines = LineSplitter(line_bytes)
        self._arrived: deque[SessionMessage] = deque()

    async def receive(self) -> SessionMessage:
        """Wait for one message.

        Raises:
            StopAsyncIteration: there are no more, and requests had their grace.
        """
        # Messages come many to a chunk. Each has its turn to be answered before the next one is taken,
        # or a thousand answers would be made at once for a client that reads none.
        await asyncio.sleep(0)
        await self._outgoing.room()
        while not self._arrived:
            chunk = await self._source.read()
            for line in self._lines.feed(chunk) if chunk else self._lines.finish():
                self._take(line)
            if not chunk and not self._arrived:
                await self._end()
                raise StopAsyncIteration
            await self._outgoing.room()
        return self._arrived.popleft()

    async def watch_hang_up(self, backlog: Backlog) -> None:
        """Notice a client that neither reads nor writes any more, which `receive` cannot see behind the rest."""
        while True:
            await backlog.congested.wait()
            if self._source.hung_up():
                self._lifecycle.begin(ENDED)
                return
            await asyncio.sleep(HANG_UP_CHECK_S)

    async def aclose(self) -> None:
        """Stop reading."""
        self._source.stop()

    def _take(self, line: bytes | Oversize) -> None:
        read = read_line(line)
        if isinstance(read, SessionMessage):
            refused = self._in_flight.admit(read)
            if refused is None:
                self._arrived.append(read)
                return
            read = refused
        if read is not None:
            self._outgoing.reject(read)

    async def _end(self) -> None:
        """Detect the end, and let requests be answered for a moment: the last one may have just come."""
        self._lifecycle.begin(ENDED)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lifecycle.grace_s):
                await self._in_flight.idle()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        return await self.receive()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiting:
            waiter.cancel()
