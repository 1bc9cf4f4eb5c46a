"""What stands at a spot, as a state that can be compared and put back."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from fs_server.files.digest import digest_of
from fs_server.journal.states import (
    Absent,
    DirectoryState,
    FileState,
    LinkState,
    OtherState,
    State,
    manifest_of,
)
from sandbox import (
    Attributes,
    Changed,
    CrossDevice,
    Kind,
    OpenFile,
    PermissionDenied,
    Spot,
    Stop,
    TooLarge,
    downward,
)

__all__ = [
    "MOST_NODES",
    "NOT_HASHED",
    "Captured",
    "Keep",
    "attributes_of",
    "capture",
    "digest_of_file",
    "directory_state",
    "glimpse",
    "same_content",
    "same_nodes",
    "same_things",
    "unchanged",
]

MOST_NODES = 100_000
"""Things in a directory that is copied or removed as one change."""

Keep = Callable[[Iterator[bytes], int], tuple[str, int]]
"""Takes a content and its expected size, keeps it, and returns its digest and its real size."""


NOT_HASHED = "0" * 64
"""The digest of a file whose content was not looked at, because it goes where it goes whatever it holds."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What stood at a spot.

    Attributes:
        state: of the spot itself; of a directory, with the digest of its manifest.
        nodes: of a directory, what it held: path beneath it → state, parents first.
        files: how many files that is, itself counted.
        size: bytes of their contents.
    """

    state: State
    nodes: tuple[tuple[str, State], ...] = ()
    files: int = 0
    size: int = 0


@dataclass(slots=True)
class _Tree:
    nodes: list[tuple[str, State]] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def add(self, names: tuple[str, ...], state: State) -> None:
        self.nodes.append(("/".join(names), state))
        if len(self.nodes) > MOST_NODES:
            raise TooLarge(what="files and directories", count=len(self.nodes), limit=MOST_NODES)
        self.files += not isinstance(state, DirectoryState)
        self.size += state.size if isinstance(state, FileState) else 0


def capture(
    spot: Spot,
    *,
    keep: Keep | None,
    allow: Callable[[tuple[str, ...]], None] | None = None,
    removable: bool = False,
    leaving: frozenset[str] = frozenset(),
    hashed: bool = True,
    stop: Stop | None = None,
) -> Captured:
    """Return what stands at `spot`.

    Args:
        spot: held.
        keep: keeps contents; without it only their digests are taken.
        allow: is asked for the names of everything beneath a directory, and refuses by raising.
        removable: refuse a directory that holds something which this user may not remove.
        leaving: paths beneath a directory that will have left it by the time that this is about.
        hashed: False takes no digests either, where nothing is kept: a content of any size costs nothing then.
        stop: ends the work between two pieces of a content.

    Raises:
        SandboxError: something cannot be read, is on another file system, or changes under our eyes.
    """
    facts = spot.stat()
    if facts is None:
        return Captured(Absent())
    look = _Look(keep, stop, hashed=hashed)
    state = look.state(spot, Kind.of(facts.st_mode))
    if not isinstance(state, DirectoryState):
        size = state.size if isinstance(state, FileState) else 0
        return Captured(state, files=1, size=size)
    tree = _Tree()
    if removable:
        _require_removable(spot)
    for below, kind in downward(spot):
        look.go_on()
        if allow is not None:
            allow(below.parts)
        _require_same_device(facts, below)
        if removable and kind is Kind.DIRECTORY:
            _require_removable(below)
        names = below.parts[len(spot.parts) :]
        if not leaving or leaving.isdisjoint("/".join(names[:end]) for end in range(1, len(names) + 1)):
            tree.add(names, look.state(below, kind))
    manifest = manifest_of(tree.nodes)
    if keep is not None:
        keep(iter([manifest]), len(manifest))
    digest = hashlib.sha256(manifest).hexdigest() if tree.nodes else ""
    return Captured(replace(state, tree=digest), tuple(tree.nodes), tree.files, tree.size)


def _require_removable(directory: Spot) -> None:
    if not directory.may_change():
        raise PermissionDenied


def _require_same_device(top: os.stat_result, below: Spot) -> None:
    """Refuse a mount: what lies in it belongs to somebody who did not expect to be copied or removed with this."""
    facts = below.stat()
    if facts is None:
        raise Changed
    if facts.st_dev != top.st_dev:
        raise CrossDevice


def glimpse(spot: Spot) -> State:
    """Return what stands at `spot` by its facts alone: no content is read, and nothing beneath a directory."""
    facts = spot.stat()
    if facts is None:
        return Absent()
    kind, mode = Kind.of(facts.st_mode), stat.S_IMODE(facts.st_mode)
    identity, owner = (facts.st_dev, facts.st_ino), (facts.st_uid, facts.st_gid)
    match kind:
        case Kind.FILE:
            return FileState(NOT_HASHED, facts.st_size, mode, facts.st_mtime_ns, owner, (), identity, facts.st_nlink)
        case Kind.DIRECTORY:
            return DirectoryState(mode, facts.st_mtime_ns, owner, (), identity)
        case Kind.LINK:
            return LinkState(spot.read_link(), identity)
        case _:
            return OtherState(kind.value, mode, identity)


def attributes_of(state: FileState | DirectoryState) -> Attributes:
    """Return the attributes that a state remembers."""
    return Attributes(state.mode, state.owner, state.mtime_ns, state.xattrs)


def unchanged(state: State, facts: os.stat_result | None) -> bool:
    """Tell whether what stands there now is the very thing that was captured, as far as its facts tell.

    Not by the time of the inode's change: renaming sets it.
    """
    if isinstance(state, Absent) or facts is None:
        return isinstance(state, Absent) and facts is None
    if (facts.st_dev, facts.st_ino) != state.identity:
        return False
    if isinstance(state, FileState):
        now = (facts.st_size, facts.st_mtime_ns, stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid)
        return now == (state.size, state.mtime_ns, state.mode, *state.owner)
    return True


def same_content(one: State, other: State) -> bool:
    """Tell whether two states say the same of content and kind; who owns it, and when it was written, is left out.

    Of directories only that they are some: what they hold is compared node by node.
    """
    match one, other:
        case FileState(), FileState():
            return one.digest == other.digest
        case LinkState(), LinkState():
            return one.target == other.target
        case OtherState(), OtherState():
            return one.kind == other.kind
        case _:
            return type(one) is type(other)


def same_nodes(some: Iterable[tuple[str, State]], others: Iterable[tuple[str, State]]) -> bool:
    """Tell whether two directories hold the same: names, kinds and contents."""
    left = dict(others)
    return all(same_content(state, left.pop(path, Absent())) for path, state in some) and not left


def same_things(one: Captured, other: Captured) -> bool:
    """Tell whether two looks at one place saw the very same things: by their inodes, sizes and times."""
    if not _same_thing(one.state, other.state) or len(one.nodes) != len(other.nodes):
        return False
    return all(
        path == its_path and _same_thing(state, its_state)
        for (path, state), (its_path, its_state) in zip(one.nodes, other.nodes, strict=True)
    )


def _same_thing(one: State, other: State) -> bool:
    if isinstance(one, FileState) and isinstance(other, FileState):
        return (one.identity, one.size, one.mtime_ns) == (other.identity, other.size, other.mtime_ns)
    return type(one) is type(other) and getattr(one, "identity", None) == getattr(other, "identity", None)


@dataclass(frozen=True, slots=True)
class _Look:
    """How what stands there is looked at."""

    keep: Keep | None
    stop: Stop | None
    hashed: bool

    def go_on(self) -> None:
        if self.stop is not None and self.stop.is_set():
            raise TimeoutError

    def state(self, spot: Spot, kind: Kind) -> State:
        match kind:
            case Kind.FILE if self.keep is None and not self.hashed:
                return glimpse(spot)
            case Kind.FILE:
                with spot.open() as file:
                    return self._file(file, spot.attributes(file))
            case Kind.DIRECTORY:
                return directory_state(spot)
            case _:
                return glimpse(spot)

    def _file(self, file: OpenFile, attributes: Attributes) -> FileState:
        chunks = self._chunks(file)
        digest, size = self.keep(chunks, file.size) if self.keep else digest_of(chunks)
        now = os.fstat(file.fileno())
        if (size, now.st_size, now.st_mtime_ns) != (file.size, file.size, attributes.mtime_ns):
            raise Changed  # it is being written at this moment
        return FileState(
            digest=digest,
            size=size,
            mode=attributes.mode,
            mtime_ns=attributes.mtime_ns,
            owner=attributes.owner,
            xattrs=attributes.xattrs,
            identity=(now.st_dev, now.st_ino),
            links=now.st_nlink,
        )

    def _chunks(self, file: OpenFile) -> Iterator[bytes]:
        for chunk in _bounded(file):
            self.go_on()
            yield chunk


def digest_of_file(file: OpenFile) -> tuple[str, int]:
    """Return the SHA-256 of an open file, and its size.

    Raises:
        Changed: it grows while it is read.
    """
    return digest_of(_bounded(file))


def _bounded(file: OpenFile) -> Iterator[bytes]:
    """Yield the content of a file, as long as it is no more than it was when it was opened.

    Raises:
        Changed: it is more: whoever writes it may be faster than we read.
    """
    left = file.size
    for chunk in file.chunks():
        left -= len(chunk)
        if left < 0:
            raise Changed
        yield chunk


def directory_state(spot: Spot) -> DirectoryState:
    """Return the state of the directory at `spot`, without what it holds."""
    with spot.open_directory() as directory:
        attributes, facts = spot.attributes(directory), directory.own_stat()
    return DirectoryState(
        mode=attributes.mode,
        mtime_ns=attributes.mtime_ns,
        owner=attributes.owner,
        xattrs=attributes.xattrs,
        identity=(facts.st_dev, facts.st_ino),
    )
