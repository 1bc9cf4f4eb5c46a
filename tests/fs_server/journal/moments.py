"""At which of the calls of a change something happens, and what: it fails, the process ends, somebody interferes."""

import errno
import os
import signal
from collections.abc import Callable

__all__ = [
    "Before",
    "Counts",
    "Dies",
    "Fails",
    "FailsOn",
    "Interferes",
    "Waits",
    "answering",
    "any_call",
    "both",
    "changing",
    "following",
    "named",
]

Before = Callable[[str, bool], int]
"""Hears the name of a call and whether it changes something that others see; returns the errno it fails with, or 0."""

Among = Callable[[str, bool], bool]
"""Tells of a call whether it counts."""

_PLACES = frozenset({"mkdir", "rename", "renameat2", "link", "symlink", "mkfifo", "unlink", "rmdir"})
_HANDLES = frozenset({"create", "open", "openat2", "dup", "scandir", "sql"})
_ATTRIBUTES = frozenset({"chmod", "fchmod", "utime", "setxattr", "removexattr"})

# Which calls may answer so. Every one may answer that the device failed.
_ANSWERS: dict[int, frozenset[str]] = {
    errno.ENOSPC: (_PLACES - {"unlink", "rmdir"}) | {"create", "open", "write", "fsync", "setxattr", "sql"},
    errno.EACCES: _PLACES | _HANDLES | {"stat", "readlink"},
    errno.EPERM: _PLACES | _ATTRIBUTES,
    errno.EMFILE: _HANDLES,
}


def any_call(_name: str, _changes: bool) -> bool:  # noqa: FBT001 # with `changing` and `answering`, what counts
    """Count every call."""
    return True


def changing(_name: str, changes: bool) -> bool:  # noqa: FBT001 # as above
    """Count what changes something: between two of those, every moment is the same."""
    return changes


def both(one: Among, other: Among) -> Among:
    """Count what both count."""
    return lambda name, changes: one(name, changes) and other(name, changes)


def answering(number: int) -> Among:
    """Count what may fail with this errno."""
    if number not in _ANSWERS:
        return any_call
    return lambda name, changes: name.partition(" ")[0] in _ANSWERS[number] and (changes or number != errno.ENOSPC)


def named(*names: str) -> Among:
    """Count calls of these names."""
    return lambda name, _changes: name in names


def following(*names: str) -> Among:
    """Count what follows the first call of one of these names."""
    seen = False

    def counts(name: str, _changes: bool) -> bool:  # noqa: FBT001 # as above
        nonlocal seen
        before, seen = seen, seen or name in names
        return before

    return counts


class Counts:
    """Counts calls and lets them pass.

    Attributes:
        count: of calls so far.
        call: the name of the Nth; "" until then.
    """

    def __init__(self, nth: int = 0, *, among: Among = any_call) -> None:
        """Take which call is waited for, counted from 1, among those that count."""
        self.count = 0
        self.call = ""
        self.nth = nth
        self._among = among

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        if not self._among(name, changes):
            return 0
        self.count += 1
        if self.count == self.nth:
            self.call = name
        return self._answer()

    def _answer(self) -> int:
        return 0


class Fails(Counts):
    """Lets the Nth call fail, and the one so many `later`."""

    def __init__(self, nth: int, number: int, *, later: int = 0, among: Among = any_call) -> None:
        super().__init__(nth, among=among)
        self._number = number
        self._later = later

    def _answer(self) -> int:
        return self._number if self.count in {self.nth, self.nth + self._later} else 0


class FailsOn(Counts):
    """Lets the Nth of those calls fail with which it `begins`, and from then on all: a disk that goes away."""

    def __init__(self, nth: int, number: int, *, among: Among, begins: Among) -> None:
        super().__init__(nth, among=both(among, begins))
        self._number = number
        self._fails = among

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        super().__call__(name, changes)
        return self._number if self.call and self._fails(name, changes) else 0


class Dies(Counts):
    """Ends the process before the Nth call, as whoever kills it does: nothing is cleared up."""

    def _answer(self) -> int:
        if self.count == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0


class Waits(Counts):
    """Says before the Nth call that it has come so far, and goes on when it is told to."""

    def __init__(self, nth: int, said: int, told: int, *, among: Among = any_call) -> None:
        """Take the descriptors that it writes to and reads from."""
        super().__init__(nth, among=among)
        self._said = said
        self._told = told
        self._write, self._read = os.write, os.read  # the system's own, if nobody stands before them yet

    def _answer(self) -> int:
        if self.count == self.nth:
            self._write(self._said, b"!")
            self._read(self._told, 1)
        return 0


class Interferes(Counts):
    """Lets somebody do something right before the Nth call, and asks another one about all that comes after."""

    def __init__(
        self, do: Callable[[], object], nth: int = 1, *, among: Among = any_call, then: Before | None = None
    ) -> None:
        super().__init__(nth, among=among)
        self._do = do
        self._then = then
        self._busy = False

    def __call__(self, name: str, changes: bool) -> int:  # noqa: FBT001 # a `Before`
        if self._busy:
            return 0
        super().__call__(name, changes)
        return self._then(name, changes) if self.call and self._then is not None else 0

    def _answer(self) -> int:
        if self.count == self.nth:
            self._busy = True
            self._do()
            self._busy = False
        return 0
