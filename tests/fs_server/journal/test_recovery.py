"""What a server that died left is finished or taken back, and what somebody else has done meanwhile stays."""

import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fs_server.journal.changes import Status
from fs_server.journal.operations import ANYTHING, Copy, MakeDirectory, Move, Operation, Put, Remove
from sandbox import RootSpec
from tests.fs_server.journal.moments import Before, Fails, FailsOn, Interferes, any_call, following, named
from tests.fs_server.journal.stage import Plan, Stage, staged
from tests.fs_server.journal.worlds import KEEP, Server, pictured, temporaries

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the calls are those of Linux")

SHOWS = ("renameat2", "link", "rename")
"""Calls that give what was made, or what goes, its other name."""


@pytest.fixture(params=["openat2", "portable"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(request.param) as stage:
        yield stage


def dies_before(*names: str, nth: int = 1) -> Before:
    return FailsOn(nth, errno.EIO, among=any_call, begins=named(*names))


def dies_after(*names: str) -> Before:
    return FailsOn(1, errno.EIO, among=any_call, begins=following(*names))


def dies_making(nth: int) -> Before:
    """Die before the Nth new file is made."""
    return dies_before("create", nth=nth)


def created(server: Server) -> list[Operation]:
    return [Put(server.at("n"), b"NEW", None)]


def replaced(server: Server) -> list[Operation]:
    return [Put(server.at("d/x"), b"NEW", ANYTHING)]


def removed(server: Server) -> list[Operation]:
    return [Remove(server.at("g"))]


def moved(server: Server) -> list[Operation]:
    return [Move(server.at("h"), server.at("d/moved"))]


def tree_removed(server: Server) -> list[Operation]:
    return [Remove(server.at("tree"))]


def last(server: Server) -> list[Operation]:
    """Make one file more, at which the server dies."""
    return [Put(server.at("last"), b"LAST", None)]


def first(*plans: Plan) -> Plan:
    """Do these things, and what the server dies at, as one change."""
    return lambda server: [operation for plan in (*plans, last) for operation in plan(server)]


def save(path: Path, content: bytes) -> None:
    """Save as an editor does: a new file takes the place of the old one."""
    other = path.with_name("editors own")
    other.write_bytes(content)
    other.rename(path)


# A change of one thing: finished where it was shown, and else taken back.


def test_a_file_that_somebody_made_where_one_was_to_be_made_stays(stage: Stage) -> None:
    stage.die(created, dies_before(*SHOWS))
    (stage.root / "n").write_bytes(b"THEIRS")
    assert stage.recover()["n"].content == b"THEIRS"


def test_a_file_that_somebody_made_stays_even_if_it_holds_the_same(stage: Stage) -> None:
    stage.die(created, dies_before(*SHOWS))
    (stage.root / "n").write_bytes(b"NEW")
    inode = (stage.root / "n").stat().st_ino
    assert stage.recover()["n"].own[0] == inode


def test_a_file_that_was_shown_and_removed_by_somebody_does_not_come_back(stage: Stage) -> None:
    # A file that is made under a name is told of in between.
    stage.die(created, dies_before("sql COMMIT", nth=3 if stage.world.backend == "portable" else 2))
    (stage.root / "n").unlink()
    assert "n" not in stage.recover()


@pytest.mark.parametrize("how", [save, Path.write_bytes], ids=["saves", "writes to it"])
def test_whoever_changes_a_file_that_was_about_to_be_replaced_keeps_it(
    stage: Stage, how: Callable[[Path, bytes], object]
) -> None:
    if stage.world.backend == "portable":
        # When it is begun, when it is whole, and when the old file has a second name already.
        moments = [dies_making(1), dies_before(*SHOWS), dies_before("rename")]
    else:
        moments = [dies_before("link"), dies_before("renameat2")]  # when it has no name yet, and when it has one
    for dies in moments:
        (stage.root / "d/x").write_bytes(b"X")
        stage.die(replaced, dies)
        how(stage.root / "d/x", b"THEIRS")
        picture = stage.recover()
        assert picture["d/x"].content == b"THEIRS"
        assert [path for path in picture if path.startswith("d/")] == ["d/x"]


def test_whoever_saves_over_a_file_that_was_replaced_keeps_theirs_and_the_change_is_in_the_history(
    stage: Stage,
) -> None:
    stage.die(replaced, dies_before("sql COMMIT", nth=3))
    save(stage.root / "d/x", b"THEIRS")
    assert stage.recover()["d/x"].content == b"THEIRS"
    with stage.world.server() as server:
        (change,) = server.journal.feed().changes
        assert server.journal.content(change.steps[0].before.digest) == b"X"  # type: ignore[union-attr] # a file


def test_whoever_saves_at_the_moment_of_a_replacement_that_nobody_came_to_check_keeps_theirs() -> None:
    """The names were exchanged, and the server died before it saw what it had taken away."""
    with staged("openat2") as stage:
        saves = Interferes(
            lambda: save(stage.root / "d/x", b"THEIRS"), among=named("renameat2"), then=dies_after("renameat2")
        )
        stage.die(replaced, saves)
        assert (stage.root / "d/x").read_bytes() == b"NEW"
        assert stage.recover()["d/x"].content == b"THEIRS"


def test_whoever_writes_at_the_moment_of_a_replacement_that_nobody_came_to_check_keeps_theirs(stage: Stage) -> None:
    shows = "renameat2" if stage.world.backend == "openat2" else "rename"
    writes = Interferes(lambda: (stage.root / "d/x").write_bytes(b"THEIRS"), among=named(shows), then=dies_after(shows))
    stage.die(replaced, writes)
    assert (stage.root / "d/x").read_bytes() == b"NEW"
    assert stage.recover()["d/x"].content == b"THEIRS"


def test_what_was_to_be_removed_and_was_removed_by_somebody_is_gone(stage: Stage) -> None:
    stage.die(removed, dies_before(*SHOWS))
    (stage.root / "g").unlink()
    assert "g" not in stage.recover()


def test_something_new_at_the_name_of_what_was_removed_stays(stage: Stage) -> None:
    stage.die(removed, dies_before("sql COMMIT", nth=2))
    (stage.root / "g").write_bytes(b"THEIRS")
    assert stage.recover()["g"].content == b"THEIRS"


def test_a_tree_that_somebody_works_in_when_it_is_hidden_comes_back_whole(stage: Stage) -> None:
    """Their file was never captured. The server died before it saw that."""
    shows = "renameat2" if stage.world.backend == "openat2" else "rename"
    works = Interferes(
        lambda: (stage.root / "tree/theirs").write_bytes(b"THEIRS"), among=named(shows), then=dies_after(shows)
    )
    before = stage.world.picture()
    stage.die(tree_removed, works)
    assert not (stage.root / "tree").exists()
    picture = stage.recover()
    assert picture.pop("tree/theirs").content == b"THEIRS"
    assert picture == before


def test_what_somebody_writes_into_a_file_that_was_removed_is_found_beside_it(stage: Stage) -> None:
    """They had it open."""
    with (stage.root / "g").open("ab") as theirs:
        stage.die(removed, dies_before("unlink", nth=2 if stage.world.backend == "portable" else 1))
        assert not (stage.root / "g").exists()
        theirs.write(b", AND THEIRS")
    picture = stage.recover()
    (found,) = [path for path in picture if path.startswith("g.recovered-")]
    assert picture[found].content == b"GONE, AND THEIRS"


def test_a_directory_that_somebody_puts_something_into_stays(stage: Stage) -> None:
    stage.die(lambda server: [MakeDirectory(server.at("m")), Put(server.at("m/n"), b"NEW", None)], dies_making(1))
    (stage.root / "m/theirs").write_bytes(b"THEIRS")
    picture = stage.recover()
    assert picture["m/theirs"].content == b"THEIRS"
    assert "m/n" not in picture


# A change of several things, of which one was not done: all of it is taken back.


def test_what_was_made_of_a_change_is_taken_back_when_the_rest_was_not(stage: Stage) -> None:
    before = stage.world.picture()
    stage.die(first(created, replaced, removed, moved), dies_making(3))
    assert (stage.root / "n").exists()
    assert not (stage.root / "g").exists()
    assert stage.recover() == before


def test_a_new_file_that_somebody_wrote_to_stays(stage: Stage) -> None:
    stage.die(first(created), dies_making(2))
    (stage.root / "n").write_bytes(b"NEW, AND THEIRS")
    assert stage.recover()["n"].content == b"NEW, AND THEIRS"


def test_a_new_file_that_somebody_saved_over_stays(stage: Stage) -> None:
    stage.die(first(created), dies_making(2))
    save(stage.root / "n", b"THEIRS")
    assert stage.recover()["n"].content == b"THEIRS"


def test_a_new_file_that_somebody_removed_stays_away(stage: Stage) -> None:
    stage.die(first(created), dies_making(2))
    (stage.root / "n").unlink()
    assert "n" not in stage.recover()


@pytest.mark.parametrize("how", [save, Path.write_bytes], ids=["saves", "writes to it"])
def test_a_replaced_file_that_somebody_has_changed_stays(stage: Stage, how: Callable[[Path, bytes], object]) -> None:
    stage.die(first(replaced), dies_making(2))
    how(stage.root / "d/x", b"THEIRS")
    assert stage.recover()["d/x"].content == b"THEIRS"


def test_a_replaced_file_that_somebody_removed_is_the_old_one_again(stage: Stage) -> None:
    stage.die(first(replaced), dies_making(2))
    (stage.root / "d/x").unlink()
    assert stage.recover()["d/x"].content == b"X"


def test_what_was_removed_comes_back_beside_what_somebody_put_there(stage: Stage) -> None:
    stage.die(first(removed), dies_making(1))
    (stage.root / "g").write_bytes(b"THEIRS")
    picture = stage.recover()
    (found,) = [path for path in picture if path.startswith("g.recovered-")]
    assert (picture["g"].content, picture[found].content) == (b"THEIRS", b"GONE")


def test_a_name_of_any_length_leaves_room_to_be_put_beside_itself(stage: Stage) -> None:
    name = "ü" * 127
    (stage.root / name).write_bytes(b"GONE")
    stage.die(first(lambda server: [Remove(server.at(name))]), dies_making(1))
    (stage.root / name).write_bytes(b"THEIRS")
    contents = [seen.content for path, seen in stage.recover().items() if path.startswith("ü")]
    assert sorted(contents) == [b"GONE", b"THEIRS"]


def test_what_was_moved_stays_where_it_is_when_somebody_has_taken_its_old_name(stage: Stage) -> None:
    stage.die(first(moved), dies_making(1))
    (stage.root / "h").write_bytes(b"THEIRS")
    picture = stage.recover()
    assert (picture["h"].content, picture["d/moved"].content) == (b"THEIRS", b"HERE")


def test_a_copy_that_somebody_works_in_stays_and_so_does_its_source(stage: Stage) -> None:
    before = stage.world.picture()
    copied: Plan = lambda server: [Copy(server.source("tree"), server.at("copy"))]  # noqa: E731 # as the others
    stage.die(first(copied), dies_making(4))
    (stage.root / "copy/a").write_bytes(b"THEIRS")
    picture = stage.recover()
    assert picture["copy/a"].content == b"THEIRS"
    assert {path: seen for path, seen in picture.items() if not path.startswith("copy")} == before


def test_a_copy_that_nobody_works_in_is_taken_back(stage: Stage) -> None:
    before = stage.world.picture()
    stage.die(first(lambda server: [Copy(server.source("tree"), server.at("copy"))]), dies_making(4))
    assert (stage.root / "copy").exists()
    assert stage.recover() == before


def test_a_directory_that_was_emptied_and_removed_by_somebody_is_no_trouble(stage: Stage) -> None:
    stage.die(first(lambda server: [MakeDirectory(server.at("m")), Put(server.at("m/n"), b"", None)]), dies_making(2))
    (stage.root / "m/n").unlink()
    (stage.root / "m").rmdir()
    assert "m" not in stage.recover()


@pytest.mark.parametrize("by", ["nothing", "a file", "a link out"])
def test_a_directory_that_somebody_replaced_is_no_trouble(stage: Stage, by: str) -> None:
    stage.die(first(replaced, lambda server: [Move(server.at("h"), server.at("d/h"))]), dies_making(2))
    (stage.root / "d").rename(stage.world.base / "elsewhere")
    if by == "a file":
        (stage.root / "d").write_bytes(b"THEIRS")
    elif by == "a link out":
        (stage.root / "d").symlink_to(stage.world.base / "elsewhere")
    elsewhere = pictured(stage.world.base / "elsewhere")
    picture = stage.recover()
    assert ("d" in picture) == (by != "nothing")
    assert "last" not in picture
    assert pictured(stage.world.base / "elsewhere") == elsewhere


# What is applied is finished, however long that takes.


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "not kept"])
def test_a_tree_that_was_half_removed_goes_whole(stage: Stage, keep: bool) -> None:  # noqa: FBT001 # a parameter
    stage.die(tree_removed, dies_before("unlink", nth=3), keep_bytes=KEEP if keep else 0)
    assert len(temporaries(stage.world.picture())) == 1
    assert [path for path in stage.recover(kept=keep) if path.startswith("tree")] == []


