"""Whatever call fails, a change is made whole or not at all, and nothing is left behind."""

import contextlib
import errno
import itertools
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fs_server.errors import Failure
from fs_server.journal.changes import Status
from sandbox import SandboxError
from tests.fs_server.journal.calls import Calls
from tests.fs_server.journal.moments import Counts, Fails, FailsOn, answering, both, changing
from tests.fs_server.journal.works import SIMPLE, SOME, WORKS, Work
from tests.fs_server.journal.worlds import Picture, World, difference, in_memory, temporaries, untouched
from tests.sandbox.backends import RESOLVERS

if TYPE_CHECKING:
    from fs_server.journal.carrying import Carried

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is open in /proc")


class Trials:
    """One change, tried again and again, each time with another call that fails.

    Attributes:
        server: that tries.
        other: that starts when the first one has died.
        old: the tree before the change.
        new: the tree after it.
        carried: what came of it, where nothing was raised.
    """

    def __init__(self, world: World, work: Work, calls: Calls) -> None:
        self._world = world
        self._work = work
        self._calls = calls
        self.carried: Carried | None = None
        self.new: Picture = {}
        self._world.build()
        self.other = self._world.open()
        self._begin()
        work.carry_out(self.server)
        self.new = world.picture()
        assert not temporaries(self.new)
        self.prepare()

    def prepare(self) -> None:
        """Make the tree anew, and what has to be done before; the server is a new one."""
        self.server.close()
        self._world.build()
        self._begin()

    def _begin(self) -> None:
        self.server = self._world.open()
        self._calls.reach(self.server.workspace.resolver)
        self._work.prepare(self.server)
        self.old = self._world.picture()
        self._done = self.server.done()

    def close(self) -> None:
        """Let both servers end."""
        self.server.close()
        self.other.close()

    def attempt(self, before: Counts) -> str:
        """Make the change while calls fail. Return what it was refused with, and "" where it was not."""
        files = open_files()
        refusal = ""
        with self._calls.hear(before):
            try:
                self.carried = self._work.carry_out(self.server)
            except (SandboxError, OSError, Failure) as error:
                refusal = repr(error)
        # From its first change on, a server shows by a file that it is alive.
        session = str(self._world.state / "sessions" / self.server.journal.session)
        assert Counter(open_files()) - Counter(files) <= Counter([session]), (before.call, refusal)
        return refusal

    def die(self) -> int:
        """Let the server die, and another one put in order what it left; return how many changes that were."""
        left = len(self.server.unfinished())
        self.server.close()
        assert self.other.recover() == left
        assert self.other.recover() == 0
        assert self.other.unfinished() == {}
        return self.other.done() - self._done

    def require(self, picture: Picture, told: object) -> None:
        """Claim that the tree is this one, and that the journal agrees with itself."""
        now = self._world.picture()
        assert now == picture, (told, difference(picture, now))
        if picture is self.old:
            assert untouched(picture, now), told
        self.other.require_consistent()

    def require_shown(self, picture: Picture, told: object) -> None:
        """Claim that the tree is this one, apart from what waits in it."""
        now = self._world.picture(hidden=False)
        assert now == picture, (told, difference(picture, now))


