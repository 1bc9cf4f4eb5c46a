"""Spots: a tree is changed by held directories and single names, whatever paths lead to by then."""

import ctypes
import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from sandbox import (
    Attributes,
    Changed,
    Exists,
    InvalidPath,
    Kind,
    NewFile,
    NotFound,
    RootGone,
    Spot,
    UnsupportedOp,
    Workspace,
)
from sandbox.resolve._posix_changes import PosixChanges
from tests.sandbox.spots import open_descriptors, pictured, refused, spot_of
from tests.support.tree import make_tree, snapshot

PLAIN = Attributes(mode=0o640, owner=(os.geteuid(), os.getegid()), mtime_ns=10**18)


@pytest.fixture
def outside(root: Path) -> Path:
    """Make a directory beside the root that holds the very names that are changed in it."""
    return make_tree(root.parent / "outside", ["f = OUT", "g = OUT", "empty/", "full/x = OUT", "link -> f", "pipe|"])


@pytest.fixture
def ground(root: Path, workspace: Workspace) -> Iterator[Workspace]:
    """Make what is changed, and see that nothing stays open."""
    make_tree(root / "d", ["f = IN", "g = OTHER", "empty/", "full/x = X", "link -> f", "lost -> none", "pipe|"])
    before = open_descriptors()
    yield workspace
    assert open_descriptors() == before


def write(spot: Spot) -> None:
    with spot.create() as file:
        file.write([b"NEW"])
        file.seal()


def name_later(spot: Spot) -> None:
    file = spot.create_unnamed()
    if file is None:
        write(spot)
        return
    with file:
        file.write([b"NEW"])
        file.seal()
        spot.take(file)


def opened_and_closed(spot: Spot) -> None:
    with spot.open() as file:
        assert file.read_at(0, 9) == b"IN"


CALLS: dict[str, tuple[str, Callable[[Spot], object]]] = {
    "create": ("new", write),
    "create and name later": ("new", name_later),
    "make a directory": ("new", Spot.make_directory),
    "make a link": ("new", lambda spot: spot.make_link("f")),
    "make a FIFO": ("new", lambda spot: spot.make_fifo(0o600)),
    "move": ("f", lambda spot: spot.move_to(spot.beside("new"))),
    "move a directory": ("full", lambda spot: spot.move_to(spot.beside("new"))),
    "replace": ("f", lambda spot: spot.replace(spot.beside("g"))),
    "link": ("f", lambda spot: spot.link_to(spot.beside("new"))),
    "remove": ("f", lambda spot: spot.remove(Kind.FILE)),
    "remove a link": ("link", lambda spot: spot.remove(Kind.LINK)),
    "remove a directory": ("empty", lambda spot: spot.remove(Kind.DIRECTORY)),
    "dress": ("empty", lambda spot: spot.dress(PLAIN, times=True)),
    "unlock": ("f", Spot.unlock),
    "sync": ("f", Spot.sync),
    "flush": ("f", Spot.flush),
    "ask": ("empty", Spot.may_change),
    "look": ("f", Spot.stat),
    "open": ("f", opened_and_closed),
    "ask who writes": ("f", Spot.is_written_to),
    "open a directory": ("empty", lambda spot: spot.open_directory().close()),
    "read a link": ("link", Spot.read_link),
}


LOOKS = {"look", "open", "ask who writes", "open a directory", "read a link"}