def test_what_somebody_puts_into_a_tree_that_is_being_removed_is_found_beside_it(stage: Stage) -> None:
    stage.die(tree_removed, dies_before("unlink", nth=3))
    (hidden,) = temporaries(stage.world.picture())
    (stage.root / hidden / "sub/theirs").write_bytes(b"THEIRS")
    contents = {path: seen.content for path, seen in stage.recover().items() if path.startswith("tree")}
    assert [content for content in contents.values() if content] == [b"THEIRS"]


# Whose roots, whose turn.


def root_at(path: Path, name: str = "root", *, writable: bool = True) -> RootSpec:
    return RootSpec(name, str(path), writable=writable)


@pytest.mark.parametrize(
    "roots",
    [
        lambda root: [root_at(root.parent / "other")],
        lambda root: [root_at(root / "d")],
        lambda root: [root_at(root, writable=False)],
    ],
    ids=["another", "one inside", "not writable"],
)
def test_a_change_is_left_alone_where_its_paths_are_not_served(
    stage: Stage, roots: Callable[[Path], list[RootSpec]]
) -> None:
    (stage.world.base / "other").mkdir()
    before = stage.world.picture()
    stage.die(first(replaced, removed), dies_making(2))
    died = stage.world.picture()
    other = stage.world.open(*roots(stage.root))
    assert other.recover() == 0
    assert list(other.unfinished().values()) == [Status.INTENT]
    other.close()
    assert stage.world.picture() == died
    assert stage.recover() == before


