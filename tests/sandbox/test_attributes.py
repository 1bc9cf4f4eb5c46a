"""What a file carries besides its content: taken from one open file and put on another."""

import codecs
import errno
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Attributes, RootSpec, Workspace
from tests.sandbox.backends import RESOLVERS, opened
from tests.sandbox.private_mounts import in_private_mounts
from tests.sandbox.spots import open_descriptors, refused, spot_of
from tests.support.as_user import NOBODY, as_ordinary_user, own_directory
from tests.support.tree import make_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="extended attributes are told to Python on Linux only")

SET_ID = stat.S_ISUID | stat.S_ISGID

ACL_ACCESS, ACL_DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, MASK, OTHER, UNNAMED = 0x01, 0x02, 0x04, 0x10, 0x20, 0xFFFFFFFF


def access_list(*, named: int, owner: int = 6, mask: int = 6, other: int = 0) -> bytes:
    """Return an access list with one named user who may read, as the kernel takes it (posix_acl_xattr.h)."""
    entries = [
        (USER_OBJ, owner, UNNAMED),
        (USER, 4, named),
        (GROUP_OBJ, 4, UNNAMED),
        (MASK, mask, UNNAMED),
        (OTHER, other, UNNAMED),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.fixture
def ground(root: Path, workspace: Workspace) -> Iterator[Workspace]:
    make_tree(root, ["d/old = OLD", "dir/"])
    before = open_descriptors()
    yield workspace
    assert open_descriptors() == before


def taken(workspace: Workspace, path: str) -> Attributes:
    with spot_of(workspace, path) as spot, spot.open() as file:
        return spot.attributes(file)


def dressed(workspace: Workspace, path: str, attributes: Attributes, *, times: bool = False) -> bool:
    """Make a new file that has attributes, and tell whether it has the owner."""
    with spot_of(workspace, path) as spot, spot.create(0o600) as file:
        return file.dress(attributes, times=times)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class TestMode:
    """Who may read, write and run a file; never with whose rights it runs."""

    @pytest.mark.parametrize("mode", [0o644, 0o600, 0o400, 0o455, 0o755, 0o777, 0o1644, 0o4755, 0o2755, 0o6777, 0o7777])
    def test_a_new_file_has_the_old_ones_without_the_set_id_bits(
        self, mode: int, root: Path, ground: Workspace
    ) -> None:
        (root / "d/old").chmod(mode)
        attributes = taken(ground, "d/old")
        assert attributes.mode == mode
        dressed(ground, "d/new", attributes)
        assert mode_of(root / "d/new") == mode & ~SET_ID

    def test_the_mask_of_the_process_takes_nothing_off_it(self, root: Path, ground: Workspace) -> None:
        former = os.umask(0o077)
        try:
            (root / "d/old").chmod(0o666)
            dressed(ground, "d/new", taken(ground, "d/old"))
        finally:
            os.umask(former)
        assert mode_of(root / "d/new") == 0o666

    def test_a_directory_keeps_whose_group_its_files_get_and_nothing_else(self, root: Path, ground: Workspace) -> None:
        """Of a directory, set-group-id gives no rights; a shared directory that lost it would be shared no more."""
        (root / "d").chmod(0o7750)
        with spot_of(ground, "d") as spot, spot.open_directory() as directory:
            attributes = spot.attributes(directory)
        with spot_of(ground, "dir") as spot:
            spot.dress(attributes)
        assert mode_of(root / "dir") == 0o3750

    def test_a_directory_takes_attributes_too(self, root: Path, ground: Workspace) -> None:
        os.setxattr(root / "d", "user.note", b"N")
        (root / "d").chmod(0o1751)
        os.utime(root / "d", ns=(10**18, 10**18))
        with spot_of(ground, "d") as spot, spot.open_directory() as directory:
            attributes = spot.attributes(directory)
        assert (attributes.mode, attributes.mtime_ns) == (0o1751, 10**18)
        with spot_of(ground, "dir") as spot:
            assert spot.dress(attributes, times=True)
        assert (mode_of(root / "dir"), (root / "dir").stat().st_mtime_ns) == (0o1751, 10**18)
        assert os.getxattr(root / "dir", "user.note") == b"N"


class TestTimes:
    """When the content was written, if that is asked."""

    def test_the_time_is_put_back_only_if_asked(self, root: Path, ground: Workspace) -> None:
        attributes = replace(taken(ground, "d/old"), mtime_ns=1_234_567_890_123_456_789)
        dressed(ground, "d/new", attributes)
        dressed(ground, "d/restored", attributes, times=True)
        assert (root / "d/new").stat().st_mtime_ns > attributes.mtime_ns
        assert (root / "d/restored").stat().st_mtime_ns == attributes.mtime_ns


class TestExtendedAttributes:
    """Each is kept byte for byte, and none comes from elsewhere."""

    def test_they_are_told_sorted_and_kept_byte_for_byte(self, root: Path, ground: Workspace) -> None:
        values = {"user.z": b"\0\xff\n", "user.a": b"", "user.m\u00fc": b"M" * 1000}
        for name, value in values.items():
            os.setxattr(root / "d/old", name, value)
        attributes = taken(ground, "d/old")
        assert attributes.xattrs == tuple(sorted(values.items()))
        dressed(ground, "d/new", attributes)
        assert taken(ground, "d/new").xattrs == attributes.xattrs

    def test_what_the_new_file_has_and_the_old_one_had_not_goes(self, root: Path, ground: Workspace) -> None:
        os.setxattr(root / "d/old", "user.kept", b"K")
        os.setxattr(root / "d/old", "user.other", b"NEW VALUE")
        attributes = taken(ground, "d/old")
        with spot_of(ground, "d/new") as spot, spot.create() as file:
            for name in ("user.kept", "user.other", "user.gone"):
                os.setxattr(root / "d/new", name, b"K")
            file.dress(attributes)
            assert file.attributes().xattrs == attributes.xattrs

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can set those")
    def test_what_gives_a_file_power_or_is_the_systems_own_is_not_taken(self, root: Path, ground: Workspace) -> None:
        """A capability would let new content run with the rights that were given to the old one."""
        os.setxattr(root / "d/old", "security.capability", struct.pack("<5I", 0x02000001, 1 << 12, 0, 0, 0))
        os.setxattr(root / "d/old", "trusted.note", b"T")
        os.setxattr(root / "d/old", "user.note", b"N")
        attributes = taken(ground, "d/old")
        assert attributes.xattrs == (("user.note", b"N"),)
        dressed(ground, "d/new", attributes)
        assert set(os.listxattr(root / "d/new")) & {"security.capability", "trusted.note"} == set()

    def test_one_that_goes_while_they_are_taken_takes_no_other_along(
        self, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("user.a", "user.b", "user.c"):
            os.setxattr(root / "d/old", name, b"V")
        getxattr = os.getxattr

        def late(descriptor: int, name: str) -> bytes:
            if name == "user.b":
                os.removexattr(root / "d/old", "user.b")
            return getxattr(descriptor, name)

        monkeypatch.setattr(os, "getxattr", late)
        assert taken(ground, "d/old").xattrs == (("user.a", b"V"), ("user.c", b"V"))

    @pytest.mark.parametrize("call", ["listxattr", "getxattr"])
    def test_one_that_cannot_be_read_is_a_failure_and_not_a_loss(
        self, call: str, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.setxattr(root / "d/old", "user.a", b"V")
        monkeypatch.setattr(os, call, raiser(errno.EIO))
        assert refused(taken, ground, "d/old").facts == {"errno": "EIO"}

    def test_a_file_system_without_them_has_none(self, ground: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "listxattr", raiser(errno.ENOTSUP))
        assert taken(ground, "d/old").xattrs == ()
        assert dressed(ground, "d/new", taken(ground, "d/old"))

    def test_one_that_cannot_be_put_is_a_failure_and_not_a_loss(self, ground: Workspace) -> None:
        attributes = taken(ground, "d/old")
        refusal = refused(dressed, ground, "d/one", replace(attributes, xattrs=(("nobody.knows", b"V"),)))
        assert (refusal.code, refusal.facts) == ("io_error", {"errno": errno.errorcode[errno.ENOTSUP]})
        refusal = refused(dressed, ground, "d/two", replace(attributes, xattrs=(("user.huge", b"V" * 65536),)))
        assert refusal.code in {"disk_full", "io_error"}


class TestAccessLists:
    """POSIX access lists are extended attributes, and decide who may read."""

    def test_the_old_files_list_is_the_new_ones(self, root: Path, ground: Workspace) -> None:
        os.setxattr(root / "d/old", ACL_ACCESS, access_list(named=os.geteuid()))
        attributes = taken(ground, "d/old")
        assert attributes.xattrs == ((ACL_ACCESS, access_list(named=os.geteuid())),)
        dressed(ground, "d/new", attributes)
        assert taken(ground, "d/new") == replace(attributes, mtime_ns=(root / "d/new").stat().st_mtime_ns)

    def test_a_directorys_default_list_opens_no_file_that_was_closed(self, root: Path, ground: Workspace) -> None:
        (root / "d/old").chmod(0o600)
        os.setxattr(root / "d", ACL_DEFAULT, access_list(named=os.geteuid(), owner=7, mask=7, other=5))
        with spot_of(ground, "d/new") as spot, spot.create(0o666) as file:
            assert ACL_ACCESS in dict(file.attributes().xattrs)  # the system gave it one
            file.dress(taken(ground, "d/old"))
            assert file.attributes().xattrs == ()
        assert (mode_of(root / "d/new"), os.listxattr(root / "d/new")) == (0o600, [])

    def test_a_closed_file_is_never_open_while_it_is_dressed(
        self, root: Path, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever opens a file in between could go on reading it."""
        (root / "d/old").chmod(0o600)
        os.setxattr(root / "d", ACL_DEFAULT, access_list(named=os.geteuid(), owner=7, mask=7, other=7))
        os.setxattr(root / "d/old", "user.note", b"N")
        modes: list[int] = []

        for call in ("fchown", "setxattr", "removexattr", "fchmod"):
            monkeypatch.setattr(os, call, watched(getattr(os, call), modes, root / "d/new"))
        dressed(ground, "d/new", replace(taken(ground, "d/old"), owner=(os.geteuid(), os.getegid())))
        assert len(modes) >= 2
        assert {mode & 0o077 for mode in modes} == {0}

    def test_a_new_list_replaces_the_default_one(self, root: Path, ground: Workspace) -> None:
        os.setxattr(root / "d/old", ACL_ACCESS, access_list(named=os.geteuid(), mask=4))
        os.setxattr(root / "d", ACL_DEFAULT, access_list(named=os.geteuid(), owner=7, mask=7, other=5))
        attributes = taken(ground, "d/old")
        dressed(ground, "d/new", attributes)
        assert taken(ground, "d/new").xattrs == attributes.xattrs
        assert mode_of(root / "d/new") == attributes.mode

    def test_a_directorys_own_lists_are_kept(self, root: Path, ground: Workspace) -> None:
        os.setxattr(root / "d", ACL_DEFAULT, access_list(named=os.geteuid(), owner=7, mask=7, other=5))
        os.setxattr(root / "d", ACL_ACCESS, access_list(named=os.geteuid(), owner=7, mask=5, other=0))
        with spot_of(ground, "d") as spot, spot.open_directory() as directory:
            attributes = spot.attributes(directory)
        assert {name for name, _ in attributes.xattrs} == {ACL_ACCESS, ACL_DEFAULT}
        with spot_of(ground, "dir") as spot, spot.open_directory() as directory:
            spot.dress(attributes)
            assert spot.attributes(directory).xattrs == attributes.xattrs


class TestOwner:
    """A file stays its owner's where the system lets that be, and it is told where not."""

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_root_gives_a_file_to_its_owner_without_set_id_bits(self, root: Path, ground: Workspace) -> None:
        os.chown(root / "d/old", 12345, 54321)
        (root / "d/old").chmod(0o6755)
        assert dressed(ground, "d/new", taken(ground, "d/old"))
        facts = (root / "d/new").stat()
        assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (12345, 54321, 0o755)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_the_owner_is_left_alone_if_that_is_not_asked(self, root: Path, ground: Workspace) -> None:
        os.chown(root / "d/old", 12345, 54321)
        attributes = taken(ground, "d/old")
        with spot_of(ground, "d/new") as spot, spot.create() as file:
            assert file.dress(attributes, owner=False)
        with spot_of(ground, "dir") as spot:
            assert spot.dress(attributes, owner=False)
        assert ((root / "d/new").stat().st_uid, (root / "dir").stat().st_uid) == (0, 0)

    @pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user's")
    def test_an_ordinary_user_is_told_that_the_owner_is_lost(self) -> None:
        with own_directory() as own:
            make_tree(own, ["f = F"])
            (own / "f").chmod(0o644)
            as_ordinary_user(f"{__name__}:replace_as_another_user", str(own))
            facts = (own / "new").stat()
            assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (NOBODY, NOBODY, 0o644)

    @pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user's")
    def test_a_user_gives_a_file_at_least_to_a_group_of_their_own(self) -> None:
        with own_directory() as own:
            make_tree(own, ["f = F"])
            (own / "f").chmod(0o640)
            os.chown(own / "f", 0, 54321)
            in_private_mounts(f"{__name__}:replace_in_a_group", str(own))
            facts = (own / "new").stat()
            assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (NOBODY, 54321, 0o640)

    @pytest.mark.parametrize(
        "number", [errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get
    )
    def test_a_system_that_gives_no_file_away_is_told_of(
        self, number: int, ground: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """EINVAL: the owner is no user of this container. ENOTSUP, ENOSYS: file systems without owners."""
        attributes = replace(taken(ground, "d/old"), owner=(12345, 54321))
        monkeypatch.setattr(os, "fchown", raiser(number))
        assert not dressed(ground, "d/new", attributes)

    def test_a_disk_that_fails_meanwhile_is_a_failure(self, ground: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        attributes = replace(taken(ground, "d/old"), owner=(12345, 54321))
        monkeypatch.setattr(os, "fchown", raiser(errno.EIO))
        assert refused(dressed, ground, "d/new", attributes).code == "io_error"


def replace_as_another_user(base: str) -> None:
    with opened(RESOLVERS["stepwise"](), RootSpec("root", base)) as workspace:
        assert not dressed(workspace, "new", taken(workspace, "f"))


def replace_in_a_group(base: str) -> None:
    codecs.lookup("ascii")  # root's own Python may be out of the user's reach, and this is imported only when used
    os.setgroups([54321])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    with opened(RESOLVERS["stepwise"](), RootSpec("root", base)) as workspace:
        assert not dressed(workspace, "new", taken(workspace, "f"))


def raiser(number: int) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def watched(call: Callable[..., object], modes: list[int], path: Path) -> Callable[..., object]:
    """Return the call, and write the mode of `path` down behind each."""

    def watching(*arguments: object) -> object:
        done = call(*arguments)
        modes.append(mode_of(path))
        return done

    return watching


class TestProperties:
    """Whatever a file carries, the new one carries it."""

    @given(
        mode=st.integers(0, 0o7777).map(lambda mode: mode | stat.S_IRUSR),
        mtime_ns=st.integers(0, 2**33 * 10**9),
        old=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=100), max_size=4),
        new=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=100), max_size=4),
    )
    @settings(max_examples=60, deadline=None)
    def test_attributes_survive_the_way(
        self,
        mode: int,
        mtime_ns: int,
        old: dict[str, bytes],
        new: dict[str, bytes],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        base = tmp_path_factory.mktemp("way")
        make_tree(base, ["old = OLD"])
        for name, value in old.items():
            os.setxattr(base / "old", f"user.{name}", value)
        os.utime(base / "old", ns=(mtime_ns, mtime_ns))
        (base / "old").chmod(mode)
        with opened(RESOLVERS["stepwise"](), RootSpec("root", str(base))) as workspace:
            attributes = taken(workspace, "old")
            assert (attributes.mode, dict(attributes.xattrs)) == (
                mode,
                {f"user.{name}": value for name, value in old.items()},
            )
            with spot_of(workspace, "new") as spot, spot.create() as file:
                for name, value in new.items():
                    os.setxattr(base / "new", f"user.{name}", value)
                file.dress(attributes, times=True)
                assert file.attributes() == replace(attributes, mode=mode & ~SET_ID)
