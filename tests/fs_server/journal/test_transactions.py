"""Several operations are one change: what somebody else does meanwhile stays, and then none of them happens."""

import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import pytest

from fs_server.errors import Failure
from fs_server.journal import capture, carrying, making
from fs_server.journal.carrying import NotKept, carry_out
from fs_server.journal.changes import Author, Status
from fs_server.journal.ground import MOST_HELD
from fs_server.journal.operations import ANYTHING, Copy, MakeDirectory, Move, Operation, Put, Remove, holding
from fs_server.journal.planning import LINK_SPLIT, OWNER_LOST, SET_ID_LOST
from fs_server.journal.states import FileState
from sandbox import (
    Changed,
    Exists,
    InvalidPath,
    IoFailure,
    IsDirectory,
    NotFound,
    NotRegularFile,
    PermissionDenied,
    ProtectedPath,
    RefusedRoot,
    RootSpec,
    SandboxError,
    Spot,
    Stop,
    TooLarge,
    UnsupportedOp,
)
from tests.fs_server.journal.moments import Counts, Fails, Interferes, both, following, named
from tests.fs_server.journal.stage import Plan, Stage, staged
from tests.fs_server.journal.worlds import KEEP, Server, difference, temporaries, untouched
from tests.support.stops import GivesUp

if TYPE_CHECKING:
    from fs_server.journal.planning import Planned

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make something another user's")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the calls are those of Linux")


@pytest.fixture(params=["openat2", "portable"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(request.param) as stage:
        yield stage


@pytest.fixture
def server(stage: Stage) -> Iterator[Server]:
    """Give a server that nothing happens to."""
    with stage.world.server() as server:
        stage.calls.reach(server.workspace.resolver)
        yield server


@pytest.fixture
def shows(stage: Stage) -> str:
    """Name the call that puts one file in place of another."""
    return "renameat2" if stage.world.backend == "openat2" else "rename"


def save(path: Path, content: bytes) -> None:
    """Save as an editor does: a new file takes the place of the old one."""
    other = path.with_name("editors own")
    other.write_bytes(content)
    other.rename(path)


def require_refused(
    stage: Stage, server: Server, plan: Plan, meanwhile: Callable[[], object], *, refusal: type[SandboxError]
) -> None:
    """Claim that a change is refused for what somebody does after it was planned, and that only theirs is there."""
    after = [*plan(server), Put(server.at("last"), b"LAST", None)]
    before = stage.world.picture()

    def approve(_planned: "Planned") -> None:
        meanwhile()
        before.clear()
        before.update(stage.world.picture())

    with pytest.raises(refusal):
        carry_out(server.journal, after, tool="t", keep_bytes=KEEP, approve=approve)
    now = stage.world.picture()
    assert untouched(before, now), difference(before, now)
    assert server.unfinished() == {}
    server.require_consistent()


# Somebody is quicker.


@pytest.mark.parametrize("content", [b"NEW", b"THEIRS"], ids=["the same", "something else"])
def test_a_file_that_somebody_else_makes_first_stays(stage: Stage, server: Server, content: bytes) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Put(server.at("n"), b"NEW", None)],
        lambda: (stage.root / "n").write_bytes(content),
        refusal=Exists,
    )


def test_a_directory_that_somebody_else_makes_first_stays(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [MakeDirectory(server.at("m")), Put(server.at("m/n"), b"NEW", None)],
        (stage.root / "m").mkdir,
        refusal=Exists,
    )


@pytest.mark.parametrize("content", [b"NEW", b"THEIRS"], ids=["the same", "something else"])
@pytest.mark.parametrize("how", [save, Path.write_bytes], ids=["saves", "writes to it"])
def test_whoever_changes_a_file_after_the_plan_keeps_theirs(
    stage: Stage, server: Server, how: Callable[[Path, bytes], object], content: bytes
) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Put(server.at("d/x"), b"NEW", ANYTHING)],
        lambda: how(stage.root / "d/x", content),
        refusal=Changed,
    )


def test_what_somebody_puts_into_a_tree_that_goes_stays_with_it(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Remove(server.at("tree"))],
        lambda: (stage.root / "tree/sub/theirs").write_bytes(b"THEIRS"),
        refusal=Changed,
    )


