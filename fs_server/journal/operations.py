"""What a tool, or an undo, wants done. Several operations are one change: all of them happen, or none does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fs_server.journal.capture import Captured
from fs_server.journal.states import DirectoryState, FileState, State
from sandbox import Target

__all__ = ["ANYTHING", "Copy", "MakeDirectory", "Move", "Operation", "Put", "Remove", "Restore", "holding"]


ANYTHING = ""
"""Expected of a file that is replaced whatever it holds, or made where it is not."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write a file whole.

    Attributes:
        target: where; its directories have to exist by then.
        content: what it holds afterwards.
        expected: SHA-256 of the content that this was decided on, or the beginning of it; None where nothing may
            stand there; `ANYTHING` where it was decided on nothing.
        like: of a new file, the one whose mode, owner and attributes it gets.
        executable: whether it may be run; None leaves that as it is.
        mode: of the file that is there already, the permission bits that it gets; None leaves those as they are.
    """

    target: Target
    content: bytes
    expected: str | None
    like: Target | None = None
    executable: bool | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make a directory where nothing stands."""

    target: Target


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, a link, or a directory with all it holds.

    Attributes:
        target: what; a link is removed itself.
        leaving: paths beneath a directory that the operations before will have taken out of it.
        is_meant: tells whether what stands there is what this was decided on; None for whatever does.
    """

    target: Target
    leaving: frozenset[str] = frozenset()
    is_meant: Callable[[Captured], bool] | None = None


def holding(digest: str) -> Callable[[Captured], bool]:
    """Return what tells whether a file is there that holds the content with this digest; for "", no directory."""
    if not digest:
        return lambda captured: not isinstance(captured.state, DirectoryState)
    return lambda captured: isinstance(captured.state, FileState) and captured.state.digest == digest


@dataclass(frozen=True, slots=True)
class Move:
    """Give a file, a link or a directory another name on the same file system, where nothing stands."""

    source: Target
    destination: Target


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a file or a directory to where nothing stands. Links in it are copied as links.

    Attributes:
        source: what; itself no link.
        destination: where.
        as_it_was: with owners and times too, as for a move.
    """

    source: Target
    destination: Target
    as_it_was: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    """Put back what a state describes, where nothing stands.

    Attributes:
        target: where.
        state: what stood there.
        nodes: of a directory, all that it held, parents first.
        chunks: gives the content of a digest.
    """

    target: Target
    state: State
    nodes: tuple[tuple[str, State], ...]
    chunks: Callable[[str], Iterator[bytes]]


Operation = Put | MakeDirectory | Remove | Move | Copy | Restore
