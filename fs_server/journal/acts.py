"""The four things that a change is made of: each can be done, recognised as done, taken back, and settled.

What is replaced or removed is never gone before the whole change has succeeded: it waits under a temporary name in
its own directory, as the very inode that it was. Taking back is renaming. A crash leaves what recovery finds by the
same names and inodes, because the step was written down before the first of them was made.
"""

import contextlib
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from fs_server.files.digest import digest_of
from fs_server.journal.capture import capture, directory_state, same_nodes, unchanged
from fs_server.journal.changes import Step
from fs_server.journal.ground import Ground
from fs_server.journal.making import remove, remove_known
from fs_server.journal.places import Where
from fs_server.journal.states import Absent, DirectoryState, FileState, State
from sandbox import (
    Changed,
    EscapesRoot,
    Exists,
    Kind,
    NewFile,
    NotDirectory,
    NotEmpty,
    NotFound,
    Spot,
    UnsupportedOp,
    downward,
)

__all__ = ["UNKNOWN", "Act", "Made", "MakeDirectoryAct", "MoveAct", "PutAct", "RemoveAct"]

UNKNOWN = (0, 0)
"""The identity of what has not been made yet."""

log = logging.getLogger(__name__)

Nodes = tuple[tuple[str, State], ...]

MOST_EXCHANGES = 100
"""After which what somebody changes faster than that is left as it is."""

OLD = ".old"
"""Behind a temporary name, where names cannot be exchanged: what was replaced waits under this one."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: its state, what could not be kept of what it replaces, and the file, if it has no name yet."""

    state: State
    notes: tuple[str, ...] = ()
    unnamed: NewFile | None = None


class Act(ABC):
    """One step of a change, on the disk.

    Attributes:
        step: as it is written down; `after` tells what was made, once it was.
        where: its path, as a root of today has it.
        notes: what could not be kept of what was replaced.
    """

    def __init__(self, step: Step, where: Where) -> None:
        """Take the step, and where it is done."""
        self.step = step
        self.where = where
        self.notes: tuple[str, ...] = ()

    @property
    def leaves_something_waiting(self) -> bool:
        """Whether something is under a temporary name when it is done."""
        return False

    def is_there(self, ground: Ground) -> bool:
        """Tell whether its directory is. Where it is not, there is nothing to take back, and nothing was done."""
        try:
            self._spot(ground)
        except _NOWHERE:  # this change was to make it, or somebody has removed it since
            return False
        return True

    def mark(self, ground: Ground) -> None:
        """Let the ground know in which directories names are changed."""
        ground.changed(self.where.root, self.where.parts)

    @abstractmethod
    def apply(self, ground: Ground) -> None:
        """Do it, or raise."""

    @abstractmethod
    def is_done(self, ground: Ground) -> bool:
        """Tell from what stands there whether it was done: after a crash nobody else knows."""

    @abstractmethod
    def take_back(self, ground: Ground) -> None:
        """Make it undone, whether it was done or only begun, and leave nothing behind."""

    def settle(self, ground: Ground) -> None:  # noqa: B027 # most leave nothing
        """Let go of what waits under a temporary name: the change has succeeded."""

    def _spot(self, ground: Ground) -> Spot:
        return ground.spot(self.where.root, self.where.parts)

    def _waiting(self, ground: Ground) -> Spot:
        return self._spot(ground).beside(self.step.temporary.rpartition("/")[2])


