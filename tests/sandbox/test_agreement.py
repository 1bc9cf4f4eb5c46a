"""Random trees and random paths: all resolvers say the same, and what plain os says unless they refuse."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Access, Kind, RootSpec, SandboxError, Workspace
from tests.sandbox.backends import RESOLVERS, opened

NAMES = st.sampled_from(["a", "b", "link"])
STEPS = st.lists(st.sampled_from(["..", ".", "a", "b", "link"]), min_size=1, max_size=5).map("/".join)
TARGETS = st.builds("{}{}{}".format, st.sampled_from(["", "", "", "/"]), STEPS, st.sampled_from(["", "", "/", "/."]))
THINGS = st.one_of(st.sampled_from(["dir", "dir", "file", "fifo"]), TARGETS.map("-> {}".format))
TREES = st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), THINGS), max_size=14)
PATHS = st.lists(
    st.builds(
        "{}{}".format,
        st.lists(st.sampled_from(["..", ".", "a", "a", "b", "b", "link", "link", "none"]), min_size=1, max_size=7).map(
            "/".join
        ),
        st.sampled_from(["", "", "", "/", "/."]),
    ),
    min_size=1,
    max_size=12,
)

CODES = {errno.ENOENT: "not_found", errno.ENOTDIR: "not_directory", errno.ELOOP: "symlink_loop"}

Seen = tuple[str, tuple[str, ...], tuple[int, int]]
"""The code of a refusal or the kind, the real names, and device and inode."""


def plant(root: Path, things: Sequence[tuple[Sequence[str], str]]) -> None:
    """Make what can be made, never through a link, so that nothing is made outside."""
    for names, thing in things:
        place = root
        for name in names[:-1]:
            place /= name
            with contextlib.suppress(FileExistsError):
                place.mkdir()
            if place.is_symlink() or not place.is_dir():
                break
        else:
            with contextlib.suppress(FileExistsError):
                _make(place / names[-1], thing)


def _make(place: Path, thing: str) -> None:
    match thing:
        case "dir":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "file":
            place.touch(exist_ok=False)
        case _:
            place.symlink_to(thing.removeprefix("-> "))


def described(workspace: Workspace, path: str) -> Seen:
    try:
        entry = workspace.at(path, Access.INSPECT).stat()
    except SandboxError as refusal:
        return refusal.code, (), (0, 0)
    return entry.kind, entry.parts, (entry.stat.st_dev, entry.stat.st_ino)


def read(workspace: Workspace, path: str) -> Seen:
    try:
        with workspace.at(path, Access.READ).open() as file:
            facts = os.fstat(file.fileno())
            return Kind.FILE, file.parts, (facts.st_dev, facts.st_ino)
    except SandboxError as refusal:
        return refusal.code, (), (0, 0)


def by_plain_os(root: Path, path: str) -> Seen:
    """Return what the system says without any sandbox."""
    whole = f"{root}/{path}"
    try:
        facts = os.stat(whole)  # noqa: PTH116 # pathlib would take "." out of the text
    except OSError as error:
        return CODES[error.errno or 0], (), (0, 0)
    real = os.path.realpath(whole)
    parts = tuple(real.removeprefix(str(root)).split("/")[1:]) if real != str(root) else ()
    return Kind.of(facts.st_mode), parts, (facts.st_dev, facts.st_ino)


def inodes(root: Path) -> set[tuple[int, int]]:
    """Return everything that is reachable without a link."""
    found = [root, *(Path(directory, name) for directory, *both in os.walk(root) for names in both for name in names)]
    return {(facts.st_dev, facts.st_ino) for facts in (path.lstat() for path in found)}


@pytest.mark.timeout(900)  # at night there are 5,000 examples
@given(things=TREES, paths=PATHS)
def test_every_resolver_says_what_the_others_say_and_never_leaves_the_root(
    things: Sequence[tuple[Sequence[str], str]], paths: Sequence[str]
) -> None:
    with tempfile.TemporaryDirectory() as base, contextlib.ExitStack() as stack:
        root = Path(base).resolve() / "root"
        root.mkdir()
        # What paths that lead out would find: the same names, so that only the inode tells them apart.
        for name in ("a", "b/a", "link/a"):
            (root.parent / name).mkdir(parents=True)
        plant(root, things)
        within = inodes(root)
        spaces = {
            name: stack.enter_context(opened(make(), RootSpec("root", str(root)))) for name, make in RESOLVERS.items()
        }
        for path in paths:
            _compare(spaces, root, path, within)


def _compare(spaces: dict[str, Workspace], root: Path, path: str, within: set[tuple[int, int]]) -> None:
    plain = by_plain_os(root, path)
    answers = {name: described(workspace, path) for name, workspace in spaces.items()}
    readings = {name: read(workspace, path) for name, workspace in spaces.items()}
    about = path, answers, readings, plain
    for kind, _, identity in (*answers.values(), *readings.values()):
        assert identity in within or identity == (0, 0), about
        assert kind != Kind.LINK, about
    if answers["stepwise"][0] == Kind.FIFO:  # without handles that only name, it could not be described unopened
        assert answers.pop("portable")[0] == "not_regular_file", about
    assert len(set(answers.values())) == 1, about
    assert len(set(readings.values())) == 1, about
    said, reading = answers["stepwise"], readings["stepwise"]
    if said[0] != "escapes_root":
        assert said == plain, about
    expected = {Kind.DIRECTORY: "is_directory", Kind.FIFO: "not_regular_file"}.get(said[0], said[0])  # type: ignore[call-overload] # a Kind is a str
    assert reading[0] == expected, about


def test_the_comparison_itself_tells_inside_from_outside(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "root"
    root.mkdir()
    (tmp_path / "a").mkdir()
    plant(root, [(["link"], "-> .."), (["a"], "fifo"), (["a", "b"], "file"), (["link", "b"], "dir"), (["a"], "dir")])
    assert sorted(path.name for path in root.iterdir()) == ["a", "link"]
    assert not (tmp_path / "b").exists()
    kind, _, identity = by_plain_os(root, "link/a")
    assert kind == Kind.DIRECTORY
    assert identity not in inodes(root)
    assert stat.S_ISFIFO((root / "a").stat().st_mode)
