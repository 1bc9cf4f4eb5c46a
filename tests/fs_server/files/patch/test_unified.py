r"""What unified diffs say, as git, other programs and models write them."""

from dataclasses import replace

import pytest

from fs_server.errors import Failure
from fs_server.files.patch import FilePatch, Hunk, parse


def only(patch: str) -> FilePatch:
    (file,) = parse(patch)
    return file


def refusal(patch: str) -> str:
    with pytest.raises(Failure) as refused:
        parse(patch)
    assert refused.value.code == "patch_failed"
    assert len(str(refused.value)) < 300
    return str(refused.value)


CHANGE = "@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"
LINES = (" a", "-b", "+c", " d")
GIT = "diff --git a/src/x.py b/src/x.py\nindex 83db48f..bf269f4 100644\n--- a/src/x.py\n+++ b/src/x.py\n"
CRLF = f"{GIT}{CHANGE}".replace("\n", "\r\n")
PROSE = (
    "Here is the fix:\n\n- it changes one line\n+ and no other\n\n```diff\n"
    f"{GIT}{CHANGE}```\n\n- That should do.\n--- \n"
)
MAIL = (
    "From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@b.c>\nSubject: [PATCH] x\n\n - a list\n---\n src/x.py | 2 +-\n"
    f" 1 file changed, 1 insertion(+), 1 deletion(-)\n\n{GIT}{CHANGE}-- \n2.39.5\n\n"
)
SVN = f"Index: src/x.py\n{'=' * 67}\n--- src/x.py\t(revision 1)\n+++ src/x.py\t(working copy)\n{CHANGE}\n"


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        pytest.param(GIT + CHANGE, "src/x.py", id="git"),
        pytest.param("--- a/src/x.py\n+++ b/src/x.py\n" + CHANGE, "src/x.py", id="no line of git"),
        pytest.param("--- src/x.py\n+++ src/x.py\n" + CHANGE, "src/x.py", id="no prefixes"),
        pytest.param("--- a/x\n+++ a/x\n" + CHANGE, "a/x", id="a real directory called a"),
        pytest.param("--- i/x\n+++ w/x\n" + CHANGE, "x", id="mnemonic prefixes"),
        pytest.param("--- c/x\n+++ w/x\n" + CHANGE, "x", id="commit to working tree"),
        pytest.param("--- b/x\n+++ a/x\n" + CHANGE, "x", id="reversed"),
        pytest.param("--- w/x\n+++ w/x\n" + CHANGE, "w/x", id="one fits and the other does not"),
        pytest.param("--- /home/me/x\n+++ /home/me/x\n" + CHANGE, "/home/me/x", id="absolute"),
        pytest.param("--- x 1.py\t2024-01-01 00:00:00.0 +0000\n+++ x 1.py\t2024\n" + CHANGE, "x 1.py", id="times"),
        pytest.param("--- x.orig\n+++ x\n" + CHANGE, "x", id="the copy that was kept"),
        pytest.param("--- a/x  \n+++ b/x \n" + CHANGE, "x", id="spaces behind the name"),
        pytest.param(
            '--- "a/f\\303\\244 \\"1\\".txt"\n+++ "b/f\\303\\244 \\"1\\".txt"\n' + CHANGE, 'fä "1".txt', id="C"
        ),
        pytest.param('--- "a/\\377\\t"\n+++ "b/\\377\\t"\n' + CHANGE, "\udcff\t", id="no UTF-8"),
        pytest.param("diff --git a/x b/x\n" + CHANGE, "x", id="no lines --- and +++"),
        pytest.param("diff --git a/x y b/x y\n\n" + CHANGE, "x y", id="blank line before the hunk"),
        pytest.param("diff --git x x\nindex 1..2 100644\n--- x\n+++ x\n" + CHANGE, "x", id="git without prefixes"),
        pytest.param("\ufeff" + GIT + CHANGE, "src/x.py", id="byte order mark"),
        pytest.param(CRLF, "src/x.py", id="CRLF"),
        pytest.param(CRLF.removesuffix("\r\n"), "src/x.py", id="CRLF without the last"),
        pytest.param((GIT + CHANGE).replace("\n", "\r"), "src/x.py", id="CR"),
        pytest.param((GIT + CHANGE).removesuffix("\n"), "src/x.py", id="no last newline"),
        pytest.param(PROSE, "src/x.py", id="in prose"),
        pytest.param(MAIL, "src/x.py", id="format-patch"),
        pytest.param(SVN, "src/x.py", id="subversion"),
        pytest.param(f"*** Begin Patch\n--- a/x\n+++ b/x\n{CHANGE}*** End Patch\n", "x", id="half an envelope"),
    ],
)
def test_the_file_and_its_lines_are_found(patch: str, path: str) -> None:
    file = only(patch)
    (hunk,) = file.hunks
    assert (file.kind, file.path, file.new_path, file.executable) == ("update", path, None, None)
    assert tuple(line.removesuffix("\r") for line in hunk.lines) == LINES
    assert (hunk.hint, hunk.anchors, hunk.at_end_of_file) == (1, (), False)
    assert (hunk.old, hunk.new) == (["a", "b", "d"], ["a", "c", "d"])


