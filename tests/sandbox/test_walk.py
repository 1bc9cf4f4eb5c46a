"""Walks: bounded, in a stated order, taken up again anywhere, and never out of their directory."""

import os
import tracemalloc
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox import (
    DEEPEST,
    Access,
    Key,
    Kind,
    OpenDirectory,
    Order,
    PermissionDenied,
    RootSpec,
    SandboxError,
    Stop,
    Walk,
    Workspace,
)
from sandbox import walk as walk_module
from tests.sandbox.backends import opened
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree


def top_of(workspace: Workspace, path: str = "") -> OpenDirectory:
    return workspace.at(path, Access.LIST).open_directory()


def walked(workspace: Workspace, **options: object) -> list[str]:
    with top_of(workspace) as top:
        return ["/".join(entry.parts) for entry in Walk(top, **options)]  # type: ignore[arg-type] # passed on


def test_children_follow_their_parent_and_names_are_sorted_by_code_point(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["b/y", "b/x/z", "a", "B", "é", "b.txt", "10", "9", os.fsdecode(b"\xff")])
    assert walked(workspace, depth=9) == [
        "10", "9", "B", "a", "b", "b/x", "b/x/z", "b/y", "b.txt", "é", os.fsdecode(b"\xff"),
    ]  # fmt: skip
    assert walked(workspace) == ["10", "9", "B", "a", "b", "b.txt", "é", os.fsdecode(b"\xff")]


def test_the_newest_and_the_largest_come_first_and_equals_by_name(root: Path, workspace: Workspace) -> None:
    for name, size, time in (("c", 3, 10), ("b", 30, 10), ("a", 3, 500), ("d", 0, -5)):
        (root / name).write_bytes(b"x" * size)
        os.utime(root / name, (time, time))
    assert walked(workspace, order=Order.MODIFIED) == ["a", "b", "c", "d"]
    assert walked(workspace, order=Order.SIZE) == ["b", "a", "c", "d"]


