"""Carrying a change out: written down first, then done step by step, and all of it or nothing."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fs_server.errors import Failure
from fs_server.journal.acts import Act, PutAct
from fs_server.journal.capture import NOT_HASHED
from fs_server.journal.changes import Change, Step
from fs_server.journal.ground import Ground
from fs_server.journal.operations import Operation
from fs_server.journal.planning import Planned, Planner
from fs_server.journal.side_by_side import side_by_side
from fs_server.journal.states import DirectoryState, FileState
from sandbox import NewFile, SandboxError, Stop

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["Carried", "NotKept", "carry_out", "settle", "take_back"]

log = logging.getLogger(__name__)


class NotKept(Exception):  # a fact that the caller decides on
    """What would be lost is more than the journal keeps of one change, so that it could not be undone.

    Attributes:
        size: bytes so far; there may be more.
        limit: of one change.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done.

    Attributes:
        change: as the journal has it; None where everything was as it should be already.
        steps: that were done, then those that had nothing to do.
        notes: what could not be kept of files that were replaced, by path.
    """

    change: Change | None
    steps: tuple[Step, ...]
    notes: tuple[tuple[str, str], ...]


SMALL = 16 << 20
"""Bytes of a content that is read into memory to be kept: where it is kept already, nothing has to be written."""


@dataclass(slots=True)
class _Keeper:
    """Keeps contents of one change: of what is lost up to a limit, and of what is written."""

    journal: "Journal"
    limit: int
    size: int = 0
    digests: list[str] = field(default_factory=list)

    def keep(self, chunks: Iterator[bytes], size: int) -> tuple[str, int]:
        self.size += size
        if self.size > self.limit:
            raise NotKept(self.size, self.limit)
        if size > SMALL:
            digest, size = self.journal.keep_chunks(chunks)
            return self._kept(digest), size
        content = b"".join(chunks)
        return self.keep_whole(content), len(content)

    def keep_whole(self, content: bytes) -> str:
        return self._kept(self.journal.keep(content))

    def keep_written(self, content: bytes) -> str:
        # The file itself holds it. After a power cut a later merge may miss it, and nothing else.
        return self._kept(self.journal.keep(content, durable=False))

    def _kept(self, digest: str) -> str:
        self.digests.append(digest)
        return digest

    def give_up(self) -> None:
        """Let go of all: the change does not begin."""
        with contextlib.suppress(Failure):
            self.journal.give_up(self.digests)


def carry_out(
    journal: "Journal",
    operations: Iterable[Operation],
    *,
    tool: str,
    keep_bytes: int,
    stop: Stop | None = None,
    undoes: int | None = None,
    approve: Callable[[Planned], None] | None = None,
    note: str = "",
    author: str = "server",
) -> Carried:
    """Do all of `operations` as one change, and return it.

    Args:
        journal: writes it down.
        operations: in order; each finds what those before it have made.
        tool: that was called.
        keep_bytes: how much of what is replaced or removed is kept; 0 keeps nothing, because a person agreed.
        stop: ends it before it has begun to change anything; later it is carried through.
        undoes: the number of the change that this one takes back.
        approve: is shown the plan, and refuses by raising.
        note: for the history.
        author: who is behind it.

    Raises:
        SandboxError: one of the operations failed; nothing is changed.
        NotKept: more would be lost than `keep_bytes`.
        TimeoutError: `stop` said so.
    """
    keeper = _Keeper(journal, keep_bytes)
    begun: list[Change] = []

    def tell(step: Step) -> None:
        # By the temporary name, which is nobody else's: what gives way at a path is a step of the same path.
        place = next(at for at, act in enumerate(planned.acts) if act.step.temporary == step.temporary)
        journal.note(begun[0], place, step)

    planner = Planner(
        keep=keeper.keep if keep_bytes else None,
        keep_written=keeper.keep_written,
        keep_manifest=keeper.keep_whole,
        chunks=lambda digest: _chunks(journal, digest),
        stop=stop,
        tell=tell,
    )
    with Ground() as ground, contextlib.ExitStack() as held:
        try:
            planned = planner.plan(iter(operations))
            if approve is not None:
                approve(planned)
            planner.go_on()
            as_they_are = tuple(act.step for act in planned.unchanged)
            if not planned.acts and undoes is None:  # what is undone counts as undone, even where nothing is left to do
                keeper.give_up()
                return Carried(None, as_they_are, ())
            _notice_others(journal, [act.step for act in planned.acts])
            file = _file_without_name(planned.acts, ground)
            if file is not None:
                held.enter_context(file)
            steps = [act.step for act in planned.acts]
            change = journal.begin(steps, tool=tool, author=author, undoes=undoes, note=note, durable=file is None)
        except BaseException:
            keeper.give_up()
            raise
        begun.append(change)
        change = _apply(journal, change, planned.acts, ground, file)
    return Carried(
        change,
        (*change.steps, *as_they_are),
        tuple((act.step.path, note) for act in planned.acts for note in act.notes),
    )


def _notice_others(journal: "Journal", steps: Iterable[Step]) -> None:
    """Write down what somebody else has made of files that we left otherwise: their change comes before ours."""
    for step in steps:
        before = step.before
        if isinstance(before, FileState) and before.digest != NOT_HASHED:
            known = journal.last_state_of_file(step.path)
            if isinstance(known, FileState) and known.digest not in {before.digest, NOT_HASHED}:
                journal.note_outside(step.path, known, before, before.mtime_ns)


def _file_without_name(acts: Sequence[Act], ground: Ground) -> NewFile | None:
    """Make the new file of a change of one file before anything is written down, where that can be done.

    So its content and the intent reach the disk at the same time.
    """
    act = acts[0] if len(acts) == 1 else None
    return act.make_unnamed(ground) if isinstance(act, PutAct) else None


def _flush(journal: "Journal", file: NewFile) -> None:
    """Wait until the disk has the intent and the new file, side by side, and read the file back meanwhile."""

    def flush_and_verify() -> None:
        journal.flush()
        file.verify()

    side_by_side(file.flush, flush_and_verify)


def _apply(journal: "Journal", change: Change, acts: list[Act], ground: Ground, file: NewFile | None) -> Change:
    """Do every act and write down that the change is done, or take all of it back."""
    begun: list[Act] = []
    try:
        if file is not None:
            _flush(journal, file)
        for act in acts:
            begun.append(act)
            act.apply(ground)
        ground.sync()
        steps = [act.step for act in acts]
        waiting = [act for act in acts if act.leaves_something_waiting]
        # A tree that is half removed cannot be put back from its directory: that it goes has to be known for certain.
        certain = any(isinstance(act.step.before, DirectoryState) for act in waiting)
        change = journal.finish(change, steps, waiting=bool(waiting), durable=certain)
    except BaseException:
        take_back(journal, change, begun, ground)
        raise
    return settle(journal, change, acts, ground) if waiting else change


def settle(journal: "Journal", change: Change, acts: list[Act], ground: Ground) -> Change:
    """Let go of what waits of a change that is done. What fails here is left to the next start."""
    try:
        if _settled(acts, ground):
            return journal.settle(change)
    except Failure:
        log.exception("%s: that it is cleared up could not be written down", change.id)
    log.error("%s is done, but not cleared up; the next start does that", change.id)
    return change


def _settled(acts: list[Act], ground: Ground) -> bool:
    """Let go of what waits for each act, also after that of one has failed; tell whether none has."""
    settled = True
    for act in acts:
        try:
            if act.is_there(ground):
                act.settle(ground)
        except _TROUBLE:
            log.exception("%s", act.step.path)
            settled = False
    return settled


def take_back(journal: "Journal", change: Change, acts: list[Act], ground: Ground) -> bool:
    """Undo what was done of a change that failed, the last first. What cannot be undone now, the next start will.

    Returns whether all of it was undone.
    """
    try:
        for act in reversed(acts):  # up to the first that fails: what came before it may stand in its way
            if act.is_there(ground):
                act.take_back(ground)
        ground.sync()
        journal.abandon(change)
    except _TROUBLE:
        log.exception("%s failed, and could not be taken back whole; the next start tries again", change.id)
        return False
    return True


_TROUBLE = (SandboxError, OSError, Failure)


def _chunks(journal: "Journal", digest: str) -> Iterator[bytes]:
    chunks = journal.chunks(digest)
    if chunks is None:
        raise Failure(
            "nothing_to_undo",
            "Its content is no longer kept",
            "The journal has limits in size and age, and this was beyond them",
            "Restore it from a backup, or go on without",
        )
    return chunks