MODE = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"
RENAME = "diff --git a/x b/y z\nsimilarity index 100%\nrename from x\nrename to y z\n"
QUOTED = 'diff --git "a/\\303\\244" "b/\\303\\244"\nnew file mode 100644\n'
NEW_FILE = "diff --git c/x w/x\nnew file mode 100755\n"
DELETED_FILE = "diff --git a/x b/x\ndeleted file mode 100644\n"
HUNKS = (Hunk(LINES, 0, hint=1),)
NEW = (Hunk(("+new",), 0, hint=0),)
OLD = (Hunk(("-old", "-older"), 0, hint=1),)
ADDED = "@@ -0,0 +1 @@\n+new\n"
DELETED = "@@ -1,2 +0,0 @@\n-old\n-older\n"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (MODE, FilePatch("update", "x", None, (), executable=True, patch_line=1)),
        (
            "diff --git a/x b/x\nold mode 100755\nnew mode 100644\n",
            FilePatch("update", "x", None, (), executable=False, patch_line=1),
        ),
        (
            f"{MODE}index 1..2\n--- a/x\n+++ b/x\n{CHANGE}",
            FilePatch("update", "x", None, HUNKS, executable=True, patch_line=1),
        ),
        (RENAME, FilePatch("update", "x", "y z", (), None, 1)),
        (f"{RENAME}index 1..2 100644\n--- a/x\n+++ b/y z\t\n{CHANGE}", FilePatch("update", "x", "y z", HUNKS, None, 1)),
        (RENAME.replace("rename", "copy"), FilePatch("copy", "x", "y z", (), None, 1)),
        (
            RENAME.replace("y z", "x") + "new mode 100755\n",
            FilePatch("update", "x", None, (), executable=True, patch_line=1),
        ),
        (QUOTED, FilePatch("add", "ä", None, (), executable=False, patch_line=1)),
        (
            f'{QUOTED}--- /dev/null\n+++ "b/\\303\\244"\n{ADDED}',
            FilePatch("add", "ä", None, NEW, executable=False, patch_line=1),
        ),
        (f"--- /dev/null\n+++ b/x\n{ADDED}", FilePatch("add", "x", None, NEW, None, 1)),
        (f"--- /dev/null\t1970\n+++ w/x\n{ADDED}", FilePatch("add", "w/x", None, NEW, None, 1)),
        (f"{NEW_FILE}--- /dev/null\n+++ w/x\n{ADDED}", FilePatch("add", "x", None, NEW, executable=True, patch_line=1)),
        ("diff --git a/x b/x\ndeleted file mode 100755\nindex 1..0\n", FilePatch("delete", "x", None, (), None, 1)),
        (f"--- a/x\n+++ /dev/null\n{DELETED}", FilePatch("delete", "x", None, OLD, None, 1)),
        ("--- a/x\n+++ /dev/null\n", FilePatch("delete", "x", None, (), None, 1)),
        (f"{DELETED_FILE}--- a/x\n+++ /dev/null\n{DELETED}", FilePatch("delete", "x", None, OLD, None, 1)),
    ],
)
def test_what_becomes_of_a_file_is_told(patch: str, said: FilePatch) -> None:
    file = only(patch)
    hunks = tuple(replace(hunk, patch_line=0) for hunk in file.hunks)
    assert replace(file, hunks=hunks) == said


