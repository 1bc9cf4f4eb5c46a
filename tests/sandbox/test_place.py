"""Places: what is opened, listed and described is held, named truly, and allowed under its real names."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Access, Entry, InvalidPath, Kind, RootSpec, SandboxError, Workspace
from sandbox.open_file import OpenFile
from tests.sandbox.conftest import Open
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree


def refused(work: Callable[[], object]) -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        work()
    return caught.value


def content(workspace: Workspace, path: str) -> bytes:
    with workspace.at(path, Access.READ).open() as file:
        return b"".join(file.chunks())


class TestRealNames:
    """The policy is asked with the names of what was found, however it was reached."""

    @pytest.fixture
    def guarded(self, root: Path, open_roots: Open) -> Workspace:
        make_tree(
            root,
            [
                "private/key = K",
                "open/f = F",
                "to-key -> private/key",
                "to-private -> private",
                "hop -> to-private",
                "open/up -> ../private",
                "twin => private/key",
            ],
        )
        return open_roots(RootSpec("root", str(root), secret=("/private",)))

    @pytest.mark.parametrize(
        "path",
        [
            "private/key",
            "to-key",
            "to-private/key",
            "hop/key",
            "open/up/key",
            "open/../private/key",
            "open/up/../private/key",
        ],
    )
    def test_no_way_to_a_secret_avoids_its_rule(self, path: str, guarded: Workspace) -> None:
        for access in (Access.READ, Access.INSPECT):
            refusal = refused(lambda access=access: guarded.at(path, access).stat())  # type: ignore[misc] # the default binds the loop's value
            assert (refusal.code, refusal.facts["rule"], refusal.subject) == ("protected_path", "/private", path)
        assert refused(lambda: guarded.at(path, Access.READ).open()).code == "protected_path"

    @pytest.mark.parametrize("path", ["private", "hop", "open/up", "to-private/"])
    def test_a_secret_directory_is_not_listed_by_any_way(self, path: str, guarded: Workspace) -> None:
        assert refused(lambda: guarded.at(path, Access.LIST).open_directory()).code == "protected_path"

    def test_a_listing_names_a_secret_and_does_not_enter_it(self, guarded: Workspace) -> None:
        with guarded.at(".", Access.LIST).open_directory() as directory:
            entry = directory.entry("private")
            assert (entry.secret, entry.protected, entry.name) == (True, True, "private")
            assert refused(lambda: directory.descend("private")).code == "protected_path"
            assert not directory.entry("open").secret
            assert directory.entry("hop").link_target == "to-private"

    def test_a_hard_link_is_a_file_of_its_own_name(self, guarded: Workspace) -> None:
        """The documented limit: no lookup can tell it from the root's own files."""
        assert content(guarded, "twin") == b"K"


