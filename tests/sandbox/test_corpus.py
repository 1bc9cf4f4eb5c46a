"""Every entry of the attack corpus whose operation exists in this version, on every resolver."""

import ast
import os
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from sandbox import Access, ConfigRefused, RootSpec, SandboxError, Walk, Workspace
from sandbox.resolve import choose
from tests.sandbox.backends import RESOLVERS, carry_out_on, opened
from tests.sandbox.conftest import Open
from tests.sandbox.private_mounts import in_private_mounts
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.corpus import (
    CHANGES,
    NEVER_OFFERED,
    PLATFORM,
    Attack,
    Outcome,
    attacks,
    play,
    prepare,
    table,
    within_time,
)
from tests.support.tree import make_tree

OPS = ("read", "list", "tree", "stat", "roots", "start")
TABLE = tuple(table(OPS))
ENTRIES = {attack.id: attack for attack in attacks()}

WAITING = {"extract", "glob", "search", "watch"}
"""Operations of tools that are not built yet; their entries wait for them."""

NOT_OFFERED = {"mnt-002"}
"""Needs the setting `cross_mounts`, which the contract of the settings does not have."""


@pytest.mark.parametrize("backend", RESOLVERS)
@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.id)
@pytest.mark.guarantee("G1", "G4", "G6")
def test_every_entry_ends_as_the_corpus_says(attack: Attack, backend: str, tmp_path: Path) -> None:
    if attack.nonroot:
        with own_directory() as own:
            as_ordinary_user(f"{__name__}:play_by_name", attack.id, backend, str(own))
    else:
        play(attack, tmp_path, carry_out_on(backend))


def play_by_name(identifier: str, backend: str, base: str) -> None:
    play(ENTRIES[identifier], Path(base), carry_out_on(backend))


def test_nothing_in_the_corpus_is_carried_out_by_nobody() -> None:
    carried_out = {attack.id for attack in (*TABLE, *table(CHANGES))} | set(_marked())
    left = [
        attack.id
        for attack in attacks()
        if attack.here and _operation(attack) not in WAITING and attack.id not in carried_out | NOT_OFFERED
    ]
    assert left == []


def test_every_mark_names_an_entry_that_the_table_leaves_to_a_test_of_its_own() -> None:
    marked = set(_marked())
    assert marked <= ENTRIES.keys()
    assert not marked & {attack.id for attack in (*TABLE, *table(CHANGES))}


def test_the_corpus_holds_what_waits_for_tools_that_are_not_built() -> None:
    waiting = Counter(_operation(attack) for attack in attacks() if attack.here and _operation(attack) in WAITING)
    assert waiting.keys() == WAITING
    assert {attack.op for attack in attacks()} == WAITING | {*OPS, *CHANGES, *NEVER_OFFERED, "race"} - {"stat"}


def _operation(attack: Attack) -> str:
    """Return what is asked; of a race, what it is that is raced."""
    return str(attack.input["what"]).split()[0] if attack.op == "race" else attack.op


def _marked() -> Iterator[str]:
    """Yield the ids in every `pytest.mark.corpus(…)` of the tests, read from their source so that none needs to run."""
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.corpus":
                yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


@pytest.mark.corpus("pfx-009")
def test_of_nested_roots_the_inner_one_is_meant(tmp_path: Path, open_roots: Open) -> None:
    prepare(ENTRIES["pfx-004"], tmp_path)
    root = tmp_path / "root"
    workspace = open_roots(RootSpec("root", str(root)), RootSpec("a", str(root / "a")))
    place = workspace.at(f"{root}/a/b/c/f", Access.READ)
    assert place.root.name == "a"
    with place.open() as file:
        assert file.read_at(0, 99) == b"DEEP"


@pytest.mark.corpus("pfx-010")
def test_one_directory_under_several_spellings_is_one_root(root: Path, open_roots: Open) -> None:
    spellings = [str(root), f"{root}/", f"{root}/."]
    workspace = open_roots(*(RootSpec(f"r{number}", path) for number, path in enumerate(spellings)))
    assert [(held.name, held.path) for held in workspace.roots] == [("r0", str(root))]


@pytest.mark.corpus("pfx-011")
@pytest.mark.parametrize("path", ["/", "//", "/.", "/tmp/..", "/proc/self/root"])
@pytest.mark.guarantee("G14")
def test_the_whole_file_system_is_no_root(path: str, open_roots: Open) -> None:
    with pytest.raises(ConfigRefused, match="whole file system"):
        open_roots(RootSpec("everything", path))


@pytest.mark.corpus("pfx-012")
def test_a_home_directory_can_be_a_root_whose_keys_are_secret(root: Path, open_roots: Open) -> None:
    """The patterns come from the settings; here they are what any root can be given."""
    make_tree(root, [".ssh/id_ed25519 = KEY", "notes = N"])
    workspace = open_roots(RootSpec("home", str(root), secret=(".ssh/**",)))
    with pytest.raises(SandboxError) as refused:
        workspace.at(".ssh/id_ed25519", Access.READ)
    assert refused.value.code == "protected_path"
    workspace.at("notes", Access.READ).open().close()


