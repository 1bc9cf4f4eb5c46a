"""What a tool is given: the open workspace, the settings, and threads to work in. Passed, never global."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from fs_server.config.settings import Limits, Settings
from fs_server.errors import Failure, explain, failed_io, quoted
from sandbox import Access, Lane, Place, Root, SandboxError, Stop, Workspace, shown

__all__ = ["Services"]

Result = TypeVar("Result")

PARSERS = 2
"""Child processes that parse at a time: each may take a processor for seconds, and a gigabyte of addresses."""

LANE_THREADS = 8
"""Threads per root: enough for a disk, few enough that a dead network mount costs little."""


@dataclass
class Services:
    """One per process, made when it starts.

    Attributes:
        settings: frozen.
        opened: every root that the operator configured.
        workspace: what is served now: the same roots, in the order or the selection that the client's roots give.
            It is replaced whole; work in flight keeps the one that it began with.
        parsing: held while a child process parses a file; further ones wait their turn.
    """

    settings: Settings
    opened: Workspace
    workspace: Workspace
    parsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSERS))
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _closed_by: str = ""

    @property
    def limits(self) -> Limits:
        """How much a call may take."""
        return self.settings.limits

    def await_client_roots(self) -> None:
        """Serve nothing until the client has said which directories it works in."""
        self._serve_nothing("The client has not said yet which directories it works in (setting client_roots = narrow)")

    def narrow(self, workspace: Workspace, directories: Sequence[str]) -> None:
        """Serve what the operator's roots and the client's `directories` have in common."""
        self.workspace = workspace
        if not workspace.roots:
            roots = ", ".join(root.path for root in self.opened.roots)
            client = ", ".join(directories) or "none"
            self._serve_nothing(f"The client's directories ({client[:60]}) and the roots ({roots[:60]}) do not meet")

    def _serve_nothing(self, reason: str) -> None:
        self.workspace = Workspace((), self.opened.resolver)
        self._closed_by = reason

    def at(self, text: str, access: Access) -> Place:
        """Return the place that a client's text names (see `Workspace.at`).

        Raises:
            Failure: `outside_roots`, while nothing is served at all.
        """
        if not self.workspace.roots:
            step = "Ask the user to open a directory inside a root, or to change client_roots"
            raise Failure("outside_roots", quoted(text), shown(self._closed_by), step)
        return self.workspace.at(text, access)

    async def run(self, root: Root, work: Callable[[Stop], Result], *, what: str) -> Result:
        """Return what `work` returns, done in a thread of the root's lane. `what` names it for a refusal.

        Raises:
            Failure: `timeout`; for a file that was open, what the sandbox or the system refused.
        """
        with self._in_time(what):
            return await self._lane(root).run(work, timeout_s=self.limits.call_timeout_s)

    async def read(self, root: Root, work: Callable[[Lane], Awaitable[Result]], *, what: str) -> Result:
        """Return what `work` makes of a file piece by piece, the pieces read in threads of the root's lane.

        Raises:
            Failure: `timeout`; for a file that was open, what the sandbox or the system refused.
        """
        with self._in_time(what):
            async with asyncio.timeout(self.limits.call_timeout_s):
                return await work(self._lane(root))

    def _lane(self, root: Root) -> Lane:
        return self._lanes.setdefault(root.name, Lane(LANE_THREADS))

    @contextmanager
    def _in_time(self, what: str) -> Iterator[None]:
        """Say in words that work took too long, or that the system failed it."""
        try:
            yield
        except TimeoutError as error:
            raise self._late(what) from error
        except SandboxError as refusal:
            if refusal.subject:
                raise
            # Of something that was open already: it does not know the client's words.
            raise explain(refusal, what) from refusal
        except OSError as error:  # of an open file: EIO of a bad disk, ESTALE of a network mount
            raise failed_io(what, error) from error
        except Failure as failure:
            if failure.code != "cancelled":
                raise
            # Whoever cancels a call is told nothing any more: it was the time that stopped this work.
            raise self._late(what) from failure

    def _late(self, what: str) -> Failure:
        return Failure(
            "timeout",
            what,
            f"The file system did not answer within {self.limits.call_timeout_s:g} s",
            "Ask for less, or try again later; other calls are not affected",
        )