def test_what_somebody_takes_out_of_a_tree_that_goes_is_noticed(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Remove(server.at("tree"))],
        lambda: (stage.root / "tree/a").rename(stage.root / "a"),
        refusal=Changed,
    )


def test_another_thing_at_the_name_of_what_goes_stays(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Remove(server.at("g"))],
        lambda: save(stage.root / "g", b"THEIRS"),
        refusal=Changed,
    )


def test_another_thing_at_the_name_of_what_moves_stays(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Move(server.at("h"), server.at("d/h"))],
        lambda: save(stage.root / "h", b"THEIRS"),
        refusal=Changed,
    )


@pytest.mark.parametrize("path", ["h", "d"])
def test_what_somebody_puts_where_something_is_to_go_stays(stage: Stage, server: Server, path: str) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Move(server.at(path), server.at("there"))],
        lambda: (stage.root / "there").write_bytes(b"THEIRS"),
        refusal=Exists,
    )


def test_a_tree_that_changes_while_it_is_copied_is_not_copied(stage: Stage, server: Server) -> None:
    require_refused(
        stage,
        server,
        lambda server: [Copy(server.source("tree"), server.at("copy"))],
        lambda: (stage.root / "tree/a").write_bytes(b"THEIRS"),
        refusal=Changed,
    )


# Somebody is quicker still: between two calls of one operation.


def test_whoever_saves_at_the_moment_of_the_replacement_keeps_theirs(stage: Stage, server: Server) -> None:
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    # Without an exchange the old file gets a second name first, and that is what is looked at.
    at = "renameat2" if stage.world.backend == "openat2" else "link"
    saves = Interferes(lambda: save(stage.root / "d/x", b"THEIRS"), among=named(at))
    with stage.calls.hear(saves), pytest.raises(Changed):
        server.carry_out(plan)
    assert (stage.root / "d/x").read_bytes() == b"THEIRS"
    assert [path for path in stage.world.picture() if path.startswith("d/")] == ["d/x"]
    assert server.unfinished() == {}


def test_whoever_writes_at_the_moment_of_the_replacement_keeps_theirs(stage: Stage, server: Server, shows: str) -> None:
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    inode = (stage.root / "d/x").stat().st_ino
    writes = Interferes(lambda: (stage.root / "d/x").write_bytes(b"THEIRS"), among=named(shows))
    with stage.calls.hear(writes), pytest.raises(Changed):
        server.carry_out(plan)
    assert (stage.root / "d/x").read_bytes() == b"THEIRS"
    assert (stage.root / "d/x").stat().st_ino == inode
    assert [path for path in stage.world.picture() if path.startswith("d/")] == ["d/x"]


def test_whoever_saves_at_the_moment_of_the_replacement_keeps_theirs_though_the_way_back_fails_at_first(
    stage: Stage, server: Server
) -> None:
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    at = "renameat2" if stage.world.backend == "openat2" else "link"
    saves = Interferes(
        lambda: save(stage.root / "d/x", b"THEIRS"),
        among=named(at),
        then=Fails(2 if at == "renameat2" else 1, errno.EIO, among=named("renameat2", "unlink")),
    )
    with stage.calls.hear(saves), pytest.raises(IoFailure):
        server.carry_out(plan)
    assert (stage.root / "d/x").read_bytes() == b"THEIRS"
    assert [path for path in stage.world.picture() if path.startswith("d/")] == ["d/x"]


def test_whoever_saves_at_the_moment_when_a_file_is_hidden_keeps_theirs(stage: Stage, server: Server) -> None:
    plan = [Remove(server.at("g"))]
    at = "renameat2" if stage.world.backend == "openat2" else "link"
    saves = Interferes(lambda: save(stage.root / "g", b"THEIRS"), among=named(at))
    with stage.calls.hear(saves), pytest.raises(Changed):
        server.carry_out(plan)
    assert (stage.root / "g").read_bytes() == b"THEIRS"
    assert temporaries(stage.world.picture()) == []


