"""From operations to acts: what stands there is captured, every name is allowed, and nothing is changed yet."""

import secrets
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

from fs_server.journal.acts import UNKNOWN, Act, Made, MakeDirectoryAct, MoveAct, PutAct, RemoveAct
from fs_server.journal.capture import Captured, Keep, attributes_of, capture, glimpse, same_content, same_things
from fs_server.journal.changes import Action, Step
from fs_server.journal.making import Chunks, make, make_file, make_unnamed, makeable
from fs_server.journal.operations import Copy, MakeDirectory, Move, Operation, Put, Remove, Restore
from fs_server.journal.places import TEMPORARY, Where, path_of
from fs_server.journal.states import Absent, DirectoryState, FileState, State, manifest_of
from sandbox import (
    Access,
    Attributes,
    Changed,
    Exists,
    InvalidPath,
    IsDirectory,
    Kind,
    NotFound,
    NotRegularFile,
    RefusedRoot,
    SandboxError,
    Spot,
    Stop,
    Target,
    downward,
)

__all__ = ["Planned", "Planner"]

Allow = Callable[[tuple[str, ...]], None]
"""Refuses names beneath a root by raising."""

OWNER_LOST = "it belongs to the server's user now, not to its former owner"
LINK_SPLIT = "it had {} names (hard links); this one is a file of its own now"
SET_ID_LOST = "it no longer runs with its owner's rights (set-id)"


@dataclass(slots=True)
class Planned:
    """What a change would do.

    Attributes:
        acts: in the order in which they are done.
        unchanged: acts that would change nothing.
        files: that would be removed, and their `size` in bytes.
        tree: whether a directory with something in it is among them.
        fingerprint: differs where anything differs that would be removed.
    """

    acts: list[Act] = field(default_factory=list)
    unchanged: list[Act] = field(default_factory=list)
    files: int = 0
    size: int = 0
    tree: bool = False
    fingerprint: str = ""


