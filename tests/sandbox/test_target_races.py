"""An attacker who swaps a directory for a link between any two calls of a change gets nothing changed outside."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Access, Kind, RootSpec, SandboxError, Workspace, downward, target_of, upward
from tests.sandbox.backends import RESOLVERS, opened
from tests.sandbox.spots import spot_of
from tests.support.race import Attacker
from tests.support.tree import make_tree, snapshot

SHORT_S = 0.5
LONG_S = 20.0
AT_MOST_S = 30.0
"""Where one of the outcomes has not been seen by then, the attack goes on a while: the machine may be busy."""

LENGTHS = [
    pytest.param(SHORT_S, id="short"),
    pytest.param(LONG_S, id="long", marks=[pytest.mark.nightly, pytest.mark.timeout(120)]),
]

REFUSED = {"escapes_root", "not_found", "not_directory", "symlink_loop", "conflict"}


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path,
        [
            "root/t/d/f = IN",
            "root/t/d/sub/only-inside",
            "root/t/evil -> ../../outside",
            "outside/f = SECRET",
            "outside/sub/only-outside",
        ],
    )


@pytest.fixture
def held(ground: Path, backend: str) -> Iterator[Workspace]:
    with opened(RESOLVERS[backend](), RootSpec("root", str(ground / "root"))) as workspace:
        yield workspace


def write(workspace: Workspace) -> str:
    """Make a file, give it another name, and remove it."""
    with target_of(workspace.at("t/d/new", Access.WRITE)).spot() as spot:
        other = spot.beside("newer")
        with spot.create() as file:
            file.write([b"NEW"])
        spot.move_to(other)
        other.remove(Kind.FILE)
    return "inside"


def make_directories(workspace: Workspace) -> str:
    """Make a directory in one that does not exist either, and remove both."""
    target = target_of(workspace.at("t/d/a/b", Access.WRITE))
    with contextlib.ExitStack() as made:
        for each in (*target.directories_to_make(), target):
            spot = made.enter_context(each.spot())
            spot.make_directory()
            made.callback(spot.remove, Kind.DIRECTORY)
    return "inside"


def walk(workspace: Workspace) -> str:
    """Meet everything in both orders, as a removal would."""
    seen = set()
    with spot_of(workspace, "t") as top:
        for way in (downward, upward):
            seen |= {spot.parts[2:] for spot, _ in way(top)}
    return "inside" if seen == {(), ("f",), ("sub",), ("sub", "only-inside")} else f"OUTSIDE NAMES {seen}"


def outcomes(attempt: Callable[[Workspace], str], workspace: Workspace, seconds: float) -> Counter[str]:
    seen: Counter[str] = Counter()
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds or (len(seen) < 2 and passed < AT_MOST_S):
        try:
            seen[attempt(workspace)] += 1
        except SandboxError as refusal:
            seen["refused" if refusal.code in REFUSED else refusal.code.value] += 1
    return seen


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("attempt", [write, make_directories, walk])
@pytest.mark.guarantee("G2")
def test_swapping_a_directory_for_a_link_out_changes_nothing_outside(
    attempt: Callable[[Workspace], str], seconds: float, held: Workspace, ground: Path
) -> None:
    outside, facts = snapshot(ground / "outside"), (ground / "outside").stat()
    with Attacker("exchange", ground / "root/t/d", ground / "root/t/evil") as attacker:
        seen = outcomes(attempt, held, seconds)
    assert seen.keys() == {"inside", "refused"}, seen
    assert attacker.changes > 100
    assert snapshot(ground / "outside") == outside
    assert (ground / "outside").stat()[:9] == facts[:9]
    (there,) = (path for path in (ground / "root/t").iterdir() if not path.is_symlink())
    assert sorted(snapshot(there)) == ["f", "sub", "sub/only-inside"]
