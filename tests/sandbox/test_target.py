"""Targets: where a change would go, decided on real names, before anything is changed."""

import shutil
from pathlib import Path

import pytest

from sandbox import Access, Changed, Kind, NotFound, RootGone, RootSpec, SandboxError, Target, Workspace, target_of
from tests.sandbox.conftest import Open
from tests.support.tree import make_tree, snapshot

TREE = [
    "d/f = F",
    "d/link -> f",
    "d/lost -> ../none/deep",
    "to-d -> d",
    "hop -> to-d",
    "here -> .",
    "dangling -> none",
    "loop -> loop",
    "out -> ../secret",
    "out-none -> ../none",
    "pipe|",
]

DEEPEST_MISSING = 64


def target(workspace: Workspace, path: str, *, follow: bool = True, access: Access = Access.WRITE) -> Target:
    return target_of(workspace.at(path, access), follow=follow)


def refused(workspace: Workspace, path: str, *, follow: bool = True, access: Access = Access.WRITE) -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        target(workspace, path, follow=follow, access=access)
    return caught.value


@pytest.fixture
def ground(root: Path, workspace: Workspace) -> Workspace:
    make_tree(root, TREE)
    return workspace


class TestWhatStandsThere:
    """The real names, and the facts of what has them."""

    @pytest.mark.parametrize(
        ("path", "parts", "kind"),
        [
            ("d/f", "d/f", Kind.FILE),
            ("./d//f", "d/f", Kind.FILE),
            ("to-d/../d/f", "d/f", Kind.FILE),
            ("d/link", "d/f", Kind.FILE),
            ("hop/link", "d/f", Kind.FILE),
            ("here/here/hop/f", "d/f", Kind.FILE),
            ("d", "d", Kind.DIRECTORY),
            ("hop", "d", Kind.DIRECTORY),
            ("hop/", "d", Kind.DIRECTORY),
        ],
    )
    def test_a_link_at_the_end_is_followed_to_the_real_names(
        self, path: str, parts: str, kind: Kind, ground: Workspace
    ) -> None:
        found = target(ground, path)
        assert ("/".join(found.parts), found.kind, found.missing) == (parts, kind, 0)
        assert found.directories_to_make() == ()

    @pytest.mark.parametrize(
        ("path", "parts", "kind"),
        [
            ("d/f", "d/f", Kind.FILE),
            ("d/link", "d/link", Kind.LINK),
            ("hop/link", "d/link", Kind.LINK),
            ("hop", "hop", Kind.LINK),
            ("here", "here", Kind.LINK),
            ("dangling", "dangling", Kind.LINK),
            ("to-d/lost", "d/lost", Kind.LINK),
            ("loop", "loop", Kind.LINK),
            ("out", "out", Kind.LINK),
            ("out-none", "out-none", Kind.LINK),
            ("pipe", "pipe", Kind.FIFO),
            ("d/", "d", Kind.DIRECTORY),
        ],
    )
    def test_a_link_at_the_end_can_be_meant_itself(self, path: str, parts: str, kind: Kind, ground: Workspace) -> None:
        found = target(ground, path, follow=False)
        assert ("/".join(found.parts), found.kind, found.missing) == (parts, kind, 0)

    def test_what_no_change_may_open_is_told_or_refused_by_its_kind(self, ground: Workspace, backend: str) -> None:
        """Without handles that only name, a lookup cannot hold it."""
        if backend == "portable":
            assert refused(ground, "pipe").facts == {"kind": "fifo"}
        else:
            assert target(ground, "pipe").kind is Kind.FIFO

    def test_it_is_told_in_a_form_that_can_be_sent_back(self, root: Path, ground: Workspace) -> None:
        (root / "d/x\ny").touch()
        found = target(ground, "hop/x\ny")
        assert (found.shown, found.uri) == (r"d/x\ny", f"file://{root}/d/x%0Ay")
        assert found.root is ground.roots[0]

    def test_of_several_roots_it_is_told_with_its_roots_name(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["a/", "b/"])
        workspace = open_roots(RootSpec("a", str(tmp_path / "a")), RootSpec("b", str(tmp_path / "b")))
        assert target(workspace, "b/new").shown == "b/new"
        assert refused(workspace, "b").facts == {"root": "b"}