class TestADirectoryThatIsSwapped:
    """Between `Spot.of` and the call its name leads out of the root: every call means the directory that is held."""

    @pytest.mark.guarantee("G2")
    @pytest.mark.parametrize("call", CALLS)
    def test_nothing_outside_is_changed_and_the_held_directory_is(
        self, call: str, root: Path, outside: Path, ground: Workspace
    ) -> None:
        name, work = CALLS[call]
        before, facts, picture = snapshot(outside), outside.stat(), snapshot(root / "d")
        mode = 0o500 if call == "unlock" else 0o755
        (root / "d").chmod(mode)
        with spot_of(ground, f"d/{name}") as spot:
            (root / "d").rename(root / "moved")
            (root / "d").symlink_to("../outside")
            work(spot)
        assert snapshot(outside) == before
        assert outside.stat()[:9] == facts[:9]
        changes = call not in {*LOOKS, "sync", "flush", "ask"}
        same = (snapshot(root / "moved"), stat.S_IMODE((root / "moved").stat().st_mode)) == (picture, mode)
        assert same != changes

    @pytest.mark.guarantee("G2")
    def test_nothing_outside_is_exchanged(self, root: Path, outside: Path, ground: Workspace, backend: str) -> None:
        before = snapshot(outside)
        with spot_of(ground, "d/f") as spot:
            (root / "d").rename(root / "moved")
            (root / "d").symlink_to("../outside")
            if backend == "portable":
                assert refused(spot.exchange_with, spot.beside("g")).code == "unsupported_op"
            else:
                spot.exchange_with(spot.beside("g"))
        assert snapshot(outside) == before
        seen = (root / "moved/f").read_text(), (root / "moved/g").read_text()
        assert seen == (("IN", "OTHER") if backend == "portable" else ("OTHER", "IN"))

    def test_a_directory_moved_out_of_the_root_is_still_the_held_one(
        self, root: Path, outside: Path, ground: Workspace
    ) -> None:
        """The limit: who can move a directory of the root out of it decides where its files lie."""
        with spot_of(ground, "d/new") as spot:
            (root / "d").rename(outside / "taken")
            write(spot)
        assert (outside / "taken/new").read_text() == "NEW"


class TestALinkAtTheName:
    """It is what is changed, never what it leads to."""

    @pytest.fixture
    def trap(self, root: Path, outside: Path, ground: Workspace) -> Iterator[Spot]:
        make_tree(root, ["d/trap -> ../../outside/full", "d/trap-f -> ../../outside/f"])
        before = snapshot(outside)
        with spot_of(ground, "d/trap") as spot:
            yield spot
        assert snapshot(outside) == before

    def test_nothing_is_made_through_it(self, trap: Spot) -> None:
        spot = trap.beside("trap-f")
        assert refused(spot.create).code == "exists"
        assert refused(spot.make_directory).code == "exists"
        assert refused(spot.make_link, "f").code == "exists"
        assert refused(spot.make_fifo, 0o600).code == "exists"
        assert refused(trap.beside("lost").create).code == "exists"

    def test_nothing_is_opened_through_it(self, trap: Spot) -> None:
        assert refused(trap.beside("trap-f").open).facts == {"kind": "link"}
        assert refused(trap.open_directory).code == "not_directory"
        assert refused(trap.dress, PLAIN).code == "not_directory"
        assert refused(trap.may_change).code == "not_directory"
        assert Kind.of(os.stat_result(trap.stat() or ()).st_mode) is Kind.LINK

    def test_it_is_moved_and_removed_itself(self, trap: Spot, root: Path) -> None:
        trap.move_to(trap.beside("moved"))
        assert os.fspath((root / "d/moved").readlink()) == "../../outside/full"
        assert refused(trap.beside("moved").remove, Kind.DIRECTORY).code == "not_directory"
        trap.beside("moved").remove(Kind.LINK)
        assert not os.path.lexists(root / "d/moved")

    def test_it_is_replaced_and_linked_itself(self, trap: Spot, root: Path) -> None:
        trap.link_to(trap.beside("twin"))
        assert os.fspath((root / "d/twin").readlink()) == "../../outside/full"
        trap.beside("f").replace(trap)
        assert (root / "d/trap").read_text() == "IN"


KINDS = ["f", "empty", "full", "link", "lost", "pipe"]


