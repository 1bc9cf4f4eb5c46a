"""Making and removing whole things under a name that nobody knows, before they are shown and after they were hidden."""

import _thread
import contextlib
import hashlib
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace

from fs_server.journal.capture import Captured, attributes_of, unchanged
from fs_server.journal.states import DirectoryState, FileState, LinkState, OtherState, State, manifest_of
from sandbox import (
    Attributes,
    Changed,
    Kind,
    NewFile,
    NotEmpty,
    PermissionDenied,
    SandboxError,
    Spot,
    UnsupportedOp,
    upward,
)

__all__ = ["Chunks", "make", "make_file", "make_unnamed", "makeable", "remove", "remove_known", "remove_large"]

MANY = 16
"""Files and directories that are waited for all at once."""

LARGE = 1 << 18
"""Bytes from which on a disk, or whoever gives room back, takes a time that can be used otherwise."""

Chunks = Callable[[str, FileState], Generator[bytes, None, None]]
"""Gives the content of a file of a tree: by its path beneath the top ("" for the top itself) and its state.

It is closed if not all of it is taken, so that nothing stays open behind it.
"""


def make_file(
    spot: Spot, content: bytes, digest: str, attributes: Attributes | None, *, executable: bool | None = None
) -> tuple[FileState, bool]:
    """Make a file at `spot`, where nothing is; tell whether it has the owner that the attributes name.

    `digest` is the SHA-256 of `content`: it is not hashed again, only what is read back is.

    Without `attributes` it gets what the system gives new files. `executable` sets or clears the bits to run it,
    for those who may read it.

    Raises:
        SandboxError: no room, not permitted, or what is read back is not what was written.
    """
    with spot.create(_first_mode(attributes)) as file:
        owned = _filled(file, content, digest, attributes, executable=executable)
        return _sealed(file), owned


def make_unnamed(
    spot: Spot, content: bytes, digest: str, attributes: Attributes | None, *, executable: bool | None = None
) -> tuple[NewFile, FileState, bool] | None:
    """Make the same without a name, in the directory of `spot`; None where that cannot be done.

    The disk need not have it yet, and nothing is read back: that is left to the caller, who also closes the file. It is
    gone then, unless it was given a name.

    Raises:
        SandboxError: as `make_file`.
    """
    file = spot.create_unnamed(_first_mode(attributes))
    if file is None:
        return None
    try:
        owned = _filled(file, content, digest, attributes, executable=executable)
        if len(content) > LARGE:
            file.begin_flush()
        # What links it has is that of its one name to be.
        return file, replace(_state_of(file, file.facts()), links=1), owned
    except BaseException:
        file.close()
        raise


def _first_mode(attributes: Attributes | None) -> int:
    return 0o666 if attributes is None else 0o600


def _filled(
    file: NewFile, content: bytes, digest: str, attributes: Attributes | None, *, executable: bool | None
) -> bool:
    """Write all of a new file; tell whether it has the owner that the attributes name."""
    file.write([content], digest=digest)
    if executable is not None:
        attributes = _executable(attributes or file.attributes(), executable=executable)
    return attributes is None or file.dress(attributes)


def _executable(attributes: Attributes, *, executable: bool) -> Attributes:
    readers = (attributes.mode & 0o444) >> 2
    return replace(attributes, mode=attributes.mode | readers if executable else attributes.mode & ~0o111)


def makeable(captured: Captured) -> Captured:
    """Return what of it can be made again: without sockets and devices, which nobody could use."""
    nodes = tuple((path, state) for path, state in captured.nodes if _can_be_made(state))
    if len(nodes) == len(captured.nodes) or not isinstance(captured.state, DirectoryState):
        return captured
    tree = hashlib.sha256(manifest_of(nodes)).hexdigest() if nodes else ""
    left_out = len(captured.nodes) - len(nodes)
    return replace(captured, state=replace(captured.state, tree=tree), nodes=nodes, files=captured.files - left_out)


def _can_be_made(state: State) -> bool:
    return not isinstance(state, OtherState) or state.kind == "fifo"


