"""What .gitignore files leave out: the same as git, whatever stands in them, and never at the cost of the server."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sandbox import DEEPEST, Access, Kind, RootSpec, Walk, Workspace, ignored_in
from sandbox.gitignore import rules_of
from sandbox.ignore import LONGEST_FILE
from tests.support.tree import make_tree

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="git is not installed: nothing to compare with")

NAMES = ("a", "b", "ab", "aab", "a.b", "é", "a b", "a ", "[a]", "!a", "#a", "a\\b", "*", "-", "A", "1")
DIRECTORIES = ("", "a/", "b/", "a/b/", "a/a/", "a/b/ab/", "é/", "ab/b/")


def listed(root: Path, path: str = "") -> list[str]:
    """Return the files that a walk shows, by their paths."""
    workspace = Workspace.open([RootSpec("root", str(root))])
    try:
        with workspace.at(path, Access.LIST).open_directory() as directory:
            with workspace.at("", Access.LIST).open_directory() as top:
                ignored = ignored_in(top, directory.parts)
            walk = Walk(directory, depth=DEEPEST, ignored=ignored)
            return sorted("/".join(entry.parts) for entry in walk if entry.kind is not Kind.DIRECTORY)
    finally:
        workspace.close()


def listed_by_git(root: Path) -> list[str]:
    assert GIT
    found = subprocess.run(
        [GIT, "-C", root, "ls-files", "--others", "--exclude-per-directory=.gitignore", "-z"],
        capture_output=True,
        check=True,
    )
    return sorted(os.fsdecode(found.stdout).rstrip("\0").split("\0")) if found.stdout else []


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of short names, many of which are patterns too."""
    root = tmp_path_factory.mktemp("repository")
    make_tree(root, filter(None, DIRECTORIES))
    for directory in DIRECTORIES:
        for name in NAMES:
            if f"{directory}{name}/" not in DIRECTORIES:
                (root / directory / name).touch()
    (root / os.fsdecode(b"a\xff")).touch()
    assert GIT
    subprocess.run([GIT, "init", "-q", root], check=True)
    return root


PIECES = (
    *"aab*?/!#-\\[] .1", "**", "**/", "/**", "/**/", "ab", "a/", "\\ ", "\\*", "é", "\xa0", "  ",
    "[a-b]", "[!a]", "[^b]", "[]a]", "[a", "[\\]]", "[b-a]", "[a-]", "[:x:]", "[[:alpha:]]", "[[:foo:]]",
)  # fmt: skip
lines = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
files = st.lists(lines, max_size=5).map("\n".join)


def is_odd(line: str) -> bool:
    """Tell whether a line holds one of the two oddities of git that `sandbox.gitignore` names."""
    without_brackets = re.sub(r"\[\[:\w+:\]\]|\[[!^\]\\]*[ab]?[^/\[\]]*\]", "", line)
    return bool(re.search(r"[^/*!]\*\*|^!.*[^/*]\*\*|\[.*/", without_brackets))


@needs_git
@pytest.mark.timeout(600)  # at night, with 5,000 examples
@given(top=files, below=files, end=st.sampled_from(["", "\n", "\r\n", "\0"]))
@example(top="*\n!*/\n!a.b", below="", end="\n")
@example(top="/a\n!/a/b", below="!*", end="\n")
@example(top="**/b/\n!a/b", below="ab", end="")
@example(top="\ufeffa", below="a\\", end="\n")
@example(top="a \nb\\ \nab\\\\ ", below="a\t", end="\n")
@example(top="a/**/ab\n/**\n!**/", below="a//b", end="\n")
@example(top="b/****/a\n!b/*/a", below="***/a", end="\n")
@example(top="a\\/b\n\\/b\nab\\/", below="a\\\\/b", end="\n")
@example(top="?\n??", below="[\xc3]?", end="\n")
def test_a_walk_leaves_out_what_git_leaves_out(repository: Path, top: str, below: str, end: str) -> None:
    assume(not any(map(is_odd, f"{top}\n{below}".split("\n"))))
    for place, text in {"": top, "a": below}.items():
        (repository / place / ".gitignore").write_bytes(
            "".join(line + (end or "\n") for line in text.split("\n")).encode().removesuffix(b"\n" if not end else b"")
        )
    assert listed(repository) == listed_by_git(repository)