class Planner:
    """Plans one change. Holds nothing open."""

    def __init__(
        self,
        *,
        keep: Keep | None,
        keep_written: Callable[[bytes], str],
        keep_manifest: Callable[[bytes], str],
        chunks: Callable[[str], Iterator[bytes]],
        stop: Stop | None,
        tell: Callable[[Step], None],
    ) -> None:
        """Plan with what keeps and gives contents.

        Args:
            keep: keeps what would be lost; None where a person agreed that it is not.
            keep_written: keeps what a file holds then, as the base of later merges, and returns its digest.
            keep_manifest: keeps what a directory holds then, by which recovery knows it.
            chunks: gives a kept content by its digest.
            stop: ends the work.
            tell: hears of what was made before it is shown.
        """
        self._keep = keep
        self._keep_written = keep_written
        self._keep_manifest = keep_manifest
        self._kept_chunks = chunks
        self._stop = stop
        self._tell = tell
        # Of the operations so far: places that they free, and directories that they bring.
        self._freed: set[Where] = set()
        self._coming: set[Where] = set()
        self._copied: dict[Where, Captured] = {}

    def plan(self, operations: Iterator[Operation]) -> Planned:
        """Return the acts of all operations.

        Raises:
            SandboxError: something is not allowed, is not there, or is in the way; it is told of the one operation.
        """
        planned = Planned()
        for operation in operations:
            about = operation.source if isinstance(operation, Move | Copy) else operation.target
            try:
                self._add(operation, planned)
            except SandboxError as refusal:
                raise refusal if refusal.subject else refusal.about(about.place.subject) from refusal
        return planned

    def go_on(self) -> None:
        """Return, unless told to stop.

        Raises:
            TimeoutError: nobody waits any more, or the time is over.
        """
        if self._stop is not None and self._stop.is_set():
            raise TimeoutError

    def _add(self, operation: Operation, planned: Planned) -> None:
        match operation:
            case Put():
                self._put(operation, planned)
            case MakeDirectory(target):
                self._require_room(target)
                self._coming.add(_where(target))
                step = Step(Action.MAKE_DIRECTORY, path_of(target), Absent(), _NEW_DIRECTORY)
                planned.acts.append(MakeDirectoryAct(step, _where(target)))
            case Remove():
                self._remove(operation, planned)
            case Move(source, destination):
                planned.acts.append(self._move(source, destination))
            case Copy():
                planned.acts.append(self._copy(operation))
            case _:
                planned.acts.append(self._restore(operation))

    def _put(self, put: Put, planned: Planned) -> None:
        target = put.target
        _require_fit_for_a_file(target)
        self._require_parent(target)
        before: State = Absent()
        if target.missing <= 1 and _where(target) not in self._freed:
            with target.spot() as spot:
                before = capture(spot, keep=self._keep, stop=self._stop).state
        if put.expected is None and not isinstance(before, Absent):
            raise Exists
        if put.expected and not (isinstance(before, FileState) and before.digest.startswith(put.expected)):
            raise Changed
        attributes = _attributes_for(put, before)
        after = FileState(
            digest=self._keep_written(put.content),
            size=len(put.content),
            mode=0,
            mtime_ns=0,
            owner=UNKNOWN,
            xattrs=(),
            identity=UNKNOWN,
            links=1,
        )

        def build(spot: Spot) -> Made:
            state, owned = make_file(spot, put.content, after.digest, attributes, executable=put.executable)
            return Made(state, tuple(_lost(before, owned=owned)))

        def build_unnamed(spot: Spot) -> Made | None:
            made = make_unnamed(spot, put.content, after.digest, attributes, executable=put.executable)
            if made is None:
                return None
            file, state, owned = made
            return Made(state, tuple(_lost(before, owned=owned)), file)

        step = _step(Action.PUT, target, before, after)
        act = PutAct(step, _where(target), build, self._tell, build_unnamed=build_unnamed)
        # What holds these very bytes already stays as it is, with its inode and its times.
        idle = same_content(before, after) and _keeps_mode(put, before)
        (planned.unchanged if idle else planned.acts).append(act)

    def _remove(self, removal: Remove, planned: Planned) -> None:
        target = removal.target
        _require_no_root(target)
        with target.spot() as spot:
            allow = self._may_write(target)
            captured = capture(
                spot,
                keep=self._keep,
                allow=allow,
                removable=True,
                leaving=removal.leaving,
                hashed=removal.is_meant is not None,
                stop=self._stop,
            )
        if isinstance(captured.state, Absent):
            raise NotFound
        copied = self._copied.get(_where(target))
        if copied is not None and not same_things(copied, captured):
            raise Changed
        if removal.is_meant is not None and not removal.is_meant(captured):
            raise Changed
        step = _step(Action.REMOVE, target, captured.state, Absent())
        planned.acts.append(RemoveAct(step, _where(target), nodes=captured.nodes))
        self._freed.add(_where(target))
        planned.tree |= bool(captured.nodes)
        if isinstance(captured.state, DirectoryState):
            planned.fingerprint += captured.state.tree
        planned.files += captured.files
        planned.size += captured.size

    def _move(self, source: Target, destination: Target) -> MoveAct:
        self._require_room(destination)
        self._require_apart(source, destination)
        _require_no_root(source)
        with source.spot() as spot:
            state = glimpse(spot)
            if isinstance(state, DirectoryState):
                for below, _ in downward(spot):
                    self.go_on()
                    self._may_write(source)(below.parts)
                    _mapped(source, destination)(below.parts)
        if isinstance(state, Absent):
            raise NotFound
        step = Step(Action.MOVE, path_of(source), state, state, destination=path_of(destination))
        self._freed.add(_where(source))
        self._coming.add(_where(destination))
        return MoveAct(step, _where(source), _where(destination))

    def _copy(self, copy: Copy) -> PutAct:
        source, destination = copy.source, copy.destination
        self._require_room(destination)
        self._require_apart(source, destination)
        allowed = _mapped(source, destination)

        readable = _naming(source, len(source.parts), lambda parts: source.root.require(parts, Access.READ))

        def allow(parts: tuple[str, ...]) -> None:
            readable(parts)
            allowed(parts)

        with source.spot() as spot:
            found = capture(spot, keep=None, allow=allow, stop=self._stop)
        if isinstance(found.state, Absent):
            raise NotFound
        self._copied[_where(source)] = found
        captured = makeable(found)
        if captured.nodes:  # without the contents, which stand in the source: so that an undo knows its own copy again
            self._keep_manifest(manifest_of(captured.nodes))

        def chunks(path: str, _state: FileState) -> Generator[bytes, None, None]:
            parts = (*source.parts, *path.split("/")) if path else source.parts
            with Spot.of(source.root, parts) as spot, spot.open() as file:
                yield from file.chunks()

        return self._made(destination, captured, chunks, as_it_was=copy.as_it_was)

    def _restore(self, restore: Restore) -> PutAct:
        self._require_room(restore.target)
        captured = makeable(Captured(restore.state, restore.nodes))
        if captured.nodes:
            self._keep_manifest(manifest_of(captured.nodes))
        allow = self._may_write(restore.target)
        for path, _ in restore.nodes:
            allow((*restore.target.parts, *path.split("/")))
        return self._made(restore.target, captured, self._from_journal, as_it_was=True)

    def _made(self, target: Target, captured: Captured, chunks: Chunks, *, as_it_was: bool) -> PutAct:
        def build(spot: Spot) -> Made:
            made = make(spot, captured, chunks, as_it_was=as_it_was)
            return Made(made.state)

        after = replace(captured.state, identity=UNKNOWN) if not isinstance(captured.state, Absent) else Absent()
        inside = [path.split("/") for path, state in captured.nodes if isinstance(state, DirectoryState)]
        self._coming.update(Where(target.root, (*target.parts, *names)) for names in ([], *inside))
        step = _step(Action.PUT, target, Absent(), after)
        return PutAct(step, _where(target), build, self._tell, nodes=captured.nodes)

    def _from_journal(self, _path: str, state: FileState) -> Generator[bytes, None, None]:
        yield from self._kept_chunks(state.digest)

    def _may_write(self, target: Target) -> Allow:
        return _naming(target, len(target.parts), lambda parts: target.root.require(parts, target.place.access))

    def _require_room(self, target: Target) -> None:
        if target.stat is not None and _where(target) not in self._freed:
            raise Exists(target.place.subject)
        self._require_parent(target)

    def _require_parent(self, target: Target) -> None:
        if target.missing > 1 and Where(target.root, target.parts[:-1]) not in self._coming:
            raise NotFound(target.place.subject)

    def _require_apart(self, source: Target, destination: Target) -> None:
        """Refuse to put a directory into itself, also where one root leads into another."""
        if f"{path_of(destination)}/".startswith(f"{path_of(source)}/"):
            raise InvalidPath(reason="the destination lies inside of the source")