class PutAct(Act):
    """Something new at a name: a file or a tree, in place of a file or of nothing."""

    def __init__(
        self,
        step: Step,
        where: Where,
        build: Callable[[Spot], Made] | None = None,
        tell: Callable[[Step], None] | None = None,
        *,
        build_unnamed: Callable[[Spot], Made | None] | None = None,
        nodes: Nodes | None = (),
    ) -> None:
        """Take what builds the new thing; `tell` hears of its identity before it is shown. Recovery needs neither.

        `nodes` are what a new directory holds; None where nobody knows any more.
        """
        super().__init__(step, where)
        self._build = build
        self._build_unnamed = build_unnamed
        self._tell = tell
        self._nodes = nodes
        self._unnamed: NewFile | None = None

    @property
    def leaves_something_waiting(self) -> bool:
        """Whether it was a file that was replaced."""
        return not isinstance(self.step.before, Absent)

    def make_unnamed(self, ground: Ground) -> NewFile | None:
        """Make the new file before anything is written down: as long as it has no name, nobody has to clear it up.

        Returns the file, of which the disk knows nothing yet, and which the caller closes; None where that cannot be.
        """
        if self._build_unnamed is None or not self.is_there(ground):
            return None
        spot = self._spot(ground)
        self._require_unchanged(spot)
        made = self._build_unnamed(spot)
        if made is None:
            return None
        self.notes, self._unnamed = made.notes, made.unnamed
        self.step = replace(self.step, after=made.state)
        return made.unnamed

    def apply(self, ground: Ground) -> None:
        """Make the new thing beside its place, and put it there."""
        spot, waiting = self._spot(ground), self._waiting(ground)
        self._require_unchanged(spot)
        is_new = isinstance(self.step.before, Absent)
        if self._unnamed is None:
            self._make(waiting)
        self.mark(ground)
        if self._unnamed is not None:
            (spot if is_new else waiting).take(self._unnamed)
            self._unnamed.close()  # nobody has it open for writing now
        elif is_new:
            waiting.move_to(spot)
        if not is_new:
            self._swap(spot, waiting)

    def _make(self, waiting: Spot) -> None:
        """Make the new thing, and let the journal know of its identity."""
        assert self._build is not None
        assert self._tell is not None
        made = self._build(waiting)
        self.notes = made.notes
        self.step = replace(self.step, after=made.state)
        self._tell(self.step)

    def _require_unchanged(self, spot: Spot) -> None:
        facts = spot.stat()
        if unchanged(self.step.before, facts):
            return
        raise Exists if isinstance(self.step.before, Absent) else Changed

    def _swap(self, spot: Spot, waiting: Spot) -> None:
        """Put the new file in place of the old one, and look whether it was that old one."""
        # Of our own file, under a name that nobody knows: where it is said of that, it says nothing.
        tells = not waiting.is_written_to()
        try:
            waiting.exchange_with(spot)
        except UnsupportedOp:
            self._swap_in_two(spot, waiting)
            return
        try:
            self._require_at_rest(waiting, tells=tells)
        except Changed:  # somebody saves just now: theirs stays
            self._give_back(spot, waiting)
            raise

    def _require_at_rest(self, waiting: Spot, *, tells: bool) -> None:
        """Return if the old file is what it was, and nobody is about to write into it under its hidden name."""
        if not unchanged(self.step.before, waiting.stat()):
            raise Changed
        if tells and waiting.is_written_to():
            raise Changed(writer="another program")
        if not unchanged(self.step.before, waiting.stat()):  # it has been closed since the first look
            raise Changed

    def _give_back(self, spot: Spot, waiting: Spot) -> None:
        """Put what waits back, and after it whatever somebody else puts there meanwhile: the last of theirs stays.

        An exchange brings what stood there at that very moment. That is ours, or what came after it, or what was put
        back just before, if nothing came.
        """
        put: os.stat_result | None = None
        for _ in range(MOST_EXCHANGES):
            held = waiting.stat()
            waiting.exchange_with(spot)
            facts = waiting.stat()
            if facts is None or self._is_ours(waiting) or (put is not None and os.path.samestat(facts, put)):
                return
            put = held

    def _swap_in_two(self, spot: Spot, waiting: Spot) -> None:
        """Do the same where names cannot be exchanged: keep the old file under a second name, then replace the first.

        Whoever writes to the old file meanwhile is seen, because it is still here under the second name. Whoever puts
        another file in its place between the look and the replacement is not: no call could tell.
        """
        old = waiting.beside(waiting.name + OLD)
        spot.link_to(old)
        if not unchanged(self.step.before, old.stat()):
            old.remove(Kind.FILE)
            raise Changed
        waiting.replace(spot)
        if not unchanged(self.step.before, old.stat()):
            old.replace(spot)
            raise Changed

    def is_done(self, ground: Ground) -> bool:
        """Tell whether the new thing stands there, and nothing of somebody else's waits in place of the old one."""
        spot, before = self._spot(ground), self.step.before
        if isinstance(before, Absent):
            waiting = self._waiting(ground)
            return self._is_ours(spot) and (waiting.stat() is None or _are_one(waiting, spot))
        if _is(before, spot):
            return False
        holder = self._holder(ground)
        return self._is_ours(spot) if holder is None else unchanged(before, holder.stat())

    def take_back(self, ground: Ground) -> None:
        """Put the old file back, or nothing."""
        spot = self._spot(ground)
        if isinstance(self.step.before, Absent):
            self._hide(ground, spot)
        else:
            self._swap_back(ground, spot)
        self.settle(ground)

    def _hide(self, ground: Ground, spot: Spot) -> None:
        """Hide the new thing, unless somebody has changed something in it: then it is theirs, and stays."""
        waiting = self._waiting(ground)
        if not self._is_ours(spot):
            return
        self.mark(ground)
        if _are_one(waiting, spot):
            waiting.remove(Kind.FILE)
        if waiting.stat() is None:  # else ours still waits, and somebody has put the same there
            spot.move_to(waiting)
            if not self._is_as_made(waiting):
                waiting.move_to(spot)
                log.warning("%s was to be taken back, and stays: somebody works in it", self.step.path)

    def _swap_back(self, ground: Ground, spot: Spot) -> None:
        """Put the old file back, unless somebody else has put another one there: theirs stays."""
        holder = self._holder(ground)
        if holder is None or not self._was_exchanged(spot, holder):
            return
        self.mark(ground)
        if spot.stat() is None:
            if _is(self.step.before, holder):
                holder.move_to(spot)
        elif self._is_ours(spot):
            if holder.name.endswith(OLD):
                holder.replace(spot)
                return
            self._give_back(spot, holder)

    def _was_exchanged(self, spot: Spot, holder: Spot) -> bool:
        """Tell whether the new file has taken the place of another one.

        What was made is written down before it is shown. So where nobody knows what was made, it was not shown, and
        what waits is what was begun; but for a power cut, which leaves the old file waiting.
        """
        if _is(self.step.before, spot):
            return False
        return _is(self.step.before, holder) or self.step.after_identity != UNKNOWN

    def settle(self, ground: Ground) -> None:
        """Remove the old file, and what was begun; what is somebody else's, in whole or in part, stays."""
        spot = self._spot(ground)
        for waiting in self._names(ground):
            facts = waiting.stat()
            if facts is None:
                continue
            self.mark(ground)
            if self._may_go(spot, waiting, facts):
                remove(waiting, facts)
            else:
                recovered(spot, waiting)

    def _may_go(self, spot: Spot, waiting: Spot, facts: os.stat_result) -> bool:
        """Tell whether what waits is the old file as it was, or what we made, or a second name of what stands there."""
        if _are_one(waiting, spot):
            return True
        if _is(self.step.before, waiting):
            return unchanged(self.step.before, facts)
        return self.step.after_identity == UNKNOWN or self._is_ours(waiting)

    def _names(self, ground: Ground) -> tuple[Spot, Spot]:
        waiting = self._waiting(ground)
        return waiting, waiting.beside(waiting.name + OLD)

    def _holder(self, ground: Ground) -> Spot | None:
        """Return the temporary name under which what was replaced waits, if anything was."""
        return next((name for name in self._names(ground) if name.stat() is not None), None)

    def _is_ours(self, spot: Spot) -> bool:
        """Tell whether what stands there is what we made, by its identity if that was written down, or by content."""
        facts, after = spot.stat(), self.step.after
        if facts is None or isinstance(after, Absent):
            return False
        if after.identity != UNKNOWN:
            return unchanged(after, facts)
        if self._build is not None:  # it has not been made yet, so what holds the same is somebody else's
            return False
        if not isinstance(after, FileState) or Kind.of(facts.st_mode) is not Kind.FILE:
            return False
        with spot.open() as file:
            return file.size == after.size and digest_of(file.chunks())[0] == after.digest

    def _is_as_made(self, waiting: Spot) -> bool:
        """Tell whether a directory still holds what we put into it."""
        if not isinstance(self.step.after, DirectoryState):
            return True
        return self._nodes is not None and same_nodes(self._nodes, capture(waiting, keep=None).nodes)


