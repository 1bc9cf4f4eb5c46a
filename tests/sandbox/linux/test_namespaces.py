"""Mounts and namespaces: in a thread with mounts of its own where root runs the tests, and by what they refuse."""

import errno
import os
from pathlib import Path

import pytest

from sandbox.linux import namespaces, processes
from sandbox.linux.namespaces import Attribute, Namespace
from tests.support.apart import apart, in_a_thread
from tests.support.as_user import as_ordinary_user
from tests.support.tree import make_tree

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's namespaces need a process of one thread")


def alone() -> None:
    namespaces.unshare(Namespace.MOUNTS)
    namespaces.make_private()


@root_only
def test_a_copied_tree_is_changed_put_and_entered_and_the_thread_beside_sees_none_of_it(tmp_path: Path) -> None:
    make_tree(tmp_path, ["source/d/f = F", "target/"])
    target = str(tmp_path / "target")

    def build() -> list[str]:
        alone()
        tree = namespaces.copied_tree(str(tmp_path / "source"))
        namespaces.set_attributes(tree, Attribute.READ_ONLY)
        namespaces.mount_new("tmpfs", target, Attribute.NO_SET_ID, "size=1m")
        Path(target, "x").mkdir()
        held = os.open(target, os.O_PATH)
        place = namespaces.beneath(held, "x", os.O_DIRECTORY)
        namespaces.attach(tree, place)
        inner = namespaces.beneath(held, "x/d")
        copy = namespaces.copied_from(inner)
        namespaces.set_attributes(copy, Attribute.NO_EXEC, beneath_too=False)
        namespaces.attach(copy, inner)
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            Path(target, "x/d/new").touch()
        for descriptor in (tree, held, place, inner, copy):
            os.close(descriptor)
        namespaces.enter_root(target)
        seen = [path.name for path in Path("/").iterdir()]
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
            Path("/x").rename("/y")
        namespaces.detach("/x/d")
        return [*seen, Path("/x/d/f").read_text()]

    assert in_a_thread(build) == ["x", "F"]
    assert list(Path(target).iterdir()) == []


def test_a_link_on_the_way_is_never_followed(tmp_path: Path) -> None:
    make_tree(tmp_path, ["d/f = F", "l -> d"])
    held = os.open(tmp_path, os.O_PATH)
    os.close(namespaces.beneath(held, "d/f"))
    os.close(namespaces.beneath(held, ""))
    for path, number in (("l/f", errno.ELOOP), ("l", errno.ELOOP), ("../x", errno.EXDEV), ("d/g", errno.ENOENT)):
        with pytest.raises(OSError, match=os.strerror(number)):
            namespaces.beneath(held, path)
    os.close(held)


def test_ones_own_user_and_group_are_mapped_and_no_other(tmp_path: Path) -> None:
    make_tree(tmp_path, ["setgroups", "uid_map", "gid_map"])
    namespaces.map_own_ids(7, 8, str(tmp_path))
    assert [(tmp_path / name).read_text() for name in ("setgroups", "uid_map", "gid_map")] == ["deny", "7 7 1", "8 8 1"]


def test_an_unknown_kind_of_namespace_is_told() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        namespaces.unshare(Namespace(1))


def test_the_maps_of_a_process_that_is_not_dumpable_are_out_of_its_own_reach() -> None:
    """A process that hid from others before it left the user namespace could not say who it is in the new one."""
    # Root may write what is root's.
    (as_ordinary_user if os.geteuid() == 0 else apart)(f"{__name__}:map_undumpable")


def map_undumpable() -> None:
    processes.set_dumpable(dumpable=False)
    user, group = os.geteuid(), os.getegid()
    namespaces.unshare(Namespace.USER)
    with pytest.raises(PermissionError):
        namespaces.map_own_ids(user, group)
    processes.set_dumpable(dumpable=True)
    namespaces.map_own_ids(user, group)
