"""Policy: what the names alone decide, under every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.config.patterns import DENY, HOME_DENY, PROTECT
from sandbox import Access, ConfigRefused, Patterns, ProtectedPath, ReadOnly, Rules

DEFAULTS = Rules(Patterns(DENY), Patterns(PROTECT))
READING = [Access.READ, Access.LIST, Access.INSPECT]


def allowed(rules: Rules, path: str, access: Access) -> bool:
    try:
        rules.require(tuple(path.split("/")), access, root="root")
    except (ProtectedPath, ReadOnly):
        return False
    return True


SECRET = [
    ".env",
    ".env.local",
    ".env.production.local",
    "a/b/.env",
    ".env/anything/beneath",
    "server.pem",
    "x/y.key",
    "id_rsa",
    "id_rsa.pub",
    "id_rsa_old",
    ".ssh/id_ed25519",
    ".netrc",
    ".aws/credentials",
    "home/.aws/credentials",
    ".npmrc",
    ".pypirc",
]
SPELLINGS = [
    str,
    str.upper,
    str.title,
    lambda path: path + ".",
    lambda path: path + " . ",
    lambda path: path[:-1] + "\u200b" + path[-1],
    lambda path: path[:-1] + "\u034f" + path[-1],
    lambda path: "".join(chr(ord(char) + 0xFEE0) if char.isalnum() else char for char in path),
    lambda path: "a\nb/" + path,
    lambda path: "a/\r\u2028/" + path,
    lambda path: "x/../" + path,
    lambda path: path + "/a\nb",
]


@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("path", SECRET)
def test_secrets_are_refused_for_every_access_under_every_spelling(path: str, spell: object) -> None:
    assert callable(spell)
    for access in Access:
        assert not allowed(DEFAULTS, spell(path), access), spell(path)
    assert DEFAULTS.hides(spell(path).split("/"))
    assert DEFAULTS.marks(spell(path).split("/"))


@pytest.mark.parametrize(
    "path",
    [
        ".env.example",
        "a/.env.example",
        "environment",
        "a.env",
        "pem",
        "x.pem.txt",
        "key",
        "my_id_rsa",
        ".aws",
        ".aws/config",
        "credentials",
        "aws/credentials",
        "npmrc",
        ".git/config",
        ".bashrc",
    ],
)
def test_what_is_no_secret_may_be_read(path: str) -> None:
    for access in READING:
        assert allowed(DEFAULTS, path, access), path
    assert not DEFAULTS.hides(path.split("/"))


PROTECTED = [
    ".git/hooks",
    ".git/hooks/pre-commit",
    "sub/.git/hooks/post-checkout",
    ".git/config",
    ".vscode/settings.json",
    ".vscode/tasks.json",
    ".vscode/mcp.json",
    ".vscode/launch.json",
    ".mcp.json",
    ".cursor/rules/x",
    ".claude/commands/x.md",
    ".claude",
    ".idea/workspace.xml",
    ".bashrc",
    ".zshrc",
    ".profile",
    ".config/fish/config.fish",
]


@pytest.mark.parametrize("spell", [*SPELLINGS, lambda path: path.replace(".git/", "git~1/")])
@pytest.mark.parametrize("path", PROTECTED)
def test_what_runs_by_itself_is_not_written_under_any_spelling(path: str, spell: object) -> None:
    assert callable(spell)
    assert not allowed(DEFAULTS, spell(path), Access.WRITE), spell(path)
    assert DEFAULTS.marks(spell(path).split("/"))


@pytest.mark.parametrize("path", PROTECTED)
def test_what_is_protected_may_still_be_read(path: str) -> None:
    for access in READING:
        assert allowed(DEFAULTS, path, access)
    assert not DEFAULTS.hides(path.split("/"))


@pytest.mark.parametrize("path", [".git", ".git/index", ".vscode", ".vscode/extensions.json", "hooks/x", "git/config"])
def test_the_neighbours_of_what_is_protected_may_be_written(path: str) -> None:
    assert allowed(DEFAULTS, path, Access.WRITE)
    assert not DEFAULTS.marks(path.split("/"))


def test_a_home_directory_has_more_secrets() -> None:
    rules = Rules(Patterns((*DENY, *HOME_DENY)))
    for path in (".ssh/config", ".gnupg/x", ".config/gh/hosts.yml", ".bashrc", ".ssh/.env.example"):
        assert not allowed(rules, path, Access.READ), path


def test_a_refusal_names_the_pattern_as_the_operator_wrote_it() -> None:
    with pytest.raises(ProtectedPath) as refused:
        Rules(Patterns(("Private/Keys/**",))).require(("x", "PRIVATE", "keys", "k"), Access.READ, root="r")
    assert refused.value.facts == {"rule": "Private/Keys/**", "access": "read"}


def test_nothing_is_written_in_a_root_that_is_read_only_and_secrets_are_named_first() -> None:
    rules = Rules(Patterns(("s",)), writable=False)
    with pytest.raises(ReadOnly) as refused:
        rules.require(("f",), Access.WRITE, root="docs")
    assert refused.value.facts == {"root": "docs"}
    with pytest.raises(ProtectedPath):
        rules.require(("s",), Access.WRITE, root="docs")
    assert allowed(rules, "f", Access.READ)


ASKING = Rules(
    Patterns(("secret",)), Patterns(("kept", "kept-open", "!free")), Patterns(("kept-open", "plain", "secret", "!no"))
)


@pytest.mark.parametrize(
    ("path", "written", "confirmed"),
    [
        ("kept", "kept", "kept"),
        ("kept/plain/no", "kept", "kept"),  # the exception takes the question back, and the protection stays
        ("kept-open", "kept-open asks kept-open", ""),
        ("Kept-Open/x", "kept-open asks kept-open", ""),
        ("kept/plain", "kept asks plain", ""),
        ("plain", "plain asks plain", ""),
        ("plain/no", "", ""),
        ("free", "", ""),
        ("other", "", ""),
        ("secret", "secret", "secret"),
        ("plain/secret", "secret", "secret"),
    ],
)
def test_a_person_is_asked_instead_of_refusing_where_an_ask_pattern_says_so(
    path: str, written: str, confirmed: str
) -> None:
    for access, expected in ((Access.WRITE, written), (Access.CONFIRMED, confirmed)):
        assert allowed(ASKING, path, access) == (not expected)
        if expected:
            with pytest.raises(ProtectedPath) as refused:
                ASKING.require(path.split("/"), access, root="r")
            rule, _, ask = expected.partition(" asks ")
            assert refused.value.facts == {"rule": rule, "access": "write"} | ({"ask": ask} if ask else {})
    assert ASKING.marks(path.split("/")) == bool(written)
    assert all(allowed(ASKING, path, access) for access in READING) == ("secret" not in path)


def test_nobody_is_asked_about_a_root_that_is_read_only() -> None:
    for access in (Access.WRITE, Access.CONFIRMED):
        with pytest.raises(ReadOnly):
            Rules(ask=Patterns(("f",)), writable=False).require(("f",), access, root="docs")


def test_only_two_kinds_of_access_change_anything() -> None:
    assert [access for access in Access if access.writes] == [Access.WRITE, Access.CONFIRMED]


@pytest.mark.parametrize(
    ("patterns", "path", "covered"),
    [
        (["*.txt", "!a.txt"], "a.txt", False),
        (["!a.txt", "*.txt"], "a.txt", True),
        (["!a.txt", "private"], "private/a.txt", True),  # what the operator adds last is not undone by what was first
        (["private", "!a.txt"], "private/a.txt", False),
        (["private", "!private/open"], "private/open/x", False),
        (["/top"], "top", True),
        (["/top"], "a/top", False),
        (["a/b"], "x/a/b/c", True),
        (["dir/"], "dir", True),
        (["**/deep/**"], "a/deep/b", True),
        (["**"], "\n", True),
        (["[ab]*.key"], "B1.KEY", True),
        (["x\\*"], "x*", True),
        (["x\\*"], "xy", False),
        ([], "anything", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], path: str, covered: bool) -> None:  # noqa: FBT001 # a row of the table
    assert (Patterns(patterns).rule_for(path.lower()) is not None) == covered


@pytest.mark.parametrize(
    "text", ["", " ", "#x", "/", "/**", "!", "!/**", "\\", "a\\", "[", "[]", "[z-a]", "[[:alpha:]]x"]
)
def test_a_pattern_that_protects_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        Patterns(["fine", text])
    assert refused.value.subject == text


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8), max_size=4))
def test_a_secret_is_a_secret_wherever_it_stands(parents: list[str]) -> None:
    """Whatever the directories above are called, but for the exception that stands in the list itself."""
    if any(".env.example" in name for name in parents):
        return
    assert DEFAULTS.hides((*parents, "server.pem"))


def test_patterns_are_equal_that_were_written_alike() -> None:
    assert {Patterns(("a", "b")), Patterns(["a", "b"])} == {Patterns(("a", "b"))}
    assert Patterns(("a", "b")) != Patterns(("b", "a"))
    assert Patterns(()) != ()