class RemoveAct(Act):
    """A file, a link or a tree that goes."""

    def __init__(self, step: Step, where: Where, *, nodes: Nodes | None = ()) -> None:
        """Take what a directory holds; None where nobody knows any more."""
        super().__init__(step, where)
        self._nodes = nodes

    @property
    def leaves_something_waiting(self) -> bool:
        """Always: the thing itself."""
        return True

    def apply(self, ground: Ground) -> None:
        """Hide it, and look whether it is what was written down."""
        spot, waiting = self._spot(ground), self._waiting(ground)
        if not unchanged(self.step.before, spot.stat()):
            raise Changed
        self.mark(ground)
        spot.move_to(waiting)
        if not self._is_as_written(waiting):
            waiting.move_to(spot)
            raise Changed

    def _is_as_written(self, waiting: Spot) -> bool:
        """Tell whether it is still what was written down; contents of a tree by their size, time and inode."""
        if not unchanged(self.step.before, waiting.stat()):
            return False
        if not isinstance(self.step.before, DirectoryState):
            return True
        if self._nodes is None:
            return False
        left = dict(self._nodes)
        depth = len(waiting.parts)
        for below, _ in downward(waiting):
            state = left.pop("/".join(below.parts[depth:]), Absent())
            if isinstance(state, Absent) or not unchanged(state, below.stat()):
                return False
        return not left

    def is_done(self, ground: Ground) -> bool:
        """Tell whether it is hidden, and what was written down, or gone."""
        spot, waiting = self._spot(ground), self._waiting(ground)
        if waiting.stat() is None:
            return spot.stat() is None
        return not _are_one(waiting, spot) and self._is_as_written(waiting)

    def take_back(self, ground: Ground) -> None:
        """Show it again."""
        spot, waiting = self._spot(ground), self._waiting(ground)
        if waiting.stat() is None:
            return
        self.mark(ground)
        if _are_one(waiting, spot):
            waiting.remove(Kind.FILE)
            return
        try:
            waiting.move_to(spot)
        except Exists:  # somebody has put something else there: neither is lost
            recovered(spot, waiting)

    def settle(self, ground: Ground) -> None:
        """Remove what was hidden, as it was written down; what somebody has put into it since stays."""
        spot, waiting = self._spot(ground), self._waiting(ground)
        facts = waiting.stat()
        if facts is None:
            return
        self.mark(ground)
        if self._nodes is None:  # a person agreed that it is not kept, so nobody knows any more what was in it
            remove(waiting, facts)
            gone = True
        elif isinstance(self.step.before, DirectoryState):
            gone = remove_known(waiting, dict(self._nodes))
        else:
            gone = unchanged(self.step.before, facts)
            if gone:
                waiting.remove(Kind.of(facts.st_mode))
        if not gone:
            recovered(spot, waiting)


