"""What a tool is given: the open workspace, the settings, and threads to work in. Passed, never global."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from fs_server.commands import OFFERED, Processes
from fs_server.commands.starting import start
from fs_server.commands.watching import Watching
from fs_server.config.settings import Limits, Settings
from fs_server.errors import Failure, explain, failed_io, quoted
from fs_server.files.seen import Seen
from fs_server.journal.directory import is_begun
from sandbox import Access, Lane, Place, Root, SandboxError, Stop, Workspace, shown

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["Services"]

log = logging.getLogger(__name__)

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
        seen: contents that a client knows, by their etags.
        processes: the commands that were started; None where none may be.
        watching: what stands in the roots, for what commands change; None where none run.
        parsing: held while a child process parses a file; further ones wait their turn.
    """

    settings: Settings
    opened: Workspace
    workspace: Workspace
    seen: Seen = field(default_factory=Seen)
    processes: Processes | None = None
    watching: Watching | None = None
    parsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSERS))
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _changing: dict[str, threading.Lock] = field(default_factory=dict)
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _journal: "Journal | None" = None
    _order: asyncio.Task[None] | None = None
    _closed_by: str = ""

    def __post_init__(self) -> None:
        """Prepare for commands, where they are permitted. Nothing is started."""
        settings = self.settings
        if OFFERED and settings.commands and self.writes:
            roots = self.opened.roots
            directory = settings.journal / "output"
            self.processes = Processes(lambda: start(settings, roots), settings.limits, directory)
            self.watching = Watching(roots, directory)

    @property
    def limits(self) -> Limits:
        """How much a call may take."""
        return self.settings.limits

    @property
    def writes(self) -> bool:
        """Whether anything can be changed at all: else no tool is offered that would."""
        writable = any(root.rules.writable for root in self.opened.roots)
        return writable and self.opened.resolver.changes is not None

    def own_places(self) -> tuple[str, ...]:
        """Return the paths of this server's own state that lie in roots: no command may change them."""
        own = tuple(self.settings.journal.parts[1:])
        inside = any(own[: len(root.spellings[-1])] == root.spellings[-1] for root in self.opened.roots)
        return (str(self.settings.journal),) if inside else ()

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
            raise self._closed(quoted(text))
        return self.workspace.at(text, access)

    def served(self) -> tuple[Root, ...]:
        """Return all roots, for what names none; there is one at least.

        Raises:
            Failure: `outside_roots`, while nothing is served at all.
        """
        if not self.workspace.roots:
            raise self._closed("This call")
        return self.workspace.roots

    def _closed(self, what: str) -> Failure:
        step = "Ask the user to open a directory inside a root, or to change client_roots"
        return Failure("outside_roots", what, shown(self._closed_by), step)

    async def put_in_order(self) -> None:
        """Finish or take back what a server that died left behind; whatever is asked meanwhile waits for that."""
        if is_begun(self.settings.journal):
            self._order = asyncio.create_task(asyncio.to_thread(self._put_in_order))

    def _put_in_order(self) -> None:
        try:
            self.journal()
        except (Failure, SandboxError):
            log.exception("What an earlier server left behind cannot be put in order")

    async def run(self, root: Root, work: Callable[[Stop], Result], *, what: str) -> Result:
        """Return what `work` returns, done in a thread of the root's lane. `what` names it for a refusal.

        Raises:
            Failure: `timeout`; for a file that was open, what the sandbox or the system refused.
        """
        with self._in_time(what):
            await self._in_order()
            return await self._lane(root).run(work, timeout_s=self.limits.call_timeout_s)

    async def change(self, roots: Sequence[Root], work: Callable[["Journal", Stop], Result], *, what: str) -> Result:
        """Return what `work` returns, done in a thread while no other change is made beneath these roots.

        `work` gets the journal, which is opened for the first change.

        Raises:
            Failure: `timeout`, or the journal cannot be written; what the sandbox or the system refused.
        """
        names = sorted({root.name for root in roots})
        async with AsyncExitStack() as turns:
            for name in names:
                await turns.enter_async_context(self._turns.setdefault(name, asyncio.Lock()))
            return await self.run(roots[0], lambda stop: self._alone(names, work, stop), what=what)

    def _alone(self, names: Sequence[str], work: Callable[["Journal", Stop], Result], stop: Stop) -> Result:
        """Do work in a thread while no other thread changes anything beneath these roots.

        A caller that leaves gives its turn away, while its thread still carries through what it has begun.
        """
        with ExitStack() as held:
            for name in names:
                lock = self._changing.setdefault(name, threading.Lock())
                while not lock.acquire(timeout=0.05):
                    if stop.is_set():
                        raise TimeoutError
                held.callback(lock.release)
            return work(self.journal(), stop)

    def journal(self) -> "Journal":
        """Return the journal, opened and put in order at the first call. For threads.

        Raises:
            Failure: it cannot be opened.
        """
        with self._opening:
            if self._journal is None:
                from fs_server.journal.journal import Journal  # noqa: PLC0415 - loads SQLite
                from fs_server.journal.recovery import recover  # noqa: PLC0415 - as above

                limits = self.limits
                self._journal = Journal.open(
                    self.settings.journal,
                    max_bytes=limits.journal_bytes,
                    max_age_s=limits.journal_days * 86_400.0,
                )
                recover(self._journal, self.opened)
            return self._journal

    async def close(self) -> None:
        """End every command, and give the journal back, once the changes that are under way have come to their end.

        Where that takes too long, the process ends without: then the system gives the session back, and not before,
        so that no other server takes a change up that is still being made.
        """
        async with asyncio.TaskGroup() as closing:
            if self.processes is not None:
                closing.create_task(self.processes.close())
            if self._journal is not None:
                closing.create_task(asyncio.to_thread(self._close))

    def _close(self) -> None:
        with ExitStack() as held:
            for name in sorted(self._changing):
                held.enter_context(self._changing[name])
            if self._journal is not None:
                self._journal.close()

    async def read(self, root: Root, work: Callable[[Lane], Awaitable[Result]], *, what: str) -> Result:
        """Return what `work` makes of a file piece by piece, the pieces read in threads of the root's lane.

        Raises:
            Failure: `timeout`; for a file that was open, what the sandbox or the system refused.
        """
        with self._in_time(what):
            async with asyncio.timeout(self.limits.call_timeout_s):
                await self._in_order()
                return await work(self._lane(root))

    async def _in_order(self) -> None:
        """Wait until what a dead server left is in order, but for a second only: one root may hang, and not others."""
        if self._order is not None and not self._order.done():
            await asyncio.wait([self._order], timeout=1.0)

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
