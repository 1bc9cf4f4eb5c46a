"""Roots: opened once, held, known by what they are and not by what they are called."""

import contextlib
import gc
import os
from pathlib import Path

import pytest

from sandbox import Access, ConfigRefused, ProtectedPath, Resolver, RootSpec, SandboxError, Workspace
from sandbox.policy import Patterns, Rules
from sandbox.roots import Inner, Root, names_of
from tests.sandbox.conftest import Open
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree


def refusal(workspace: Workspace, text: str, access: Access = Access.READ) -> SandboxError:
    with pytest.raises(SandboxError) as refused:
        workspace.at(text, access).open()
    return refused.value


def test_no_root_is_no_workspace() -> None:
    with pytest.raises(ConfigRefused, match="no root"):
        Workspace.open([])


def test_two_roots_of_one_name_are_refused(tmp_path: Path, open_roots: Open) -> None:
    make_tree(tmp_path, ["a/", "b/"])
    with pytest.raises(ConfigRefused, match="another root has the name 'x'"):
        open_roots(RootSpec("x", str(tmp_path / "a")), RootSpec("x", str(tmp_path / "b")))


def test_one_directory_given_twice_is_one_root_and_under_other_rules_a_mistake(tmp_path: Path) -> None:
    """ours: nobody could say which of the two rules hold."""
    specs = [RootSpec("a", str(tmp_path)), RootSpec("b", f"{tmp_path}/.")]
    with contextlib.closing(Workspace.open(specs)) as workspace:
        assert [root.name for root in workspace.roots] == ["a"]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for other in (
        RootSpec("b", str(tmp_path), writable=False),
        RootSpec("b", str(tmp_path), secret=("x",)),
        RootSpec("b", str(tmp_path), ask=("x",)),
    ):
        with pytest.raises(ConfigRefused) as refusal:
            Workspace.open([specs[0], other])
        assert refusal.value.facts["reason"] == "the root 'a' is the same, under other rules"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_pattern_without_meaning_is_refused_before_anything_is_opened(tmp_path: Path, open_roots: Open) -> None:
    with pytest.raises(ConfigRefused) as refused:
        open_roots(RootSpec("root", str(tmp_path), secret=("ok", "!")))
    assert refused.value.subject == "!"


def test_a_root_behind_a_link_is_known_by_both_its_paths(tmp_path: Path, open_roots: Open) -> None:
    make_tree(tmp_path, ["real/f = IN", "link -> real"])
    workspace = open_roots(RootSpec("root", str(tmp_path / "link")))
    for path in ("link/f", "real/f", "real/../real/f"):
        text = str(tmp_path / path)
        if ".." in path:
            assert refusal(workspace, text).code == "escapes_root"
        else:
            workspace.at(text, Access.READ).open().close()


def test_the_path_of_a_root_is_found_by_climbing_too(tmp_path: Path, resolver: Resolver) -> None:
    deep = make_tree(tmp_path, ["a/b/c/", "a/b/other/", "a/f"]) / "a/b/c"
    handle = resolver.open_root(str(deep))
    assert resolver.real_path(handle) == str(deep.resolve())
    resolver.close(handle)


def test_a_root_beneath_a_directory_that_may_not_be_listed_is_served(backend: str) -> None:
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:serve_beneath_what_may_not_be_listed", backend, str(own))


def serve_beneath_what_may_not_be_listed(backend: str, base: str) -> None:
    from tests.sandbox.backends import RESOLVERS, opened  # noqa: PLC0415 # what a child needs

    make_tree(Path(base), ["closed/root/f = IN"])
    Path(base, "closed").chmod(0o311)
    with opened(RESOLVERS[backend](), RootSpec("root", f"{base}/closed/root")) as workspace:
        for path in ("f", f"{base}/closed/root/f"):
            with workspace.at(path, Access.READ).open() as file:
                assert file.read_at(0, 9) == b"IN"


def test_names_of_a_path_lose_what_says_nothing() -> None:
    assert names_of("//a/./b//") == ("a", "b")
    assert names_of("/") == ()


