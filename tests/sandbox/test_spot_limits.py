"""What the system does not let happen is refused by a code that says it, and leaves everything as it was."""

import errno
import os
import stat
from pathlib import Path

import pytest

from sandbox import Kind, RootSpec
from sandbox.errors import from_change_error
from tests.sandbox.backends import RESOLVERS, opened
from tests.sandbox.private_mounts import in_private_mounts, mount
from tests.sandbox.spots import pictured, refused, spot_of
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree

READ_ONLY = 1
"""MS_RDONLY of mount(2)."""


def test_what_the_user_may_not_change_is_refused_and_stays(backend: str) -> None:
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:change_what_is_shut", backend, str(own))


def change_what_is_shut(backend: str, base: str) -> None:
    root = make_tree(Path(base), ["shut/f = F", "shut/sub/", "open/g = G"])
    (root / "shut").chmod(0o555)
    before = pictured(root)
    with (
        opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace,
        spot_of(workspace, "shut/f") as f,
        spot_of(workspace, "open/g") as g,
    ):
        new = f.beside("new")
        assert refused(new.create).code == "permission_denied"
        assert refused(new.make_directory).code == "permission_denied"
        assert refused(new.make_link, "f").code == "permission_denied"
        assert refused(new.make_fifo, 0o600).code == "permission_denied"
        assert refused(f.move_to, new).code == "permission_denied"
        assert refused(g.move_to, new).code == "permission_denied"
        assert refused(f.replace, g).code == "permission_denied"
        assert refused(g.replace, f).code == "permission_denied"
        assert refused(f.link_to, new).code == "permission_denied"
        assert refused(f.remove, Kind.FILE).code == "permission_denied"
        assert refused(f.beside("sub").remove, Kind.DIRECTORY).code == "permission_denied"
        assert pictured(root) == before


def test_a_file_that_may_not_leave_its_directory_gets_no_second_name(backend: str) -> None:
    """Where renaming knows no flags, it has both names for a moment."""
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:take_out_of_what_is_shut", backend, str(own))


def take_out_of_what_is_shut(backend: str, base: str) -> None:
    root = make_tree(Path(base), ["shut/f = F", "open/g = G"])
    (root / "shut").chmod(0o555)
    before = pictured(root)
    with (
        opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace,
        spot_of(workspace, "shut/f") as f,
        spot_of(workspace, "open/new") as new,
    ):
        assert refused(f.move_to, new).code == "permission_denied"
        assert pictured(root) == before


def test_a_user_can_unlock_their_own_directory_and_no_other(backend: str) -> None:
    with own_directory() as own:
        if os.geteuid() == 0:
            make_tree(own, ["others/f = F"])
        as_ordinary_user(f"{__name__}:unlock_what_is_shut", backend, str(own))


def unlock_what_is_shut(backend: str, base: str) -> None:
    root = make_tree(Path(base), ["shut/f = F"])
    (root / "shut").chmod(0o555)
    with opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace:
        with spot_of(workspace, "shut") as shut, spot_of(workspace, "shut/f") as f:
            assert shut.may_change()
            assert refused(f.remove, Kind.FILE).code == "permission_denied"
            f.unlock()
            assert stat.S_IMODE((root / "shut").stat().st_mode) == 0o755
            f.remove(Kind.FILE)
        if (root / "others").exists():
            with spot_of(workspace, "others") as others, spot_of(workspace, "others/f") as f:
                assert not others.may_change()
                assert refused(f.unlock).code == "permission_denied"
                assert refused(f.remove, Kind.FILE).code == "permission_denied"


def test_a_directory_that_may_be_changed_and_not_read_is_changed(backend: str) -> None:
    """Its names reach the disk when the system writes them."""
    if backend != "portable":  # which has to read a directory to hold it
        with own_directory() as own:
            as_ordinary_user(f"{__name__}:change_what_cannot_be_read", backend, str(own))


def change_what_cannot_be_read(backend: str, base: str) -> None:
    root = make_tree(Path(base), ["blind/f = F"])
    (root / "blind").chmod(0o300)
    with (
        opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace,
        spot_of(workspace, "blind/f") as f,
    ):
        f.move_to(f.beside("g"))
        f.sync()
        assert not f.flush()
        assert (root / "blind/g").read_text() == "F"
    (root / "blind").chmod(0o700)


def test_another_file_system_is_told_from_a_full_one_and_one_that_is_only_read(backend: str, tmp_path: Path) -> None:
    in_private_mounts(f"{__name__}:change_across_mounts", backend, str(tmp_path))


def change_across_mounts(backend: str, base: str) -> None:
    root = make_tree(Path(base), ["d/f = F", "d/dir/", "small/", "fixed/"])
    mount("small", root / "small", "tmpfs", options="size=64k")
    mount("fixed", root / "fixed", "tmpfs", flags=READ_ONLY)
    before = pictured(root)
    with opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace:
        with spot_of(workspace, "d/f") as f, spot_of(workspace, "small/new") as new:
            assert refused(f.move_to, new).code == "cross_device"
            assert refused(f.beside("dir").move_to, new).code == "cross_device"
            assert refused(f.replace, new).code == "cross_device"
            with new.create() as file:
                assert refused(file.write, [b"x" * 4096] * 40).code == "disk_full"
                assert 0 < file.size <= 64 << 10
            assert refused(f.exchange_with, new).code in {"cross_device", "unsupported_op"}
            new.remove(Kind.FILE)
        with spot_of(workspace, "fixed/new") as new, spot_of(workspace, "fixed") as fixed:
            for refusal in (
                refused(new.create),
                refused(new.make_directory),
                refused(new.make_link, "x"),
                refused(new.unlock),
            ):
                assert (refusal.code, refusal.facts) == ("read_only", {"root": "root"})
            assert refused(fixed.remove, Kind.DIRECTORY).facts == {"errno": "EBUSY"}
            assert refused(fixed.move_to, fixed.beside("new")).facts == {"errno": "EBUSY"}
        assert pictured(root) == before


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EEXIST, "exists"),
        (errno.ENOTEMPTY, "not_empty"),
        (errno.EXDEV, "cross_device"),
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "read_only"),
        (errno.ENOENT, "not_found"),
        (errno.EACCES, "permission_denied"),
        (errno.EPERM, "permission_denied"),
        (errno.ENAMETOOLONG, "name_too_long"),
    ],
    ids=lambda value: errno.errorcode.get(value, value),
)
def test_an_answer_to_a_change_becomes_the_refusal_that_says_it(number: int, code: str) -> None:
    refusal = from_change_error(OSError(number, os.strerror(number), "/a/path/of/the/host"))
    assert (refusal.code, refusal.subject, refusal.facts) == (code, "", {})


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.EINVAL, ""), "EINVAL"),  # of a change it does not say that the path is wrong
        (OSError(errno.EBUSY, ""), "EBUSY"),
        (OSError(errno.EMLINK, ""), "EMLINK"),
        (OSError(99_999, ""), "99999"),
        (OSError("odd"), "0"),
    ],
)
def test_an_answer_to_a_change_without_a_meaning_of_its_own_is_named(error: OSError, name: str) -> None:
    refusal = from_change_error(error)
    assert (refusal.code, refusal.facts) == ("io_error", {"errno": name})
