"""What a lookup does at its edges: too long, raced, interrupted, and where a system lacks what it uses."""

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import Access, Kind, PermissionDenied, Resolver, RootSpec, SandboxError, Workspace
from sandbox.file_systems import file_system
from sandbox.resolve import Found
from sandbox.resolve._openat2 import KernelResolver, kernel_resolves
from sandbox.resolve._posix import reopens_by_proc
from sandbox.resolve._stepwise import KEPT_HANDLES, MAX_STEPS, StepwiseResolver
from tests.sandbox.backends import opened
from tests.support.tree import make_tree

needs_openat2 = pytest.mark.skipif(not kernel_resolves(), reason="no openat2 here")


def refused(work: Callable[..., object], *arguments: Any, **options: Any) -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        work(*arguments, **options)
    return caught.value


def read(workspace: Workspace, path: str) -> bytes:
    with workspace.at(path, Access.READ).open() as file:
        return file.read_at(0, 99)


@pytest.mark.parametrize("turns", [10, 900, 1900])
def test_a_path_longer_than_one_system_call_takes_is_looked_up_all_the_same(
    turns: int, root: Path, workspace: Workspace
) -> None:
    make_tree(root, ["dé/link -> ../dé", "f = F"])
    assert read(workspace, "dé/../" * turns + "f") == b"F"
    assert refused(read, workspace, "dé/../" * turns + "dé/link/../../f").code == "escapes_root"
    assert read(workspace, "dé/../" * turns + "dé/link/../f") == b"F"


def test_a_lookup_has_a_bound_of_its_own(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["d/", "f = F"])
    assert refused(read, workspace, "d/../" * MAX_STEPS + "f").code == "name_too_long"
    assert refused(read, workspace, "n" * 256).code == "name_too_long"
    assert refused(read, workspace, "none/" + "n" * 256).code == "not_found"


def test_a_way_back_longer_than_the_handles_that_are_kept_ends_where_it_began(root: Path, resolver: Resolver) -> None:
    depth = KEPT_HANDLES * 2 + 5
    make_tree(root, ["n/" * depth + "f = FAR", "f = NEAR"])
    handle = resolver.open_root(str(root))
    for up in range(1, depth + 1):
        found = resolver.resolve(handle, ["n"] * depth + [".."] * up)
        assert found.parts == ("n",) * (depth - up)
        resolver.close(found.handle)
    assert refused(resolver.resolve, handle, ["n"] * depth + [".."] * (depth + 1)).code == "escapes_root"
    resolver.close(handle)


@pytest.mark.parametrize("name", ["f\0x", "f\0"])
def test_a_name_with_a_nul_is_never_cut_short(name: str, root: Path, resolver: Resolver) -> None:
    make_tree(root, ["f = F"])
    handle = resolver.open_root(str(root))
    assert refused(resolver.resolve, handle, (name,)).code == "invalid_path"
    resolver.close(handle)


def test_a_directory_is_no_file_and_a_file_no_directory(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["d/f = F"])
    assert refused(workspace.at("d", Access.READ).open).code == "is_directory"
    assert refused(workspace.at("d/f", Access.LIST).open_directory).code == "not_directory"
    with workspace.at("d", Access.LIST).root_directory() as top:
        assert [name for name, _ in top.names()] == ["d"]