_NEW_DIRECTORY = DirectoryState(mode=0, mtime_ns=0, owner=UNKNOWN, xattrs=(), identity=UNKNOWN)


def _where(target: Target) -> Where:
    return Where(target.root, target.parts)


def _step(action: Action, target: Target, before: State, after: State) -> Step:
    path = path_of(target)
    # Sixteen random digits: a name that nobody can put there before us, and that a person knows to be ours.
    temporary = f"{path.rpartition('/')[0]}/{TEMPORARY}{secrets.token_hex(8)}"
    return Step(action, path, before, after, temporary=temporary)


def _require_fit_for_a_file(target: Target) -> None:
    if target.place.directory:
        raise InvalidPath(reason="a file's path does not end in a slash")
    if target.kind is Kind.DIRECTORY:
        raise IsDirectory
    if target.kind not in {None, Kind.FILE}:
        raise NotRegularFile(kind=str(target.kind))


def _attributes_for(put: Put, before: State) -> Attributes | None:
    """Return what the new file gets: of the one that it replaces, or is like; None for what the system gives."""
    if isinstance(before, FileState):
        attributes = attributes_of(before)
        return attributes if put.mode is None else replace(attributes, mode=put.mode)
    if put.like is None:
        return None
    with put.like.spot() as spot, spot.open() as file:
        return spot.attributes(file)


def _require_no_root(target: Target) -> None:
    """Refuse to take away a directory that another root is, or lies in: whoever works there would stand in nothing."""
    names = (*target.root.base, *target.parts)
    for inner in target.root.inner:
        if inner.parts[: len(names)] == names:
            raise RefusedRoot(root=inner.name)


def _mapped(source: Target, destination: Target) -> Allow:
    """Return what asks for names beneath the source whether they may stand beneath the destination."""
    depth, base, access = len(source.parts), destination.parts, destination.place.access
    return _naming(destination, depth, lambda parts: destination.root.require((*base, *parts[depth:]), access))


def _naming(target: Target, depth: int, require: Allow) -> Allow:
    """Return `require` with refusals that tell which name it was: what follows the first `depth` of the names."""

    def required(parts: tuple[str, ...]) -> None:
        try:
            require(parts)
        except SandboxError as refusal:
            inside = "/".join(parts[depth:])
            raise type(refusal)(target.place.subject, **refusal.facts, inside=inside) from refusal

    return required


def _keeps_mode(put: Put, before: State) -> bool:
    return (
        isinstance(before, FileState)
        and put.executable in {None, bool(before.mode & stat.S_IXUSR)}
        and put.mode in {None, before.mode}
    )


def _lost(before: State, *, owned: bool) -> Iterator[str]:
    """Yield what a new file could not take over from the one that it replaces."""
    if isinstance(before, FileState):
        if before.links > 1:
            yield LINK_SPLIT.format(before.links)
        if not owned:
            yield OWNER_LOST
        if before.mode & (stat.S_ISUID | stat.S_ISGID):
            yield SET_ID_LOST
