import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.config import file, flags, load
from fs_server.config.errors import ConfigError
from fs_server.config.patterns import HOME_DENY, HOME_PROTECT, PROTECT, SHELL_STARTUP
from fs_server.config.roots import RootGiven, absolute, named, valid_name
from fs_server.config.settings import RootSetting
from sandbox import Access, Place, ProtectedPath, RootSpec, Workspace
from tests.support.tree import make_tree

# What two systems can make of a link that leads up differs; Windows needs a privilege to make links at all.
posix = pytest.mark.skipif(sys.platform == "win32", reason="links and undecodable names as POSIX has them")


def served(*argv: str) -> tuple[RootSetting, ...]:
    return load.load(flags.parse(argv).layer, {}).roots


def names(*paths: str) -> list[str]:
    return [root.name for root in named(RootGiven(path=Path(path)) for path in paths)]


def test_a_root_is_called_like_its_directory_and_a_second_one_gets_a_number() -> None:
    assert names("/a/src", "/b/src", "/c/src", "/d/doc") == ["src", "src-2", "src-3", "doc"]


def test_a_number_is_not_given_where_a_directory_bears_it() -> None:
    assert names("/a/src", "/a/src-2", "/b/src") == ["src", "src-2", "src-3"]


def test_a_name_that_was_chosen_is_kept_and_a_plain_root_yields() -> None:
    roots = named([RootGiven(path=Path("/a/src")), RootGiven(path=Path("/b"), name="src")])
    assert [root.name for root in roots] == ["src-2", "src"]


def test_a_name_chosen_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'Two roots are called "src"'):
        served("--root", "src=a", "--root-ro", "src=b")


def test_the_whole_file_system_has_a_name_too() -> None:
    assert names("/") == ["root"]


@posix
def test_a_directory_whose_name_is_no_text_gets_a_name_that_is() -> None:
    assert names(os.fsdecode(b"/a/caf\xe9"), "/a/x\ny", "/a/b\\c", "/a/d:e") == ["caf_", "x_y", "b_c", "d_e"]


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=5), max_size=6))
def test_every_directory_gets_a_name_of_its_own_that_could_have_been_chosen(directories: list[str]) -> None:
    got = [root.name for root in named(RootGiven(path=Path("/srv", name)) for name in directories)]
    assert len(set(got)) == len(directories)
    assert all(valid_name(name, "") and name.isprintable() for name in got)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "file:",
        "a\nb",
        "a\u202eb",
        " a",
        "a ",
        "\udcff",
        unicodedata.normalize("NFD", "é"),
    ],
)
def test_a_name_that_a_client_could_not_send_or_would_misread_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a root"):
        valid_name(name, "--root")


def test_paths_are_made_absolute_and_the_tilde_is_the_operators_home(home: Path) -> None:
    assert absolute("~", "ROOT") == home
    assert absolute("~/a//b/./c/", "ROOT") == home / "a" / "b" / "c"
    assert absolute("a", "ROOT") == home / "a"
    assert absolute("a", "ROOT", Path("/base")) == Path("/base/a").absolute()


@pytest.mark.parametrize("text", ["$HOME/a", "%USERPROFILE%", "*"])
def test_nothing_else_in_a_path_is_expanded(text: str, home: Path) -> None:
    assert absolute(text, "ROOT") == home / text


def test_the_home_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'"~no-such-user-here/x" cannot be made absolute'):
        absolute("~no-such-user-here/x", "ROOT")


def test_a_path_with_a_nul_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'ROOT: "a\\x00b" is not a path'):
        absolute("a\0b", "ROOT")


@posix
def test_a_relative_path_without_a_working_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match=r'"a" cannot be made absolute: .*No such file'):
        absolute("a", "ROOT")


@posix
def test_dots_behind_a_link_mean_what_they_mean_to_the_kernel(tmp_path: Path) -> None:
    """ours: `link/..` is the parent of what the link leads to, which the text alone would get wrong."""
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "deep")
    assert absolute(f"{tmp_path}/link/../x", "ROOT") == tmp_path / "far" / "x"


def write_config(text: str) -> None:
    file.default_path().parent.mkdir(parents=True)
    file.default_path().write_text(text, encoding="utf-8")


NOTES = '[roots.diary]\npath = "~/notes"\nwritable = false\ndeny = ["private/"]\nprotect = ["*.lock"]\nask = ["a"]\n'


