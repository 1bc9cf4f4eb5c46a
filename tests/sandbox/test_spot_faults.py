"""Whatever system call of a change fails, nothing stays open, and what stood there is there, or what should."""

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from sandbox import Access, Attributes, Kind, SandboxError, Spot, Workspace, downward, target_of, upward
from tests.sandbox.spots import open_descriptors, pictured
from tests.support.faults import CHANGING, READING, faults
from tests.support.tree import make_tree, snapshot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="some of the calls are Linux's")

TREE = [
    "d/f = IN",
    "d/g = OTHER",
    "d/empty/",
    "d/full/x = X",
    "d/full/y/z = Z",
    "d/link -> f",
    "to-d -> d",
    "e/",
    "shut/",
]

DRESS = Attributes(mode=0o640, owner=(12345, 54321), mtime_ns=10**18, xattrs=(("user.a", b"A"), ("user.b", b"B")))

FAILURES = {"", "io_error", "disk_full", "permission_denied"}

Work = Callable[[Workspace, str], object]
"""Does one thing in the directory of the root that is named, and returns what it saw."""


def at(path: str, work: Callable[[Spot], object]) -> Work:
    def working(workspace: Workspace, base: str) -> object:
        with Spot.of(workspace.roots[0], (base, *path.split("/"))) as spot:
            return work(spot)

    return working


def across(path: str, to: str, work: Callable[[Spot, Spot], object]) -> Work:
    def working(workspace: Workspace, base: str) -> object:
        root = workspace.roots[0]
        with Spot.of(root, (base, *path.split("/"))) as spot, Spot.of(root, (base, *to.split("/"))) as other:
            return work(spot, other)

    return working


def target(path: str, *, follow: bool = True) -> Work:
    def working(workspace: Workspace, base: str) -> object:
        found = target_of(workspace.at(f"{base}/{path}", Access.WRITE), follow=follow)
        return found.parts[1:], found.kind, found.missing

    return working


CHANGES: dict[str, Work] = {
    "make a directory": at("d/new", Spot.make_directory),
    "make a link": at("d/new", lambda spot: spot.make_link("f")),
    "make a FIFO": at("d/new", lambda spot: spot.make_fifo(0o600)),
    "make a file": at("d/new", lambda spot: spot.create().close()),
    "move a file": across("d/f", "e/new", Spot.move_to),
    "move a link": across("d/link", "e/new", Spot.move_to),
    "move a directory": across("d/full", "e/new", Spot.move_to),
    "refuse to move over something": across("d/f", "d/g", Spot.move_to),
    "replace": across("d/f", "d/g", Spot.replace),
    "exchange": across("d/f", "d/full/x", Spot.exchange_with),
    "link": at("d/f", lambda spot: spot.link_to(spot.beside("new"))),
    "remove a file": at("d/f", lambda spot: spot.remove(Kind.FILE)),
    "remove a directory": at("d/empty", lambda spot: spot.remove(Kind.DIRECTORY)),
    "refuse to remove": at("d/full", lambda spot: spot.remove(Kind.DIRECTORY)),
    "unlock": at("shut/x", Spot.unlock),
}

LOOKS: dict[str, Work] = {
    "sync": at("d/f", Spot.sync),
    "flush": at("d/f", Spot.flush),
    "ask": at("d/empty", Spot.may_change),
    "look": at("d/link", lambda spot: Kind.of(facts.st_mode) if (facts := spot.stat()) else None),
    "read a link": at("d/link", Spot.read_link),
    "walk down": at("d", lambda spot: [each.parts[1:] for each, _ in downward(spot)]),
    "walk up": at("d", lambda spot: [each.parts[1:] for each, _ in upward(spot)]),
    "find a file": target("to-d/link"),
    "find a link": target("to-d/link", follow=False),
    "find what is missing": target("to-d/a/b/c"),
    "refuse what leads out": target("../f"),
    "refuse to find": target("d/f/x"),
}


def outcome(work: Work, workspace: Workspace, base: str) -> object:
    try:
        return work(workspace, base)
    except SandboxError as refusal:
        return refusal.code.value


def timeless(base: Path) -> dict[str, str]:
    """Return what stands beneath `base` without any times: the grounds that are compared were made one by one."""
    pictures = {path: seen.split(" ", 3) for path, seen in snapshot(base).items()}
    return {path: f"{mode} {links} {content}" for path, (mode, links, _, content) in pictures.items()}


def prepared(root: Path, name: str) -> Path:
    base = make_tree(root / name, TREE)
    (base / "shut").chmod(0o500)
    return base


NUMBERS = pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE], ids=errno.errorcode.get)


