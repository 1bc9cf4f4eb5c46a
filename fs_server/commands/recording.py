"""What a command changed, as a change of the journal: undo takes back what could be kept of it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fs_server.commands.watching import Difference, Look, Thing, Watching
from fs_server.journal.capture import digest_of_file
from fs_server.journal.changes import Action, Author, Step
from fs_server.journal.places import joined
from fs_server.journal.states import Absent, DirectoryState, FileState, LinkState, OtherState, State
from sandbox import Kind, SandboxError, Spot

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["Recorded", "record"]

HASHED_BYTES = 64 << 20
"""Of new contents that were not kept, and are read for one command to be recognised by an undo."""

MOST_STEPS = 2_000
"""Paths of one command that are written down."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the differences of one command.

    Attributes:
        differences: that are the command's; what a tool of ours did meanwhile is not among them.
        change_id: of the change that they became; "" where none of them could be kept.
        lost: those that undo cannot take back.
        guarded: those that no tool could have made.
    """

    differences: tuple[Difference, ...]
    change_id: str
    lost: tuple[Difference, ...]
    guarded: tuple[Difference, ...]


def record(journal: "Journal", watching: Watching, look: Look, number: int, began_ns: int) -> Recorded:
    """Write down what a look found after the command with this number, which began at this time.

    Raises:
        Failure: the journal cannot be written.
    """
    recording = _Recording(journal, watching, began_ns)
    differences, lost, guarded = [], [], []
    steps: list[Step] = []
    turned = _Turned()
    for difference in look.differences:
        after = recording.after(difference)
        if recording.is_ours(difference, after):
            continue
        differences.append(difference)
        before = recording.before(difference)
        if any(thing is not None and thing.guarded for thing in (difference.before, difference.after)):
            guarded.append(difference)
        elif before is None or after is None or len(steps) >= MOST_STEPS or turned.has(difference):
            lost.append(difference)
        else:
            steps += _steps(difference, before, after)
    change_id = ""
    if steps:
        change = journal.note_done(_in_order(steps), author=f"command {number}", tool="run_command")
        change_id = change.id
    return Recorded(tuple(differences), change_id, tuple(lost), tuple(guarded))


class _Turned:
    """Knows where a directory became something else, or something else a directory: an undo cannot put that back."""

    def __init__(self) -> None:
        self._paths: set[str] = set()

    def has(self, difference: Difference) -> bool:
        """Tell whether it is such a thing, or lay or lies in one. They are asked about parents first."""
        path = _path(difference)
        kinds = {thing.kind for thing in (difference.before, difference.after) if thing is not None}
        if len(kinds) > 1 and Kind.DIRECTORY in kinds:
            self._paths.add(path)
        return path in self._paths or any(path.startswith(f"{turned}/") for turned in self._paths)


class _Recording:
    """Makes states of what was seen."""

    def __init__(self, journal: "Journal", watching: Watching, began_ns: int) -> None:
        self._journal = journal
        self._began_ns = began_ns
        self._watching = watching
        self._left = HASHED_BYTES

    def before(self, difference: Difference) -> State | None:
        """Return what stood there, its content kept for the journal; None where it cannot be put back."""
        thing = difference.before
        if thing is None or thing.kind is not Kind.FILE:
            return _state(thing, "")
        content = self._watching.content(thing)
        return None if content is None else _state(thing, self._journal.keep(content, durable=False))

    def after(self, difference: Difference) -> State | None:
        """Return what stands there now; None where its content cannot be told."""
        thing = difference.after
        if thing is None or thing.kind is not Kind.FILE:
            return _state(thing, "")
        content = self._watching.content(thing)
        if content is not None:
            return _state(thing, hashlib.sha256(content).hexdigest())
        if thing.guarded or thing.size > self._left:
            return None
        self._left -= thing.size
        digest = _digest(difference, thing.size)
        return None if digest is None else _state(thing, digest)

    def is_ours(self, difference: Difference, after: State | None) -> bool:
        """Tell whether a tool made what stands there now while the command ran, and wrote it down."""
        path = _path(difference)
        if after is None or not _is_same(self._journal.last_state_of_file(path), after):
            return False
        newest = self._journal.feed(beneath=[path], limit=1).changes
        return bool(newest) and newest[0].time_ns >= self._began_ns and newest[0].author == Author.SERVER


def _is_same(last: State | None, after: State) -> bool:
    if isinstance(last, Absent) or isinstance(after, Absent):
        return isinstance(last, Absent) and isinstance(after, Absent)
    if isinstance(last, FileState) and isinstance(after, FileState) and last.digest != after.digest:
        return False
    return type(last) is type(after) and last is not None and last.identity == after.identity


def _path(difference: Difference) -> str:
    return joined(difference.root, difference.parts)


def _digest(difference: Difference, size: int) -> str | None:
    try:
        with Spot.of(difference.root, difference.parts) as spot, spot.open() as file:
            if file.size != size:  # it was looked at before
                return None
            digest, read = digest_of_file(file)
    except (SandboxError, OSError):
        return None
    return digest if read == size else None


def _state(thing: Thing | None, digest: str) -> State:
    """Return a thing as the journal knows it. Its extended attributes were not looked at."""
    if thing is None:
        return Absent()
    match thing.kind:
        case Kind.FILE:
            return FileState(
                digest, thing.size, thing.mode, thing.mtime_ns, thing.owner, (), thing.identity, thing.links
            )
        case Kind.DIRECTORY:
            return DirectoryState(thing.mode, thing.mtime_ns, thing.owner, (), thing.identity)
        case Kind.LINK:
            return LinkState(thing.target, thing.identity)
        case _:
            return OtherState(thing.kind.value, thing.mode, thing.identity)


def _steps(difference: Difference, before: State, after: State) -> Iterator[Step]:
    path = _path(difference)
    if isinstance(before, FileState) and isinstance(after, FileState):
        yield Step(Action.PUT, path, before, after)
        return
    if not isinstance(before, Absent):
        yield Step(Action.REMOVE, path, before, Absent())
    if not isinstance(after, Absent):
        made = Action.MAKE_DIRECTORY if isinstance(after, DirectoryState) else Action.PUT
        yield Step(made, path, Absent(), after)


def _in_order(steps: Sequence[Step]) -> list[Step]:
    """Return what goes first, the deepest first, then what comes, the uppermost first: as it could have been done."""
    gone = [step for step in steps if step.action is Action.REMOVE]
    made = [step for step in steps if step.action is not Action.REMOVE]
    return sorted(gone, key=lambda step: step.path, reverse=True) + sorted(made, key=lambda step: step.path)