def test_a_directory_named_on_the_command_line_keeps_what_the_file_says_of_it() -> None:
    """ours: naming a directory again must not open what was closed."""
    write_config(NOTES)
    (root,) = served("notes")
    assert (root.name, root.writable) == ("diary", False)
    assert (root.deny, root.protect, root.ask) == (("private/",), ("*.lock",), ("a",))


def test_what_the_command_line_says_of_a_root_wins_and_its_patterns_stay() -> None:
    write_config(NOTES)
    (root,) = served("--root", "open=notes")
    assert (root.name, root.writable) == ("open", True)
    assert (root.deny, root.protect, root.ask) == (("private/",), ("*.lock",), ("a",))


@posix
def test_a_directory_is_known_again_through_a_link(home: Path) -> None:
    write_config(NOTES)
    (home / "notes").mkdir()
    (home / "link").symlink_to("notes")
    (root,) = served("link")
    assert (root.path, root.deny) == (home / "link", ("private/",))


def test_roots_of_the_command_line_replace_those_of_environment_and_file(home: Path) -> None:
    write_config(NOTES)
    environment = {"FS_SERVER_ROOTS": str(home / "b")}
    assert [root.path for root in load.load({}, environment).roots] == [home / "b"]
    assert [root.path for root in load.load(flags.parse(["c"]).layer, environment).roots] == [home / "c"]


@pytest.mark.guarantee("G14")
def test_no_root_at_all_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigError) as caught:
        served("--read-only")
    told = str(caught.value)
    assert "fs-server-mcp ~/notes" in told
    assert '"args": ["/home/me/notes"]' in told
    assert "[roots.notes]" in told
    assert str(file.default_path()) in told


@pytest.mark.corpus("pfx-012")
@pytest.mark.parametrize("above", [False, True])
def test_a_root_that_holds_the_home_directory_guards_keys_and_start_up_files(home: Path, above: bool) -> None:  # noqa: FBT001
    (root,) = served(str(home.parent if above else home))
    assert root.holds_home
    assert root.deny[: len(HOME_DENY)] == HOME_DENY
    assert root.protect[: len(HOME_PROTECT)] == HOME_PROTECT
    assert {".ssh/**", ".aws/**", ".gnupg/**", ".config/gh/**", ".bashrc", ".zshrc", ".profile"} <= set(root.deny)
    assert set(SHELL_STARTUP) <= set(PROTECT)


@posix
def test_a_home_is_found_behind_a_link(home: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(home)
    assert served(str(tmp_path / "alias"))[0].holds_home


def test_a_root_in_the_home_directory_is_an_ordinary_one(home: Path) -> None:
    (home / "notes").mkdir()
    (root,) = served("notes")
    assert not root.holds_home
    assert root.deny == root.protect == ()


@pytest.fixture
def opened() -> Iterator[list[Workspace]]:
    workspaces: list[Workspace] = []
    yield workspaces
    for workspace in workspaces:
        workspace.close()


def at(opened: list[Workspace], path: str, access: Access, *argv: str, config: str | None = None) -> Place:
    settings = load.load(flags.parse(argv).layer, {}, config)
    specs = [
        RootSpec(
            root.name,
            str(root.path),
            root.writable,
            (*settings.deny, *root.deny),
            (*settings.protect, *root.protect),
            (*settings.ask, *root.ask),
        )
        for root in settings.roots
    ]
    opened.append(Workspace.open(specs))
    return opened[-1].at(path, access)


@posix
@pytest.mark.parametrize("name", [".env", ".env.local", "a/b/x.pem", "id_rsa.pub", ".aws/credentials", ".NPMRC"])
@pytest.mark.guarantee("G4")
def test_secrets_cannot_be_read_by_default(name: str, home: Path, opened: list[Workspace]) -> None:
    make_tree(home.parent, [f"{name} = TOKEN", ".env.example = NAME="])
    with pytest.raises(ProtectedPath):
        at(opened, name, Access.READ, str(home.parent)).open()
    at(opened, ".env.example", Access.READ, str(home.parent)).open().close()


@posix
@pytest.mark.parametrize(
    "name",
    [".git/hooks", ".git/hooks/x", "sub/.git/config", ".gitmodules", ".vscode/mcp.json", ".claude/a/b", ".bashrc"],
)
def test_what_a_program_would_run_cannot_be_written_by_default(name: str, home: Path, opened: list[Workspace]) -> None:
    (home / "p").mkdir()
    with pytest.raises(ProtectedPath):
        at(opened, name, Access.WRITE, "p")
    assert at(opened, name, Access.READ, "p")
    assert at(opened, ".git/index", Access.WRITE, "p")
    assert at(opened, ".vscode/extensions.json", Access.WRITE, "p")


@posix
@pytest.mark.parametrize("name", ["fs-server.toml", "odd [x]*?.toml", "#!a.toml"])
def test_the_configuration_that_was_read_cannot_be_written(name: str, home: Path, opened: list[Workspace]) -> None:
    """ours: whoever writes it chooses the roots of the next start. No pattern takes this back, and nobody is asked."""
    project = home / "p"
    (project / "sub").mkdir(parents=True)
    (project / name).write_text('ask = ["*"]\n[roots.p]\npath = "."\nprotect = ["!*"]\nask = ["*"]', encoding="utf-8")
    for access in (Access.WRITE, Access.CONFIRMED):
        with pytest.raises(ProtectedPath) as refused:
            at(opened, name, access, config=str(project / name))
        assert "ask" not in refused.value.facts
    assert at(opened, name, Access.READ, config=str(project / name))
    assert at(opened, f"sub/{name}", Access.CONFIRMED, config=str(project / name))


@posix
def test_the_configuration_is_guarded_before_it_exists_and_behind_a_link(home: Path, opened: list[Workspace]) -> None:
    inner = file.default_path().relative_to(home).as_posix()
    with pytest.raises(ProtectedPath):
        at(opened, inner, Access.WRITE, "~")
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "mine.toml").write_text("", encoding="utf-8")
    file.default_path().parent.mkdir(parents=True)
    file.default_path().symlink_to(home / "dotfiles" / "mine.toml")
    with pytest.raises(ProtectedPath):
        at(opened, "mine.toml", Access.WRITE, "dotfiles")


