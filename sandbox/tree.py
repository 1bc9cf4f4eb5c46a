"""Everything beneath a directory, for changes: complete, by handle, however deep, with no link followed.

A `Walk` is for readers: it leaves out, sorts and ends early. A change of a tree must see all of it or fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sandbox.errors import Changed, NotDirectory, NotFound
from sandbox.open_directory import OpenDirectory
from sandbox.resolve import Kind
from sandbox.spot import Spot

__all__ = ["downward", "upward"]

KEPT_HANDLES = 64
"""Directories of one way down that are held open at a time, the lowest ones. Those above are opened again on the way
back, as many at once: one at a time, each lookup from the root would make a deep tree cost the square of its depth."""


@dataclass(slots=True)
class _Level:
    """A directory on the way: its names that are still to come, and its handle unless it had to be let go."""

    parts: tuple[str, ...]
    identity: tuple[int, int]
    directory: OpenDirectory | None
    names: list[tuple[str, Kind]]


def downward(top: Spot) -> Iterator[tuple[Spot, Kind]]:
    """Yield everything beneath the directory at `top`, each directory before what it holds, names by code point.

    A spot is good until the next one is asked for. What vanishes meanwhile is passed over.

    Raises:
        SandboxError: a directory cannot be read, or is another one than before.
    """
    for spot, kind, leaving in _visited(top):
        if not leaving:
            yield spot, kind


def upward(top: Spot) -> Iterator[tuple[Spot, Kind]]:
    """Yield everything beneath the directory at `top`, each directory behind what it held; else as `downward`."""
    for spot, kind, leaving in _visited(top):
        if leaving or kind is not Kind.DIRECTORY:
            yield spot, kind


def _visited(top: Spot) -> Iterator[tuple[Spot, Kind, bool]]:
    """Yield each thing when it is met, and each directory once more when it is left."""
    levels = [_entered(top)]
    try:
        while levels:
            level = levels[-1]
            if not level.names:
                _leave(levels.pop())
                if levels:
                    yield Spot(_held(levels, top), level.parts[-1]), Kind.DIRECTORY, True
                continue
            name, kind = level.names.pop()
            spot = Spot(_held(levels, top), name)
            yield spot, kind, False
            if kind is Kind.DIRECTORY:
                try:
                    levels.append(_entered(spot))
                except NotFound:
                    continue
                if len(levels) > KEPT_HANDLES:
                    _leave(levels[-1 - KEPT_HANDLES])
    finally:
        for level in levels:
            _leave(level)


def _entered(spot: Spot) -> _Level:
    directory = spot.open_directory()
    try:
        identity = _identity(directory)
        names = sorted(directory.names(), reverse=True)  # the first is taken from the end
    except BaseException:
        directory.close()
        raise
    return _Level(spot.parts, identity, directory, names)


def _held(levels: list[_Level], top: Spot) -> OpenDirectory:
    """Return the directory of the last level, opened again with those right above it if it had to be let go."""
    if levels[-1].directory is None:
        lost = levels[-KEPT_HANDLES:]
        with Spot.of(top.root, lost[0].parts) as spot:
            lost[0].directory = _opened_again(spot, lost[0])
        for above, level in pairwise(lost):
            assert above.directory is not None  # opened just now
            level.directory = _opened_again(Spot(above.directory, level.parts[-1]), level)
    assert levels[-1].directory is not None
    return levels[-1].directory


def _opened_again(spot: Spot, level: _Level) -> OpenDirectory:
    try:
        directory = spot.open_directory()
    except (NotFound, NotDirectory) as error:
        raise Changed from error
    try:
        same = _identity(directory) == level.identity
    except BaseException:
        directory.close()
        raise
    if not same:  # its names are those of another one
        directory.close()
        raise Changed
    return directory


def _identity(directory: OpenDirectory) -> tuple[int, int]:
    facts = directory.own_stat()
    return facts.st_dev, facts.st_ino


def _leave(level: _Level) -> None:
    if level.directory is not None:
        level.directory.close()
        level.directory = None