def test_whoever_works_in_a_tree_at_the_moment_when_it_is_hidden_keeps_theirs(
    stage: Stage, server: Server, shows: str
) -> None:
    plan = [Remove(server.at("tree"))]
    before = stage.world.picture()
    works = Interferes(lambda: (stage.root / "tree/theirs").write_bytes(b"THEIRS"), among=named(shows))
    with stage.calls.hear(works), pytest.raises(Changed):
        server.carry_out(plan)
    now = stage.world.picture()
    assert now.pop("tree/theirs").content == b"THEIRS"
    assert now == before


def test_whoever_puts_something_else_there_when_a_thing_is_moved_keeps_it(stage: Stage, server: Server) -> None:
    plan = [Move(server.at("h"), server.at("d/h"))]
    at = "renameat2" if stage.world.backend == "openat2" else "link"
    saves = Interferes(lambda: save(stage.root / "h", b"THEIRS"), among=named(at))
    with stage.calls.hear(saves), pytest.raises(Changed):
        server.carry_out(plan)
    assert (stage.root / "h").read_bytes() == b"THEIRS"
    assert not (stage.root / "d/h").exists()


# The moment from which on it is done.


def test_a_change_that_cannot_be_written_down_as_done_is_taken_back(stage: Stage, server: Server) -> None:
    """Nothing waits, so that this is the one moment from which on it is done."""
    before = stage.world.picture()
    plan: list[Operation] = [MakeDirectory(server.at("m")), Put(server.at("m/n"), b"NEW", None)]
    with stage.calls.hear(Fails(3, errno.ENOSPC, among=named("sql COMMIT"))), pytest.raises(Failure) as failure:
        server.carry_out(plan)
    assert failure.value.code == "disk_full"
    assert stage.world.picture() == before
    assert server.unfinished() == {}


def test_a_change_that_cannot_be_cleared_up_is_done_all_the_same_and_can_be_undone(
    stage: Stage, server: Server
) -> None:
    before = stage.world.picture()
    with stage.calls.hear(Fails(1, errno.EIO, among=both(following("fsync"), named("unlink")))):
        carried = server.carry_out([Remove(server.at("g"))])
    assert carried.change is not None
    assert (carried.change.status, carried.change.waiting) == (Status.DONE, True)
    assert server.journal.feed().changes == (carried.change,)
    assert server.journal.last_to_undo() == carried.change
    server.carry_out(server.undoing(carried.change.number), undoes=carried.change.number)
    server.journal.close()
    assert stage.recover() == before


def test_a_change_of_which_nobody_could_write_down_that_it_is_cleared_up_is_done(stage: Stage, server: Server) -> None:
    with stage.calls.hear(Fails(3, errno.EIO, among=named("sql COMMIT"))):
        carried = server.carry_out([Remove(server.at("g"))])
    assert carried.change is not None
    assert (carried.change.status, carried.change.waiting) == (Status.DONE, True)
    server.journal.close()
    assert "g" not in stage.recover()


def test_a_full_disk_of_the_journal_changes_nothing(stage: Stage, server: Server) -> None:
    """With the database's own words, and not with ours."""
    before = stage.world.picture()
    server.journal._database.row("PRAGMA max_page_count = 1")
    with pytest.raises(Failure) as failure:
        server.carry_out([Put(server.at("n"), b"NEW" * 20_000, None)])
    assert failure.value.code == "disk_full"
    assert stage.world.picture() == before


# Before anything is begun.


def test_a_caller_who_gives_up_changes_nothing_however_far_the_plan_is(stage: Stage, server: Server) -> None:
    plan: list[Operation] = [
        Put(server.at("f"), b"NEW", ANYTHING),
        Move(server.at("d"), server.at("moved")),
        Copy(server.source("tree"), server.at("copy")),
        Remove(server.at("tree")),
    ]
    before, bytes_before = stage.world.picture(), server.journal.usage().bytes
    asked = 0
    while True:
        stop = cast("Stop", GivesUp(asked))  # it is asked the same question, and nothing else
        try:
            carry_out(server.journal, plan, tool="t", keep_bytes=KEEP, stop=stop)
        except TimeoutError:
            assert untouched(before, stage.world.picture())
            assert server.unfinished() == {}
            assert server.journal.usage().bytes == bytes_before
            asked += 1
        else:
            break
    assert asked > 10


