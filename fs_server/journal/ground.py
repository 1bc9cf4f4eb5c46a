"""The directories that one change works in, held open while it does, so that each is the same from first to last."""

import contextlib
from collections import OrderedDict
from types import TracebackType
from typing import Self

from sandbox import Changed, OpenDirectory, Root, Spot

__all__ = ["Ground"]

MOST_HELD = 64
"""Directories held at a time. A change of more gives the oldest back, and looks it up again when it is needed."""

Where = tuple[int, tuple[str, ...]]


class Ground:
    """Holds directories; a context manager. For one thread."""

    def __init__(self) -> None:
        self._held: OrderedDict[Where, OpenDirectory] = OrderedDict()
        self._changed: dict[Where, tuple[Root, tuple[str, ...]]] = {}

    def spot(self, root: Root, parts: tuple[str, ...]) -> Spot:
        """Return the spot of these real names. It borrows its directory: nobody closes it but the ground.

        Raises:
            Changed: the directory is another one by now, or gone.
        """
        where = (root.handle, parts[:-1])
        directory = self._held.pop(where, None)
        if directory is None:
            directory = Spot.of(root, parts).directory
        self._held[where] = directory
        if len(self._held) > MOST_HELD:
            self._held.popitem(last=False)[1].close()
        return Spot(directory, parts[-1])

    def changed(self, root: Root, parts: tuple[str, ...]) -> None:
        """Remember that a name in the directory of these names was changed."""
        self._changed[root.handle, parts[:-1]] = root, parts

    def sync(self) -> None:
        """Wait until every name that was changed is on the disk."""
        for root, parts in self._changed.values():
            # A directory that is no longer held, and that the same change has moved or hidden since: its way leads
            # through names that are waited for here as well.
            with contextlib.suppress(Changed):
                self.spot(root, parts).sync()
        self._changed.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for directory in self._held.values():
            directory.close()
        self._held.clear()