def test_a_change_is_put_in_order_through_whichever_roots_its_paths_are_served(stage: Stage) -> None:
    before = stage.world.picture()
    stage.die(first(replaced, moved), dies_making(2))
    outer = stage.world.open(root_at(stage.root / "d", "d"), root_at(stage.world.base, "base"))
    assert outer.recover() == 1
    outer.close()
    assert stage.world.picture() == before


def test_a_change_that_cannot_be_looked_at_is_left_and_the_others_are_put_in_order(stage: Stage) -> None:
    stage.die(first(replaced), dies_making(2))
    stage.die(first(removed), dies_making(1))
    with stage.world.server() as server:
        stage.calls.reach(server.workspace.resolver)
        with stage.calls.hear(Fails(1, errno.EIO, among=named("openat2", "readlink"))):
            assert server.recover() == 1
        assert len(server.unfinished()) == 1
    stage.recover()


def test_a_change_whose_manifest_is_lost_is_taken_back(stage: Stage) -> None:
    """What a tree held cannot be compared any more, so nothing of it may be let go."""
    before = stage.world.picture()
    stage.die(tree_removed, dies_before("sql COMMIT", nth=2))
    assert not (stage.root / "tree").exists()
    with stage.world.server() as server:
        with server.journal._database.transaction():
            server.journal._database.write("DELETE FROM refs")
            server.journal._database.write("DELETE FROM blobs")
        assert server.recover() == 1
    assert stage.world.picture() == before


