"""Where the kernel's lookup is missing, the process takes the stepwise one for good, and loses nothing."""

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sandbox import RootSpec, SandboxError, Workspace
from sandbox.resolve import choose
from sandbox.resolve._openat2 import KernelResolver, kernel_resolves
from sandbox.resolve._posix import reopens_by_proc
from sandbox.resolve._stepwise import StepwiseResolver
from tests.sandbox.backends import PackageDriver
from tests.sandbox.private_mounts import in_private_mounts, mount
from tests.support.corpus import Driver, play, table
from tests.support.seccomp import without_openat2

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="openat2 is Linux's")

CATEGORIES = {"traversal", "prefix-confusion", "symlink", "names", "special-files", "root-lifecycle"}


def test_where_openat2_works_it_is_chosen() -> None:
    without = choose()
    assert kernel_resolves() == isinstance(without, KernelResolver)
    assert isinstance(without, KernelResolver | StepwiseResolver)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EACCES], ids=errno.errorcode.get)
def test_a_filter_that_hides_openat2_leads_to_stepwise_lookup_and_the_same_verdicts(
    number: int, tmp_path: Path
) -> None:
    without_openat2(number, f"{__name__}:play_stepwise", str(number), str(tmp_path))


def play_stepwise(number: str, base: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(437, -100, b".", b"\0" * 24, 24) == -1
    assert ctypes.get_errno() == int(number)
    play_corpus("stepwise", base, path_handles=True)


def play_corpus(name: str, base: str, *, path_handles: bool) -> None:
    @contextlib.contextmanager
    def start(paths: Sequence[str]) -> Iterator[Driver]:
        workspace = Workspace.open([RootSpec("root", path) for path in paths])
        assert isinstance(workspace.resolver, StepwiseResolver)
        assert (workspace.resolver.name, workspace.resolver.path_handles) == (name, path_handles)
        try:
            yield PackageDriver(workspace)
        finally:
            workspace.close()

    played = [attack for attack in table(["read", "list"]) if attack.category in CATEGORIES and not attack.nonroot]
    assert len(played) > 40
    for attack in played:
        directory = Path(base, attack.id)
        directory.mkdir()
        play(attack, directory, start)


def test_without_proc_the_portable_form_is_chosen_and_passes_the_same(tmp_path: Path) -> None:
    in_private_mounts(f"{__name__}:play_without_proc", str(tmp_path))


def play_without_proc(base: str) -> None:
    mount("nothing", Path("/proc"), "tmpfs")
    assert not reopens_by_proc()
    assert not kernel_resolves()
    play_corpus("stepwise", base, path_handles=False)


def test_a_kernel_lookup_that_does_not_refuse_what_leads_out_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter may answer a call that it does not know with success: then anything could come back."""

    def obliging(_: KernelResolver, root: int, parts: Sequence[str], flags: int, resolve: int) -> int:
        assert flags
        assert resolve
        return os.open("/".join(parts) or ".", os.O_PATH, dir_fd=root)

    monkeypatch.setattr(KernelResolver, "_open", obliging)
    monkeypatch.setattr("sandbox.resolve._openat2._without_dots", tuple)
    assert not kernel_resolves()
    assert isinstance(choose(), StepwiseResolver)


def test_a_failed_lookup_is_not_tried_again_by_the_other_resolver(tmp_path: Path) -> None:
    if not kernel_resolves():
        pytest.skip("no openat2 here")
    resolver = KernelResolver()
    root = resolver.open_root(str(tmp_path))

    def broken(*_: object) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1

    (tmp_path / "f").touch()
    resolver._syscall = broken  # type: ignore[assignment] # what a filter that comes later would do
    with pytest.raises(SandboxError) as refused:
        resolver.resolve(root, ("f",))
    assert refused.value.facts["errno"] == "ENOSYS"
    resolver.close(root)
