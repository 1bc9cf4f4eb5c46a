"""An attacker who changes the tree between any two of our system calls gets nothing from outside the root."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Access, Kind, RootSpec, SandboxError, Walk, Workspace
from tests.sandbox.backends import RESOLVERS, opened
from tests.support.race import Attacker
from tests.support.tree import make_tree, snapshot

SHORT_S = 1.5
BRIEF_S = 0.5
LONG_S = 20.0
AT_MOST_S = 40.0
"""Where one of the outcomes has not been seen by then, the attack goes on a while: the machine may be busy."""

LENGTHS = [
    pytest.param(SHORT_S, id="short"),
    pytest.param(LONG_S, id="long", marks=[pytest.mark.nightly, pytest.mark.timeout(120)]),
]

REFUSED = {"escapes_root", "not_found", "not_directory", "symlink_loop"}

Try = Callable[[Workspace], str]
"""One attempt. Returns what came of it: "inside", "refused", or what must never be."""


def read(workspace: Workspace) -> str:
    with workspace.at("d/f", Access.READ).open() as file:
        return "inside" if file.read_at(0, 99) == b"IN" else "OUTSIDE CONTENT"


def stat(workspace: Workspace) -> str:
    return "inside" if workspace.at("d/f", Access.INSPECT).stat().size == len("IN") else "OUTSIDE FACTS"


def list_directory(workspace: Workspace) -> str:
    with workspace.at("d", Access.LIST).open_directory() as directory:
        seen = [(entry.name, entry.size) for entry in Walk(directory)]
    return "inside" if seen == [("f", len("IN")), ("only-inside", 0)] else f"OUTSIDE NAMES {seen}"


def walk_tree(workspace: Workspace) -> str:
    """Walk the root. The link is an entry like any other, and is never entered."""
    with workspace.at(".", Access.LIST).open_directory() as directory:
        walk = Walk(directory, depth=3)
        seen = {entry.parts: (entry.kind, entry.size) for entry in walk}
    swapped = {"d", "evil"}
    beneath = {parts[1:]: facts for parts, facts in seen.items() if parts[0] in swapped and len(parts) > 1}
    if not beneath or walk.skipped:
        return "refused"
    inside = {("f",): (Kind.FILE, 2), ("only-inside",): (Kind.FILE, 0)}
    return "inside" if beneath == inside else f"OUTSIDE NAMES {beneath}"


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path,
        [
            "root/d/f = IN",
            "root/d/only-inside",
            "root/a/b/c/f = DEEP",
            "root/evil -> ../outside",
            "outside/f = SECRET",
            "outside/only-outside",
        ],
    )


@pytest.fixture
def held(ground: Path, backend: str) -> Iterator[Workspace]:
    """Open the root of the ground, and prove which resolver works on it."""
    with opened(RESOLVERS[backend](), RootSpec("root", str(ground / "root"))) as workspace:
        resolver = workspace.resolver
        assert (resolver.name, getattr(resolver, "path_handles", None)) == {
            "openat2": ("openat2", True),
            "stepwise": ("stepwise", True),
            "portable": ("stepwise", False),
        }[backend]
        yield workspace


def outcomes(attempt: Try, workspace: Workspace, seconds: float, expected: set[str]) -> Counter[str]:
    """Attempt until the time is over and each expected outcome was seen; count what came of it."""
    seen: Counter[str] = Counter()
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds or (not expected <= seen.keys() and passed < AT_MOST_S):
        try:
            seen[attempt(workspace)] += 1
        except SandboxError as refusal:
            seen["refused" if refusal.code in REFUSED else refusal.code.value] += 1
    return seen


@pytest.mark.corpus("race-008")
@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("attempt", [read, stat, list_directory, walk_tree])
@pytest.mark.guarantee("G2")
def test_swapping_a_directory_for_a_link_out_shows_nothing_outside(
    attempt: Try, seconds: float, held: Workspace, ground: Path
) -> None:
    outside = snapshot(ground / "outside")
    with Attacker("exchange", ground / "root/d", ground / "root/evil") as attacker:
        seen = outcomes(attempt, held, seconds, {"inside", "refused"})
    assert seen.keys() == {"inside", "refused"}, seen
    assert attacker.changes > 1000
    assert snapshot(ground / "outside") == outside


def deep(workspace: Workspace, path: str) -> str:
    with workspace.at(path, Access.READ).open() as file:
        content = file.read_at(0, 99)
    return "inside" if content == b"DEEP" else f"ANOTHER FILE {content!r}"


@pytest.mark.corpus("race-009")
def test_renames_elsewhere_do_not_disturb_a_lookup_with_dots(held: Workspace, ground: Path) -> None:
    """The kernel answers EAGAIN to a ".." that any rename raced: it is asked again, and nobody notices."""
    make_tree(ground, ["elsewhere/x/"])
    with Attacker("there_and_back", ground / "elsewhere/x", ground / "elsewhere/y") as attacker:
        seen = outcomes(lambda workspace: deep(workspace, "a/b/../b/c/f"), held, BRIEF_S, {"inside"})
    assert seen.keys() == {"inside"}, seen
    assert attacker.changes > 1000


@pytest.mark.corpus("race-010")
@pytest.mark.parametrize("path", ["a/b/c/f", "a/b/../b/c/f"])
def test_a_directory_moved_out_of_the_root_is_itself_or_nothing(path: str, held: Workspace, ground: Path) -> None:
    with Attacker("there_and_back", ground / "root/a", ground / "outside/a") as attacker:
        seen = outcomes(lambda workspace: deep(workspace, path), held, BRIEF_S, {"inside", "refused"})
    assert seen.keys() == {"inside", "refused"}, seen
    assert attacker.changes > 1000


@pytest.mark.guarantee("G2")
def test_a_directory_moved_out_during_a_walk_never_shows_its_new_neighbours(held: Workspace, ground: Path) -> None:
    names = {"a", "b", "c", "d", "f", "only-inside", "evil"}

    def walk(workspace: Workspace) -> str:
        with workspace.at(".", Access.LIST).open_directory() as directory:
            seen = {entry.name for entry in Walk(directory, depth=9)}
        if not seen <= names:
            return f"OUTSIDE NAMES {seen}"
        return "inside" if seen == names else "refused"

    with Attacker("there_and_back", ground / "root/a", ground / "outside/a") as attacker:
        seen = outcomes(walk, held, BRIEF_S, {"inside", "refused"})
    assert seen.keys() == {"inside", "refused"}, seen
    assert attacker.changes > 1000


@pytest.mark.corpus("race-011")
@pytest.mark.guarantee("G6")
def test_a_file_swapped_for_a_fifo_never_holds_a_reader_up(held: Workspace, ground: Path) -> None:
    make_tree(ground, ["root/pipe|"])
    with Attacker("exchange", ground / "root/d/f", ground / "root/pipe") as attacker:
        seen = outcomes(read, held, BRIEF_S, {"inside", "not_regular_file"})
    assert seen.keys() == {"inside", "not_regular_file"}, seen
    assert attacker.changes > 1000


def test_a_file_emptied_while_it_is_read_gives_what_was_there_and_no_error(held: Workspace, ground: Path) -> None:
    make_tree(ground, ["root/big = " + "x" * 300_000, "full = " + "x" * 300_000])

    def read_all(workspace: Workspace) -> str:
        with workspace.at("big", Access.READ).open() as file:
            sizes = [len(chunk) for chunk in file.chunks(size=10_000)]
        assert sum(sizes) <= 300_000
        return "whole" if sum(sizes) == 300_000 else "short"

    with Attacker("truncate", ground / "root/big", ground / "full") as attacker:
        seen = outcomes(read_all, held, BRIEF_S, {"whole", "short"})
    assert seen.keys() == {"whole", "short"}, seen
    assert attacker.changes > 100


def test_a_root_swapped_for_another_directory_stays_the_one_that_was_opened(held: Workspace, ground: Path) -> None:
    make_tree(ground, ["other/d/f = EVIL", "other/d/only-inside"])
    with Attacker("exchange", ground / "root", ground / "other") as attacker:
        seen = outcomes(read, held, BRIEF_S, {"inside"})
    assert seen.keys() == {"inside"}, seen
    assert attacker.changes > 1000


def test_a_root_that_was_moved_is_served_from_where_it_is(held: Workspace, ground: Path) -> None:
    (ground / "root").rename(ground / "moved")
    make_tree(ground, ["root/d/f = EVIL"])
    make_tree(ground, ["moved/link -> d"])
    assert read(held) == "inside"
    assert held.at("link/f", Access.INSPECT).stat().parts == ("d", "f")
    assert held.at(str(ground / "root/d/f"), Access.INSPECT).stat().size == len("IN")


def test_a_root_that_was_removed_is_gone_even_where_a_new_one_stands(held: Workspace, ground: Path) -> None:
    shutil.rmtree(ground / "root")
    for _ in range(2):
        for path in ("", ".", "d/f", "d/../d", str(ground / "root")):
            with pytest.raises(SandboxError) as refused:
                held.at(path, Access.LIST).open_directory()
            assert refused.value.code == "root_gone"
        make_tree(ground, ["root/d/f = NEW"])
