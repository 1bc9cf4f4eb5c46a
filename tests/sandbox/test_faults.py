"""Whatever system call fails, nothing stays open, and the answer is a refusal or the truth."""

import contextlib
import errno
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Access, ConfigRefused, Resolver, RootSpec, SandboxError, Walk, Workspace
from tests.support.faults import faults
from tests.support.tree import make_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is open in /proc")

DEEP = "n/" * 70
"""Deeper than the handles that a stepwise lookup keeps."""

TREE = [f"{DEEP}f = FAR", "f = IN", "d/e/g = DEEP", "link -> d/e", "out -> ../secret", "pipe|", "d/inner/x = X"]


def read(path: str) -> Callable[[Workspace], object]:
    def work(workspace: Workspace) -> bytes:
        with workspace.at(path, Access.READ).open() as file:
            return file.read_at(0, 99)

    return work


def describe(path: str) -> Callable[[Workspace], object]:
    def work(workspace: Workspace) -> tuple[str, ...]:
        return workspace.at(path, Access.INSPECT).stat().parts

    return work


def read_from_a_directory(workspace: Workspace) -> bytes:
    with (
        workspace.at("d", Access.LIST).open_directory() as directory,
        directory.descend("e") as deeper,
        deeper.open("g") as file,
    ):
        return file.read_at(0, 99)


def refuse_in_a_directory(workspace: Workspace) -> object:
    with workspace.at(".", Access.LIST).open_directory() as directory:
        return directory.open("pipe")


def names(workspace: Workspace) -> list[str]:
    with workspace.at("link/..", Access.LIST).open_directory() as directory:
        return sorted(name for name, _ in directory.names())


def narrow(workspace: Workspace) -> str:
    narrowed = workspace.within([f"{workspace.roots[0].path}/d"])
    found = "".join(root.name for root in narrowed.roots)
    narrowed.close()
    return found


WORK: dict[str, Callable[[Workspace], object]] = {
    "read": read("f"),
    "read deep": read("d/e/g"),
    "read by a link": read("link/g"),
    "read by dots": read("d/e/../e/g"),
    "read by its root's name": read("root/f"),
    "read by a way far down and up": read(DEEP + "../" * 70 + "f"),
    "refuse what is not there": read("d/none"),
    "refuse what leads out": read("out"),
    "refuse a directory": read("d"),
    "refuse a FIFO": read("pipe"),
    "refuse a secret": read("link/../inner/x"),
    "describe": describe("link/g"),
    "describe the root": describe("."),
    "refuse to describe": describe("f/"),
    "read from a directory": read_from_a_directory,
    "refuse in a directory": refuse_in_a_directory,
    "list": names,
    "narrow": narrow,
}


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def outcome(work: Callable[[Workspace], object], workspace: Workspace) -> object:
    try:
        return work(workspace)
    except SandboxError as refusal:
        return refusal.code


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.ESTALE], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", WORK)
def test_a_failing_call_leaks_nothing_and_tells_no_untruth(
    name: str, number: int, root: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(root, TREE)
    workspace = Workspace.open([RootSpec("root", str(root), secret=("d/inner/x",))], resolver=resolver)
    right = outcome(WORK[name], workspace)
    before = open_descriptors()
    struck = 0
    for fault in faults(number):
        with monkeypatch.context() as patch:
            fault.install(patch, resolver)
            seen = outcome(WORK[name], workspace)
        assert open_descriptors() == before, seen
        assert seen == right or seen in {"io_error", ""}, seen
        assert fault.struck or seen == right
        struck += fault.struck
    assert struck > 0
    workspace.close()


@pytest.fixture
def lonely() -> Iterator[Path]:
    """Make a root with no siblings: the lookup lists what is above a root, and each entry is one more call to fail."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve() / "root"
        root.mkdir()
        yield root


def test_a_failing_call_at_start_leaks_nothing(
    lonely: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(lonely, TREE)
    specs = [RootSpec("root", str(root)), RootSpec("again", f"{root}/."), RootSpec("d", f"{root}/d")]
    before = open_descriptors()
    for fault in faults():
        with monkeypatch.context() as patch:
            fault.install(patch, resolver)
            with contextlib.suppress(ConfigRefused):
                Workspace.open(specs, resolver=resolver).close()
        assert open_descriptors() == before
    Workspace.open(specs, resolver=resolver).close()


def test_a_walk_counts_what_fails_and_leaks_nothing(
    root: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(root, TREE)
    workspace = Workspace.open([RootSpec("root", str(root))], resolver=resolver)
    with workspace.at(".", Access.LIST).open_directory() as directory:
        right = [entry.parts for entry in Walk(directory, depth=3)]
        before = open_descriptors()
        for fault in faults(errno.EIO):
            walk = Walk(directory, depth=3)
            with monkeypatch.context() as patch:
                fault.install(patch, resolver)
                seen = outcome(lambda _, walk=walk: [entry.parts for entry in walk], workspace)  # type: ignore[misc] # the default binds the loop's value
            assert open_descriptors() == before
            assert seen == right or walk.skipped or seen == "io_error"
            assert isinstance(seen, str) or set(seen) <= set(right)  # type: ignore[call-overload] # a list
    workspace.close()