def test_more_than_may_be_kept_is_refused_and_nothing_is_changed(stage: Stage, server: Server) -> None:
    before, bytes_before = stage.world.picture(), server.journal.usage().bytes
    plan: list[Operation] = [Put(server.at("f"), b"NEW", ANYTHING), Remove(server.at("big"))]
    with pytest.raises(NotKept) as refusal:
        server.carry_out(plan, keep_bytes=1_000)
    assert (refusal.value.size, refusal.value.limit) == (72_002, 1_000)
    assert untouched(before, stage.world.picture())
    assert server.journal.usage().bytes == bytes_before


def test_what_a_person_agreed_to_lose_is_not_kept(stage: Stage, server: Server) -> None:
    carried = server.carry_out([Remove(server.at("tree")), Remove(server.at("big"))], keep_bytes=0)
    assert carried.change is not None
    assert not (stage.root / "tree").exists()
    with pytest.raises(Failure) as failure:
        server.carry_out(server.undoing(carried.change.number))
    assert failure.value.code == "nothing_to_undo"


def test_a_refusal_of_whoever_approves_changes_nothing(stage: Stage, server: Server) -> None:
    seen: list[tuple[int, int, bool]] = []

    def approve(planned: "Planned") -> None:
        seen.append((planned.files, planned.size, planned.tree))
        raise Failure("needs_approval", "It", "Nobody agreed", "Ask")

    before = stage.world.picture()
    with pytest.raises(Failure):
        carry_out(
            server.journal,
            [Remove(server.at("tree")), Remove(server.at("g"))],
            tool="t",
            keep_bytes=KEEP,
            approve=approve,
        )
    assert untouched(before, stage.world.picture())
    assert seen == [(7, 6, True)]


def test_what_is_as_it_should_be_is_not_touched(stage: Stage, server: Server) -> None:
    before = stage.world.picture()
    carried = server.carry_out([Put(server.at("f"), b"IN", ANYTHING)])
    assert carried.change is None
    assert [step.path for step in carried.steps] == [str(stage.root / "f")]
    assert untouched(before, stage.world.picture())


def test_several_changes_one_after_the_other_are_numbered(server: Server) -> None:
    numbers = [
        carried.change.number
        for name in ("one", "two")
        if (carried := server.carry_out([Put(server.at(name), b"", None)])).change is not None
    ]
    assert numbers == [1, 2]


def test_a_change_that_is_taken_back_and_cannot_be_synchronised_is_left_to_the_next_start(
    stage: Stage, server: Server
) -> None:
    before = stage.world.picture()
    plan = [MakeDirectory(server.at("m"))]
    with stage.calls.hear(Fails(1, errno.EIO, later=1, among=named("fsync"))), pytest.raises(IoFailure):
        server.carry_out(plan)
    assert stage.world.picture() == before
    server.journal.close()
    assert stage.recover() == before


# What is refused before anything is begun.


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [
        (lambda server: [Put(server.at("f"), b"NEW", None)], Exists),
        (lambda server: [Put(server.at("f"), b"NEW", "0" * 64)], Changed),
        (lambda server: [Put(server.at("n"), b"NEW", "0" * 64)], Changed),
        (lambda server: [Put(server.at("d"), b"NEW", ANYTHING)], IsDirectory),
        (lambda server: [Put(server.at("n/"), b"NEW", ANYTHING)], InvalidPath),
        (lambda server: [Put(server.at("pipe", follow=False), b"NEW", ANYTHING)], NotRegularFile),
        (lambda server: [Remove(server.at("none"))], NotFound),
        (lambda server: [Remove(server.at("f"), is_meant=holding("0" * 64))], Changed),
        (lambda server: [Remove(server.at("d"), is_meant=holding(""))], Changed),
        (lambda server: [Move(server.at("none"), server.at("there"))], NotFound),
        (lambda server: [Move(server.at("h"), server.at("f"))], Exists),
        (lambda server: [Move(server.at("tree"), server.at("tree/sub/tree"))], InvalidPath),
        (lambda server: [Copy(server.at("none"), server.at("there"))], NotFound),
        (lambda server: [Copy(server.source("tree"), server.at("tree/copy"))], InvalidPath),
        (lambda server: [Copy(server.source("f"), server.at("h"))], Exists),
        (lambda server: [Put(server.at("m/n"), b"NEW", None)], NotFound),
        (lambda server: [MakeDirectory(server.at("m/m"))], NotFound),
    ],
)
def test_what_cannot_be_done_is_refused_together_with_all_before_it(
    stage: Stage, server: Server, plan: Plan, refusal: type[SandboxError]
) -> None:
    before = stage.world.picture()
    operations = [Put(server.at("d/x"), b"NEW", ANYTHING), *plan(server)]
    with pytest.raises(refusal) as refused:
        server.carry_out(operations)
    assert refused.value.subject
    assert untouched(before, stage.world.picture())
    assert server.unfinished() == {}
    assert server.journal.usage().bytes == 0