class TestNames:
    """How a place is named by clients, and to them."""

    def test_one_root_may_be_named_or_left_out(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["f = F"])
        for path in ("f", "./f", "root/f", "./root//f", str(root / "f"), f"file://{root}/f"):
            assert content(workspace, path) == b"F", path

    def test_a_directory_of_the_roots_own_name_is_meant_before_the_root(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["f = OUTER", "root/f = INNER"])
        assert content(workspace, "root/f") == b"INNER"
        assert workspace.at("root", Access.INSPECT).stat().parts == ("root",)

    def test_the_roots_own_name_alone_is_the_root(self, workspace: Workspace) -> None:
        place = workspace.at("root", Access.INSPECT)
        assert place.stat().parts == ()
        assert place.link_target() is None
        assert refused(workspace.at("root/../x", Access.READ).open).code == "escapes_root"

    def test_of_several_roots_one_is_named_first(self, tmp_path: Path, open_roots: Open) -> None:
        make_tree(tmp_path, ["a/f = A", "b/f = B"])
        workspace = open_roots(RootSpec("a", str(tmp_path / "a")), RootSpec("b", str(tmp_path / "b")))
        assert content(workspace, "b/f") == b"B"
        assert refused(lambda: workspace.at("f", Access.READ)).code == "outside_roots"
        assert refused(lambda: workspace.at("c/f", Access.READ)).code == "outside_roots"
        assert refused(lambda: workspace.at("a/../b/f", Access.READ)).code == "escapes_root"
        for nothing in ("", ".", "./"):
            assert refused(lambda nothing=nothing: workspace.at(nothing, Access.LIST)).code == "invalid_path"  # type: ignore[misc] # the default binds the loop's value
        place = workspace.at("b/f", Access.READ)
        assert (place.spoken, place.shown_of(("x\ny",))) == ("b/f", r"b/x\ny")
        assert place.uri_of(place.parts) == f"file://{tmp_path}/b/f"

    def test_nothing_is_the_only_root_where_a_directory_is_meant(self, workspace: Workspace) -> None:
        workspace.at("", Access.LIST).open_directory().close()
        assert workspace.at("", Access.INSPECT).spoken == "."
        assert refused(lambda: workspace.at("", Access.READ)).code == "invalid_path"
        assert refused(lambda: workspace.at("", Access.WRITE)).code == "invalid_path"

    def test_every_name_that_is_told_can_be_sent_back(self, root: Path, workspace: Workspace) -> None:
        names = ["file:f", "~", "a b", "%41", "back\\slash", "root", "üñ", "*"]
        for name in names:
            (root / name).write_text(name)
        with workspace.at(".", Access.LIST).open_directory() as directory:
            place = workspace.at(".", Access.READ)
            told = [place.spoken_of(directory.entry(name).parts) for name, _ in directory.names()]
        assert sorted(content(workspace, text).decode() for text in told) == sorted(names)

    def test_a_name_that_is_no_text_is_reached_by_its_uri(self, root: Path, workspace: Workspace) -> None:
        name = os.fsdecode(b"od\xff\n")
        (root / name).write_text("ODD")
        place = workspace.at(".", Access.READ)
        assert place.shown_of((name,)) == r"od\xff\n"
        assert content(workspace, place.uri_of((name,))) == b"ODD"

    def test_a_link_is_told_beside_what_it_leads_to(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["d/f = F", "d/link -> f", "out -> ../secret", "dir -> d"])
        for path, target in {
            "d/link": "f",
            "dir/link": "f",
            "out": "../secret",
            "d/f": None,
            "d/..": None,
            ".": None,
        }.items():
            assert workspace.at(path, Access.INSPECT).link_target() == target, path
        assert workspace.at("none/x", Access.INSPECT).link_target() is None
        assert workspace.at("d/link", Access.INSPECT).stat().parts == ("d", "f")

    def test_links_and_names_that_end_like_a_removed_files_are_what_they_are(
        self, root: Path, workspace: Workspace
    ) -> None:
        """/proc tells the place of what was removed with " (deleted)" behind it, which may be a name as well."""
        make_tree(
            root, ["f (deleted) = F", "link -> f (deleted)", "d (deleted)/g = G", "dir -> d (deleted)", "gone -> f"]
        )
        assert content(workspace, "link") == b"F"
        assert content(workspace, "dir/g") == b"G"
        assert refused(lambda: content(workspace, "gone")).code == "not_found"