def test_nothing_to_recover_is_no_trouble(stage: Stage) -> None:
    before = stage.world.picture()
    assert stage.recover(handled=0) == before


# Where names cannot be changed without replacing, giving a file another name takes two calls: it has both in between.


def test_a_file_that_was_shown_and_still_has_its_first_name_is_done() -> None:
    with staged("portable") as stage:
        stage.die(created, dies_before("unlink"))
        assert len(temporaries(stage.world.picture())) == 1
        assert stage.recover()["n"].content == b"NEW"


@pytest.mark.parametrize("plan", [created, moved, removed], ids=["created", "moved", "removed"])
def test_what_has_both_names_when_its_change_is_taken_back_has_the_old_one(plan: Plan) -> None:
    with staged("portable") as stage:
        before = stage.world.picture()
        stage.die(first(plan), dies_before("unlink"))
        assert len(stage.world.picture()) == len(before) + (2 if plan is created else 1)
        assert stage.recover() == before


def test_what_was_put_beside_something_and_still_has_its_hidden_name_loses_that() -> None:
    with staged("portable") as stage:
        stage.die(first(removed), dies_making(1))
        (stage.root / "g").write_bytes(b"THEIRS")
        with stage.world.server() as server, stage.calls.hear(dies_before("unlink")):
            assert server.recover() == 0
        picture = stage.recover()
        contents = [seen.content for path, seen in picture.items() if path.startswith("g")]
        assert sorted(contents) == [b"GONE", b"THEIRS"]