JOURNAL = ".local/state/fs-server/journal"


@posix
@pytest.mark.parametrize("inner", ["", "/journal", "/blobs/ab/cdef", "/sessions/x"])
@pytest.mark.guarantee("G4")
def test_the_journal_can_be_neither_read_nor_written_whatever_the_patterns_say(
    inner: str, home: Path, opened: list[Workspace]
) -> None:
    """ours: it holds what files held, secret ones among them."""
    make_tree(home, [f"{JOURNAL}/{file} = SECRET" for file in ("journal", "blobs/ab/cdef", "sessions/x")])
    config = home / "mine.toml"
    config.write_text(
        'deny = ["!*"]\nask = ["*"]\n[roots.home]\npath = "~"\ndeny = ["!*"]\nask = ["*"]', encoding="utf-8"
    )
    for access in Access:
        with pytest.raises(ProtectedPath) as refused:
            at(opened, JOURNAL + inner, access, config=str(config)).stat()
        assert "ask" not in refused.value.facts
    assert at(opened, f"notes/{JOURNAL}{inner}", Access.READ, config=str(config))


@posix
def test_the_journal_is_found_behind_a_link(home: Path, opened: list[Workspace]) -> None:
    (home / "elsewhere" / "state").mkdir(parents=True)
    (home / ".local").mkdir()
    (home / ".local" / "state").symlink_to(home / "elsewhere" / "state")
    with pytest.raises(ProtectedPath):
        at(opened, "state/fs-server/journal/journal", Access.READ, "elsewhere")
    assert at(opened, "state/other", Access.READ, "elsewhere")


@posix
def test_a_root_without_the_journal_has_no_rule_for_it(home: Path) -> None:
    (home / "notes").mkdir()
    assert served("notes")[0].deny == ()


@posix
@pytest.mark.parametrize("inner", ["", "blobs", "blobs/ab"])
def test_a_root_in_the_journal_is_refused(inner: str, home: Path) -> None:
    (home / JOURNAL / inner).mkdir(parents=True)
    with pytest.raises(ConfigError, match="journal of changes"):
        served(str(home / JOURNAL / inner))
    (home / "link").symlink_to(home / JOURNAL / inner)
    with pytest.raises(ConfigError, match="journal of changes"):
        served("link")


def test_the_journal_is_in_the_state_directory_of_the_operator(home: Path) -> None:
    (home / "notes").mkdir()
    journal = load.load(flags.parse(["notes"]).layer, {}).journal
    assert journal.is_relative_to(home)
    assert journal.parts[-2:] == ("fs-server", "journal")