def hunks_of(body: str) -> tuple[Hunk, ...]:
    return only(f"--- a/x\n+++ b/x\n{body}").hunks


@pytest.mark.parametrize("numbers", ["-1,3 +1,3", "-1,9 +1,9", "-1,2 +1,2", "-1 +1", "-1,0 +1,0", "-1,3 +1,4"])
@pytest.mark.parametrize(
    "behind", ["", "\n\n", "```\nwords\n", "\n```\n", "diff --git a/y b/y\nold mode 100644\nnew mode 100755\n"]
)
def test_a_hunk_has_the_lines_that_look_like_it_whatever_its_numbers(numbers: str, behind: str) -> None:
    patch = f"--- a/x\n+++ b/x\n@@ {numbers} @@ def f():\n a\n-b\n+c\n d\n{behind}"
    assert parse(patch)[0].hunks[0].lines == LINES
    assert parse(patch)[0].hunks[0].hint == 1


def test_a_removed_line_that_looks_like_a_header_is_one_where_the_numbers_say_so() -> None:
    tricky = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n--- comment\n+++ counter\n@@ -9 +9 @@\n-b\n+c\n"
    first, second = only(tricky).hunks
    assert first.lines == (" a", "--- comment", "+++ counter")
    assert second.hint == 9
    wrong = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-a\n--- a/y\n+++ b/y\n@@ -9 +9 @@\n-b\n+c\n"
    assert [file.path for file in parse(wrong)] == ["x", "y"]


def test_a_blank_line_in_a_hunk_is_context_that_lost_its_space() -> None:
    assert hunks_of("@@ -1,4 +1,4 @@\n a\n\n-b\n+c\n\n")[0].lines == (" a", " ", "-b", "+c", " ")
    assert hunks_of("@@ -1,9 +1,9 @@\n\n-b\n+c\n\n\n")[0].lines == (" ", "-b", "+c")
    assert hunks_of("@@ -1,2 +1,2 @@\r\n\r\n-b\r\n+c\r\n")[0].old == ["", "b"]


def test_blank_lines_between_hunks_and_files_are_passed_over() -> None:
    patch = f"--- a/x\n+++ b/x\n\n{CHANGE}\n\n{CHANGE}\n\n--- a/y\n+++ b/y\n{CHANGE}"
    assert [(file.path, len(file.hunks)) for file in parse(patch)] == [("x", 2), ("y", 1)]


@pytest.mark.parametrize(
    ("body", "bare"),
    [
        ("-a\n\\ No newline at end of file\n+b\n", "old"),
        ("-a\n+b\n\\ Kein Zeilenumbruch am Dateiende.\n", "new"),
        ("-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n", "old new"),
        ("-x\n+y\n a\n\\ No newline at end of file\n", "old new"),
    ],
)
def test_the_missing_newline_is_told_for_before_and_after(body: str, bare: str) -> None:
    for header in ("@@ -1 +1 @@\n", "@@ -1,9 +1,9 @@\n"):
        (hunk,) = hunks_of(header + body)
        assert (hunk.old_is_bare, hunk.new_is_bare) == ("old" in bare, "new" in bare)
        assert hunk.at_end_of_file
        assert not any(line.startswith("\\") for line in hunk.lines)


@pytest.mark.parametrize(
    ("header", "hint", "anchors"),
    [
        ("@@ -12,3 +14,4 @@", 12, ()),
        ("@@ -12 +14", 12, ()),
        ("@@ -0,0 +1,3 @@", 0, ()),
        ("@@ -1,3 +1,3 @@ def f(a,", 1, ()),
        (f"@@ -{10**17} +1 @@", 10**17, ()),
        (f"@@ -{'9' * 5000},1 +1 @@", None, ()),
        ("@@ -٣ +٣ @@", None, ("-٣ +٣",)),
        ("@@", None, ()),
        ("@@ ... @@", None, ()),
        ("@@ … @@", None, ()),
        ("@@ class A:", None, ("class A:",)),
        ("@@ def f(self): @@", None, ("def f(self):",)),
        ("@@ class A:\n@@ \tdef f(self):", None, ("class A:", "def f(self):")),
        ("@@ class A:\n@@ -7 +7 @@", 7, ("class A:",)),
    ],
)
def test_the_place_of_a_hunk_is_read(header: str, hint: int | None, anchors: tuple[str, ...]) -> None:
    (hunk,) = hunks_of(f"{header}\n-a\n+b\n")
    assert (hunk.hint, hunk.anchors) == (hint, anchors)


