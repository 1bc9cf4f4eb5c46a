"""The Windows walk, executed on a table of calls that is a tree in memory; the system's own calls are not.

What the calls hand over (structures, link data, listings, failures) is tested as bytes and numbers.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import (
    Code,
    EscapesRoot,
    InvalidPath,
    NameTooLong,
    NotDirectory,
    NotFound,
    NotRegularFile,
    PermissionDenied,
    SandboxError,
    SymlinkLoop,
)
from sandbox.resolve import MAX_LINKS, Found, Kind, Resolver
from sandbox.resolve._windows import MAX_STEPS, WindowsResolver
from sandbox.resolve._windows_calls import (
    Purpose,
)
from sandbox.resolve._windows_facts import (
    DIRECTORY,
    REPARSE_POINT,
)
from sandbox.resolve._windows_names import slashed
from tests.sandbox.test_windows_names import LOOKED_UP, Attack, rows
from tests.support.fake_windows import JUNCTION, SYMLINK, FakeWindows, Node

ROOT = "work/root"
UNKNOWN_TAG, LX_FIFO, UNIX_SOCKET = 0x8000001B, 0x80000024, 0x80000023


class Stage:
    """A resolver, its root, and the tree below both."""

    def __init__(self) -> None:
        self.nt = FakeWindows()
        self.nt.add("work/outside/secret", data=b"SECRET")
        self.nt.add(f"{ROOT}/f", data=b"IN")
        self.nt.add(f"{ROOT}/a/b/c/f", data=b"DEEP")
        self.resolver: Resolver = WindowsResolver(self.nt)
        self.root = self.resolver.open_root("C:\\work\\root")

    def find(self, path: str, *, directory: bool = False) -> Found:
        """Look up and give the handle back at once."""
        parts = [part for part in path.split("/") if part]
        found = self.resolver.resolve(self.root, parts, directory=directory)
        self.resolver.close(found.handle)
        return found

    def read(self, path: str) -> bytes:
        found = self.resolver.resolve(self.root, [part for part in path.split("/") if part])
        try:
            return content(self.resolver.readable(found))
        finally:
            self.resolver.close(found.handle)


def content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage that must end with every handle given back, whatever the test did."""
    made = Stage()
    yield made
    assert list(made.nt.held) == [made.root]


def test_every_windows_attack_of_the_corpus_is_carried_out_by_the_gate_or_here() -> None:
    assert set(CARRIED_OUT) == LOOKED_UP


CARRIED_OUT: dict[str, Callable[[FakeWindows], object]] = {
    "win-018": lambda _: None,
    "win-019": lambda _: None,
    "win-021": lambda nt: nt.add(f"{ROOT}/Program Files", attributes=DIRECTORY, alias="PROGRA~1"),
    "win-022": lambda nt: nt.link(f"{ROOT}/junction", "\\??\\C:\\work\\outside", tag=JUNCTION),
    "win-023": lambda nt: nt.link(f"{ROOT}/mountpoint", "\\??\\Volume{0123}\\", tag=JUNCTION),
    "win-024": lambda nt: nt.link(f"{ROOT}/symlink-to-unc", "\\??\\UNC\\server\\share", relative=False),
    "win-028": lambda _: None,
}


@pytest.mark.parametrize("attack", rows(LOOKED_UP))
def test_lookup_answers_every_attack_of_the_corpus_with_its_code(stage: Stage, attack: Attack) -> None:
    CARRIED_OUT[attack["id"]](stage.nt)
    path = slashed(attack["input"]["path"], "")
    if attack["expect"]["ok"]:
        assert stage.read(path) == attack["expect"]["content"].encode()
        return
    with pytest.raises(SandboxError) as caught:
        stage.read(path)
    assert [caught.value.code.upper()] == attack["expect"]["code"]


@pytest.mark.parametrize(
    ("path", "parts", "text"),
    [
        ("f", ("f",), b"IN"),
        ("a/b/c/f", ("a", "b", "c", "f"), b"DEEP"),
        ("A/B/../b/C/F", ("a", "b", "c", "f"), b"DEEP"),
        ("to-a/c/f", ("a", "b", "c", "f"), b"DEEP"),
        ("a/up-to-f", ("f",), b"IN"),
        ("chain-1/f", ("a", "b", "c", "f"), b"DEEP"),
        ("a/b/to-here/c/f", ("a", "b", "c", "f"), b"DEEP"),
    ],
)
def test_found_parts_are_the_names_as_they_are_stored(
    stage: Stage, path: str, parts: Sequence[str], text: bytes
) -> None:
    stage.nt.link(f"{ROOT}/to-a", "a\\b")
    stage.nt.link(f"{ROOT}/a/up-to-f", "..\\.\\f")
    stage.nt.link(f"{ROOT}/chain-1", "chain-2/c")
    stage.nt.link(f"{ROOT}/chain-2", ".\\to-a\\")
    stage.nt.link(f"{ROOT}/a/b/to-here", ".")
    assert stage.find(path).parts == tuple(parts)
    assert stage.read(path) == text