class TestOpenFile:
    """A file that is held."""

    def test_it_is_read_by_offset_and_stays_the_file_that_was_opened(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["f = 0123456789"])
        with workspace.at("f", Access.READ).open() as file:
            make_tree(root, ["g = OTHER"])
            (root / "g").replace(root / "f")
            assert (file.size, file.read_at(3, 4), file.read_at(8, 99), file.read_at(99, 1)) == (
                10,
                b"3456",
                b"89",
                b"",
            )
            assert file.read_at(0, 0) == b""
            assert list(file.chunks(start=1, size=4)) == [b"1234", b"5678", b"9"]
            assert os.pread(file.fileno(), 2, 0) == b"01"
            assert file.entry() == Entry(("f",), Kind.FILE, file.stat)
            assert (file.entry().name, file.entry().size) == ("f", 10)

    def test_its_identity_changes_with_its_content(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["f = A"])

        def identity() -> tuple[int, ...]:
            with workspace.at("f", Access.READ).open() as file:
                return file.identity

        before = identity()
        assert identity() == before
        (root / "f").write_text("AB")
        assert identity() != before

    def test_it_is_given_back_once(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["f = F"])
        file = workspace.at("f", Access.READ).open()
        number = file.fileno()
        file.close()
        os.dup2(workspace.roots[0].handle, number)  # somebody else's by now
        file.close()
        assert os.fstat(number)
        os.close(number)
        assert refused(lambda: file.read_at(0, 1)).facts == {"errno": "EBADF"}

    def test_a_device_that_fails_is_a_refusal(
        self, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_tree(root, ["f = F"])

        def fail(*_: object) -> bytes:
            raise OSError(errno.EIO, "")

        with workspace.at("f", Access.READ).open() as file:
            monkeypatch.setattr(os, "pread", fail)
            assert refused(lambda: file.read_at(0, 1)).code == "io_error"

    def test_it_is_read_by_many_threads_at_once(self, root: Path, workspace: Workspace) -> None:
        blocks = [bytes([number]) * 4096 for number in range(64)]
        (root / "f").write_bytes(b"".join(blocks))
        wrong: list[int] = []

        def read(file: OpenFile) -> None:
            wrong.extend(number for number in range(64) if file.read_at(number * 4096, 4096) != blocks[number])

        with workspace.at("f", Access.READ).open() as file:
            threads = [threading.Thread(target=read, args=[file]) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []


class TestOpenDirectory:
    """A directory that is held."""

    def test_its_entries_are_told_by_kind_and_nothing_is_followed(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["d/", "f = F", "link -> d", "out -> ../secret", "pipe|"])
        with workspace.at(".", Access.LIST).open_directory() as directory:
            assert dict(directory.names()) == {
                "d": Kind.DIRECTORY,
                "f": Kind.FILE,
                "link": Kind.LINK,
                "out": Kind.LINK,
                "pipe": Kind.FIFO,
            }
            assert refused(lambda: directory.open("link")).facts == {"kind": "link"}
            assert refused(lambda: directory.open("pipe")).facts == {"kind": "fifo"}
            assert refused(lambda: directory.open("d")).facts == {"kind": "directory"}
            assert refused(lambda: directory.open("none")).code == "not_found"
            assert refused(lambda: directory.descend("link")).code == "not_directory"
            assert refused(lambda: directory.descend("f")).code == "not_directory"
            assert directory.entry("out").link_target == "../secret"
            assert directory.entry("d").link_target == ""

    @pytest.mark.parametrize("name", ["..", ".", "", "../secret", "/etc/hostname", "d/f", "d\0"])
    def test_what_is_no_single_name_is_never_looked_up(self, name: str, root: Path, workspace: Workspace) -> None:
        """The names come from listings; one that came from a client would lead out of the root here."""
        make_tree(root, ["d/f = F"])
        with workspace.at(".", Access.LIST).open_directory() as directory:
            for work in (directory.open, directory.descend, directory.entry, directory.stat):
                with pytest.raises(InvalidPath):
                    work(name)

    def test_it_stays_itself_when_it_is_moved_or_emptied(self, root: Path, workspace: Workspace) -> None:
        make_tree(root, ["d/f = F"])
        with workspace.at("d", Access.LIST).open_directory() as directory:
            (root / "d").rename(root.parent / "moved")
            make_tree(root, ["d/other"])
            assert list(directory.names()) == [("f", Kind.FILE)]
            (root.parent / "moved/f").unlink()
            assert refused(lambda: directory.entry("f")).code == "not_found"

    def test_it_is_given_back_once(self, root: Path, workspace: Workspace) -> None:
        directory = workspace.at(".", Access.LIST).open_directory()
        directory.close()
        again = os.open(root, os.O_RDONLY)
        directory.close()
        assert os.fstat(again)
        os.close(again)

    def test_a_link_put_where_a_file_was_is_not_followed(
        self, root: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look and the opening, which no test can hit by chance."""
        make_tree(root, ["f = F", "link -> ../secret"])
        resolver = workspace.resolver
        facts = resolver.stat_child(workspace.roots[0].handle, "f")
        with workspace.at(".", Access.LIST).open_directory() as directory:
            monkeypatch.setattr(resolver, "stat_child", lambda *_: facts)
            assert refused(lambda: directory.open("link")).facts == {"kind": "link"}
            make_tree(root, ["pipe|"])
            assert refused(lambda: directory.open("pipe")).facts == {"kind": "fifo"}


def test_a_listing_outlives_an_entry_that_goes_meanwhile(root: Path, workspace: Workspace) -> None:
    make_tree(root, ["one|", "two|"])
    with workspace.at(".", Access.LIST).open_directory() as directory:
        listing = directory.names()
        first, kind = next(listing)
        (left,) = {"one", "two"} - {first}
        (root / left).unlink()
        assert (kind, list(listing)) == (Kind.FIFO, [(left, Kind.OTHER)])


def test_what_the_user_may_not_touch_is_refused(backend: str) -> None:
    with own_directory() as own:
        as_ordinary_user(f"{__name__}:ask_for_what_is_shut", backend, str(own))


def ask_for_what_is_shut(backend: str, base: str) -> None:
    from tests.sandbox.backends import RESOLVERS, opened  # noqa: PLC0415 # what a child needs

    make_tree(Path(base), ["listed/f = F", "none = N", "shut/f = F", "entered/f = F"])
    for name, mode in {"listed": 0o444, "none": 0, "shut": 0, "entered": 0o311}.items():
        Path(base, name).chmod(mode)
    with opened(RESOLVERS[backend](), RootSpec("root", base)) as workspace:
        for path in ("none", "listed/f", "shut/f"):
            assert refused(workspace.at(path, Access.READ).open).code == "permission_denied", path
        with workspace.at(".", Access.LIST).open_directory() as directory:
            assert directory.entry("none").size == 1
            assert refused(lambda: directory.open("none")).code == "permission_denied"
            assert refused(lambda: directory.descend("shut")).code == "permission_denied"
        if backend != "portable":  # which has to open a directory for reading to go through it
            assert content(workspace, "entered/f") == b"F"