@pytest.mark.parametrize(
    ("patch", "line", "says"),
    [
        ("@@ -1 +1 @@\n-a\n+b\n", 1, "belongs to no file"),
        ("--- a/x\n+++ b/x\n-a\n+b\n", 3, "begins with a line @@"),
        ("diff --git a/x b/x\nnew file mode 100644\n\n+a\n", 4, "begins with a line @@"),
        ("--- a/x\n+++ b/x\n", 1, "No change"),
        ("diff --git a/x b/x\nindex 1..1 100644\n", 1, "No change"),
        ("--- /dev/null\n+++ b/x\n", 1, "No lines of the created file"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n@@ -2 +2 @@\n-a\n", 3, "no lines"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n", 3, "no lines"),
        ("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+c\nd\n+e\n", 7, "with none of them"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\nd\n+e\n", 8, "looks like part of a hunk"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n\\ No newline\n", 4, "stands behind no line"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n\\ No newline\n+b\n", 6, "behind the end"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n\\ No newline\n-b\n+c\n", 6, "behind the end"),
        ("--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n- a\n++b\n", 3, "merges"),
        ("--- a/x\n+++ b/x\n" + "@@ x\n" * 17 + "-a\n", 19, "more than 16"),
        ("--- a/x\n+++ b/y\n" + CHANGE, 1, "names differ"),
        ("--- \n+++ b/y\n" + CHANGE, 1, "No name"),
        ('--- "a/x\n+++ b/y\n' + CHANGE, 1, "No name"),
        ('--- "a/\\q"\n+++ b/y\n' + CHANGE, 1, "escape"),
        ("--- /dev/null\n+++ /dev/null\n" + CHANGE, 1, "which file"),
        ("diff --git a/x b/y\nold mode 100644\nnew mode 100755\n", 1, "which file"),
        ("diff --git a/xyz\n" + CHANGE, 1, "which file"),
        ("diff --git a/x b/x\nnew file mode 100644\n--- a/x\n+++ /dev/null\n" + CHANGE, 1, "which file"),
        ("diff --git a/x b/x\n--- a/y\n+++ b/y\n" + CHANGE, 2, 'name "x"'),
        (RENAME + "--- a/x\n+++ b/x\n" + CHANGE, 6, 'name "y z"'),
        (f"--- /dev/null\n+++ b/x\n{CHANGE}", 4, "lines with + only"),
        ("--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n\n+b\n", 5, "lines with + only"),
        (f"--- a/x\n+++ /dev/null\n{CHANGE}", 4, "lines with - only"),
        ("diff --git a/x b/x\nindex 1..2 120000\n--- a/x\n+++ b/x\n" + CHANGE, 2, "symbolic link"),
        ("diff --git a/x b/x\nnew file mode 160000\n", 2, "submodule"),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 040000\n", 3, "directory"),
        ("diff --git a/x b/x\nold mode 7\nnew mode 100644\n", 2, "no mode"),
        ("diff --git a/x b/x\ndeleted file mode 120000\n", 2, "symbolic link"),
        ("diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\n", 3, "Binary"),
        ("diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n", 3, "Binary"),
        ("Binary files a/x and b/x differ\n", 1, "Binary"),
        ("*** x\t1\n--- y\t2\n***************\n*** 1,2 ****\n", 3, "context diff"),
        (f"{GIT}{CHANGE}{GIT.replace('src', 'lib')}{CHANGE}{GIT}{CHANGE}", 19, "is in the patch already, from line 1"),
    ],
)
def test_the_line_that_is_wrong_is_named(patch: str, line: int, says: str) -> None:
    told = refusal(patch)
    assert f"Line {line} of the patch" in told
    assert says in told


def test_a_patch_without_any_file_is_refused() -> None:
    told = refusal("Please change the file.\n")
    assert "names no file" in told
    assert "*** Update File" in told