@pytest.mark.parametrize("path", ["", "a/..", "to-top", "a/b/../../"])
def test_the_root_itself_is_found_without_names(stage: Stage, path: str) -> None:
    stage.nt.link(f"{ROOT}/to-top", "a\\..")
    found = stage.find(path)
    assert found.parts == ()
    assert found.kind is Kind.DIRECTORY


@pytest.mark.parametrize(
    ("text", "tag", "relative"),
    [
        ("..\\outside\\secret", SYMLINK, True),
        ("a\\..\\..\\root\\f", SYMLINK, True),
        ("\\work\\root\\f", SYMLINK, True),
        ("/abs/root/f", SYMLINK, True),
        ("C:\\work\\root\\f", SYMLINK, True),
        ("f", SYMLINK, False),
        ("\\??\\C:\\work\\root\\f", SYMLINK, False),
        ("\\??\\C:\\work\\root\\a", JUNCTION, True),
        ("\\??\\UNC\\server\\share\\f", SYMLINK, False),
        ("\\\\server\\share\\f", SYMLINK, True),
    ],
)
@pytest.mark.parametrize("path", ["link", "link/f", "a/link-here"])
def test_links_that_do_not_stay_beneath_are_refused(
    stage: Stage, text: str, tag: int, *, relative: bool, path: str
) -> None:
    """ours: also where the absolute text points back into the root, as on every platform."""
    stage.nt.link(f"{ROOT}/link", text, tag=tag, relative=relative)
    stage.nt.link(f"{ROOT}/a/link-here", "..\\link")
    with pytest.raises(EscapesRoot):
        stage.find(path)