def test_a_tree_with_more_in_it_than_one_change_takes_is_refused(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "MOST_NODES", 5)
    with pytest.raises(TooLarge):
        server.carry_out([Remove(server.at("tree"))])
    assert (stage.root / "tree/a").exists()


@as_root
@pytest.mark.parametrize("path", ["tree", "tree/sub"])
def test_a_tree_of_which_something_could_not_be_removed_is_refused_before_it_is_begun(
    stage: Stage, server: Server, path: str
) -> None:
    os.chown(stage.root / path, 1234, 1234)
    plan = [Remove(server.at("tree"))]
    with stage.calls.hear(Fails(1, errno.EACCES, among=named("access"))), pytest.raises(PermissionDenied):
        server.carry_out(plan)
    assert server.journal.usage().bytes == 0


def test_a_file_that_is_written_to_while_it_is_read_is_refused(stage: Stage, server: Server) -> None:
    plan = [Remove(server.at("h"), is_meant=holding("0" * 64))]
    writes = Interferes(lambda: (stage.root / "h").write_bytes(b"THEIRS, AND MORE"), among=named("pread"), nth=2)
    with stage.calls.hear(writes), pytest.raises(Changed):
        server.carry_out(plan)


def test_a_file_that_grows_as_fast_as_it_is_read_is_refused_and_not_read_for_ever(stage: Stage, server: Server) -> None:
    reads: list[str] = []

    def grows(name: str, _changes: bool) -> int:  # noqa: FBT001 # a `Before`
        if name == "pread":
            reads.append(name)
            with (stage.root / "h").open("ab") as theirs:
                theirs.write(bytes(2 << 20))
        return 0

    plan = [Remove(server.at("h"))]
    with stage.calls.hear(grows), pytest.raises(Changed):
        server.carry_out(plan)
    assert len(reads) < 5


def test_what_vanishes_from_a_tree_while_it_is_looked_at_is_noticed(stage: Stage, server: Server) -> None:
    plan = [Remove(server.at("tree"))]
    vanishes = Interferes((stage.root / "tree/a").unlink, among=following("scandir"))
    with stage.calls.hear(vanishes), pytest.raises((Changed, NotFound)):
        server.carry_out(plan)
    assert (stage.root / "tree/b").exists()


def test_a_tree_that_changes_between_its_copy_and_its_removal_stays(stage: Stage, server: Server) -> None:
    plan: list[Operation] = [
        Copy(server.at("tree"), server.at("there"), as_it_was=True),
        Remove(server.at("tree")),
    ]

    # Four directories are looked through for the copy, and then again.
    writes = Interferes(lambda: (stage.root / "tree/theirs").write_bytes(b"THEIRS"), 5, among=named("scandir"))
    with stage.calls.hear(writes), pytest.raises(Changed):
        server.carry_out(plan)
    assert (stage.root / "tree/theirs").read_bytes() == b"THEIRS"
    assert not (stage.root / "there").exists()


# What things carry.