class TestMoving:
    """A name for what is here, and nothing gives way to it."""

    @pytest.mark.parametrize("there", KINDS)
    @pytest.mark.parametrize("here", ["g", "full", "empty", "link", "pipe"])
    def test_nothing_is_ever_replaced(self, here: str, there: str, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        with spot_of(ground, f"d/{here}") as spot:
            assert refused(spot.move_to, spot.beside(there)).code == "exists"
        assert snapshot(root) == before

    @pytest.mark.parametrize("here", KINDS)
    def test_what_is_moved_is_the_very_same_thing(self, here: str, root: Path, ground: Workspace) -> None:
        make_tree(root, ["e/"])
        before, number = pictured(root / "d"), (root / "d" / here).lstat().st_ino
        with spot_of(ground, f"d/{here}") as spot, spot_of(ground, "e/new") as there:
            spot.move_to(there)
            assert spot.stat() is None
            facts = there.stat()
            assert facts is not None
            assert facts.st_ino == number
        after = pictured(root / "e")
        assert after == {
            f"new{path.removeprefix(here)}": seen for path, seen in before.items() if path in after_of(here)
        }

    def test_what_is_not_there_cannot_be(self, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        with spot_of(ground, "d/none") as spot:
            assert refused(spot.move_to, spot.beside("new")).code == "not_found"
            assert refused(spot.move_to, spot.beside("f")).code in {"not_found", "exists"}
            assert refused(spot.replace, spot.beside("f")).code == "not_found"
            assert refused(spot.link_to, spot.beside("new")).code == "not_found"
        assert snapshot(root) == before

    def test_a_directory_cannot_go_into_itself(self, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        with spot_of(ground, "d/full") as spot, spot_of(ground, "d/full/new") as there:
            assert refused(spot.move_to, there).facts == {"errno": "EINVAL"}
        assert snapshot(root) == before

    def test_a_file_that_somebody_else_removes_meanwhile_has_its_new_name(
        self, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without flags a file has both names for a moment. The new one must not go because the old one went."""
        unlink = os.unlink

        def late(name: str, *, dir_fd: int) -> None:
            unlink(name, dir_fd=dir_fd)
            unlink(name, dir_fd=dir_fd)

        with spot_of(ground, "d/f") as spot:
            with monkeypatch.context() as patch:
                patch.setattr(os, "unlink", late)
                spot.move_to(spot.beside("new"))
            assert spot.stat() is None
        assert (root / "d/new").read_text() == "IN"

    def test_replacing_takes_the_place_of_a_file_and_of_nothing(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/f") as spot:
            spot.replace(spot.beside("g"))
            assert (root / "d/g").read_text() == "IN"
            spot.beside("g").replace(spot)
            assert (root / "d/f").read_text() == "IN"
            assert refused(spot.replace, spot.beside("full")).code == "is_directory"
            assert refused(spot.beside("empty").replace, spot).code == "not_directory"
            assert refused(spot.beside("empty").replace, spot.beside("full")).code == "not_empty"

    def test_a_second_name_is_given_in_the_same_directory(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/f") as spot:
            spot.link_to(spot.beside("twin"))
            assert (root / "d/twin").samefile(root / "d/f")
            before = snapshot(root)
            for there in KINDS:
                assert refused(spot.link_to, spot.beside(there)).code == "exists"
            assert snapshot(root) == before


def after_of(here: str) -> set[str]:
    return {here, "full/x"} if here == "full" else {here}


class TestExchanging:
    """Two names change places at once, where the system can."""

    @pytest.mark.parametrize(("here", "there"), [("f", "g"), ("f", "full"), ("empty", "link"), ("pipe", "lost")])
    def test_they_change_places(self, here: str, there: str, root: Path, ground: Workspace, backend: str) -> None:
        make_tree(root, ["e/"])
        (root / "d" / there).rename(root / "e" / there)
        one, two = ((root / path).lstat().st_ino for path in (f"d/{here}", f"e/{there}"))
        before = snapshot(root)
        with spot_of(ground, f"d/{here}") as spot, spot_of(ground, f"e/{there}") as other:
            if backend == "portable":
                with pytest.raises(UnsupportedOp):
                    spot.exchange_with(other)
                assert snapshot(root) == before
                return
            spot.exchange_with(other)
        assert [(root / path).lstat().st_ino for path in (f"d/{here}", f"e/{there}")] == [two, one]

    def test_nothing_changes_places_with_nothing(self, root: Path, ground: Workspace, backend: str) -> None:
        before = snapshot(root)
        code = "unsupported_op" if backend == "portable" else "not_found"
        with spot_of(ground, "d/f") as spot:
            assert refused(spot.exchange_with, spot.beside("none")).code == code
            assert refused(spot.beside("none").exchange_with, spot).code == code
        assert snapshot(root) == before


class TestMaking:
    """Something new, where nothing is."""

    def test_the_mask_of_the_process_is_taken_off_the_mode(self, root: Path, ground: Workspace) -> None:
        former = os.umask(0o027)
        try:
            with spot_of(ground, "d/file") as spot:
                spot.create().close()
                spot.beside("private").create(0o600).close()
                spot.beside("dir").make_directory()
                spot.beside("private-dir").make_directory(0o700)
                spot.beside("fifo").make_fifo(0o666)
        finally:
            os.umask(former)
        modes = {"file": 0o640, "private": 0o600, "dir": 0o750, "private-dir": 0o700, "fifo": 0o640}
        assert {name: stat.S_IMODE((root / "d" / name).stat().st_mode) for name in modes} == modes

    @pytest.mark.parametrize("there", KINDS)
    def test_nothing_is_made_over_what_is_there(self, there: str, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        with spot_of(ground, f"d/{there}") as spot:
            for make in (spot.create, spot.make_directory, lambda: spot.make_link("x"), lambda: spot.make_fifo(0o600)):
                with pytest.raises(Exists):
                    make()
        assert snapshot(root) == before

    @pytest.mark.parametrize("text", ["f", "../../../etc/passwd", "/etc/passwd", "a\nb", "od\udcffd", "none"])
    def test_the_text_of_a_link_is_kept_as_it_is(self, text: str, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/new") as spot:
            spot.make_link(text)
            assert spot.read_link() == os.fspath((root / "d/new").readlink()) == text

    def test_a_link_cannot_hold_what_the_system_would_cut_off(self, ground: Workspace) -> None:
        with spot_of(ground, "d/new") as spot:
            assert refused(spot.make_link, "f\0/../../secret").code == "invalid_path"
            assert spot.stat() is None


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are of Linux")
class TestAFileWithoutAName:
    """It is made beside its place, and is nowhere until it is named."""

    @pytest.fixture
    def unnamed(self, ground: Workspace, backend: str) -> Iterator[NewFile]:
        if backend == "portable":
            pytest.skip("a file has its name from the beginning there")
        with spot_of(ground, "d/new") as spot:
            file = spot.create_unnamed(0o640)
        assert file is not None
        with file:
            file.write([b"NEW"])
            file.flush()
            yield file

    def test_it_is_nowhere_until_it_is_named(self, root: Path, ground: Workspace, unnamed: NewFile) -> None:
        before = snapshot(root).keys()
        assert "d/new" not in before
        with spot_of(ground, "d/new") as spot:
            spot.take(unnamed)
        assert snapshot(root).keys() == before | {"d/new"}
        assert (root / "d/new").read_bytes() == b"NEW"
        assert (root / "d/new").stat().st_ino == os.fstat(unnamed.handle).st_ino

    def test_the_mask_of_the_process_is_taken_off_its_mode(self, unnamed: NewFile) -> None:
        mask = os.umask(0)
        os.umask(mask)
        assert stat.S_IMODE(os.fstat(unnamed.handle).st_mode) == 0o640 & ~mask

    def test_it_replaces_nothing(self, root: Path, ground: Workspace, unnamed: NewFile) -> None:
        for name in ("f", "empty", "link", "lost", "pipe"):
            with spot_of(ground, f"d/{name}") as spot:
                assert isinstance(refused(spot.take, unnamed), Exists)
        assert (root / "d/f").read_bytes() == b"IN"

    def test_in_a_directory_that_was_removed_it_cannot_be(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/empty/new") as spot:
            (root / "d/empty").rmdir()
            assert spot.create_unnamed() is None
            assert isinstance(refused(spot.create), NotFound)

    @pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL])
    def test_where_the_system_has_none_there_is_none(
        self, number: int, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lacking(*_arguments: object, **_options: object) -> NoReturn:
            raise OSError(number, os.strerror(number))

        with spot_of(ground, "d/new") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "open", lacking)
            assert spot.create_unnamed() is None

    def test_what_else_goes_wrong_is_told(
        self, ground: Workspace, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_arguments: object, **_options: object) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with spot_of(ground, "d/new") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            if backend == "portable":
                assert spot.create_unnamed() is None
            else:
                assert refused(spot.create_unnamed).code == "disk_full"

    def test_without_proc_there_is_no_way_to_name_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "is_dir", lambda _: False)
        assert PosixChanges().create_unnamed(0, 0o600) is None


class TestNames:
    """A name is one name in the held directory."""

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../secret", "../d/f", "full/x", "/etc/passwd", "f\0", "\0", "f\0/../g", "f/"], ids=repr
    )
    def test_what_is_no_single_name_is_no_spot(self, name: str, ground: Workspace) -> None:
        """The C library would take a text up to its NUL, and the kernel a path for a way out of the directory."""
        root = ground.roots[0]
        with pytest.raises(InvalidPath):
            Spot.of(root, ("d", name))
        with pytest.raises(InvalidPath):
            Spot.of(root, ("d", name, "f"))
        with spot_of(ground, "d/f") as spot, pytest.raises(InvalidPath):
            spot.beside(name)

    def test_it_knows_where_it_is(self, ground: Workspace) -> None:
        with spot_of(ground, "d/full/x") as spot:
            assert (spot.root, spot.parts, spot.name) == (ground.roots[0], ("d", "full", "x"), "x")
            assert spot.beside("y").parts == ("d", "full", "y")

    def test_names_that_are_no_text_are_names(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/od\udcffd") as spot:
            write(spot)
            spot.move_to(spot.beside("\udcfe\n"))
            assert (root / "d/\udcfe\n").read_text() == "NEW"
            spot.beside("\udcfe\n").remove(Kind.FILE)

    def test_too_long_a_name_is_told(self, ground: Workspace) -> None:
        with spot_of(ground, "d/f") as spot:
            long = spot.beside("x" * 256)
            for work in (
                long.create,
                long.make_directory,
                long.stat,
                lambda: spot.move_to(long),
                lambda: spot.link_to(long),
            ):
                assert refused(work).code == "name_too_long"


class TestHolding:
    """`Spot.of` holds the directory of real names, or says that it is another one."""

    @pytest.mark.parametrize("became", ["", "x -> d", "x -> ../outside", "x -> x", "x -> none", "x = FILE", "x|"])
    def test_a_directory_that_is_no_longer_one_is_a_conflict(
        self, became: str, root: Path, outside: Path, ground: Workspace
    ) -> None:
        make_tree(root, [became] if became else [])
        before = snapshot(outside)
        for parts in (("x", "f"), ("x", "full", "x")):
            with pytest.raises(Changed):
                Spot.of(ground.roots[0], parts)
        assert snapshot(outside) == before

    def test_a_spot_in_the_root_itself_is_one_too(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "new") as spot:
            write(spot)
        assert (root / "new").read_text() == "NEW"

    def test_a_root_that_is_gone_is_told(self, root: Path, ground: Workspace) -> None:
        shutil.rmtree(root)
        make_tree(root, ["d/f = ANOTHER"])
        with pytest.raises(RootGone):
            spot_of(ground, "d/f")

    def test_in_a_directory_that_was_removed_nothing_can_be_made(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/empty/new") as spot:
            (root / "d/empty").rmdir()
            make_tree(root, ["d/empty/"])
            for work in (spot.create, spot.make_directory, lambda: spot.make_link("x")):
                with pytest.raises(NotFound):
                    work()
            assert spot.stat() is None
        assert list((root / "d/empty").iterdir()) == []

    @pytest.mark.parametrize("call", CALLS)
    def test_a_spot_that_was_given_back_means_no_place_at_all(
        self, call: str, root: Path, ground: Workspace, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Above all not the working directory."""
        monkeypatch.chdir(root / "d")
        before = snapshot(root)
        name, work = CALLS[call]
        spot = spot_of(ground, f"d/{name}")
        spot.close()
        spot.close()
        if (call, backend) == ("flush", "portable"):  # which has no such call
            assert not spot.flush()
        else:
            assert refused(work, spot).facts == {"errno": "EBADF"}
        assert snapshot(root) == before


class TestRemoving:
    """A name goes, if what it names is of the kind that was meant."""

    @pytest.mark.parametrize(
        ("name", "kind"), [("f", Kind.FILE), ("link", Kind.LINK), ("lost", Kind.LINK), ("pipe", Kind.FIFO)]
    )
    def test_only_the_name_goes(self, name: str, kind: Kind, root: Path, ground: Workspace) -> None:
        before = pictured(root)
        with spot_of(ground, f"d/{name}") as spot:
            spot.remove(kind)
        assert pictured(root) == {path: seen for path, seen in before.items() if path != f"d/{name}"}

    def test_what_is_of_another_kind_by_now_stays(self, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        with spot_of(ground, "d/empty") as spot:
            assert refused(spot.remove, Kind.FILE).code in {"is_directory", "permission_denied"}
            assert refused(spot.beside("f").remove, Kind.DIRECTORY).code == "not_directory"
            assert refused(spot.beside("full").remove, Kind.DIRECTORY).code == "not_empty"
            assert refused(spot.beside("none").remove, Kind.FILE).code == "not_found"
            assert refused(spot.beside("none").remove, Kind.DIRECTORY).code == "not_found"
        assert snapshot(root) == before


class TestAsking:
    """Whether names in a directory could be made and removed."""

    def test_of_another_users_directory_the_system_is_asked(
        self, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        access, user = os.access, os.geteuid() + 1

        def asking(path: str, mode: int, **options: bool) -> bool:
            asked.append(mode)
            return access(path, mode, **options)

        with spot_of(ground, "d") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "access", asking)
            assert spot.may_change()
            assert asked == []
            patch.setattr(os, "geteuid", lambda: user)
            assert spot.may_change()
            assert asked == [os.W_OK | os.X_OK]
            patch.setattr(os, "access", lambda *_, **__: False)
            assert not spot.may_change()
        assert (root / "d/f").exists()


class TestWhoWrites:
    """Whoever has a file open for writing goes on writing into it, whatever name it has by then."""

    @pytest.mark.parametrize("mode", ["ab", "r+b"])
    def test_whoever_has_it_open_for_writing_is_seen_until_they_close_it(
        self, mode: str, root: Path, ground: Workspace, backend: str
    ) -> None:
        tells = sys.platform == "linux" and backend != "portable"
        with spot_of(ground, "d/f") as spot:
            assert not spot.is_written_to()
            with (root / "d/f").open(mode):
                assert spot.is_written_to() is tells
            assert not spot.is_written_to()

    def test_whoever_reads_it_is_nobody_who_writes(self, root: Path, ground: Workspace) -> None:
        with spot_of(ground, "d/f") as spot, (root / "d/f").open("rb"):
            assert not spot.is_written_to()

    def test_whoever_opens_it_afterwards_need_not_wait_and_nobody_gets_a_signal(
        self, root: Path, ground: Workspace
    ) -> None:
        with spot_of(ground, "d/f") as spot:
            assert not spot.is_written_to()
            os.close(os.open(root / "d/f", os.O_WRONLY | os.O_NONBLOCK))

    def test_a_file_system_that_knows_no_leases_tells_of_nobody(
        self, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(*_arguments: object) -> NoReturn:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        with spot_of(ground, "d/f") as spot, monkeypatch.context() as patch:
            patch.setattr("fcntl.fcntl", unknown)
            assert not spot.is_written_to()


class TestSync:
    """The names of a directory reach the disk, or all that was written to a file system."""

    def test_a_whole_file_system_is_waited_for_where_a_call_does_that(self, ground: Workspace, backend: str) -> None:
        with spot_of(ground, "d/f") as spot:
            assert spot.flush() == (backend != "portable")

    @pytest.mark.parametrize(
        ("number", "code"),
        [(errno.ENOSYS, ""), (errno.EIO, "io_error"), (errno.ENOSPC, "disk_full")],
        ids=lambda value: errno.errorcode.get(value, value),
    )
    def test_a_filter_that_hides_that_call_is_no_failure_and_a_disk_that_fails_is(
        self, number: int, code: str, ground: Workspace, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if backend == "portable":
            return

        def fail(_: int) -> int:
            ctypes.set_errno(number)
            return -1

        with spot_of(ground, "d/f") as spot, monkeypatch.context() as patch:
            patch.setattr(ground.resolver.changes, "_syncfs", fail)
            if code:
                assert refused(spot.flush).code == code
            else:
                assert not spot.flush()

    def test_it_is_the_held_directory_that_is_waited_for(
        self, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        with spot_of(ground, "d/f") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
            (root / "d").rename(root / "moved")
            spot.sync()
        assert synced == [(root / "moved").stat().st_ino]

    def test_one_that_may_not_be_read_is_left_to_the_system(
        self, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with spot_of(ground, "d/f") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "open", raiser(errno.EACCES))
            spot.sync()
            assert not spot.flush()

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            (errno.EINVAL, ""),
            (errno.ENOTSUP, ""),
            (errno.ENOSYS, ""),
            (errno.EIO, "io_error"),
            (errno.ENOSPC, "disk_full"),
        ],
        ids=lambda value: errno.errorcode.get(value, value),
    )
    def test_a_file_system_without_it_is_no_failure_and_one_that_fails_is(
        self, number: int, code: str, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with spot_of(ground, "d/f") as spot, monkeypatch.context() as patch:
            patch.setattr(os, "fsync", raiser(number))
            if code:
                assert refused(spot.sync).code == code
            else:
                spot.sync()


def raiser(number: int) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_where_nothing_can_be_changed_yet_all_of_it_says_so(ground: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground.resolver, "changes", None)
    with spot_of(ground, "d/f") as spot:
        for call, (name, work) in CALLS.items():
            if call not in LOOKS:
                assert refused(work, spot.beside(name)).code == "unsupported_op", call


LIBRARY = ctypes.CDLL


class OldLibrary:
    """A C library that does not know renameat2."""

    def __init__(self, name: None, *, use_errno: bool) -> None:
        self.syscall = LIBRARY(name, use_errno=use_errno).syscall


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
class TestTheCall:
    """renameat2 by the C library, by its number where that has none, or not at all."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Iterator[int]:
        make_tree(tmp_path, ["a = A", "b = B"])
        descriptor = os.open(tmp_path, os.O_RDONLY)
        yield descriptor
        os.close(descriptor)

    def test_without_the_name_it_is_called_by_number(
        self, directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ctypes, "CDLL", OldLibrary)
            changes = PosixChanges()
        changes.exchange(directory, "a", directory, "b")
        assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("B", "A")
        assert refused(changes.rename, directory, "a", directory, "b").code == "exists"
        changes.rename(directory, "a", directory, "c")
        assert (tmp_path / "c").read_text() == "B"

    def test_in_a_process_of_32_bits_the_number_is_not_known(
        self, directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ctypes, "CDLL", OldLibrary)
            patch.setattr(ctypes, "sizeof", lambda _: 4)
            changes = PosixChanges()
        assert refused(changes.exchange, directory, "a", directory, "b").code == "unsupported_op"
        assert refused(changes.rename, directory, "a", directory, "b").code == "exists"
        changes.rename(directory, "a", directory, "c")
        assert (tmp_path / "c").read_text() == "A"