class TestNestedRoots:
    """A root inside another."""

    @pytest.fixture
    def nested(self, tmp_path: Path, open_roots: Open) -> Workspace:
        make_tree(tmp_path, ["out/in/key = K", "out/in/f = F", "out/key = OUTER"])
        return open_roots(
            RootSpec("out", str(tmp_path / "out")),
            RootSpec("in", str(tmp_path / "out/in"), writable=False, secret=("key",)),
        )

    def test_its_rules_hold_by_the_way_through_the_outer_one(self, nested: Workspace) -> None:
        assert refusal(nested, "out/in/key").facts["rule"] == "key"
        assert refusal(nested, "out/in/../in/key").code == "protected_path"
        nested.at("out/key", Access.READ).open().close()
        outer = nested.root("out")
        assert outer is not None
        assert outer.hides(("in", "key"))
        assert not outer.hides(("key",))
        assert outer.marks(("in", "key"))
        with pytest.raises(SandboxError) as refused:
            nested.at("out/in/f", Access.WRITE)
        assert (refused.value.code, refused.value.facts["root"]) == ("read_only", "in")

    def test_nobody_is_asked_about_what_another_rule_on_the_way_forbids(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["out/in/"])
        nested = open_roots(
            RootSpec("out", str(tmp_path / "out"), ask=("/in/*",)),
            RootSpec("in", str(tmp_path / "out/in"), protected=("kept",), ask=("both",)),
        )
        for access in (Access.WRITE, Access.CONFIRMED):
            with pytest.raises(ProtectedPath) as refused:
                nested.at("out/in/kept", access)
            assert refused.value.facts == {"rule": "kept", "access": "write"}
        for name in ("free", "both"):
            with pytest.raises(ProtectedPath) as refused:
                nested.at(f"out/in/{name}", Access.WRITE)
            assert refused.value.facts == {"rule": "/in/*", "access": "write", "ask": "/in/*"}
            assert nested.at(f"out/in/{name}", Access.CONFIRMED).access is Access.CONFIRMED
        nested.at("in/free", Access.WRITE)
        with pytest.raises(ProtectedPath):
            nested.at("in/both", Access.WRITE)

    def test_its_rules_hold_under_names_that_some_file_system_takes_for_its_own(self, nested: Workspace) -> None:
        """Where case is folded, "OUT/IN" is this very directory, and the names are those that were asked for."""
        outer = nested.root("out")
        assert outer is not None
        for spelling in ("IN", "\uff29n", "i\u200bn", "in."):
            assert outer.hides((spelling, "key")), spelling


def test_an_inner_root_seen_from_outside_is_names_and_rules() -> None:
    inner = Inner(("a",), "a", Rules(Patterns(("x",))))
    assert inner.rules.hides(("x",))


class TestNarrowed:
    """What a client's own roots leave of ours."""

    def test_parts_of_roots_are_let_go_when_nobody_has_them(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["a/f = A", "b/"])
        before = len(list(Path("/dev/fd").iterdir()))
        narrowed = workspace.within([f"{root}/a", f"file://{root}/a", f"{root}/b", f"{root}/a/"])
        assert [part.name for part in narrowed.roots] == ["a", "b"]
        place = narrowed.at("a/f", Access.READ)
        del narrowed
        gc.collect()
        with place.open() as file:
            assert file.read_at(0, 9) == b"A"
        del place
        gc.collect()
        assert len(list(Path("/dev/fd").iterdir())) == before

    def test_a_workspace_that_is_closed_serves_nothing_and_closes_nothing_twice(
        self, root: Path, resolver: Resolver
    ) -> None:
        make_tree(root, ["f = IN"])
        workspace = Workspace.open([RootSpec("root", str(root))], resolver=resolver)
        same = workspace.within([str(root)])
        workspace.close()
        other = os.open(root.parent, os.O_RDONLY)  # takes the number that was given back
        same.close()
        assert refusal(same, "f").code == "io_error"
        os.close(other)

    def test_the_rules_of_the_whole_hold_in_the_part(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["root/a/secret/f = S", "root/a/f = A"])
        workspace = open_roots(RootSpec("root", str(tmp_path / "root"), writable=False, secret=("/a/secret",)))
        narrowed = workspace.within([str(tmp_path / "root/a")])
        assert refusal(narrowed, "secret/f").code == "protected_path"
        with pytest.raises(SandboxError, match="read_only"):
            narrowed.at("f", Access.WRITE)

    def test_a_directory_that_is_secret_or_none_is_no_part(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["root/secret/", "root/f", "root/link -> secret", "root/out -> .."])
        workspace = open_roots(RootSpec("root", str(tmp_path / "root"), secret=("secret",)))
        asked = ["secret", "f", "link", "out", "none", "../root/../root", "\0"]
        assert workspace.within([f"{tmp_path}/root/{name}" for name in asked]).roots == ()

    def test_a_directory_that_holds_a_root_leaves_it_whole(self, root: Path, workspace: Workspace) -> None:
        assert workspace.within([str(root.parent)]).roots == workspace.roots
        assert workspace.within([str(root)]).roots == workspace.roots

    def test_nothing_is_left_where_nothing_is_common(self, root: Path, workspace: Workspace) -> None:
        narrowed = workspace.within(["relative", "http://x/", str(root) + "-evil"])
        assert narrowed.roots == ()
        with pytest.raises(SandboxError, match="outside_roots"):
            narrowed.at("f", Access.READ)

    def test_parts_of_one_name_are_told_apart(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["r/a/x/", "r/b/x/"])
        workspace = open_roots(RootSpec("r", str(tmp_path / "r")))
        narrowed = workspace.within([f"{tmp_path}/r/a/x", f"{tmp_path}/r/b/x"])
        assert [part.name for part in narrowed.roots] == ["x", "x-2"]

    def test_preferred_roots_come_first_and_all_stay(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["a/", "b/in/", "c/"])
        workspace = open_roots(*(RootSpec(name, str(tmp_path / name)) for name in "abc"))
        preferring = workspace.preferring([f"{tmp_path}/b/in", "nonsense"])
        assert [held.name for held in preferring.roots] == ["b", "a", "c"]


def test_a_root_says_whether_it_still_exists(root: Path, workspace: Workspace) -> None:
    held: Root = workspace.roots[0]
    held.require_alive()
    root.rmdir()
    with pytest.raises(SandboxError) as refused:
        held.require_alive()
    assert (refused.value.code, refused.value.facts) == ("root_gone", {"root": "root"})