def test_what_cannot_be_made_again_is_left_out_of_a_copy_and_the_copy_is_known_again(
    stage: Stage, server: Server
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(stage.root / "tree/sub/socket"))
    before = stage.world.picture()
    carried = server.carry_out([Copy(server.source("tree"), server.at("copy"))])
    assert not (stage.root / "copy/sub/socket").exists()
    assert (stage.root / "copy/sub/deep/c").exists()
    assert carried.change is not None
    server.carry_out(server.undoing(carried.change.number))
    assert stage.world.picture() == before


def test_a_copy_without_what_cannot_be_made_again_is_taken_back_when_the_rest_fails(
    stage: Stage, server: Server
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(stage.root / "tree/sub/socket"))
    require_refused(
        stage,
        server,
        lambda server: [Copy(server.source("tree"), server.at("copy")), Put(server.at("n"), b"NEW", None)],
        lambda: (stage.root / "n").write_bytes(b"THEIRS"),
        refusal=Exists,
    )


def test_a_large_file_that_is_replaced_leaves_nothing_behind(stage: Stage, server: Server) -> None:
    content = b"large" * 100_000
    for after in (content + b"1", content + b"2", b"small"):
        server.carry_out([Put(server.at("f"), after, ANYTHING)])
        assert (stage.root / "f").read_bytes() == after
        assert temporaries(stage.world.picture()) == []


def test_a_large_file_that_may_not_be_read_is_removed_all_the_same(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_spot: Spot) -> NoReturn:
        raise PermissionDenied

    with Spot.of(server.workspace.roots[0], ("g",)) as spot, monkeypatch.context() as patch:
        patch.setattr(Spot, "open", closed)
        making.remove_large(spot)
    assert not (stage.root / "g").exists()


def test_a_socket_cannot_be_copied(stage: Stage, server: Server) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(stage.root / "socket"))
    with pytest.raises(UnsupportedOp):
        server.carry_out([Copy(server.source("socket"), server.at("copy"))])
    assert temporaries(stage.world.picture()) == []


@pytest.mark.parametrize(
    ("mode", "executable", "after"),
    [(0o640, True, 0o750), (0o755, False, 0o644), (0o644, None, 0o644), (0o400, True, 0o500)],
)
def test_a_file_is_made_executable_for_those_who_may_read_it(
    stage: Stage, server: Server, mode: int, *, executable: bool | None, after: int
) -> None:
    (stage.root / "f").chmod(mode)
    server.carry_out([Put(server.at("f"), b"NEW", ANYTHING, executable=executable)])
    assert stage.world.picture()["f"].mode == after


def test_a_new_file_is_made_executable(stage: Stage, server: Server) -> None:
    server.carry_out([Put(server.at("n"), b"NEW", None, executable=True)])
    assert stage.world.picture()["n"].mode & 0o111


def test_a_file_that_loses_something_by_being_replaced_says_so(stage: Stage, server: Server) -> None:
    (stage.root / "other").hardlink_to(stage.root / "h")
    (stage.root / "h").chmod(0o4755)
    carried = server.carry_out([Put(server.at("h"), b"NEW", ANYTHING)])
    assert [note for _, note in carried.notes] == [LINK_SPLIT.format(2), SET_ID_LOST]
    assert stage.world.picture()["h"].mode == 0o755
    assert (stage.root / "other").read_bytes() == b"HERE"


@as_root
def test_a_file_whose_owner_cannot_be_kept_says_so(stage: Stage, server: Server) -> None:
    plan = [Put(server.at("tree/a"), b"NEW", ANYTHING)]
    with stage.calls.hear(Fails(1, errno.EPERM, among=named("fchown"))):
        carried = server.carry_out(plan)
    assert [note for _, note in carried.notes] == [OWNER_LOST]


# Much.