@needs_openat2
class TestKernelLookup:
    """openat2, and the second of its calls."""

    @pytest.fixture
    def kernel(self, root: Path) -> tuple[KernelResolver, int]:
        make_tree(root, ["d/f = F", "link -> d/f"])
        resolver = KernelResolver()
        return resolver, resolver.open_root(str(root))

    def test_a_place_that_moved_while_it_was_read_back_is_looked_up_again(
        self, kernel: tuple[KernelResolver, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolver, root = kernel
        told = resolver.real_path
        monkeypatch.setattr(resolver, "real_path", _first("/away", told))
        found = resolver.resolve(root, ("link",))
        assert found.parts == ("d", "f")
        for handle in (found.handle, root):
            resolver.close(handle)

    def test_one_that_moves_for_ever_is_not_found(
        self, kernel: tuple[KernelResolver, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolver, root = kernel
        places = {root: "/root"}
        monkeypatch.setattr(resolver, "real_path", lambda handle: places.get(handle, "/root-evil/f"))
        assert refused(resolver.resolve, root, ("link",)).code == "not_found"
        resolver.close(root)

    @pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINTR])
    def test_a_call_that_was_raced_or_interrupted_is_made_again_and_not_for_ever(
        self, number: int, kernel: tuple[KernelResolver, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolver, root = kernel
        call, failures = resolver._syscall, [3, 10_000]

        def raced(*arguments: Any) -> int:
            if failures[0] == 0:
                return int(call(*arguments))
            failures[0] -= 1
            ctypes.set_errno(number)
            return -1

        monkeypatch.setattr(resolver, "_syscall", raced)
        found = resolver.resolve(root, ("d", "f"))
        resolver.close(found.handle)
        failures.pop(0)
        assert refused(resolver.resolve, root, ("d", "f")).facts == {"errno": "EAGAIN"}
        assert failures[0] > 9000
        resolver.close(root)


def _first(answer: str, then: Callable[[int], str]) -> Callable[[int], str]:
    """Return what gives `answer` once, then what `then` gives."""
    answers = [answer]
    return lambda handle: answers.pop() if answers else then(handle)


@pytest.mark.parametrize("path_handles", [None, False], ids=["handles", "portable"])
class TestStepwiseLookup:
    """What happens between its steps, which no test can hit by chance."""

    @pytest.fixture
    def stepwise(
        self,
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
        path_handles: bool | None,  # noqa: FBT001 # a parameter
    ) -> tuple[StepwiseResolver, int]:
        """A resolver to which `link` was no link yet when it looked."""
        make_tree(root, ["d/f = F", "link -> d", "out -> ../secret", "pipe|"])
        resolver = StepwiseResolver(path_handles=path_handles)
        read_link, seen = os.readlink, set[str]()

        def late(name: str, *, dir_fd: int | None = None) -> str:
            if name in {"link", "out"} and name not in seen:
                seen.add(name)
                raise OSError(errno.EINVAL, "")
            return read_link(name, dir_fd=dir_fd)

        monkeypatch.setattr(os, "readlink", late)
        return resolver, resolver.open_root(str(root))

    def test_a_link_put_at_the_end_just_now_is_read_as_one(self, stepwise: tuple[StepwiseResolver, int]) -> None:
        resolver, root = stepwise
        found = resolver.resolve(root, ("link",))
        assert (found.parts, found.kind) == (("d",), Kind.DIRECTORY)
        assert refused(resolver.resolve, root, ("out",)).code == "escapes_root"
        for handle in (found.handle, root):
            resolver.close(handle)

    def test_a_link_put_on_the_way_just_now_is_refused(self, stepwise: tuple[StepwiseResolver, int]) -> None:
        resolver, root = stepwise
        assert refused(resolver.resolve, root, ("link", "f")).code == "not_directory"
        resolver.close(root)


def test_a_fifo_that_came_after_the_look_is_not_read(root: Path) -> None:
    make_tree(root, ["pipe|"])
    resolver = StepwiseResolver(path_handles=False)
    handle = os.open(root / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert refused(resolver.readable, Found(handle, ("pipe",), os.fstat(handle))).facts == {"kind": "fifo"}
    os.close(handle)


class TestSystemsThatLackSomething:
    """No /proc, or one that does not open handles."""

    @pytest.mark.parametrize("missing", ["/proc", "/proc/self/fd/"])
    def test_handles_are_not_relied_on(self, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
        system_open = os.open

        def without(path: str, flags: int, *arguments: Any, **options: Any) -> int:
            if str(path) == missing or (missing.endswith("/") and str(path).startswith(missing)):
                raise FileNotFoundError(errno.ENOENT, "")
            return system_open(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", without)
        assert not reopens_by_proc()
        assert not StepwiseResolver().path_handles
        assert not kernel_resolves()

    def test_a_system_without_path_handles_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sandbox.resolve._posix._O_PATH", 0)
        assert not reopens_by_proc()

    def test_a_link_is_no_directory_under_either_of_the_answers_that_systems_give(
        self, root: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Linux says ENOTDIR of a link opened as a directory without following, macOS ELOOP."""
        handle = resolver.open_root(str(root))

        def as_on_macos(*_: object, **__: object) -> int:
            raise OSError(errno.ELOOP, "")

        make_tree(root, ["link -> ."])
        assert refused(resolver.open_directory, handle, "link").code == "not_directory"
        monkeypatch.setattr(os, "open", as_on_macos)
        assert refused(resolver.open_directory, handle, "link").code == "not_directory"
        monkeypatch.undo()
        resolver.close(handle)

    def test_climbing_goes_round_what_may_not_be_looked_at(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = make_tree(tmp_path, ["a/one/", "a/here/", "a/two/", "a/f", "a/link -> here"]) / "a/here"
        resolver = StepwiseResolver(path_handles=False)
        handle = resolver.open_root(str(deep))
        system_stat = os.stat

        def picky(name: str, **options: Any) -> os.stat_result:
            if name in {"one", "two"}:
                raise PermissionError(errno.EACCES, "")
            return system_stat(name, **options)

        monkeypatch.setattr(os, "stat", picky)
        assert resolver.real_path(handle) == str(deep.resolve())
        monkeypatch.undo()
        deep.rmdir()
        assert refused(resolver.real_path, handle).code == "not_found"
        resolver.close(handle)

    def test_a_root_whose_real_path_may_not_be_had_is_known_by_its_own(
        self, root: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_tree(root, ["f = F"])

        def forbidden(_: int) -> str:
            raise PermissionDenied

        monkeypatch.setattr(resolver, "real_path", forbidden)
        with opened(resolver, RootSpec("root", str(root))) as workspace:
            assert workspace.roots[0].spellings == (root.parts[1:],)
            monkeypatch.undo()
            assert read(workspace, str(root / "f")) == b"F"

    def test_a_file_system_that_the_kernel_does_not_name_is_none(self) -> None:
        reader, writer = os.pipe()  # on a mount of the kernel's own, which stands in no table
        assert file_system(reader) == ""
        for descriptor in (reader, writer):
            os.close(descriptor)
        assert file_system(-1) == ""


def test_a_kind_that_no_one_has_heard_of_is_another() -> None:
    assert Kind.of(0o150000) is Kind.OTHER
    assert {Kind.of(kind) for kind in (stat.S_IFBLK, stat.S_IFCHR)} == {Kind.DEVICE}
    assert Kind.of(stat.S_IFSOCK) is Kind.SOCKET