@needs_git
@pytest.mark.parametrize("name", ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print"])
@pytest.mark.parametrize("form", ["[[:{}:]]", "[![:{}:]]", "[^[:{}:]x]"])
def test_a_class_of_characters_has_git_s_own_members(name: str, form: str, tmp_path: Path) -> None:
    check_classes(tmp_path, form.format(name))


@needs_git
@pytest.mark.parametrize("name", ["punct", "space", "upper", "xdigit", "unheard"])
def test_another_class_of_characters_has_git_s_own_members(name: str, tmp_path: Path) -> None:
    check_classes(tmp_path, f"[[:{name}:]]")


def check_classes(root: Path, pattern: str) -> None:
    for byte in {*range(1, 256)} - {ord("/"), ord(".")}:
        (root / os.fsdecode(bytes([byte]))).touch()
    (root / ".gitignore").write_text(pattern)
    assert GIT
    subprocess.run([GIT, "init", "-q", root], check=True)
    assert listed(root) == listed_by_git(root)


def test_deeper_files_win_and_a_directory_that_is_left_out_is_not_entered(tmp_path: Path) -> None:
    make_tree(tmp_path, ["x/keep.log", "x/gone.log", "build/never.py", "build/.gitignore = !never.py"])
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n")
    (tmp_path / "x/.gitignore").write_text("!keep.log\n")
    assert listed(tmp_path) == [".gitignore", "x/.gitignore", "x/keep.log"]


@pytest.mark.parametrize("git", ["inner/.git/HEAD", "inner/.git = gitdir: elsewhere"])
def test_a_repository_inside_another_begins_anew(tmp_path: Path, git: str) -> None:
    make_tree(tmp_path, [".gitignore = *.log", "a.log", "inner/b.log", "inner/c.tmp", "inner/.gitignore = *.tmp", git])
    assert listed(tmp_path) == [".gitignore", "inner/.gitignore", "inner/b.log"]


def test_the_files_above_hold_where_a_walk_begins_further_down(tmp_path: Path) -> None:
    make_tree(tmp_path, [".gitignore = /a/b/c\n", "a/.gitignore = *.log", "a/b/c", "a/b/d", "a/b/e.log"])
    assert listed(tmp_path, "a/b") == ["a/b/d"]


def test_a_directory_that_is_left_out_is_listed_when_it_is_asked_for(tmp_path: Path) -> None:
    """Nothing above speaks of what is in it: the same rule would leave out everything."""
    make_tree(tmp_path, [".gitignore = out/\n*.log", "out/x", "out/y.log", "out/deep/z", "out/deep/.gitignore = w"])
    (tmp_path / "out/deep/w").touch()
    assert listed(tmp_path, "out") == ["out/deep/.gitignore", "out/deep/z", "out/x", "out/y.log"]
    assert listed(tmp_path, "out/deep") == ["out/deep/.gitignore", "out/deep/z"]


@pytest.mark.parametrize(
    "gitignore", ["d/.gitignore -> ../rules", "d/.gitignore/x", "d/.gitignore|", "d/.gitignore -> /etc/passwd"]
)
def test_a_gitignore_that_is_no_regular_file_says_nothing(tmp_path: Path, gitignore: str) -> None:
    make_tree(tmp_path, ["rules = *", "d/f", gitignore])
    assert "d/f" in listed(tmp_path)


def test_git_s_own_directory_is_always_left_out_and_counted(tmp_path: Path) -> None:
    make_tree(tmp_path, [".git/config", "f", ".gitignore = !.git"])
    with Workspace.open([RootSpec("root", str(tmp_path))]).at("", Access.LIST).open_directory() as top:
        walk = Walk(top, ignored=ignored_in(top, ()))
        assert [entry.name for entry in walk] == [".gitignore", "f"]
        assert walk.skipped == {"ignored": 1}


HOSTILE: Mapping[str, bytes] = {
    "stars": b"*a*a*a*a*a*a*a*a*a*a*a*a*b",
    "only stars": b"*" * 200_000,
    "double stars": b"**/a/" * 60 + b"b",
    "questions": b"*?" * 100 + b"b",
    "open bracket": b"[" * 200_000,
    "bracket in bracket": b"[[" * 100_000 + b"]",
    "classes": b"[[:alpha:" * 20_000,
    "backslashes": b"\\" * 199_999,
    "escaped slashes": b"\\/" * 100_000,
    "backslashes before a slash": b"\\" * 199_999 + b"/x",
    "spaces": b" " * 200_000 + b"x",
    "slashes": b"/" * 200_000,
    "many lines": b"\n".join(b"*%d?" % number for number in range(10_000)),
    "no text": bytes(range(256)) * 100,
    "nothing": b"!\n/\n!/\n\\\n!\\\n[z-a]\n[]\n[!]\n#\n",
}


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_of_a_stranger_keeps_the_processor_busy(pattern: str) -> None:
    """Counted in processor time of this thread: with backtracking, one of these names would take years."""
    before = time.thread_time()
    rules = tuple(rules_of(HOSTILE[pattern]))
    for names in ([b"a" * 255], [b"a"] * 120):
        assert not any(rule.matches(names, directory=True) and not rule.leaves_out for rule in rules)
    assert time.thread_time() - before < 10


def test_a_huge_file_of_patterns_is_read_up_to_its_limit(tmp_path: Path) -> None:
    make_tree(tmp_path, ["early", "late"])
    (tmp_path / ".gitignore").write_text("early\n" + "#" * LONGEST_FILE + "\nlate\n")
    assert listed(tmp_path) == [".gitignore", "late"]


def test_a_name_that_is_no_text_is_matched_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"x\xfe")).touch()
    (tmp_path / os.fsdecode(b"x\xff")).touch()
    (tmp_path / ".gitignore").write_bytes(b"x\xfe\n")
    assert listed(tmp_path) == [".gitignore", os.fsdecode(b"x\xff")]


def test_the_way_to_a_directory_that_changes_meanwhile_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    make_tree(tmp_path, [".gitignore = *.log", "a/b/x.log"])
    with Workspace.open([RootSpec("root", str(tmp_path))]).at("", Access.LIST).open_directory() as top:
        ignored = ignored_in(top, ("a", "gone", "b"))
    assert ignored.covers(("a", "x.log"), directory=False)
    assert not ignored.covers(("a", "x"), directory=False)
