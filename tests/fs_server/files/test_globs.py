"""Which files are meant: as in .gitignore and behind ripgrep's `-g`, and never at the cost of the server."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.globs import LONGEST_GLOB, MOST_PATTERNS, Globs

GIT, RG = shutil.which("git"), shutil.which("rg")
FILES = (
    "a.py", "b.txt", ".hidden.py", "src/a.py", "src/b.ts", "src/deep/c.ts", "src/deep/src/d.ts", "test/a.py",
    "é.py", "a b.py", "[a].py", "{a}.py", "!x.py", "#x.py", "a,b", "x", "src/x/y", "build/x", "a-b.py", "A.PY",
)  # fmt: skip


def fitting(include: list[str], exclude: list[str] | None = None) -> list[str]:
    globs = Globs.of(include, exclude or [])
    return [file for file in FILES if globs.fit(file.split("/"))]


@pytest.mark.parametrize(
    ("glob", "files"),
    [
        ("*.ts", ["src/b.ts", "src/deep/c.ts", "src/deep/src/d.ts"]),
        ("src/*.ts", ["src/b.ts"]),
        ("src/**/*.ts", ["src/b.ts", "src/deep/c.ts", "src/deep/src/d.ts"]),
        ("/a.py", ["a.py"]),
        ("./a.py", ["a.py"]),
        ("src", ["src/a.py", "src/b.ts", "src/deep/c.ts", "src/deep/src/d.ts", "src/x/y"]),
        ("src/deep/", ["src/deep/c.ts", "src/deep/src/d.ts"]),
        ("x/", ["src/x/y"]),
        ("**/deep/**", ["src/deep/c.ts", "src/deep/src/d.ts"]),
        ("{src,test}/a.py", ["src/a.py", "test/a.py"]),
        ("{src/a.py,b.ts,x}", ["src/a.py", "x"]),  # with a slash, all of it is meant from the directory on
        ("src/{a.py,x/{y,z}}", ["src/a.py", "src/x/y"]),
        ("a.{p{y,z},txt}", ["a.py", "src/a.py", "test/a.py"]),
        ("b.{t{s,xt}}", ["b.txt", "src/b.ts"]),
        ("[!a-z].py", []),
        ("[ab].{txt,ts}", ["b.txt", "src/b.ts"]),
        ("a?b.py", ["a b.py", "a-b.py"]),
        ("??.py", ["é.py", "!x.py", "#x.py"]),  # bytes, as in git and in ripgrep
        (r"\[a].py", ["[a].py"]),
        (r"\{a}.py", ["{a}.py"]),
        ("[{]a}.py", ["{a}.py"]),
        ("#x.py", ["#x.py"]),
        (r"\!x.py", ["!x.py"]),
        ("{!x.py,no}", ["!x.py"]),
        ("a,b", ["a,b"]),
        ("a{,-b,b}.py", ["a.py", "src/a.py", "test/a.py", "a-b.py"]),
        ("[[:upper:]].PY", ["A.PY"]),
    ],
)
def test_a_glob_means_the_files_that_it_looks_like(glob: str, files: list[str]) -> None:
    assert fitting([glob]) == sorted(files, key=FILES.index)
    assert fitting([], [glob]) == [file for file in FILES if file not in files] or glob.startswith("!")


def test_without_globs_every_file_is_meant() -> None:
    assert fitting([]) == list(FILES)


def test_several_globs_mean_what_any_of_them_does_and_what_is_excluded_wins() -> None:
    assert fitting(["*.ts", "b.txt"], ["deep"]) == ["b.txt", "src/b.ts"]
    assert fitting(["*.ts", "!deep/"]) == ["src/b.ts"]
    assert fitting(["!src", "!*.py", "!A.PY"]) == ["b.txt", "a,b", "x", "build/x"]


def test_names_that_are_no_text_are_matched_by_their_bytes() -> None:
    name = os.fsdecode(b"x\xff.py")
    assert Globs.of(["x?.py"], []).fit([name])
    assert Globs.of([name], []).fit([name])


@pytest.mark.parametrize(
    ("glob", "told"),
    [
        ("", "A name in it is empty"),
        ("/", "A name in it is empty"),
        ("a//b", "A name in it is empty"),
        ("../x", "A name in it is empty, . or .."),
        ("a/./b", "A name in it is empty, . or .."),
        ("{a,}", "A name in it is empty"),
        ("a[b", "At character 2: this [ is never closed."),
        ("[]", "At character 1: this [ is never closed."),
        ("[!", "At character 1: this [ is never closed."),
        ("[a\\", "At character 1: this [ is never closed."),
        ("[[:a", "At character 1: this [ is never closed."),
        ("a{b", "At character 2: this { is never closed."),
        ("{a,{b}", "At character 1: this { is never closed."),
        ("{", "At character 1: this { is never closed."),
        ("a\\", "At character 2: this backslash has nothing after it."),
        ("a\nb", "At character 2: this is a line end or a NUL."),
        ("a\0", "At character 2: this is a line end or a NUL."),
        ("{" * 9 + "}" * 9, "At character 9: braces stand in braces 9 deep."),
        ("[[:nothing:]]", "It fits no name."),
        ("   ", "It fits no name."),
        ("\ud800", "It holds half of a character."),
        ("a" * (LONGEST_GLOB + 1), f"It has {LONGEST_GLOB + 1} characters; {LONGEST_GLOB} are allowed."),
        ("{a,b}" * 8, "The globs mean more than 200 patterns with their braces written out."),
        ("{" + "a," * MOST_PATTERNS + "b}", "The globs mean more than 200 patterns"),
    ],
)
def test_a_glob_that_means_nothing_is_refused_with_the_place_and_the_reason(glob: str, told: str) -> None:
    for include, exclude in (([glob], []), ([], [glob])):
        with pytest.raises(Failure) as refusal:
            Globs.of(include, exclude)
        assert str(refusal.value).startswith("[bad_pattern] The glob ")
        assert told in str(refusal.value)


def test_what_is_excluded_twice_is_refused() -> None:
    with pytest.raises(Failure, match=r'^\[bad_pattern\] The glob "!a". At character 1: exclude leaves out without'):
        Globs.of([], ["!a"])


def test_many_globs_are_no_way_around_the_limit() -> None:
    with pytest.raises(Failure, match="more than 10000 characters with their braces written out"):
        Globs.of(["a" * LONGEST_GLOB] * 11, [])
    Globs.of(["{a,b}"] * (MOST_PATTERNS // 2), [])
    with pytest.raises(Failure, match="200 patterns"):
        Globs.of(["{a,b}"] * (MOST_PATTERNS // 2) + ["a"], [])


HOSTILE = (
    "*a" * 499 + "b", "**/a/" * 199 + "b", "*?" * 499 + "b", "[" * 499 + "]" * 499, "{a,b}" * 5 + "*c" * 140,
    "[[:alpha:]]" * 90, "\\a" * 499 + "b", "{" * 8 + "*a" * 300 + "}" * 8, "**" * 499 + "b", "*" * 999,
)  # fmt: skip


@pytest.mark.parametrize("glob", HOSTILE)
def test_no_glob_of_a_stranger_keeps_the_server_busy(glob: str) -> None:
    """ours: with expressions that go back to try again, one of these names would take years."""
    try:
        globs = Globs.of([glob], [])
    except Failure as refusal:
        assert refusal.code == "bad_pattern"  # noqa: PT017 - some of them mean nothing
        return
    for names in (["a" * 255], ["a"] * 120):
        assert globs.fit(names) == (glob == "*" * 999)


PIECES = ("a", "b", "src", "*", "?", "/", "**", "**/", "/**", ".py", ".ts", "[ab]", "[!a]", "[a-c]", "x", "deep", "\\a")
plain_globs = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


def is_meant(glob: str) -> bool:
    """Tell whether a glob is one that we take, and none of the oddities of git that `sandbox.gitignore` names."""
    try:
        Globs.of([glob], [])
    except Failure:
        return False
    return re.search(r"[^/*]\*\*|\*\*[^/*]", glob) is None


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("globs")
    for file in FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    if GIT:
        subprocess.run([GIT, "init", "-q", root], check=True)
    return root


@pytest.mark.skipif(GIT is None, reason="git is not installed: nothing to compare with")
@given(glob=plain_globs.filter(is_meant))
def test_a_glob_excludes_what_git_ignores_for_it(tree: Path, glob: str) -> None:
    assert GIT
    listing = [GIT, "-C", str(tree), "ls-files", "--others", "-z", f"--exclude={glob}"]
    done = subprocess.run(listing, capture_output=True, check=True)
    assert sorted(fitting([], [glob])) == sorted(filter(None, done.stdout.decode().split("\0")))


@pytest.mark.skipif(RG is None, reason="rg is not installed: nothing to compare with")
@given(glob=plain_globs.filter(is_meant), braces=st.sampled_from(["{}", "{{{},zzz}}", "{{zzz,{}}}", "{{b.txt,{}}}"]))
def test_a_glob_includes_what_ripgrep_includes_for_it_and_what_it_lies_in(tree: Path, glob: str, braces: str) -> None:
    assume(not glob.endswith("/"))  # means directories only, of which ripgrep searches none
    assume(braces == "{}" or not glob.startswith("/"))  # within braces it means nothing to ripgrep
    glob = braces.format(glob)
    below = f"{glob}/**" if "/" in glob else f"**/{glob}/**"
    listing = [str(RG), "--no-config", "--no-ignore", "--hidden", "--files", "-0", f"-g{glob}", f"-g{below}", "-g!.git"]
    done = subprocess.run(listing, capture_output=True, check=False, cwd=tree)
    assert not done.stderr
    assert sorted(fitting([glob])) == sorted(filter(None, done.stdout.decode().split("\0")))