# What somebody does while a change is taken back.


def test_whoever_saves_at_the_moment_when_the_old_file_is_put_back_keeps_theirs() -> None:
    with staged("openat2") as stage:
        stage.die(first(replaced), dies_making(2))
        with stage.world.server() as server:
            stage.calls.reach(server.workspace.resolver)
            saves = Interferes(lambda: save(stage.root / "d/x", b"THEIRS"), among=named("renameat2"))
            with stage.calls.hear(saves):
                assert server.recover() == 1
        assert stage.recover(handled=0)["d/x"].content == b"THEIRS"


def test_a_file_that_was_to_be_replaced_and_was_removed_by_somebody_stays_away(stage: Stage) -> None:
    stage.die(replaced, dies_before(*SHOWS))
    (stage.root / "d/x").unlink()
    assert [path for path in stage.recover() if path.startswith("d/")] == []


def test_what_somebody_writes_into_a_file_that_was_replaced_is_found_beside_it(stage: Stage) -> None:
    """They have another name of it. Whoever has it open when it is replaced is seen, where the system tells."""
    (stage.root / "theirs").hardlink_to(stage.root / "d/x")
    stage.die(replaced, dies_before("unlink"))
    with (stage.root / "theirs").open("ab") as theirs:
        theirs.write(b", AND THEIRS")
    picture = stage.recover()
    (found,) = [path for path in picture if path.startswith("d/x.recovered-")]
    assert (picture["d/x"].content, picture[found].content) == (b"NEW", b"X, AND THEIRS")


def test_a_directory_that_somebody_made_where_one_was_to_be_copied_stays(stage: Stage) -> None:
    """The server died before it had written down what it made."""
    stage.die(lambda server: [Copy(server.source("tree"), server.at("copy"))], dies_before("sql COMMIT", nth=2))
    (stage.root / "copy").mkdir()
    picture = stage.recover()
    assert [path for path in picture if path.startswith("copy")] == ["copy"]


def test_a_file_that_somebody_made_stays_even_if_nobody_knows_whether_it_is_ours(stage: Stage) -> None:
    """It holds the same, and what we made waits beside it: the server died before it had written that down."""
    stage.die(first(created), dies_before("sql COMMIT", nth=2))
    (stage.root / "n").write_bytes(b"NEW")
    inode = (stage.root / "n").stat().st_ino
    assert stage.recover()["n"].own[0] == inode
