"""Everything beneath a directory, for changes: all of it, by handle, however deep; or a refusal."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Kind, RootSpec, Spot, Workspace, downward, upward
from tests.sandbox.backends import RESOLVERS, opened
from tests.sandbox.spots import open_descriptors, refused, spot_of
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree, snapshot

Way = Callable[[Spot], Iterator[tuple[Spot, Kind]]]

WAYS = pytest.mark.parametrize("way", [downward, upward])

LEVELS = 1500
KEPT = 64
"""Directories of one way down that are held at a time."""

BEYOND = 70
"""Deeper than those."""

TWIN = ["another directory with the very same names"]


@pytest.fixture
def ground(root: Path, workspace: Workspace) -> Iterator[Workspace]:
    """See that nothing stays open and that nothing outside is touched."""
    make_tree(root.parent, ["outside/f = OUT", "outside/z = OUT", "outside/n/z = OUT"])
    outside = snapshot(root.parent / "outside")
    before = open_descriptors()
    yield workspace
    assert open_descriptors() == before
    assert snapshot(root.parent / "outside") == outside


def paths_of(found: Iterator[tuple[Spot, Kind]]) -> list[str]:
    return ["/".join(spot.parts) for spot, _ in found]


def walked(way: Way, workspace: Workspace, path: str) -> list[str]:
    with spot_of(workspace, path) as top:
        return paths_of(way(top))


def make_deep(base: Path, levels: int) -> None:
    """Make directories `n` in each other, and behind each, by the order of names, a file `z`."""
    base.mkdir()
    here = os.open(base, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("n", dir_fd=here)
        os.close(os.open("z", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        below = os.open("n", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


class TestOrder:
    """Directories before what they hold, or behind it; names by code point."""

    TREE = ("t/b/y", "t/b/x/1", "t/b/x/2", "t/a", "t/B/", "t/b.c", "t/link -> b", "t/up -> ..", "t/pipe|", "t/é", "u")

    def test_downward_a_directory_comes_before_what_it_holds(self, root: Path, ground: Workspace) -> None:
        make_tree(root, self.TREE)
        names = ["B", "a", "b", "b/x", "b/x/1", "b/x/2", "b/y", "b.c", "link", "pipe", "up", "é"]
        assert walked(downward, ground, "t") == [f"t/{name}" for name in names]

    def test_upward_a_directory_comes_behind_what_it_held(self, root: Path, ground: Workspace) -> None:
        make_tree(root, self.TREE)
        names = ["B", "a", "b/x/1", "b/x/2", "b/x", "b/y", "b", "b.c", "link", "pipe", "up", "é"]
        assert walked(upward, ground, "t") == [f"t/{name}" for name in names]

    @WAYS
    def test_kinds_are_told_and_no_link_is_followed(self, way: Way, root: Path, ground: Workspace) -> None:
        make_tree(
            root, ["t/f", "t/d/", "t/out -> ../../outside", "t/back -> .", "t/lost -> none", "t/file -> f", "t/p|"]
        )
        with spot_of(ground, "t") as top:
            found = {spot.name: kind for spot, kind in way(top)}
        links = dict.fromkeys(("out", "back", "lost", "file"), Kind.LINK)
        assert found == {**links, "f": Kind.FILE, "d": Kind.DIRECTORY, "p": Kind.FIFO}

    @WAYS
    def test_a_spot_is_the_one_that_its_name_says(self, way: Way, root: Path, ground: Workspace) -> None:
        make_tree(root, ["t/a/f = A", "t/b/f = B"])
        with spot_of(ground, "t") as top:
            for spot, kind in way(top):
                facts = spot.stat()
                assert facts is not None
                assert facts.st_ino == root.joinpath(*spot.parts).stat().st_ino
                assert Kind.of(facts.st_mode) is kind

    @WAYS
    def test_an_empty_directory_holds_nothing(self, way: Way, root: Path, ground: Workspace) -> None:
        make_tree(root, ["t/"])
        assert walked(way, ground, "t") == []

    @pytest.mark.parametrize(
        ("top", "code"),
        [("f", "not_directory"), ("link", "not_directory"), ("pipe", "not_directory"), ("none", "not_found")],
    )
    @WAYS
    def test_what_is_no_directory_is_refused(
        self, way: Way, top: str, code: str, root: Path, ground: Workspace
    ) -> None:
        make_tree(root, ["f", "link -> ../outside", "pipe|"])
        assert refused(walked, way, ground, top).code == code

    @given(
        st.sets(
            st.lists(st.sampled_from(["a", "b", "\n", "é", "\udcff"]), min_size=1, max_size=4).map("/".join),
            max_size=12,
        )
    )
    @settings(max_examples=40, deadline=None)
    def test_everything_is_met_exactly_once(self, directories: set[str]) -> None:
        with own_directory() as base:
            for path in directories:
                (base / "t" / path).mkdir(parents=True, exist_ok=True)
            (base / "t").mkdir(exist_ok=True)
            expected = sorted(os.fspath(path.relative_to(base)) for path in (base / "t").rglob("*"))
            with opened(RESOLVERS["stepwise"](), RootSpec("root", str(base))) as workspace:
                down, up = walked(downward, workspace, "t"), walked(upward, workspace, "t")
        assert sorted(down) == sorted(up) == expected
        for order, before in ((down, True), (up, False)):
            for path in order:
                above = path.rpartition("/")[0]
                assert above == "t" or (order.index(above) < order.index(path)) == before


class TestDepth:
    """However deep it is, few handles are open, and the stack stays flat."""

    @pytest.fixture
    def deep(self, backend: str) -> Iterator[Workspace]:
        """Make a deep tree, in memory where that is possible: a disk takes seconds for thousands of directories."""
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        with tempfile.TemporaryDirectory(dir=memory) as name:
            base = Path(name).resolve()
            make_deep(base / "t", LEVELS)
            with opened(RESOLVERS[backend](), RootSpec("root", str(base))) as workspace:
                yield workspace
            subprocess.run(["rm", "-rf", base / "t"], check=True)

    @WAYS
    def test_a_tree_deeper_than_the_stack_is_walked_with_few_handles(self, way: Way, deep: Workspace) -> None:
        assert sys.getrecursionlimit() < LEVELS
        most = met = 0
        before = len(open_descriptors())
        with spot_of(deep, "t") as top:
            for spot, _ in way(top):
                met += 1
                if met % 100 == 0 or len(spot.parts) == LEVELS:
                    most = max(most, len(open_descriptors()) - before)
        assert met == 2 * LEVELS
        assert KEPT / 2 < most <= KEPT + 3
        assert len(open_descriptors()) == before

    def test_such_a_tree_can_be_removed_on_the_way(self, deep: Workspace) -> None:
        with spot_of(deep, "t") as top:
            for spot, kind in upward(top):
                spot.remove(kind)
            top.remove(Kind.DIRECTORY)
            assert top.stat() is None

    @WAYS
    def test_the_order_is_the_same_beyond_the_handles_that_are_kept(
        self, way: Way, root: Path, ground: Workspace
    ) -> None:
        make_deep(root / "t", 2 * BEYOND)
        ways = ["t" + "/n" * level for level in range(2 * BEYOND)]
        files = [f"{path}/z" for path in reversed(ways)]
        directories = [f"{path}/n" for path in ways]
        if way is downward:
            assert walked(way, ground, "t") == directories + files
        else:
            assert walked(way, ground, "t") == [
                path for pair in zip(reversed(directories), files, strict=True) for path in pair
            ]


class TestChangesMeanwhile:
    """Somebody else changes the tree while it is walked."""

    @WAYS
    def test_a_walk_that_is_given_up_leaves_nothing_open(self, way: Way, root: Path, ground: Workspace) -> None:
        make_deep(root / "t", BEYOND)
        with spot_of(ground, "t") as top:
            before = open_descriptors()
            walk = way(top)
            next(walk)
            del walk
            assert open_descriptors() == before

    def test_a_directory_that_vanishes_before_it_is_entered_is_passed_over(self, root: Path, ground: Workspace) -> None:
        make_tree(root, ["t/a/f", "t/b/f"])
        with spot_of(ground, "t") as top:
            walk = downward(top)
            assert next(walk)[0].name == "a"
            shutil.rmtree(root / "t/a")
            assert paths_of(walk) == ["t/b", "t/b/f"]

    def test_what_vanishes_is_met_and_is_not_there(self, root: Path, ground: Workspace) -> None:
        make_tree(root, ["t/a", "t/b", "t/c"])
        with spot_of(ground, "t") as top:
            walk = upward(top)
            next(walk)
            (root / "t/b").unlink()
            spot, kind = next(walk)
            assert (spot.name, kind, spot.stat()) == ("b", Kind.FILE, None)
            assert refused(spot.remove, kind).code == "not_found"
            assert paths_of(walk) == ["t/c"]

    @pytest.mark.guarantee("G2")
    @pytest.mark.parametrize("became", ["t/a -> ../../outside", "t/a -> b", "t/a -> a", "t/a = FILE", "t/a|"])
    @WAYS
    def test_a_directory_that_becomes_something_else_before_it_is_entered_ends_the_walk(
        self, way: Way, became: str, root: Path, ground: Workspace
    ) -> None:
        """It was listed as a directory, and nothing of what a link leads to is shown."""
        make_tree(root, ["t/0", "t/a/f", "t/b/f"])
        with spot_of(ground, "t") as top:
            walk = way(top)
            assert next(walk)[0].name == "0"
            if way is downward:
                assert next(walk)[0].name == "a"
            shutil.rmtree(root / "t/a")
            make_tree(root, [became])
            assert refused(paths_of, walk).code == "not_directory"

    @pytest.mark.guarantee("G2")
    def test_a_directory_that_becomes_a_link_before_it_is_removed_is_not_and_nothing_outside_is(
        self, root: Path, ground: Workspace
    ) -> None:
        make_tree(root, ["t/a/f"])
        with spot_of(ground, "t") as top:
            walk = upward(top)
            spot, kind = next(walk)
            spot.remove(kind)
            (root / "t/a").rmdir()
            (root / "t/a").symlink_to("../../outside")
            spot, kind = next(walk)
            assert (spot.name, kind) == ("a", Kind.DIRECTORY)
            assert refused(spot.remove, kind).code == "not_directory"
            assert paths_of(walk) == []

    @pytest.mark.guarantee("G2")
    @pytest.mark.parametrize(
        "became",
        [
            ["t/n -> ../../outside"],
            ["t/n -> ../moved"],
            ["t/n = FILE"],
            ["t/n/n/n/z", "t/n/z"],
            ["t/n/z"],
            [],
            ["t -> moved-t"],
            TWIN,
        ],
        ids=["link out", "link in", "file", "shallow twin", "another", "nothing", "link above", "twin"],
    )
    @WAYS
    def test_a_directory_that_was_let_go_and_is_another_one_on_the_way_back_ends_the_walk(
        self, way: Way, became: list[str], root: Path, ground: Workspace
    ) -> None:
        """Its names were those of the first one: no name is ever met in a directory in which it was not listed."""
        make_deep(root / "t", BEYOND)
        with spot_of(ground, "t") as top:
            walk = way(top)
            for spot, _ in walk:
                if len(spot.parts) >= BEYOND:
                    break
            if became == ["t -> moved-t"]:
                (root / "t").rename(root / "moved-t")
            else:
                (root / "t/n").rename(root / "moved")
            if became == TWIN:
                make_deep(root / "t/n", BEYOND)
            else:
                make_tree(root, became)
            met: list[Spot] = []
            assert refused(collected, walk, met).code == "conflict"
        assert all(len(spot.parts) > BEYOND - KEPT for spot in met)

    @WAYS
    def test_a_directory_that_grows_while_it_is_walked_ends_all_the_same(
        self, way: Way, root: Path, ground: Workspace
    ) -> None:
        make_tree(root, ["t/a", "t/b/c"])
        with spot_of(ground, "t") as top:
            for number, (spot, _) in enumerate(way(top)):
                (root.joinpath(*spot.parts).parent / f"new{number}").mkdir()
                assert number < 10


def collected(walk: Iterator[tuple[Spot, Kind]], met: list[Spot]) -> None:
    met.extend(spot for spot, _ in walk)


def test_what_may_not_be_read_is_refused_and_not_left_out(backend: str) -> None:
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:walk_into_what_is_shut", backend, str(own))


def walk_into_what_is_shut(backend: str, base: str) -> None:
    make_tree(Path(base), ["t/a/f", "t/b/f", "t/c/f"])
    Path(base, "t/b").chmod(0)
    with opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace:
        for way in (downward, upward):
            assert refused(walked, way, workspace, "t").code == "permission_denied"
    Path(base, "t/b").chmod(0o700)