def make(spot: Spot, captured: Captured, chunks: Chunks, *, as_it_was: bool) -> Captured:
    """Make at `spot` what was captured elsewhere or before, and return what stands there now.

    `as_it_was` gives it the owners and times too, as far as this user may.

    Raises:
        SandboxError: as `make_file`; Changed: a content is no longer what was captured.
    """
    # Waiting for the disk once for all of them, where that can be done, and not once for each.
    how = _How(chunks, as_it_was=as_it_was, flush=len(captured.nodes) < MANY or not spot.flush())
    top = how.make(spot, "", captured.state)
    nodes: list[tuple[str, State]] = []
    for path, state in captured.nodes:
        with Spot.of(spot.root, (*spot.parts, *path.split("/"))) as place:
            nodes.append((path, how.make(place, path, state)))
    # From below, because making something in a directory changes its time, and its mode may forbid it.
    for path, state in reversed(nodes):
        if isinstance(state, DirectoryState):
            with Spot.of(spot.root, (*spot.parts, *path.split("/"))) as place:
                place.dress(attributes_of(state), owner=as_it_was, times=as_it_was)
    if isinstance(top, DirectoryState):
        spot.dress(attributes_of(top), owner=as_it_was, times=as_it_was)
    if not how.flush:
        spot.flush()
    return Captured(top, tuple(nodes), captured.files, captured.size)


def remove_large(spot: Spot) -> None:
    """Remove the file at `spot`, and let another thread wait while the system gives its room back: 1 ms for 1 MB."""
    try:
        file = spot.open()
    except SandboxError:  # it may be removed and not be read
        spot.remove(Kind.FILE)
        return
    spot.remove(Kind.FILE)
    # It begins at once, and nobody ever waits for it: a thread of `threading` costs more than it would save.
    _thread.start_new_thread(file.close, ())


def remove(spot: Spot, facts: os.stat_result) -> None:
    """Remove what is at `spot`, which has these facts, and all that it holds.

    Raises:
        PermissionDenied: a directory in it is another user's.
    """
    kind = Kind.of(facts.st_mode)
    if kind is Kind.FILE and facts.st_size > LARGE:
        remove_large(spot)
        return
    if kind is Kind.DIRECTORY:
        for below, its_kind in upward(spot):
            _remove_one(below, its_kind)
    # The directory that holds it is the user's own, and its mode is not ours to change.
    spot.remove(kind)


def remove_known(spot: Spot, nodes: Mapping[str, State]) -> bool:
    """Remove the directory at `spot` with these nodes in it, by their paths beneath it; tell whether all of it is gone.

    What was not in it, or is another thing by now, is left, together with the directories that lead there.

    Raises:
        PermissionDenied: a directory in it is another user's.
    """
    depth = len(spot.parts)
    for below, kind in upward(spot):
        state = nodes.get("/".join(below.parts[depth:]))
        if state is not None and unchanged(state, below.stat()):
            with contextlib.suppress(NotEmpty):
                _remove_one(below, kind)
    try:
        spot.remove(Kind.DIRECTORY)
    except NotEmpty:
        return False
    return True


def _remove_one(spot: Spot, kind: Kind) -> None:
    try:
        spot.remove(kind)
    except PermissionDenied:
        spot.unlock()
        spot.remove(kind)


@dataclass(frozen=True, slots=True)
class _How:
    """How the things of a tree are made."""

    chunks: Chunks
    as_it_was: bool
    flush: bool

    def make(self, spot: Spot, path: str, state: State) -> State:
        match state:
            case FileState():
                with spot.create(0o600) as file, contextlib.closing(self.chunks(path, state)) as content:
                    file.write(content)
                    if file.digest != state.digest:
                        raise Changed
                    file.dress(attributes_of(state), owner=self.as_it_was, times=self.as_it_was)
                    return _sealed(file, flush=self.flush)
            case DirectoryState():
                spot.make_directory(0o700)
            case LinkState():
                spot.make_link(state.target)
            case OtherState(kind="fifo"):
                spot.make_fifo(state.mode)
            case _:
                raise UnsupportedOp(reason="sockets and devices are not made")
        facts = spot.directory.stat(spot.name)
        return replace(state, identity=(facts.st_dev, facts.st_ino))


def _sealed(file: NewFile, *, flush: bool = True) -> FileState:
    return _state_of(file, file.seal(flush=flush))


def _state_of(file: NewFile, facts: os.stat_result) -> FileState:
    attributes = file.attributes()
    return FileState(
        digest=file.digest,
        size=file.size,
        mode=attributes.mode,
        mtime_ns=attributes.mtime_ns,
        owner=attributes.owner,
        xattrs=attributes.xattrs,
        identity=(facts.st_dev, facts.st_ino),
        links=facts.st_nlink,
    )