def test_a_change_works_in_more_directories_than_are_held_open(stage: Stage, server: Server) -> None:
    count = MOST_HELD + 6
    names = [f"many/{number}" for number in range(count)]
    for name in names:
        (stage.root / name).mkdir(parents=True)
        (stage.root / f"from{name[5:]}").write_bytes(name.encode())
    before = stage.world.picture()
    carried = server.carry_out(
        [
            operation
            for name in names
            for operation in (
                MakeDirectory(server.at(f"{name}/made")),
                Move(server.at(f"from{name[5:]}"), server.at(f"{name}/made/moved")),
            )
        ]
    )
    assert len([path for path in stage.world.picture() if path.endswith("/made/moved")]) == count
    assert carried.change is not None
    server.carry_out(server.undoing(carried.change.number), undoes=carried.change.number)
    assert stage.world.picture() == before
    require_refused(
        stage,
        server,
        lambda server: [Put(server.at(f"{name}/n"), b"NEW", None) for name in names],
        lambda: (stage.root / "last").write_bytes(b"THEIRS"),
        refusal=Exists,
    )


def test_a_large_content_is_kept_without_being_held_in_memory(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "SMALL", 1_000)
    before = stage.world.picture()
    carried = server.carry_out([Remove(server.at("big"))])
    assert carried.change is not None
    server.carry_out(server.undoing(carried.change.number))
    assert stage.world.picture() == before


def test_a_content_that_is_forgotten_before_it_is_put_back_is_told_of_and_nothing_is_changed(
    stage: Stage, server: Server
) -> None:
    carried = server.carry_out([Remove(server.at("tree"))])
    assert carried.change is not None
    undoing = server.undoing(carried.change.number)
    after = stage.world.picture()
    with server.journal._database.transaction():
        server.journal._database.write("DELETE FROM refs")
        server.journal._database.write("DELETE FROM blobs")
    with pytest.raises(Failure) as failure:
        server.carry_out(undoing)
    assert failure.value.code == "nothing_to_undo"
    assert untouched(after, stage.world.picture())
    assert server.unfinished() == {}


def test_many_things_wait_for_the_disk_together(stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MANY", 1)
    plan = [Copy(server.source("tree"), server.at("copy"))]
    waits = Counts(among=named("fsync"))
    with stage.calls.hear(waits):
        server.carry_out(plan)
    assert (waits.count <= 2) is (stage.world.backend == "openat2")  # else each for itself
    picture = stage.world.picture()
    assert picture["copy/sub/deep/c"].content == picture["tree/sub/deep/c"].content


# What is told of.


def test_what_somebody_has_made_of_a_file_stands_in_the_history_before_the_next_change(
    stage: Stage, server: Server
) -> None:
    server.carry_out([Put(server.at("n"), b"ours", None)])
    (stage.root / "n").write_bytes(b"theirs")
    server.carry_out([Put(server.at("n"), b"ours again", ANYTHING)])
    told = [(change.author, change.steps[0].after) for change in reversed(server.journal.feed().changes)]
    contents = [server.journal.content(after.digest) for _, after in told if isinstance(after, FileState)]
    assert [author for author, _ in told] == [Author.SERVER, Author.OUTSIDE, Author.SERVER]
    assert contents == [b"ours", b"theirs", b"ours again"]


def test_a_name_that_may_not_be_written_is_told_of_by_itself(stage: Stage) -> None:
    server = stage.world.open(RootSpec("root", str(stage.root), protected=("tree/sub/deep/c", "there/a")))
    for operation in (
        Remove(server.at("tree")),
        Move(server.at("tree"), server.at("gone")),
        Copy(server.source("tree"), server.at("there")),
    ):
        with pytest.raises(ProtectedPath) as refusal:
            server.carry_out([operation])
        inside = "a" if isinstance(operation, Copy) else "sub/deep/c"
        assert (refusal.value.subject, refusal.value.facts["inside"]) == ("tree" if inside != "a" else "there", inside)
    server.close()


def test_a_directory_that_another_root_is_cannot_be_taken_away(stage: Stage) -> None:
    before = stage.world.picture()
    roots = {"root": stage.root, "d": stage.root / "d", "deep": stage.root / "tree/sub/deep"}
    server = stage.world.open(*(RootSpec(name, str(path)) for name, path in roots.items()))
    for operation in (Remove(server.at("root/tree")), Move(server.at("root/tree/sub"), server.at("root/there"))):
        with pytest.raises(RefusedRoot) as refusal:
            server.carry_out([operation])
        assert refusal.value.facts == {"root": "deep"}
    server.close()
    assert untouched(before, stage.world.picture())