class MakeDirectoryAct(Act):
    """A new, empty directory."""

    def __init__(self, step: Step, where: Where) -> None:
        """Take the step, and where it is done."""
        super().__init__(step, where)
        self._is_theirs = False

    def apply(self, ground: Ground) -> None:
        """Make it."""
        spot = self._spot(ground)
        self.mark(ground)
        try:
            spot.make_directory()
        except Exists:
            self._is_theirs = True
            raise
        self.step = replace(self.step, after=directory_state(spot))

    def is_done(self, ground: Ground) -> bool:
        """Tell whether it is there: the very one, where it was made in this process."""
        spot = self._spot(ground)
        facts = spot.stat()
        if facts is None or Kind.of(facts.st_mode) is not Kind.DIRECTORY:
            return False
        return self.step.after_identity == UNKNOWN or _is(self.step.after, spot)

    def take_back(self, ground: Ground) -> None:
        """Remove it, unless somebody uses it by now."""
        if not self._is_theirs and self.is_done(ground):
            self.mark(ground)
            with contextlib.suppress(NotEmpty, NotFound):
                self._spot(ground).remove(Kind.DIRECTORY)


class MoveAct(Act):
    """Something that gets another name on the same file system."""

    def __init__(self, step: Step, where: Where, destination: Where) -> None:
        super().__init__(step, where)
        self._destination = destination

    def _there(self, ground: Ground) -> Spot:
        return ground.spot(self._destination.root, self._destination.parts)

    def apply(self, ground: Ground) -> None:
        """Rename it, and look whether it is what was meant."""
        spot, there = self._spot(ground), self._there(ground)
        if not unchanged(self.step.before, spot.stat()):
            raise Changed
        self.mark(ground)
        spot.move_to(there)
        if not unchanged(self.step.before, there.stat()):
            there.move_to(spot)
            raise Changed

    def is_there(self, ground: Ground) -> bool:
        """Tell whether both directories are."""
        try:
            self._there(ground)
        except _NOWHERE:
            return False
        return super().is_there(ground)

    def mark(self, ground: Ground) -> None:
        """Let the ground know in which directories names are changed."""
        super().mark(ground)
        ground.changed(self._destination.root, self._destination.parts)

    def is_done(self, ground: Ground) -> bool:
        """Tell whether it has its new name, and no longer the old one."""
        return _is(self.step.before, self._there(ground)) and not _is(self.step.before, self._spot(ground))

    def take_back(self, ground: Ground) -> None:
        """Give it its old name."""
        spot, there = self._spot(ground), self._there(ground)
        if not _is(self.step.before, there):
            return
        self.mark(ground)
        if _are_one(there, spot):
            there.remove(Kind.FILE)
        else:
            with contextlib.suppress(Exists):  # somebody has put something else there: the moved one stays
                there.move_to(spot)


_NOWHERE = (Changed, NotFound, NotDirectory, EscapesRoot)


def recovered(spot: Spot, waiting: Spot) -> None:
    """Give what waits a name that a person finds: it can neither go back nor be let go."""
    # Fifty letters, because a name has an end.
    other = spot.beside(f"{spot.name[:50]}.recovered-{waiting.name.removesuffix(OLD)[-8:]}")
    if _are_one(waiting, other):
        waiting.remove(Kind.FILE)
    else:
        waiting.move_to(other)
    log.warning("Somebody else has changed %r meanwhile; it stands beside it as %r", spot.name, other.name)


def _is(state: State, spot: Spot) -> bool:
    """Tell whether the very thing that a state tells of stands at a spot."""
    facts = spot.stat()
    if facts is None or isinstance(state, Absent):
        return False
    return (facts.st_dev, facts.st_ino) == state.identity


def _are_one(one: Spot, other: Spot) -> bool:
    """Tell whether a file has both names: where renaming takes two calls, only the first of them was made."""
    facts, others = one.stat(), other.stat()
    return facts is not None and others is not None and os.path.samestat(facts, others)
