"""Servers that die in the middle of a change, as the children of a small process with one thread: only such may fork.

`python -m tests.fs_server.journal.mortals` reads the name of a scenario below and its arguments, a line of JSON each
time, and answers with a line: what it returned, or how it failed.
"""

import itertools
import json
import logging
import os
import random
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from fs_server.journal.operations import MakeDirectory, Put
from tests.fs_server.journal.calls import Calls
from tests.fs_server.journal.moments import Before, Dies, Waits, any_call, changing
from tests.fs_server.journal.random_changes import Model, tree_of
from tests.fs_server.journal.works import WORKS
from tests.fs_server.journal.worlds import (
    Picture,
    Server,
    World,
    difference,
    in_memory,
    pictured,
    temporaries,
    untouched,
)

__all__ = ["Mortals", "die_at_each", "die_at_random", "die_beside_another", "recover_at_once", "wait_inside"]

CHECKOUT = Path(__file__).parents[3]

MOST_S = 0.03
"""How long a server that is killed at random lives at most: some changes, or not even the first."""

DEAD = 8
"""Servers that died before two others start at once."""

SESSION = 16
"""Letters of the id of a server."""


class Mortals:
    """The process, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fs_server.journal.mortals"],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, scenario: Callable[..., int], **arguments: object) -> int:
        """Play a scenario of this module there, and return what it returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([scenario.__name__, arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if isinstance(answer, str):
            pytest.fail(answer, pytrace=False)
        return int(answer)

    def close(self) -> None:
        """Let it end."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        assert self._process.wait(20) == 0


CALLS = Calls()


def die_at_each(base: str, *, name: str, backend: str, looks: bool = False, again: bool = False) -> int:
    """Let a server die before each call of a change, and another one put in order what it left. Return how often.

    Before those only that change something, unless `looks`. With `again` the one that puts it in order dies as well,
    before each call in turn that changes something.
    """
    world = World(Path(base), backend)
    world.build()
    new, _ = _begun(world, name, carry_out=True)
    died, finished = 0, 1
    for nth in itertools.count(1):
        if finished:
            world.build()
            old, done = _begun(world, name)
        if not _dies(world, WORKS[name].carry_out, Dies(nth, among=any_call if looks else changing)):
            return died
        died += 1
        if again:
            died += _die_recovering(world)
        told = f"{name}, call {nth}"
        with world.server() as server:
            left = len(server.unfinished())
            assert server.recover() == left, told
            _require_in_order(world, server)
            finished = server.done() - done
        right, now = new if finished else old, world.picture()
        assert now == right, (told, difference(right, now))
        assert finished or untouched(old, now), told
    raise AssertionError("it never came through")


def _die_recovering(world: World) -> int:
    """Let servers die that start, each one call later, until one comes through; return how many died."""
    for nth in itertools.count(1):
        if not _dies(world, Server.recover, Dies(nth, among=changing)):
            return nth - 1
    raise AssertionError("it never came through")


def die_at_random(base: str, *, backend: str, seed: int, runs: int) -> int:
    """Kill a server that makes one change after the other, at random moments, and compare its tree with a model."""
    world = World(Path(base), backend)
    (world.root / "a").mkdir(parents=True)
    model = Model(seed, "a")
    dice = random.Random(seed)  # noqa: S311 # no secret
    for run in range(runs):
        with _Child(world, model) as child:
            acknowledged = child.kill(dice.uniform(0, MOST_S))
        told = f"seed {seed}, run {run}"
        with world.server() as server:
            left = len(server.unfinished())
            assert server.recover() == left, told
            _require_in_order(world, server)
            made = server.done() - model.count
        assert acknowledged <= made <= acknowledged + 1, told
        _require_made(world, model, made, told)
    return runs


def die_beside_another(base: str, *, backend: str, seed: int, runs: int) -> int:
    """Kill a server while another one works in the same root, and let a third one start meanwhile."""
    world = World(Path(base), backend)
    dice = random.Random(seed)  # noqa: S311 # no secret
    dead, alive = (Model(seed, top) for top in ("a", "b"))
    for top in ("a", "b"):
        (world.root / top).mkdir(parents=True)
    with _Child(world, alive) as living:
        for run in range(runs):
            told = f"seed {seed}, run {run}"
            with _Child(world, dead) as child:
                acknowledged = child.kill(dice.uniform(0, MOST_S))
            with world.server() as server:
                left = server.unfinished().keys() & {child.session}
                assert server.recover() == len(left), told
                assert child.session not in server.unfinished(), told
                made = server.done(child.session)
            assert acknowledged <= made <= acknowledged + 1, told
            _require_made(world, dead, made, told)
        acknowledged = living.stop()
    with world.server() as server:
        assert server.recover() == 0
        assert server.done(living.session) == acknowledged > 0
        _require_in_order(world, server)
    _require_made(world, alive, acknowledged, f"seed {seed}")
    return runs


def wait_inside(base: str, *, name: str, backend: str) -> int:
    """Let a server wait before each call that changes the tree, while another one that died is recovered."""
    world = World(Path(base), backend)
    world.build()
    new, _ = _begun(world, name, carry_out=True)
    for nth in itertools.count(1):
        world.build()
        _, done = _begun(world, name)
        assert _dies(world, _create_beside, Dies(1, among=_renames))
        (others,) = temporaries(world.picture())
        said, told = os.pipe(), os.pipe()
        living = _forked(
            partial(_serve, world, WORKS[name].carry_out, Waits(nth, said[1], told[0], among=_changes_the_tree))
        )
        for end in (said[1], told[0]):
            os.close(end)
        came = os.read(said[0], 1)
        if came:
            waiting = world.picture()
            del waiting[others]
            with world.server() as server:
                assert server.recover() == 1, nth
                assert untouched(waiting, world.picture()), nth
            os.write(told[1], b"!")
        for end in (said[0], told[1]):
            os.close(end)
        assert _ended(living) == 0
        with world.server() as server:
            assert server.recover() == (0 if came else 1)
            _require_in_order(world, server)
            assert server.done() == done + 1
        assert world.picture() == new, difference(new, world.picture())
        if not came:
            return nth - 1
    raise AssertionError("it never came through")


def recover_at_once(base: str, *, backend: str, runs: int) -> int:
    """Let several servers die, and two others start at the same moment; return how many changes were put in order."""
    world = World(Path(base), backend)
    handled = 0
    for _ in range(runs):
        world.build()
        for nth in range(1, DEAD + 1):  # each one call later than the one before it
            assert _dies(world, partial(_patch, f"p{nth}"), Dies(nth, among=_changes_the_tree))
        with world.server() as server:
            left = len(server.unfinished())
        go, counted = os.pipe(), os.pipe()
        starting = [_forked(partial(_recover_when_told, world, go, counted[1])) for _ in range(2)]
        for end in (go[0], go[1], counted[1]):
            os.close(end)
        assert [_ended(child) for child in starting] == [0, 0]
        counts = os.read(counted[0], 2)
        os.close(counted[0])
        with world.server() as server:
            assert server.recover() == 0
            _require_in_order(world, server)
        assert sum(counts) == left > 2, list(counts)
        handled += left
        for nth in range(1, DEAD + 1):
            stands = sorted(path.name for path in world.root.glob(f"p{nth}/*"))
            assert stands in ([], ["one", "two"]), (nth, stands)
    return handled


def _patch(top: str, server: Server) -> None:
    """Make a directory and two files in it."""
    directory = server.at(top)
    files = [Put(server.at(f"{top}/{name}"), b"NEW", None) for name in ("one", "two")]
    server.carry_out([MakeDirectory(directory), *files])


def _create_beside(server: Server) -> None:
    # Two: the new file of a change that is no more than that has no name until it is whole.
    server.carry_out([Put(server.at(name), b"BESIDE", None) for name in ("beside", "beside too")])


def _recover_when_told(world: World, go: tuple[int, int], counted: int) -> None:
    with world.server() as server:
        os.close(go[1])
        os.read(go[0], 1)  # it ends when nobody has the other end any more
        os.write(counted, bytes([server.recover()]))


def _renames(name: str, _changes: bool) -> bool:  # noqa: FBT001 # counts what shows a file
    return name in {"renameat2", "link", "rename"}


def _changes_the_tree(name: str, changes: bool) -> bool:  # noqa: FBT001 # whoever waits holds no lock of the journal
    return changes and not name.startswith("sql") and name not in {"flock", "fsync"}


def _begun(world: World, name: str, *, carry_out: bool = False) -> tuple[Picture, int]:
    """Do what comes before a change, or that too; return the tree, and how many changes there are."""
    with world.server() as server:
        WORKS[name].prepare(server)
        if carry_out:
            WORKS[name].carry_out(server)
        return world.picture(), server.done()


def _require_in_order(world: World, server: Server) -> None:
    """Claim that nothing is left to do after a recovery."""
    assert server.recover() == 0
    assert server.unfinished() == {}
    assert temporaries(world.picture()) == []
    server.require_consistent()


def _require_made(world: World, model: Model, made: int, told: str) -> None:
    """Claim that the tree is what so many more changes make of it."""
    for _ in range(made):
        model.go_on()
    now = tree_of(pictured(world.root / model.top))
    assert now == model.tree, (told, sorted(now.keys() ^ model.tree.keys()))


def _dies(world: World, work: Callable[[Server], object], dies: Dies) -> bool:
    """Let a server do some work and die; tell whether it came so far."""
    code = _ended(_forked(partial(_serve, world, work, dies)))
    assert code in {0, -signal.SIGKILL}, code
    return code != 0


def _serve(world: World, work: Callable[[Server], object], before: Before) -> None:
    with world.server() as server:
        CALLS.reach(server.workspace.resolver)
        with CALLS.hear(before):
            work(server)


def _forked(work: Callable[[], None]) -> int:
    """Return the id of a child that does the work and ends."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 # whatever it is: this is all that is ever seen of it
        traceback.print_exc()
    os._exit(code)


def _ended(child: int) -> int:
    """Return the exit code of a child, and the signal that ended it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Child:
    """A server that makes one change of a model after the other, and tells of each.

    Attributes:
        session: its id in the journal; "" where it did not come so far.
    """

    def __init__(self, world: World, model: Model) -> None:
        self.session = ""
        self._told = b""
        self._hears, told = os.pipe()
        stops, self._stops = os.pipe()
        self._child = _forked(partial(self._make, world, model, told, stops))
        os.close(told)
        os.close(stops)

    @staticmethod
    def _make(world: World, model: Model, told: int, stops: int) -> None:
        with world.server() as server:
            os.write(told, server.journal.session.encode())
            while not select.select([stops], [], [], 0)[0]:
                model.carry_out(server)
                model.go_on()
                os.write(told, b".")

    def kill(self, after_s: float) -> int:
        """Kill it after some time; return how many changes it had told of."""
        select.select([], [], [], after_s)
        os.kill(self._child, signal.SIGKILL)
        assert self._ended() == -signal.SIGKILL
        return self._made()

    def stop(self) -> int:
        """Let it end; return how many changes it made."""
        os.write(self._stops, b"!")
        assert self._ended() == 0
        return self._made()

    def _ended(self) -> int:
        child, self._child = self._child, 0
        return _ended(child)

    def _made(self) -> int:
        while piece := os.read(self._hears, 65_536):
            self._told += piece
        self.session = self._told[:SESSION].decode() if len(self._told) >= SESSION else ""
        return max(0, len(self._told) - SESSION)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._ended()
        os.close(self._hears)
        os.close(self._stops)


def main() -> None:
    logging.disable(logging.CRITICAL)
    CALLS.install(pytest.MonkeyPatch())
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            with in_memory() as base:
                answer: object = globals()[name](str(base), **arguments)
        except BaseException:  # noqa: BLE001 # told to whoever asked
            answer = traceback.format_exc()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