@NUMBERS
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_made_whole_or_not_at_all(
    name: str, number: int, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = timeless(prepared(root, "model"))
    right = outcome(CHANGES[name], workspace, "model")
    after = timeless(root / "model")
    descriptors, struck = open_descriptors(), 0
    for nth, fault in zip(count(), faults(number)):
        prepared(root, str(nth))
        with monkeypatch.context() as patch:
            fault.install(patch, workspace.resolver)
            seen = outcome(CHANGES[name], workspace, str(nth))
        assert open_descriptors() == descriptors, fault.call
        there = timeless(root / str(nth))
        if seen == right:
            assert there == after, fault.call
        else:
            assert seen in FAILURES, fault.call
            assert there == before, fault.call
        assert fault.struck or seen == right
        struck += fault.struck
    assert struck > 1


@NUMBERS
@pytest.mark.parametrize("name", LOOKS)
def test_what_only_looks_changes_nothing_and_tells_no_untruth(
    name: str, number: int, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pictured(prepared(root, "model"))
    right = outcome(LOOKS[name], workspace, "model")
    descriptors, struck = open_descriptors(), 0
    for fault in faults(number):
        with monkeypatch.context() as patch:
            fault.install(patch, workspace.resolver)
            seen = outcome(LOOKS[name], workspace, "model")
        assert open_descriptors() == descriptors, fault.call
        if fault.call == "access":
            assert seen is False
        else:
            assert seen == right or seen in FAILURES, fault.call
        assert fault.struck or seen == right
        struck += fault.struck
    assert struck > 0
    assert pictured(root / "model") == before


@NUMBERS
@pytest.mark.parametrize("lasting", [False, True])
def test_a_new_file_whose_making_fails_is_told_of_and_harms_no_other(
    number: int, *, lasting: bool, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is left for whoever began it, who has its name."""

    def work(workspace: Workspace, base: str) -> object:
        with Spot.of(workspace.roots[0], (base, "d", "new")) as spot, spot.create(0o600) as file:
            file.write([b"one", b"two"])
            file.dress(DRESS, times=True)
            facts = file.seal()
            return file.digest, facts.st_size, file.attributes()

    descriptors, calls = open_descriptors(), set()
    for nth, fault in zip(count(), faults(number, lasting=lasting)):
        before = pictured(prepared(root, str(nth)))
        with monkeypatch.context() as patch:
            fault.install(patch, workspace.resolver)
            seen = outcome(work, workspace, str(nth))
        assert open_descriptors() == descriptors, fault.call
        assert not fault.struck or seen in FAILURES, fault.call
        calls.add(fault.call)
        there = pictured(root / str(nth))
        new = there.pop("d/new", "")
        assert there == before, fault.call
        assert new.startswith(("-rw-------", "-rw-r-----")) or not new, fault.call
        assert fault.struck or new
    assert calls >= {"open", "write", "fchown", "listxattr", "setxattr", "fchmod", "utime", "fsync", "lseek", "read"}


@NUMBERS
def test_a_directory_that_is_dressed_keeps_what_it_holds(
    number: int, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = at("d", lambda spot: spot.dress(replace(DRESS, mode=0o750), times=True))
    descriptors = open_descriptors()
    for nth, fault in zip(count(), faults(number)):
        before = pictured(prepared(root, str(nth)) / "d")
        with monkeypatch.context() as patch:
            fault.install(patch, workspace.resolver)
            seen = outcome(work, workspace, str(nth))
        assert open_descriptors() == descriptors, fault.call
        assert isinstance(seen, str) == fault.struck, fault.call
        assert pictured(root / str(nth) / "d") == before


def test_a_deep_walk_that_fails_on_its_way_back_leaves_nothing_open(
    root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(root, ["t/" + "n/" * 66 + "f", "t/z"])
    with Spot.of(workspace.roots[0], ("t",)) as top:
        right = [spot.parts for spot, _ in downward(top)]
        descriptors = open_descriptors()
        for fault in faults(errno.EIO):
            met: list[tuple[str, ...]] = []
            code = ""
            with monkeypatch.context() as patch:
                fault.install(patch, workspace.resolver)
                try:
                    met.extend(spot.parts for spot, _ in downward(top))
                except SandboxError as refusal:
                    code = refusal.code
            assert open_descriptors() == descriptors, fault.call
            assert code == ("io_error" if fault.struck else "")
            assert met == right[: len(met)]
    assert met == right


class TestFaults:
    """What stands between the tests and the system lets everything else through."""

    def test_every_call_that_changes_is_reached(self, root: Path, workspace: Workspace) -> None:
        for name in (*READING, *CHANGING):
            original = getattr(os, name)
            with pytest.MonkeyPatch.context() as patch:
                for fault in faults():
                    fault.install(patch, workspace.resolver)
                    break
                assert getattr(os, name) is not original, name
            assert getattr(os, name) is original
        assert root.is_dir()

    def test_what_a_call_can_do_is_told_of_the_guarded_one_too(self, workspace: Workspace) -> None:
        with pytest.MonkeyPatch.context() as patch:
            next(faults()).install(patch, workspace.resolver)
            assert os.access in os.supports_effective_ids
            assert os.stat in os.supports_dir_fd

    def test_one_that_lasts_fails_everything_behind_it(self, root: Path, workspace: Workspace) -> None:
        with pytest.MonkeyPatch.context() as patch:
            fault = next(faults(lasting=True))
            fault.install(patch, workspace.resolver)
            for _ in range(2):
                with pytest.raises(OSError, match="open files"):
                    root.stat()
            assert (fault.struck, fault.call, os.access(root, os.R_OK)) == (True, "stat", False)