class TestWhatIsMissing:
    """What would have to be made, and nothing is made yet."""

    @pytest.mark.parametrize("follow", [True, False])
    @pytest.mark.parametrize(
        ("path", "parts", "missing"),
        [
            ("new", "new", 1),
            ("new/", "new", 1),
            ("d/new", "d/new", 1),
            ("to-d/new", "d/new", 1),
            ("here/hop/new", "d/new", 1),
            ("hop/a/b/c", "d/a/b/c", 3),
            ("d/../d/a/b", "d/a/b", 2),
        ],
    )
    def test_new_names_stand_behind_the_real_ones(
        self, path: str, parts: str, missing: int, *, follow: bool, ground: Workspace
    ) -> None:
        found = target(ground, path, follow=follow)
        assert ("/".join(found.parts), found.kind, found.missing) == (parts, None, missing)

    def test_the_directories_to_make_come_uppermost_first_and_can_be_made_so(
        self, root: Path, ground: Workspace
    ) -> None:
        found = target(ground, "hop/a/b/f")
        made = found.directories_to_make()
        assert [(each.parts, each.kind, each.missing) for each in made] == [
            (("d", "a"), None, 1),
            (("d", "a", "b"), None, 1),
        ]
        for each in made:
            with each.spot() as spot:
                spot.make_directory()
        with found.spot() as spot:
            spot.create().close()
        assert (root / "d/a/b/f").is_file()

    def test_so_many_missing_directories_are_a_mistake(self, root: Path, ground: Workspace) -> None:
        at_most = ["n"] * DEEPEST_MISSING
        assert target(ground, "d/" + "/".join(at_most)).missing == DEEPEST_MISSING
        for names in ([*at_most, "n"], ["n"] * 5000):
            assert refused(ground, "d/" + "/".join(names)).code == "not_found"
        assert not (root / "d/n").exists()

    @pytest.mark.parametrize("moment", [1, 2])
    @pytest.mark.parametrize(("path", "kind"), [("new", Kind.FILE), ("new/x", None)])
    def test_what_comes_while_it_is_looked_up_is_taken_as_it_is_or_refused(
        self,
        *,
        moment: int,
        path: str,
        kind: Kind | None,
        root: Path,
        ground: Workspace,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Somebody else makes it between two of our calls."""
        resolve, missed = ground.resolver.resolve, 0

        def late(*arguments: object, **options: bool) -> object:
            nonlocal missed
            try:
                return resolve(*arguments, **options)  # type: ignore[arg-type] # passed through
            except NotFound:
                missed += 1
                if missed == moment:
                    make_tree(root, ["new/" if path == "new/x" else "new = N"])
                raise

        monkeypatch.setattr(ground.resolver, "resolve", late)
        if (path, moment) == ("new/x", 2):
            assert refused(ground, path).code == "not_found"
        elif (path, moment) == ("new", 2):
            assert target(ground, path).missing == 1
        else:
            found = target(ground, path)
            assert (found.parts, found.kind) == (tuple(path.split("/")), kind)


REFUSED = [
    # Of a link that leads to nothing, nobody knows what should be made.
    ("dangling", True, "dangling_symlink"),
    ("d/lost", True, "dangling_symlink"),
    ("dangling/x", True, "dangling_symlink"),
    ("dangling/x", False, "dangling_symlink"),
    ("dangling/x/y", False, "dangling_symlink"),
    ("hop/lost/x", True, "dangling_symlink"),
    # A slash behind a link asks for what it leads to.
    ("dangling/", False, "invalid_path"),
    ("hop/", False, "invalid_path"),
    # No name at the end.
    ("d/..", True, "invalid_path"),
    ("d/..", False, "invalid_path"),
    ("d/../", True, "invalid_path"),
    ("d/f/..", True, "invalid_path"),
    ("hop/..", False, "invalid_path"),
    ("d/.", True, "invalid_path"),
    ("d/.", False, "invalid_path"),
    ("new/.", True, "invalid_path"),
    ("root/.", True, "invalid_path"),
    ("root/..", True, "invalid_path"),
    # The root.
    (".", True, "refused_root"),
    (".", False, "refused_root"),
    ("./", True, "refused_root"),
    ("root", True, "refused_root"),
    ("root/", False, "refused_root"),
    ("here", True, "refused_root"),
    ("here/", True, "refused_root"),
    ("here/here", True, "refused_root"),
    # Out of it.
    ("out", True, "escapes_root"),
    ("out-none", True, "escapes_root"),
    ("out/x", True, "escapes_root"),
    ("out/x", False, "escapes_root"),
    ("out-none/x", False, "escapes_root"),
    ("d/../../secret", True, "escapes_root"),
    ("d/../../secret", False, "escapes_root"),
    ("d/../../none", False, "escapes_root"),
    ("root/../secret", True, "escapes_root"),
    ("root/../none/x", False, "escapes_root"),
    ("hop/../../root/d/f", True, "escapes_root"),
    # Through what is no directory.
    ("d/f/x", True, "not_directory"),
    ("d/f/x", False, "not_directory"),
    ("d/f/x/y", True, "not_directory"),
    ("d/link/x", True, "not_directory"),
    ("d/f/", True, "not_directory"),
    ("d/f/", False, "invalid_path"),
    ("d/f/../x", True, "not_directory"),
    ("loop", True, "symlink_loop"),
    ("loop/x", True, "symlink_loop"),
    ("loop/x", False, "symlink_loop"),
    # `..` through what is not there means nothing.
    ("none/../x", True, "not_found"),
    ("none/../d/f", False, "not_found"),
    ("d/none/a/../b", True, "not_found"),
    ("dangling/../x", True, "dangling_symlink"),
    # Too long, also where it would come to stand in what is to be made.
    ("x" * 256, True, "name_too_long"),
    ("x" * 256, False, "name_too_long"),
    ("d/" + "ü" * 128, True, "name_too_long"),
    ("d/none/" + "x" * 256, True, "name_too_long"),
    ("x" * 256 + "/y", False, "name_too_long"),
]


@pytest.mark.parametrize(("path", "follow", "code"), REFUSED, ids=lambda value: str(value)[:20])
def test_what_could_not_be_changed_is_refused_in_the_callers_words_and_nothing_is_made(
    path: str, code: str, *, follow: bool, root: Path, ground: Workspace
) -> None:
    before = snapshot(root.parent)
    for access in (Access.WRITE, Access.CONFIRMED):
        refusal = refused(ground, path, follow=follow, access=access)
        assert (refusal.code, refusal.subject) == (code, path)
    assert snapshot(root.parent) == before


def test_the_roots_own_path_and_uri_are_the_root(root: Path, ground: Workspace) -> None:
    for path in (str(root), f"{root}/", f"file://{root}", f"file://{root}/"):
        refusal = refused(ground, path)
        assert (refusal.code, refusal.facts) == ("refused_root", {"root": "root"})


class TestTheNameOfAnOnlyRoot:
    """It may stand before a path or be left out, and a directory of that name is meant before it."""

    def test_before_a_path_it_means_the_root(self, ground: Workspace) -> None:
        assert target(ground, "root/d/f").parts == ("d", "f")
        assert target(ground, "root/hop/new", follow=False).parts == ("d", "new")
        assert target(ground, "root/root").parts == ("root",)

    def test_a_directory_of_that_name_is_meant_before_the_root(self, root: Path, ground: Workspace) -> None:
        make_tree(root, ["root/f = INNER"])
        assert target(ground, "root/f").parts == ("root", "f")
        assert target(ground, "root/new").parts == ("root", "new")
        assert target(ground, "root").parts == ("root",)

    def test_even_a_link_of_that_name_is(self, root: Path, ground: Workspace) -> None:
        make_tree(root, ["root -> d"])
        assert target(ground, "root/f").parts == ("d", "f")
        assert target(ground, "root", follow=False).parts == ("root",)

    def test_a_rule_that_begins_at_the_root_holds_behind_its_name_too(self, root: Path, open_roots: Open) -> None:
        make_tree(root, ["d/"])
        workspace = open_roots(RootSpec("root", str(root), protected=("/guarded",)))
        assert refused(workspace, "root/guarded").code == "protected_path"


DECEPTIVE = [
    "a\nb",
    "a\rb",
    "a\tb",
    "\x1b[2Ka",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "gpj.\u202eexe",
    "\u061ca",
    "a\u200eb",
    "a\u200fb",
    "a\u202ab",
    "\u2066a\u2069",
]


class TestNamesThatDeceive:
    """No new name may move a cursor, end a line or turn its direction. One that stands there can be changed."""

    @pytest.mark.parametrize("name", DECEPTIVE, ids=ascii)
    def test_none_is_made(self, name: str, root: Path, ground: Workspace) -> None:
        before = snapshot(root)
        for path in (name, f"d/{name}", f"hop/{name}/f", f"d/new/{name}", f"root/{name}", f"file://{root}/{name}"):
            for follow in (True, False):
                refusal = refused(ground, path, follow=follow)
                assert (refusal.code, refusal.subject) == ("invalid_path", path)
        assert snapshot(root) == before

    @pytest.mark.parametrize("name", DECEPTIVE, ids=ascii)
    def test_one_that_stood_there_before_can_be_put_back(self, name: str, ground: Workspace) -> None:
        found = target_of(ground.at(f"d/{name}/f", Access.WRITE), known=True)
        assert (found.parts, found.missing) == (("d", name, "f"), 2)

    @pytest.mark.parametrize("name", DECEPTIVE, ids=ascii)
    def test_one_that_stands_there_can_be_changed_and_entered(self, name: str, root: Path, ground: Workspace) -> None:
        make_tree(root, ["odd/"])
        (root / "d" / name).write_text("ODD")
        (root / name).mkdir()
        assert target(ground, f"d/{name}").kind is Kind.FILE
        assert target(ground, f"{name}/new").parts == (name, "new")
        (root / "to-odd").symlink_to(f"d/{name}")
        assert target(ground, "to-odd").parts == ("d", name)

    @pytest.mark.parametrize(
        "name",
        [
            "👩\u200d👩\u200d👧.png",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "❤\ufe0f",
            "e\u0301",
            "naïve",
            "a b",
            "back\\slash",
        ],
        ids=ascii,
    )
    def test_letters_and_pictures_that_are_joined_invisibly_are_names_like_any_other(
        self, name: str, ground: Workspace
    ) -> None:
        assert target(ground, f"{name}/{name}").parts == (name, name)

    def test_bytes_that_are_no_text_are_a_name_too(self, root: Path, ground: Workspace) -> None:
        assert target(ground, f"file://{root}/od%FFd").parts == ("od\udcffd",)


class TestRules:
    """The policy is asked with real names, and for every name that would be made."""

    @pytest.fixture
    def ruled(self, root: Path, open_roots: Open) -> Workspace:
        make_tree(
            root,
            [
                "guarded/f = G",
                ".git/config = C",
                "secrets/key = K",
                "asked/f = A",
                "d/f = F",
                "to-guarded -> guarded",
                "hop -> to-guarded",
                "d/up -> ../guarded/f",
                "to-git -> .git",
                "to-key -> secrets/key",
                "to-asked -> asked",
            ],
        )
        spec = RootSpec(
            "root",
            str(root),
            secret=("/secrets", ".env"),
            protected=("/guarded", ".git", "/closed", "!/closed/free", "/both"),
            ask=("/asked", "/both"),
        )
        return open_roots(spec)

    @pytest.mark.parametrize(
        "path",
        [
            "guarded",
            "guarded/f",
            "guarded/new/deep",
            "to-guarded/f",
            "to-guarded/new",
            "hop/a/b",
            "hop/",
            "d/up",
            "d/../hop/f",
            "to-git/config",
            "to-git/hooks/post-checkout",
            "to-key",
            "secrets/new",
            "closed",
            "closed/f",
        ],
    )
    def test_no_way_to_a_protected_name_avoids_its_rule(self, path: str, root: Path, ruled: Workspace) -> None:
        before = snapshot(root)
        for access in (Access.WRITE, Access.CONFIRMED):
            refusal = refused(ruled, path, access=access)
            assert (refusal.code, refusal.subject, refusal.facts["access"]) == ("protected_path", path, "write")
            assert "ask" not in refusal.facts
        assert snapshot(root) == before

    @pytest.mark.parametrize(
        "name",
        [
            ".GIT",
            ".git.",
            ".git ",
            "git~1",
            ".g\u200cit",
            ".\uff47it",
            ".git\ufe0f",
            ".ENV",
            ".env.",
            ".e\u034fnv",
            ".e\u00adnv",
            ".\uff45nv",
        ],
        ids=ascii,
    )
    def test_what_some_system_takes_for_a_protected_name_is_not_made(
        self, name: str, root: Path, ruled: Workspace
    ) -> None:
        before = snapshot(root)
        for path in (name, f"d/{name}", f"d/{name}/f", f"d/new/{name}/f", f"root/d/{name}"):
            for follow in (True, False):
                refusal = refused(ruled, path, follow=follow)
                assert refusal.code == "protected_path"
        assert snapshot(root) == before

    def test_a_link_to_a_protected_name_is_itself_none(self, ruled: Workspace) -> None:
        for path in ("to-guarded", "hop", "d/up", "to-key"):
            assert target(ruled, path, follow=False).kind is Kind.LINK
        assert refused(ruled, "guarded/f", follow=False).code == "protected_path"

    def test_an_exception_beneath_a_protected_directory_does_not_make_the_directory(
        self, root: Path, ruled: Workspace
    ) -> None:
        for path in ("closed/free", "closed/free/f"):
            assert refused(ruled, path).facts["rule"] == "/closed"
        (root / "closed").mkdir()
        assert target(ruled, "closed/free/f").missing == 2

    @pytest.mark.parametrize("path", ["asked/f", "asked/new/f", "asked", "to-asked/f", "to-asked/new", "both/new"])
    def test_what_a_person_can_allow_is_allowed_once_they_have(self, path: str, ruled: Workspace) -> None:
        refusal = refused(ruled, path)
        assert (refusal.code, refusal.subject) == ("protected_path", path)
        assert refusal.facts["ask"] in {"/asked", "/both"}
        assert target(ruled, path, access=Access.CONFIRMED).parts[0] in {"asked", "both"}

    def test_a_root_that_is_only_read_has_no_target(self, root: Path, open_roots: Open) -> None:
        make_tree(root, ["d/f = F", "link -> d"])
        workspace = open_roots(RootSpec("root", str(root), writable=False))
        for path in ("d/f", "new", "link/f", "link/new"):
            for access in (Access.WRITE, Access.CONFIRMED):
                refusal = refused(workspace, path, access=access)
                assert (refusal.code, refusal.facts) == ("read_only", {"root": "root"})

    def test_the_rules_of_a_root_inside_hold_on_the_way_through_the_outer_one(
        self, root: Path, open_roots: Open
    ) -> None:
        make_tree(root, ["inner/f = F", "link -> inner"])
        workspace = open_roots(
            RootSpec("outer", str(root)), RootSpec("inner", str(root / "inner"), writable=False, protected=("/x",))
        )
        for path in ("outer/link/f", "outer/link/new", "outer/link", "outer/inner/x/y"):
            refusal = refused(workspace, path)
            assert (refusal.code, refusal.facts) == ("read_only", {"root": "inner"})
        assert target(workspace, "outer/link", follow=False).kind is Kind.LINK


@pytest.mark.parametrize("path", [".", "f", "d/f", "a/b/c", "to-d/x", "n/" * 70])
def test_in_a_root_that_is_gone_there_is_no_target(path: str, root: Path, ground: Workspace) -> None:
    shutil.rmtree(root)
    for _ in range(2):
        for follow in (True, False):
            refusal = refused(ground, path, follow=follow)
            assert (refusal.code, refusal.facts) == ("root_gone", {"root": "root"})
        root.mkdir(exist_ok=True)  # another directory under the same name is another one


class TestHolding:
    """Between looking and holding, a directory may become another one."""

    @pytest.mark.parametrize("became", ["", "d2 -> d", "d2 -> ../outside", "d2 -> d2", "d2 = FILE", "d2 -> none"])
    def test_a_directory_that_is_no_longer_what_it_was_is_a_conflict(
        self, became: str, root: Path, ground: Workspace
    ) -> None:
        make_tree(root, ["d2/f = F"])
        make_tree(root.parent, ["outside/f = OUT"])
        before = snapshot(root.parent / "outside")
        found = target(ground, "d2/f")
        shutil.rmtree(root / "d2")
        make_tree(root, [became] if became else [])
        with pytest.raises(Changed) as refusal:
            found.spot()
        assert refusal.value.subject == "d2/f"
        assert snapshot(root.parent / "outside") == before

    def test_a_root_that_went_is_told(self, root: Path, ground: Workspace) -> None:
        found = target(ground, "d/f")
        shutil.rmtree(root)
        with pytest.raises(RootGone):
            found.spot()