def open_files() -> list[str]:
    """Return what this process has open, by name: numbers change where something is opened anew."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own
            found.append(str(handle.readlink()))
    return found


def each(fault: Callable[[int], Counts]) -> Iterator[Counts]:
    """Yield faults, each one call later, until one was not reached."""
    for nth in itertools.count(1):
        made = fault(nth)
        yield made
        if not made.call:
            return


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Trials]]:
    """Give what begins the trials of a work on a resolver."""
    calls = Calls()
    calls.install(monkeypatch)
    # What a log keeps of an error holds the frames that it came through, and what is open in them.
    logging.disable(logging.CRITICAL)
    begun: list[Trials] = []
    with in_memory() as base:

        def begin(name: str, backend: str) -> Trials:
            begun.append(Trials(World(base, backend), WORKS[name], calls))
            return begun[-1]

        yield begin
        for trial in begun:
            trial.close()
    logging.disable(logging.NOTSET)


Begin = Callable[[str, str], Trials]

NUMBERS = (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EMFILE)


LONG = ("several files", "move over another", "copy a directory, then remove it")


def cases(numbers: Iterable[int], gate: Callable[[str, str, int], bool]) -> pytest.MarkDecorator:
    """Return the cases of all works, resolvers and errnos; those that are not for the `gate` run at night."""
    return pytest.mark.parametrize(
        ("name", "backend", "number"),
        [
            pytest.param(
                name,
                backend,
                number,
                id=f"{errno.errorcode[number]}-{backend}-{name}",
                marks=() if gate(name, backend, number) else (pytest.mark.nightly, pytest.mark.timeout(600)),
            )
            for number in numbers
            for backend in RESOLVERS
            for name in WORKS
        ],
    )


def with_a_dead_device(name: str, backend: str, number: int) -> bool:
    return number == errno.EIO and backend == "openat2" and name in LONG


def each_kind(name: str, backend: str, number: int) -> bool:
    # Without flags for rename there are more calls to fail.
    if number == errno.EIO:
        return backend == "portable" and (name in SOME or not name.startswith("undo"))
    return backend == "openat2" and name in SOME


def each_operation(name: str, backend: str, number: int) -> bool:
    return number == errno.EIO and backend == "openat2" and name in SOME + SIMPLE


def at_night(_name: str, _backend: str, _number: int) -> bool:
    return False


@cases(NUMBERS, gate=with_a_dead_device)
def test_a_change_of_which_any_call_fails_is_made_whole_or_not_at_all(
    name: str, backend: str, number: int, trials: Begin
) -> None:
    _try_each(trials(name, backend), lambda nth: Fails(nth, number, among=answering(number)))


@cases(NUMBERS, gate=each_kind)
def test_a_change_of_which_a_changing_call_fails_is_made_whole_or_not_at_all(
    name: str, backend: str, number: int, trials: Begin
) -> None:
    among = both(changing, answering(number))
    _try_each(trials(name, backend), lambda nth: Fails(nth, number, among=among))


def _try_each(trial: Trials, fault: Callable[[int], Fails]) -> None:
    for made in each(fault):
        refusal = trial.attempt(made)
        told = (made.nth, made.call, refusal)
        left = list(trial.server.unfinished().values())
        if refusal:
            assert left == [], told
            assert trial.other.recover() == 0, told
            trial.require(trial.old, told)
        else:
            assert trial.carried is not None
            assert trial.carried.change is not None
            trial.require_shown(trial.new, told)
            assert left in ([], [Status.DONE]), told
            assert trial.carried.change.waiting is bool(left), told
            assert trial.die() == 1, told
            trial.require(trial.new, told)
            trial.prepare()


@cases((errno.EIO, errno.ENOSPC), gate=each_operation)
def test_what_a_server_cannot_take_back_because_its_disk_is_gone_the_next_one_puts_in_order(
    name: str, backend: str, number: int, trials: Begin
) -> None:
    trial = trials(name, backend)
    for fault in each(lambda nth: FailsOn(nth, number, among=answering(number), begins=changing)):
        refusal = trial.attempt(fault)
        _put_in_order(trial, (fault.nth, fault.call, refusal), refusal)


@cases((errno.EIO,), gate=at_night)
def test_what_fails_twice_the_next_server_puts_in_order(name: str, backend: str, number: int, trials: Begin) -> None:
    trial = trials(name, backend)
    for later in itertools.count(1):
        reached = False
        for fault in each(partial(Fails, number=number, later=later, among=changing)):
            refusal = trial.attempt(fault)
            reached = reached or fault.count >= fault.nth + later
            _put_in_order(trial, (fault.nth, later, fault.call, refusal), refusal)
        if not reached:
            break


def _put_in_order(trial: Trials, told: object, refusal: str) -> None:
    done = trial.die()
    assert done == 1 or refusal, told
    trial.require(trial.new if done else trial.old, told)
    trial.prepare()