names = st.sampled_from(["a", "b", "ab", "a b", "é", "\udcff", "z", "0", "A", "\x01"])
trees = st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(trees, st.integers(1, 5), st.sampled_from(Order), st.integers(1, 3))
@example(["a/b", "a/b/ab", "ab"], 5, Order.NAME, 1)
def test_a_walk_taken_up_again_anywhere_is_the_whole_walk(
    tmp_path_factory: pytest.TempPathFactory, tree: list[str], depth: int, order: Order, batch: int
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for path in tree:
        place = root
        for name in path.split("/")[:-1]:
            place = place / name
            if place.is_file():
                break
            place.mkdir(exist_ok=True)
        else:
            if not (root / path).exists():
                (root / path).write_text("x" * len(path))
    with Workspace.open([RootSpec("root", str(root))]).at("", Access.LIST).open_directory() as top:
        before, walk_module.BATCH = walk_module.BATCH, batch
        try:
            whole, places = gone_through(Walk(top, depth=depth, order=order))
            assert len(whole) == len(set(whole))
            for at, keys in enumerate(places):
                rest, _ = gone_through(Walk(top, depth=depth, order=order, after=keys))
                assert rest == whole[at + 1 :]
        finally:
            walk_module.BATCH = before


def gone_through(walk: Walk) -> tuple[list[str], list[tuple[Key, ...]]]:
    found = [("/".join(entry.parts), walk.keys) for entry in walk]
    return [path for path, _ in found], [keys for _, keys in found]


def test_a_walk_goes_on_behind_what_has_vanished(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["a/1", "a/2", "b/1", "c"])
    with top_of(workspace) as top:
        walk = Walk(top, depth=2)
        assert [entry.name for entry in islice(walk, 2)] == ["a", "1"]
        (root / "a/1").unlink()
        (root / "a/0").touch()
        assert ["/".join(entry.parts) for entry in Walk(top, depth=2, after=walk.keys)] == ["a/2", "b", "b/1", "c"]
        for name in ("0", "2"):
            (root / "a" / name).unlink()
        (root / "a").rmdir()
        assert ["/".join(entry.parts) for entry in Walk(top, depth=2, after=walk.keys)] == ["b", "b/1", "c"]
        (root / "a").touch()
        assert ["/".join(entry.parts) for entry in Walk(top, depth=2, after=walk.keys)] == ["b", "b/1", "c"]


def test_links_are_told_and_never_followed(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["d/f", "in -> d", "out -> ../..", "loop -> .", "gone -> nowhere"])
    with top_of(workspace) as top:
        found = {"/".join(entry.parts): (entry.kind, entry.link_target) for entry in Walk(top, depth=9)}
    assert found["out"] == (Kind.LINK, "../..")
    assert sorted(found) == ["d", "d/f", "gone", "in", "loop", "out"]


def test_what_is_secret_is_named_and_not_entered(root: Path, resolver: object) -> None:
    make_tree(root, ["private/key", "public/f"])
    with opened(resolver, RootSpec("root", str(root), secret=("private",))) as workspace:  # type: ignore[arg-type]
        with top_of(workspace) as top:
            walk = Walk(top, depth=3)
            assert [("/".join(entry.parts), entry.secret) for entry in walk] == [
                ("private", True), ("public", False), ("public/f", False),
            ]  # fmt: skip
        assert walk.skipped == {"protected_path": 1}


def test_a_walk_ends_at_its_deepest_level(root: Path, workspace: Workspace) -> None:
    (root / "/".join("d" * (DEEPEST + 5))).mkdir(parents=True)
    assert len(walked(workspace, depth=1_000)) == DEEPEST


def test_a_way_that_is_too_long_for_a_cursor_is_not_entered(root: Path, workspace: Workspace) -> None:
    (root / "/".join(["d" * 200] * 6)).mkdir(parents=True)
    with top_of(workspace) as top:
        walk = Walk(top, depth=DEEPEST)
        assert [len(entry.parts) for entry in walk] == [1, 2, 3, 4, 5]
        assert walk.skipped == {"name_too_long": 1}
    with top_of(workspace, "/".join(["d" * 200] * 5)) as below:
        assert [len(entry.parts) for entry in Walk(below)] == [6]


def test_a_walk_ends_when_nobody_wants_it_or_its_time_is_over(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["a", "b"])
    left = Stop()
    with top_of(workspace) as top:
        walk = Walk(top, stop=left)
        entries = iter(walk)
        next(entries)
        left.set()
        assert list(entries) == []
        assert walk.stopped == "cancelled"
        late = Walk(top, stop=Stop(0))
        assert list(late) == []
        assert late.stopped == "timeout"
        assert [entry.name for entry in Walk(top, after=walk.keys)] == ["b"]


def test_a_walk_is_stopped_while_it_reads_a_large_directory(root: Path, workspace: Workspace) -> None:
    for number in range(3_000):
        (root / f"{number}").touch()
    walk = Walk(top_of(workspace), stop=Stop(0))
    assert list(walk) == []
    assert walk.total == 1_024


class Vanishing:
    """A directory out of which a name goes between the listing and the look at it."""

    def __init__(self, directory: OpenDirectory, *paths: Path) -> None:
        self.root, self.parts = directory.root, directory.parts
        self.entry, self.descend, self.stat = directory.entry, directory.descend, directory.stat
        self._directory, self._paths = directory, paths

    def names(self) -> Sequence[tuple[str, Kind]]:
        found = sorted(self._directory.names())
        for path in self._paths:
            path.rmdir() if path.is_dir() else path.unlink()
        return found


@pytest.mark.parametrize("order", Order)
def test_what_vanishes_meanwhile_is_counted(root: Path, workspace: Workspace, order: Order) -> None:
    make_tree(root, ["a", "d/", "z"])
    with top_of(workspace) as top:
        walk = Walk(Vanishing(top, root / "a", root / "d"), order=order, depth=2)  # type: ignore[arg-type]
        assert [entry.name for entry in walk] == ["z"]
    assert walk.skipped == {"not_found": 2}


def test_a_directory_that_becomes_a_link_meanwhile_is_not_entered(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["d/f", "e/g"])
    with top_of(workspace) as top:
        walk = Walk(top, depth=2)
        entries = iter(walk)
        assert next(entries).name == "d"
        (root / "d/f").unlink()
        (root / "d").rmdir()
        (root / "d").symlink_to("../..")
        assert [entry.name for entry in entries] == ["e", "g"]
    assert walk.skipped == {"not_directory": 1}


class Closing(Vanishing):
    """A directory whose children cannot be read any more when they have been opened."""

    def __init__(self, directory: OpenDirectory) -> None:
        super().__init__(directory)
        self.descend = self._closed

    def _closed(self, name: str) -> OpenDirectory:
        child = self._directory.descend(name)
        child.close()
        return child


def test_a_directory_that_fails_while_it_is_read_is_counted(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["d/f", "e"])
    with top_of(workspace) as top:
        walk = Walk(Closing(top), depth=2)  # type: ignore[arg-type]
        assert [entry.name for entry in walk] == ["d", "e"]
    assert walk.skipped.total() == 1


def test_a_walk_whose_own_directory_cannot_be_read_says_so(workspace: Workspace) -> None:
    closed = top_of(workspace)
    closed.close()
    with pytest.raises(SandboxError):
        list(Walk(closed))


def test_directories_that_may_not_be_read_are_counted() -> None:
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:walk_what_may_not_be_read", str(own))


def walk_what_may_not_be_read(base: str) -> None:
    root = Path(base)
    make_tree(root, ["closed/f", "open/f", "unlisted/f"])
    (root / "closed").chmod(0)
    (root / "unlisted").chmod(0o100)
    with opened(None, RootSpec("root", base)) as workspace:  # type: ignore[arg-type] # the server's own choice
        with top_of(workspace) as top:
            walk = Walk(top, depth=3)
            assert ["/".join(entry.parts) for entry in walk] == ["closed", "open", "open/f", "unlisted"]
            assert walk.skipped == {"permission_denied": 2}
        with top_of(workspace, "unlisted") as unlisted, pytest.raises(PermissionDenied):
            list(Walk(unlisted))
    (root / "closed").chmod(0o700)


@pytest.mark.parametrize(
    "entries", [50_000, pytest.param(1_000_000, marks=[pytest.mark.nightly, pytest.mark.timeout(600)])]
)
def test_memory_does_not_grow_with_a_directory(root: Path, entries: int) -> None:
    handle = os.open(root, os.O_RDONLY)
    for number in range(entries):
        os.close(os.open(f"name-{number * 7919 % entries:07}", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    with Workspace.open([RootSpec("root", str(root))]).at("", Access.LIST).open_directory() as top:
        tracemalloc.start()
        try:
            walk = Walk(top)
            first = [entry.name for entry in islice(walk, 200)]
            last = [entry.name for entry in Walk(top, after=((0, f"name-{entries - 3:07}"),))]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert first == [f"name-{number:07}" for number in range(200)]
    assert last == [f"name-{entries - 2:07}", f"name-{entries - 1:07}"]
    assert walk.total == entries
    assert peak < 16 << 20


def test_every_handle_is_given_back_however_a_walk_ends(root: Path, workspace: Workspace) -> None:
    (root / "a/b/c/d").mkdir(parents=True)

    def open_ones() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with top_of(workspace) as top:
        before = open_ones()
        list(Walk(top, depth=9))
        assert open_ones() == before
        entries = iter(Walk(top, depth=9))
        assert [next(entries).name for _ in range(3)] == ["a", "b", "c"]
        del entries
        assert open_ones() == before
