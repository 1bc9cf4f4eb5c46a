"""What has to be done so that a change was never made; or why that would lose what came later.

A step can be taken back if what stands there is still what the change left. Text that others have changed since, in
other lines, is merged; everything else that came later is a conflict, because taking this back would take that too.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from fs_server.errors import Failure, quoted
from fs_server.files.merge import Overlap, merged
from fs_server.journal.capture import Captured, capture, same_content
from fs_server.journal.changes import Action, Change, Step
from fs_server.journal.operations import Move, Operation, Put, Remove, Restore
from fs_server.journal.places import path_of
from fs_server.journal.states import Absent, DirectoryState, FileState, LinkState, OtherState, State, nodes_of
from sandbox import DanglingSymlink, EscapesRoot, Kind, NotDirectory, NotFound, SymlinkLoop, Target

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["Undoing"]

MERGED_BYTES = 16 << 20
"""The largest file whose later changes are merged with an undo."""

PERMISSIONS = 0o777
"""Bits of a mode that an undo sets; what runs with its owner's rights never gets that back."""


class Undoing:
    """Works out how one change is taken back.

    Attributes:
        change: that is taken back.
        notes: what a reader should know, such as that somebody else's later lines were kept.
    """

    def __init__(self, journal: "Journal", change: Change, *, target: Callable[[str], Target]) -> None:
        """Take the change; `target` gives what may be written at an absolute path of the journal."""
        self._journal = journal
        self.change = change
        self._target_of = target
        # Of what comes before: paths that it takes away, and directories that it puts back.
        self._gone: set[str] = set()
        self._back: set[str] = set()
        self.notes: list[str] = []

    def operations(self) -> list[Operation]:
        """Return what takes the change back, in order.

        Raises:
            Failure: `conflict`, something came later; `nothing_to_undo`, what would be put back is no longer kept.
            SandboxError: one of its paths may not be written now.
        """
        made = {step.path for step in self.change.steps if step.action is Action.MAKE_DIRECTORY}
        tops = {path for path in made if made.isdisjoint(_above(path))}
        operations: list[Operation] = []
        for step in reversed(self.change.steps):
            if step.action is Action.MAKE_DIRECTORY:
                if step.path in tops:
                    operations.append(self._remove_made(step.path))
                    self._gone.add(step.path)
            elif not (_creates(step) and not tops.isdisjoint(_above(step.path))):
                operations.append(self._inverse(step))
                if isinstance(operations[-1], Remove | Move):
                    self._gone.add(step.destination or step.path)
        return operations

    def _inverse(self, step: Step) -> Operation:
        if step.action is Action.MOVE:
            return self._move_back(step)
        if step.action is Action.REMOVE:
            return self._restore(step)
        return self._take_away(step) if _creates(step) else self._put_back(step)

    def _take_away(self, step: Step) -> Remove:
        target, leaving = self._target(step.path), self._leaving(step.path)
        state, nodes = self._now(target, leaving)
        if not _same(step.after, self._nodes(step.after), state, nodes):
            raise self._conflict(step.path, "is gone already" if target.stat is None else "was changed since")
        return Remove(target, leaving, is_meant=partial(_is_same, (state, nodes)))

    def _put_back(self, step: Step) -> Put:
        target = self._target(step.path)
        state, _ = self._now(target)
        if not isinstance(state, FileState) or not isinstance(step.before, FileState):
            raise self._conflict(step.path, "is no longer a file")
        content = self._content(step.before)
        if isinstance(step.after, FileState) and state.digest != step.after.digest:
            content = self._merged(step, target, content)
        return Put(target, content, state.digest, mode=_mode(step.before, step.after, state))

    def _merged(self, step: Step, target: Target, mine: bytes) -> bytes:
        """Return what stands there now with this change taken out, where no later change touches the same lines."""
        assert isinstance(step.after, FileState)
        base = self._journal.content(step.after.digest, limit=MERGED_BYTES)
        if base is None or target.stat is None or target.stat.st_size > MERGED_BYTES:
            raise self._conflict(step.path, "was changed since")
        with target.spot() as spot, spot.open() as file:
            theirs = file.read_at(0, file.size)
        result = merged(base, mine, theirs)
        if isinstance(result, Overlap):
            raise self._conflict(step.path, f"was changed since in the same lines ({_lines(result)})")
        self.notes.append(f"{target.shown}: what was changed since in other lines is kept")
        return result.content

    def _restore(self, step: Step) -> Restore:
        target = self._target(step.path)
        self._require_room(step.path, target)
        nodes = self._nodes(step.before)
        self._back.update(_directories(step.path, step.before, nodes))
        split = sum(isinstance(state, FileState) and state.links > 1 for _, state in (("", step.before), *nodes))
        if split:
            self.notes.append(
                f"{target.shown}: {split} files with several names (hard links) have one of their own now"
            )
        lost = sum(isinstance(state, OtherState) and state.kind != "fifo" for _, state in nodes)
        if lost:
            self.notes.append(f"{target.shown}: {lost} sockets or devices in it could not be made again")
        return Restore(target, step.before, nodes, self._chunks)

    def _move_back(self, step: Step) -> Move:
        source, destination = self._target(step.destination), self._target(step.path)
        if source.kind is not _kind(step.after) or self._removed_since(step.destination):
            raise self._conflict(step.destination, "is no longer what was moved there")
        self._require_room(step.path, destination)
        return Move(source, destination)

    def _remove_made(self, top: str) -> Remove:
        """Take away a directory that the change made, together with all that it made in it, and with nothing else."""
        target, leaving = self._target(top), self._leaving(top)
        state, nodes = self._now(target, leaving)
        if not isinstance(state, DirectoryState):
            raise self._conflict(top, "is gone already")
        expected = dict(self._made_beneath(top))
        for path, found in nodes:
            if path not in expected:
                raise self._conflict(top, f"holds {quoted(path)}, which this change did not put there")
            if not same_content(expected.pop(path), found):
                raise self._conflict(top, f"holds {quoted(path)}, which was changed since")
        if expected:
            raise self._conflict(top, f"lacks {quoted(next(iter(expected)))}")
        return Remove(target, leaving, is_meant=partial(_is_same, (state, nodes)))

    def _made_beneath(self, top: str) -> Iterator[tuple[str, State]]:
        base = len(top) + 1
        for step in self.change.steps:
            if _beneath(step.path, top) and (_creates(step) or step.action is Action.MAKE_DIRECTORY):
                yield step.path[base:], step.after
                for path, state in self._nodes(step.after):
                    yield f"{step.path[base:]}/{path}", state

    def _require_room(self, path: str, target: Target) -> None:
        if target.stat is not None and path not in self._gone:
            raise self._conflict(path, "stands there again")
        if target.missing > 1 and path.rpartition("/")[0] not in self._back:
            raise self._conflict(path, "has lost its directory")

    def _target(self, path: str) -> Target:
        """Return what may be written at a path, as long as no link has come into it."""
        try:
            target = self._target_of(path)
        except (NotDirectory, NotFound, EscapesRoot, SymlinkLoop, DanglingSymlink) as gone:
            raise self._conflict(path, "has lost its directory") from gone
        if path_of(target) != path:
            raise self._conflict(path, "would be reached through a link by now")
        return target

    def _leaving(self, top: str) -> frozenset[str]:
        """Return what leaves a directory before that goes."""
        return frozenset(path[len(top) + 1 :] for path in self._gone if _beneath(path, top))

    def _now(self, target: Target, leaving: frozenset[str] = frozenset()) -> tuple[State, "Nodes"]:
        if target.stat is None:
            return Absent(), ()
        with target.spot() as spot:
            captured = capture(spot, keep=None, leaving=leaving)
        return captured.state, captured.nodes

    def _nodes(self, state: State) -> tuple[tuple[str, State], ...]:
        """Return what a directory held, as the journal remembers it."""
        if not isinstance(state, DirectoryState) or not state.tree:
            return ()
        manifest = self._journal.content(state.tree)
        if manifest is None:
            raise _not_kept(self.change)
        return tuple(nodes_of(manifest))

    def _content(self, state: FileState) -> bytes:
        content = self._journal.content(state.digest)
        if content is None:
            raise _not_kept(self.change)
        return content

    def _chunks(self, digest: str) -> Iterator[bytes]:
        chunks = self._journal.chunks(digest)
        if chunks is None:
            raise _not_kept(self.change)
        return chunks

    def _removed_since(self, path: str) -> bool:
        later = self._journal.later_than(self.change, [path])
        # What takes back a later change leaves things as that one found them.
        later = [change for change in later if change.undoes is None or change.undoes < self.change.number]
        return any(
            (step.path == path or _beneath(path, step.path)) and step.action in {Action.REMOVE, Action.MOVE}
            for change in later
            for step in change.steps
        )

    def _conflict(self, path: str, fact: str) -> Failure:
        later = self._journal.later_than(self.change, [path])
        # Rather one that did something of its own than one that took something back.
        later = [change for change in later if change.undoes is None] or later
        name = quoted(path.rpartition("/")[2])
        step = f"Undo {later[-1].id} first" if later else "Somebody else changed it; look at it, and edit it by hand"
        return Failure("conflict", f"Undoing {self.change.id}", f"{name} {fact}; nothing is changed", step)