@pytest.mark.corpus("spec-005")
@pytest.mark.guarantee("G6")
def test_a_device_is_never_opened(root: Path, workspace: Workspace) -> None:
    try:
        os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError as refused:
        pytest.skip(f"no device can be made here: {refused}")
    with pytest.raises(SandboxError) as refusal:
        workspace.at("null", Access.READ).open()
    assert (refusal.value.code, refusal.value.facts["kind"]) == ("not_regular_file", "device")


@pytest.mark.corpus("spec-010")
@pytest.mark.skipif(PLATFORM != "linux", reason="Linux has these file systems")
@pytest.mark.parametrize("path", ["/proc/self", "/proc", "/sys", "/sys/kernel"])
def test_a_pseudo_file_system_is_no_root(path: str, open_roots: Open) -> None:
    if not Path(path).is_dir():
        pytest.skip(f"no {path} here")
    with pytest.raises(ConfigRefused, match=r"pseudo file system|cannot be opened"):
        open_roots(RootSpec("pseudo", path))


@pytest.mark.corpus("spec-012")
def test_reading_a_file_that_grows_ends(root: Path, workspace: Workspace) -> None:
    """A reader takes what it asked for; that nothing asks for everything is the reading tool's part."""
    (root / "grow").write_bytes(b"x" * 1000)
    stop = threading.Event()

    def append() -> None:
        with (root / "grow").open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"y" * 4096)

    writer = threading.Thread(target=append)
    writer.start()
    try:
        with workspace.at("grow", Access.READ).open() as file:
            assert file.size >= 1000
            outcome = within_time(lambda: Outcome(content=file.read_at(0, file.size)))
            assert len(outcome.content) == file.size
    finally:
        stop.set()
        writer.join()


@pytest.mark.corpus("mnt-001")
def test_a_mount_that_the_operator_made_in_a_root_is_part_of_it(backend: str, tmp_path: Path) -> None:
    in_private_mounts("tests.sandbox.private_mounts:read_through_a_bind_mount", backend, str(tmp_path))


@pytest.mark.corpus("mnt-004", "mnt-005")
@pytest.mark.guarantee("G13")
def test_a_mount_that_hangs_takes_its_own_root_and_nothing_else(backend: str, tmp_path: Path) -> None:
    in_private_mounts("tests.sandbox.private_mounts:outlive_a_mount_that_hangs", backend, str(tmp_path))


@pytest.mark.corpus("uni-010")
@pytest.mark.guarantee("G4")
def test_a_directory_that_folds_case_gives_no_secret_away(backend: str, tmp_path: Path) -> None:
    in_private_mounts("tests.sandbox.private_mounts:ask_a_folding_directory", backend, str(tmp_path))


@pytest.mark.corpus("root-010", "root-011")
@pytest.mark.parametrize("line", [None, "root = a file", "root|", "root -> nowhere", "root -> root"])
def test_a_root_that_is_no_directory_is_refused_at_start(line: str | None, tmp_path: Path, open_roots: Open) -> None:
    make_tree(tmp_path, [line] if line else [])
    with pytest.raises(ConfigRefused, match="cannot be opened as a directory"):
        open_roots(RootSpec("root", str(tmp_path / "root")))


@pytest.mark.corpus("root-012")
@pytest.mark.guarantee("G10")
def test_a_client_can_narrow_the_roots_and_never_widen_them(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["a/f = A"])
    assert workspace.within([str(root.parent / "elsewhere"), "/etc"]).roots == ()
    narrowed = workspace.within([str(root / "a"), "/etc"])
    with pytest.raises(SandboxError):
        narrowed.at(str(root.parent / "secret"), Access.READ)
    with narrowed.at("f", Access.READ).open() as file:
        assert file.read_at(0, 9) == b"A"
    narrowed.close()


@pytest.mark.corpus("glob-011")
def test_a_page_of_a_directory_of_100000_comes_at_once(root: Path) -> None:
    names = [f"f{number:06}" for number in range(100_000)]
    for name in reversed(names):
        os.mknod(root / name)
    with opened(choose(), RootSpec("root", str(root))) as workspace:
        # Counting coverage makes every line ten times as long; a walk that is not bounded takes far more.
        outcome = within_time(partial(_first_page, workspace), seconds=20)
    assert outcome.content.decode().split() == names[:1000]


def _first_page(workspace: Workspace) -> Outcome:
    with workspace.at(".", Access.LIST).open_directory() as directory:
        return Outcome(content=" ".join(entry.name for entry in islice(Walk(directory), 1000)).encode())