def test_links_out_of_the_root_are_looked_at_and_nothing_outside_is_opened(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/link", "..\\outside\\secret")
    with pytest.raises(EscapesRoot):
        stage.find("link")
    assert stage.nt.opened == [("\\work\\root\\link", Purpose.LOOK)]


def test_reparse_points_of_unknown_meaning_are_refused(stage: Stage) -> None:
    stage.nt.add(f"{ROOT}/strange", attributes=REPARSE_POINT | DIRECTORY, tag=UNKNOWN_TAG)
    for path in ("strange", "strange/f"):
        with pytest.raises(EscapesRoot):
            stage.find(path)


@pytest.mark.parametrize(("tag", "kind"), [(LX_FIFO, Kind.FIFO), (UNIX_SOCKET, Kind.SOCKET)])
def test_special_files_of_the_linux_subsystem_are_found_but_never_read(stage: Stage, tag: int, kind: Kind) -> None:
    stage.nt.add(f"{ROOT}/special", attributes=REPARSE_POINT, tag=tag)
    assert stage.find("special").kind is kind
    for attempt in (stage.read, lambda name: stage.resolver.open_file(stage.root, name)):
        with pytest.raises(NotRegularFile) as caught:
            attempt("special")
        assert caught.value.facts == {"kind": kind}
    assert {purpose for _, purpose in stage.nt.opened} == {Purpose.LOOK}


def test_links_are_followed_up_to_the_limit_and_no_further(stage: Stage) -> None:
    for number in range(MAX_LINKS + 1):
        stage.nt.link(f"{ROOT}/l{number}", f"l{number - 1}" if number else "f")
    assert stage.read(f"l{MAX_LINKS - 1}") == b"IN"
    with pytest.raises(SymlinkLoop):
        stage.find(f"l{MAX_LINKS}")


def test_a_link_to_itself_is_a_loop(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/me", "me")
    with pytest.raises(SymlinkLoop):
        stage.find("me/f")


def test_links_cannot_multiply_the_walk_without_end(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/long", "a\\..\\" * MAX_STEPS + "f")
    with pytest.raises(NameTooLong):
        stage.find("long")


@pytest.mark.parametrize("path", ["f/x", "f/..", "a/b/c/f/../f"])
def test_a_file_on_the_way_is_no_directory(stage: Stage, path: str) -> None:
    with pytest.raises(NotDirectory):
        stage.find(path)


def test_a_demand_for_a_directory_is_kept_across_links(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/to-f", "f")
    stage.nt.link(f"{ROOT}/to-f-slash", "f\\")
    assert stage.find("a", directory=True).kind is Kind.DIRECTORY
    for path, directory in (("f", True), ("to-f", True), ("to-f-slash", False)):
        with pytest.raises(NotDirectory):
            stage.find(path, directory=directory)


@pytest.mark.parametrize("path", ["missing", "a/missing", "missing/..", "to-missing", "to-missing/x"])
def test_what_is_not_there_is_not_found(stage: Stage, path: str) -> None:
    stage.nt.link(f"{ROOT}/to-missing", "a\\gone")
    with pytest.raises(NotFound):
        stage.find(path)


@pytest.mark.parametrize("path", ["nul", "a/f:stream", "COM1.txt/x", "a\\b", "f.", "to-device"])
def test_names_pass_the_gate_again_before_any_call_and_behind_links(stage: Stage, path: str) -> None:
    stage.nt.link(f"{ROOT}/to-device", "a\\aux.h")
    with pytest.raises(InvalidPath):
        stage.find(path)
    assert not any("nul" in opened or "aux" in opened for opened, _ in stage.nt.opened)


@pytest.mark.parametrize("path", ["SECRET~1", "SECRET~1/in", "a/SECRET~2"])
def test_an_alias_is_no_name_so_that_policy_sees_the_name_itself(stage: Stage, path: str) -> None:
    stage.nt.add(f"{ROOT}/secret settings", attributes=DIRECTORY, alias="SECRET~1")
    stage.nt.add(f"{ROOT}/secret settings/in")
    stage.nt.add(f"{ROOT}/a/secret settings.txt", alias="SECRET~2")
    with pytest.raises(NotFound):
        stage.find(path)
    assert stage.find("SECRET settings/IN").parts == ("secret settings", "in")


def test_an_alias_is_no_name_of_a_child_either(stage: Stage) -> None:
    stage.nt.add(f"{ROOT}/secret settings", attributes=DIRECTORY, alias="SECRET~1")
    stage.nt.add(f"{ROOT}/long name.txt", alias="LONGNA~1.TXT")
    resolver, root = stage.resolver, stage.root
    for attempt in (resolver.open_directory, resolver.open_file, resolver.stat_child, resolver.read_link):
        for name in ("SECRET~1", "LONGNA~1.TXT"):
            with pytest.raises(NotFound):
                attempt(root, name)


def test_a_directory_moved_out_during_the_walk_escapes(stage: Stage) -> None:
    """ours: the handle stays good, so only the question where it stands can tell."""

    def move_out(_parent: Node, name: str) -> None:
        if name == "c":
            stage.nt.move(stage.nt.at(f"{ROOT}/a/b"), stage.nt.at("work/outside"))

    stage.nt.before_open = move_out
    with pytest.raises(EscapesRoot):
        stage.find("a/b/c/f")


def test_a_link_swapped_in_during_the_walk_is_never_followed_unseen(stage: Stage) -> None:
    def swap(parent: Node, name: str) -> None:
        if name == "b" and (child := parent.child("b")) and not child.tag:
            stage.nt.move(child, stage.nt.at("work"))
            stage.nt.link(f"{ROOT}/a/b", "..\\..\\outside")

    stage.nt.before_open = swap
    with pytest.raises(EscapesRoot):
        stage.find("a/b/c/f")


def test_up_takes_the_held_handle_not_the_parent_of_now(stage: Stage) -> None:
    """ours: `b` is moved out while it is held; `..` still leads to the `a` that was walked, not to outside."""

    def move_out(_parent: Node, name: str) -> None:
        if name == "c":
            stage.nt.move(stage.nt.at(f"{ROOT}/a/b"), stage.nt.at("work/outside"))

    stage.nt.before_open = move_out
    with pytest.raises(NotFound):
        stage.find("a/b/c/../../secret")
    assert ("\\work\\outside\\secret", Purpose.LOOK) not in stage.nt.opened


def test_the_root_may_be_moved_while_it_is_served(stage: Stage) -> None:
    stage.nt.move(stage.nt.at(ROOT), stage.nt.at("work/outside"))
    assert stage.read("a/b/c/f") == b"DEEP"
    assert stage.resolver.real_path(stage.root) == "C:\\work\\outside\\root"


def test_reading_opens_the_very_file_that_was_found(stage: Stage) -> None:
    found = stage.resolver.resolve(stage.root, ["f"])
    stage.nt.move(stage.nt.at(f"{ROOT}/f"), stage.nt.at("work/outside"))
    stage.nt.add(f"{ROOT}/f", data=b"ANOTHER")
    assert content(stage.resolver.readable(found)) == b"IN"
    stage.resolver.close(found.handle)


def test_reading_refuses_a_file_that_turns_out_to_be_another(stage: Stage) -> None:
    """ours: a network drive may open by name again."""

    def exchange(parent: Node, name: str) -> None:
        if not name:
            parent.file_id += 1

    stage.nt.before_open = exchange
    with pytest.raises(NotFound):
        stage.resolver.open_file(stage.root, "f")


def test_reading_refuses_a_file_that_became_a_link_after_the_look(stage: Stage) -> None:
    """ours: a reparse point can be set on an empty file that is open; its identity stays."""

    def become_link(parent: Node, name: str) -> None:
        if not name:
            parent.attributes, parent.tag = REPARSE_POINT, SYMLINK

    stage.nt.before_open = become_link
    with pytest.raises(NotRegularFile):
        stage.resolver.open_file(stage.root, "f")


def test_reading_refuses_what_is_not_on_a_disk(stage: Stage) -> None:
    stage.nt.at(f"{ROOT}/f").on_disk = False
    with pytest.raises(NotRegularFile):
        stage.read("f")


def test_directories_are_not_read(stage: Stage) -> None:
    with pytest.raises(NotRegularFile):
        stage.read("a")
    with pytest.raises(NotRegularFile):
        stage.resolver.open_file(stage.root, "a")


@pytest.mark.parametrize("path", ["C:\\work\\root\\f", "C:\\work\\pipe"])
def test_a_root_must_be_a_directory_on_a_disk(stage: Stage, path: str) -> None:
    stage.nt.add("work/pipe", attributes=DIRECTORY).on_disk = False
    with pytest.raises(NotDirectory):
        stage.resolver.open_root(path)


def test_children_are_opened_without_following(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/to-a", "a")
    stage.nt.link(f"{ROOT}/to-f", "f")
    stage.nt.link(f"{ROOT}/junction", "\\??\\C:\\work\\outside", tag=JUNCTION)
    resolver, root = stage.resolver, stage.root
    for name in ("to-a", "junction", "f"):
        with pytest.raises(NotDirectory):
            resolver.open_directory(root, name)
    for name in ("to-f", "junction"):
        with pytest.raises(NotRegularFile) as caught:
            resolver.open_file(root, name)
        assert caught.value.facts == {"kind": Kind.LINK}
        assert Kind.of(resolver.stat_child(root, name).st_mode) is Kind.LINK
    handle = resolver.open_directory(root, "a")
    assert list(resolver.names(handle)) == [("b", Kind.DIRECTORY)]
    resolver.close(handle)
    assert content(resolver.open_file(root, "F")) == b"IN"


@pytest.mark.parametrize("name", ["", "..", "a\\b", "a/b", "nul", "f::$DATA"])
def test_names_of_children_pass_the_gate_before_any_call(stage: Stage, name: str) -> None:
    resolver, root = stage.resolver, stage.root
    for attempt in (resolver.open_directory, resolver.open_file, resolver.stat_child, resolver.read_link):
        with pytest.raises(InvalidPath):
            attempt(root, name)
    assert stage.nt.opened == []


def test_link_texts_are_told_as_they_stand(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/to-f", "a\\..\\f")
    stage.nt.link(f"{ROOT}/junction", "\\??\\C:\\work\\outside", tag=JUNCTION)
    assert stage.resolver.read_link(stage.root, "to-f") == "a\\..\\f"
    assert stage.resolver.read_link(stage.root, "junction") == "C:\\work\\outside"
    with pytest.raises(InvalidPath):
        stage.resolver.read_link(stage.root, "f")


def test_names_and_kinds_come_from_every_buffer_of_the_listing(stage: Stage) -> None:
    stage.nt.link(f"{ROOT}/link", "f")
    stage.nt.link(f"{ROOT}/junction", "\\??\\C:\\x", tag=JUNCTION)
    stage.nt.add(f"{ROOT}/strange", attributes=REPARSE_POINT, tag=UNKNOWN_TAG)
    stage.nt.add(f"{ROOT}/half \ud800")
    assert dict(stage.resolver.names(stage.root)) == {
        "f": Kind.FILE,
        "a": Kind.DIRECTORY,
        "link": Kind.LINK,
        "junction": Kind.LINK,
        "strange": Kind.OTHER,
        "half \ud800": Kind.FILE,
    }


def test_a_listing_that_is_left_early_gives_its_handle_back(stage: Stage) -> None:
    listing = stage.resolver.names(stage.root)
    assert next(listing) == ("f", Kind.FILE)
    del listing


def test_a_listing_needs_a_directory(stage: Stage) -> None:
    found = stage.resolver.resolve(stage.root, ["f"])
    with pytest.raises(NotDirectory):
        next(stage.resolver.names(found.handle))
    stage.resolver.close(found.handle)


def test_a_deleted_root_has_no_names_left(stage: Stage) -> None:
    assert stage.resolver.stat(stage.root).st_nlink == 1
    stage.nt.at(ROOT).links = 0
    assert stage.resolver.stat(stage.root).st_nlink == 0


@pytest.mark.parametrize("call", ["facts", "final_path", "reparse_data", "listing", "descriptor", "open"])
def test_every_handle_is_given_back_whichever_call_fails(stage: Stage, call: str) -> None:
    """ours: the failing call is moved one further until the work succeeds."""
    stage.nt.link(f"{ROOT}/to-f", "a\\..\\f")

    def work() -> None:
        assert stage.read("to-f") == b"IN"
        assert content(stage.resolver.open_file(stage.root, "f")) == b"IN"
        assert stage.resolver.read_link(stage.root, "to-f")
        stage.resolver.close(stage.resolver.open_root("C:\\work\\root"))
        assert list(stage.resolver.names(stage.root))
        assert stage.find("").parts == ()

    real = getattr(stage.nt, call)
    for failing in range(1, 100):
        left = [failing]

        def flaky(*args: Any, left: list[int] = left, **named: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                raise PermissionDenied
            return real(*args, **named)

        setattr(stage.nt, call, flaky)
        before = set(stage.nt.held)
        try:
            work()
        except PermissionDenied:
            leaked = set(stage.nt.held) - before
            # `read` and `find` hold what was found; the work itself must not.
            assert not leaked, (call, failing)
        else:
            assert failing > 1
            return
    pytest.fail("the work never succeeded")


TREE = {
    "a/b/f": None,
    "f": None,
    "a/up": "..",
    "a/b/root": "../..",
    "in": "a/b",
    "chain": "in/../up/f",
    "out": "../outside",
    "absolute": "/etc",
    "loop": "loop",
    "dangling": "a/none",
    "file-slash": "f/",
    "here": ".",
}


def build(base: Path) -> None:
    (base / "outside").mkdir(parents=True)
    (base / "outside" / "f").touch()
    for path, text in TREE.items():
        place = base / "root" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            place.touch()
        else:
            place.symlink_to(text)


def outcome(resolver: Resolver, root: int, parts: list[str], *, directory: bool) -> tuple[tuple[str, ...], Kind] | Code:
    try:
        found = resolver.resolve(root, parts, directory=directory)
    except SandboxError as refusal:
        return refusal.code
    resolver.close(found.handle)
    return found.parts, found.kind


if sys.platform != "win32":
    from sandbox.resolve._stepwise import StepwiseResolver

    @given(
        parts=st.lists(
            st.sampled_from(["..", "a", "b", "f", "up", "root", *TREE]).filter(lambda t: "/" not in t), max_size=7
        ),
        directory=st.booleans(),
    )
    @settings(max_examples=600, deadline=None)
    def test_walk_agrees_with_the_posix_walk_on_the_same_tree(
        tmp_path_factory: pytest.TempPathFactory, *, parts: list[str], directory: bool
    ) -> None:
        """ours: what `..`, links and files on the way mean is one contract; real files say whether it is kept."""
        base = tmp_path_factory.getbasetemp() / "twin"
        if not base.exists():
            build(base)
        posix = StepwiseResolver()
        stage = Stage()
        stage.nt.at("work").children.clear()
        stage.nt.add("work/outside/f")
        for path, text in TREE.items():
            if text is None:
                stage.nt.add(f"{ROOT}/{path}")
            else:
                stage.nt.link(f"{ROOT}/{path}", text)
        windows_root = stage.resolver.open_root("C:\\work\\root")
        posix_root = posix.open_root(str(base / "root"))
        try:
            walked = outcome(stage.resolver, windows_root, parts, directory=directory)
            assert walked == outcome(posix, posix_root, parts, directory=directory)
        finally:
            posix.close(posix_root)


@pytest.mark.skipif(sys.platform == "win32", reason="there they exist")
def test_without_windows_there_are_no_system_calls() -> None:
    with pytest.raises(NotImplementedError):
        WindowsResolver()