def _mode(before: FileState, after: State, now: FileState) -> int | None:
    """Return the mode with the bits as they were that the change has changed; None where somebody else has since."""
    if not isinstance(after, FileState) or now.mode != after.mode:
        return None
    changed = (before.mode ^ after.mode) & PERMISSIONS
    return now.mode & ~changed | before.mode & changed if changed else None


def _kind(state: State) -> Kind | None:
    match state:
        case FileState():
            return Kind.FILE
        case DirectoryState():
            return Kind.DIRECTORY
        case LinkState():
            return Kind.LINK
        case OtherState(kind):
            return Kind(kind)
        case _:
            return None


def _lines(overlap: Overlap) -> str:
    return ", ".join(map(str, overlap.lines)) or overlap.reason


def _creates(step: Step) -> bool:
    return step.action is Action.PUT and isinstance(step.before, Absent)


def _above(path: str) -> Iterator[str]:
    """Yield the directories that a path lies in."""
    while path := path.rpartition("/")[0]:
        yield path


def _beneath(path: str, top: str) -> bool:
    return path.startswith(f"{top}/")


Nodes = tuple[tuple[str, State], ...]


def _is_same(seen: tuple[State, Nodes], captured: Captured) -> bool:
    """Tell whether what is taken away is what was looked at."""
    return _same(*seen, captured.state, captured.nodes)


def _directories(path: str, state: State, nodes: Nodes) -> Iterator[str]:
    """Yield the paths of a directory and of those in it."""
    if isinstance(state, DirectoryState):
        yield path
        yield from (f"{path}/{names}" for names, below in nodes if isinstance(below, DirectoryState))


def _same(one: State, its_nodes: Nodes, other: State, other_nodes: Nodes) -> bool:
    """Tell whether two things hold the same: contents, names and kinds."""
    if not same_content(one, other) or len(its_nodes) != len(other_nodes):
        return False
    found = dict(other_nodes)
    return all(path in found and same_content(state, found[path]) for path, state in its_nodes)


def _not_kept(change: Change) -> Failure:
    return Failure(
        "nothing_to_undo",
        f"Undoing {change.id}",
        "What would have to be put back is no longer kept: the journal is limited in size and age",
        "Restore it from a backup or from version control",
    )
