"""`apply_patch`: several files become what the patch says, all of them or none."""

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, etag_of, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is written on Windows yet", allow_module_level=True)

TREE = ["m = one\ntwo\nthree\n", "d/gone = x\n", "d/r = a\nb\nc\n", "c = 1\n2\n"]


def git(here: Here) -> str:
    """Return a patch as git makes it, which modifies, adds, deletes, renames and copies."""
    at = here.spoken
    return f"""\
diff --git a/{at}/m b/{at}/m
index 1111111..2222222 100644
--- a/{at}/m
+++ b/{at}/m
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
diff --git a/{at}/new/deep/a b/{at}/new/deep/a
new file mode 100755
--- /dev/null
+++ b/{at}/new/deep/a
@@ -0,0 +1,2 @@
+#!/bin/sh
+exit
\\ No newline at end of file
diff --git a/{at}/d/gone b/{at}/d/gone
deleted file mode 100644
--- a/{at}/d/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/{at}/d/r b/{at}/e/r2
similarity index 66%
rename from {at}/d/r
rename to {at}/e/r2
--- a/{at}/d/r
+++ b/{at}/e/r2
@@ -1,3 +1,3 @@
 a
-b
+B
 c
diff --git a/{at}/c b/{at}/c2
similarity index 100%
copy from {at}/c
copy to {at}/c2
"""


AFTER = {
    "m": b"one\nTWO\nthree\n",
    "new/deep/a": b"#!/bin/sh\nexit",
    "e/r2": b"a\nB\nc\n",
    "c": b"1\n2\n",
    "c2": b"1\n2\n",
}


def contents(base: Path) -> dict[str, bytes]:
    return {name: (base / name).read_bytes() for name in names(base) if (base / name).is_file()}


def test_a_patch_of_git_s_does_what_it_says(files: Files, here: Here) -> None:
    make_tree(here.path, TREE)
    before = attributes(dressed(here / "d/r"))
    result = files.ask("apply_patch", patch=git(here))
    text, note = (block["text"] for block in result["content"])
    at = here.spoken
    assert text.splitlines() == [
        f"M {at}/m  +1 -1  etag {etag_of(AFTER['m'])}",
        f"A {at}/new/deep/a  +2 -0  etag {etag_of(AFTER['new/deep/a'])}",
        f"D {at}/d/gone",
        f"R {at}/e/r2 (was {at}/d/r)  +1 -1  etag {etag_of(AFTER['e/r2'])}",
        f"C {at}/c2 (was {at}/c)  +0 -0  etag {etag_of(AFTER['c2'])}",
    ]
    facts = result["_meta"][FACTS]
    assert facts == {"count": 5, "truncated": False, "change_id": facts["change_id"]}
    assert note == f"[5 files; change {facts['change_id']}]"
    assert contents(here.path) == AFTER
    assert attributes(here / "e/r2") == before
    assert stat.S_IMODE((here / "new/deep/a").stat().st_mode) & 0o100


def test_a_patch_is_one_change_and_is_taken_back_as_one(files: Files, here: Here) -> None:
    make_tree(here.path, TREE)
    before = contents(here.path), names(here.path)
    facts = files.facts("apply_patch", patch=git(here))
    assert files.data("undo", change_id=facts["change_id"])["count"] > 4
    assert (contents(here.path), names(here.path)) == before


def test_a_dry_run_tells_what_the_real_run_tells_and_changes_nothing(files: Files, here: Here) -> None:
    make_tree(here.path, TREE)
    with nothing_changes(here.path, files):
        dry = files.ask("apply_patch", patch=git(here), dry_run=True)
    assert "change_id" not in dry["_meta"][FACTS]
    assert dry["content"][1]["text"] == "[5 files; dry run: nothing is changed]"
    assert files.ask("apply_patch", patch=git(here))["content"][0] == dry["content"][0]


def test_an_envelope_does_what_it_says(files: Files, here: Here) -> None:
    make_tree(here.path, TREE)
    at = here.spoken
    patch = f"""\
*** Begin Patch
*** Update File: {at}/m
@@
 one
-two
+TWO
*** Add File: {at}/new/deep/a
+#!/bin/sh
+exit
*** Delete File: {at}/d/gone
*** Update File: {at}/d/r
*** Move to: {at}/e/r2
@@ a
-b
+B
*** End Patch
"""
    text, _ = files.blocks("apply_patch", patch=patch)
    assert [line[0] for line in text.splitlines()] == ["M", "A", "D", "R"]
    expected = {**AFTER, "new/deep/a": b"#!/bin/sh\nexit\n"}
    del expected["c2"]
    assert contents(here.path) == expected


def test_each_file_keeps_its_line_ends_and_its_encoding(files: Files, here: Here) -> None:
    (here / "f").write_bytes("größe\r\nlänge\r\nein".encode("cp1252"))
    files.facts("apply_patch", patch=patched(f"{here.spoken}/f", [" größe", "-länge", "+Länge", "+mehr", " ein"]))
    assert (here / "f").read_bytes() == "größe\r\nLänge\r\nmehr\r\nein".encode("cp1252")


def patched(path: str, lines: Iterable[str], *, new: str = "") -> str:
    return "\n".join([f"--- a/{path}", f"+++ b/{new or path}", "@@ -1,9 +1,9 @@", *lines, ""])


def test_the_mode_is_what_the_patch_says_and_else_what_it_was(files: Files, here: Here) -> None:
    dressed(make_tree(here.path, ["f = x\n"]) / "f")
    path = here.named("f")
    for mode, found in ((755, 0o750), (644, 0o640)):
        patch = f"diff --git a/{path} b/{path}\nold mode 100000\nnew mode 100{mode}\n"
        files.facts("apply_patch", patch=patch)
        assert stat.S_IMODE((here / "f").stat().st_mode) == found


@pytest.mark.parametrize(
    ("patch", "code", "words"),
    [(["-gone", "+x"], "patch_failed", "does not apply"), (["-a", "+x"], "ambiguous_match", "lines 1, 3")],
)
def test_a_patch_that_does_not_apply_changes_no_file(
    files: Files, here: Here, patch: list[str], code: str, words: str
) -> None:
    make_tree(here.path, ["one = x\n", "two = a\nb\na\n"])
    whole = patched(here.named("one"), ["-x", "+y"]) + "\n".join(
        [f"--- a/{here.named('two')}", f"+++ b/{here.named('two')}", "@@ @@", *patch, ""]
    )
    with nothing_changes(here.path, files):
        text = files.failure("apply_patch", patch=whole)
    assert text.startswith(f"[{code}] ")
    assert words in text
    assert "two" in text


@pytest.mark.parametrize(
    "patch",
    [
        "hello",
        "*** Begin Patch\n*** End Patch\n",
        "diff --git a/x b/x\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        "\0",
        "x" * 3_000_000,
    ],
    ids=lambda patch: repr(patch[:20]),
)
def test_what_is_no_patch_is_told_so(files: Files, patch: str) -> None:
    text = files.failure("apply_patch", patch=patch)
    assert text.startswith("[patch_failed] ")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["*** Delete File: {at}/gone"], "not_found"),
        (["*** Delete File: {at}/d"], "is_directory"),
        (["*** Update File: {at}/gone", "@@", "-x", "+y"], "not_found"),
        (["*** Update File: {at}/d", "@@", "-x", "+y"], "is_directory"),
        (["*** Update File: {at}/binary", "@@", "-x", "+y"], "binary_file"),
        (["*** Update File: {at}/fifo", "@@", "-x", "+y"], "not_regular_file"),
        (["*** Update File: {at}/out", "@@", "-KEEP", "+y"], "escapes_root"),
        (["*** Add File: {at}/m", "+x"], "exists"),
        (["*** Add File: {at}/d", "+x"], "exists"),
        (["*** Add File: {at}/m/x", "+x"], "not_directory"),
        (["*** Add File: {at}/up/x", "+x"], "escapes_root"),
        (["*** Add File: {at}/a\x1bb", "+x"], "invalid_path"),
        (["*** Add File: {at}/nul", "+a\0b"], "invalid_argument"),
        (["*** Add File: {at}/.env", "+x"], "protected_path"),
        (["*** Add File: {at}/.git/hooks/x", "+x"], "protected_path"),
        (["*** Update File: {at}/.git/config", "@@", "-[core]", "+x"], "protected_path"),
        (["*** Delete File: {at}/.git/config"], "protected_path"),
        (["*** Update File: {at}/m", "*** Move to: {at}/.git/config2"], ""),
        (["*** Update File: {at}/m", "*** Move to: {at}/.mcp.json"], "protected_path"),
        (["*** Update File: {at}/.env", "*** Move to: {at}/open"], "protected_path"),
        (["*** Update File: {at}/m", "*** Move to: {at}/d/g"], "exists"),
        (["*** Update File: {at}/link", "*** Move to: {at}/moved"], "not_regular_file"),
        (["*** Update File: /etc/hostname", "@@", "-x", "+y"], "outside_roots"),
        (["*** Update File: ../outside.txt", "@@", "-KEEP", "+y"], "escapes_root"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0][4:],
)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_each_end_of_a_patch_is_held_to_the_rules(
    files: Files,
    here: Here,
    lines: list[str],
    code: str,
    dry_run: bool,  # noqa: FBT001
) -> None:
    """The first file of the patch would apply: it is left as it was too."""
    make_tree(
        here.path,
        [
            "first = 1\n", "m = x\n", "d/g = G", "fifo|", "out -> ../../outside.txt", "up -> ../..", "link -> m",
            ".env = x\n", ".git/config = [core]\n",
        ],
    )  # fmt: skip
    (here / "binary").write_bytes(b"x\0\n")
    first = ["*** Begin Patch", f"*** Update File: {here.spoken}/first", "@@", "-1", "+2"]
    patch = "\n".join([*first, *(line.replace("{at}", here.spoken) for line in lines), "*** End Patch", ""])
    if not code:
        files.facts("apply_patch", patch=patch, dry_run=dry_run)
        return
    with nothing_changes(here.path):
        text = files.failure("apply_patch", patch=patch, dry_run=dry_run)
    assert text.startswith(f"[{code}] ")
    assert OUTSIDE not in text


def test_a_link_that_is_deleted_is_deleted_itself(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = x\n", "link -> f", "out -> /etc/hostname"])
    patch = "".join(f"*** Delete File: {here.named(name)}\n" for name in ("link", "out"))
    files.facts("apply_patch", patch=f"*** Begin Patch\n{patch}*** End Patch\n")
    assert names(here.path) == ["f"]


def test_a_file_is_patched_through_a_link_that_stays(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = x\n", "link -> d/f"])
    text, _ = files.blocks("apply_patch", patch=patched(here.named("link"), ["-x", "+y"]))
    assert text.startswith(f"M {here.named('d/f')}  ")
    assert (here / "link").is_symlink()
    assert (here / "d/f").read_text() == "y\n"


def test_what_is_deleted_has_to_be_what_the_patch_says(files: Files, here: Here) -> None:
    (here / "f").write_text("something else\n")
    path = here.named("f")
    patch = f"--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    with nothing_changes(here.path, files):
        assert files.code("apply_patch", patch=patch) == "patch_failed"


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize(
    "lines",
    [
        ["*** Update File: {at}/a", "@@", "-A", "+B", "*** Update File: ./{at}/a", "@@", "-A", "+C"],
        ["*** Update File: {at}/a", "@@", "-A", "+B", "*** Update File: {at}/link", "@@", "-A", "+C"],
        ["*** Update File: {at}/a", "@@", "-A", "+B", "*** Delete File: {at}/d/../a"],
        ["*** Update File: {at}/a", "*** Move to: {at}/./a"],
        ["*** Update File: {at}/a", "*** Move to: {at}/new", "*** Add File: {at}//new", "+x"],
        ["*** Add File: {at}/new", "+x", "*** Add File: {at}/new/x", "+x"],
        ["*** Update File: {at}/a", "*** Move to: {at}/new/x", "*** Add File: {at}/new", "+x"],
    ],
    ids=lambda lines: "".join(line for line in lines if line.startswith("***")),
)
def test_one_file_is_not_changed_twice_by_two_names(
    files: Files,
    here: Here,
    lines: list[str],
    dry_run: bool,  # noqa: FBT001
) -> None:
    make_tree(here.path, ["a = A\n", "link -> a", "d/"])
    patch = "\n".join(["*** Begin Patch", *(line.replace("{at}", here.spoken) for line in lines), "*** End Patch"])
    with nothing_changes(here.path):
        assert files.code("apply_patch", patch=patch, dry_run=dry_run) == "patch_failed"


def test_a_name_is_freed_and_taken_in_one_patch(files: Files, here: Here) -> None:
    make_tree(here.path, ["a = A\n", "b = B\n"])
    at = here.spoken
    moves = f"*** Delete File: {at}/b\n*** Update File: {at}/a\n*** Move to: {at}/c\n"
    files.facts("apply_patch", patch=f"*** Begin Patch\n{moves}*** End Patch\n")
    assert contents(here.path) == {"c": b"A\n"}


def test_a_file_of_several_names_is_not_split_in_silence(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = x\n", "twin => f"])
    _, note = files.blocks("apply_patch", patch=patched(here.named("f"), ["-x", "+y"]))
    assert '"f": it had 2 names (hard links)' in note


def test_a_long_list_of_files_is_cut_and_said(files: Files, here: Here) -> None:
    parts = "".join(f"*** Add File: {here.named(str(number))}\n+x\n" for number in range(250))
    text, note = files.blocks("apply_patch", patch=f"*** Begin Patch\n{parts}*** End Patch\n", dry_run=True)
    assert len(text.splitlines()) == 200
    assert len(text) + len(note) <= 20_000
    assert "50 more are not shown" in note
    assert names(here.path) == []


def test_a_patch_that_would_write_too_much_is_refused_before_it_begins(files: Files, here: Here) -> None:
    with (here / "f").open("wb") as file:
        file.truncate(40 << 20)
    at = here.spoken
    copies = "".join(
        f"diff --git a/{at}/f b/{at}/c{number}\nsimilarity index 100%\ncopy from {at}/f\ncopy to {at}/c{number}\n"
        for number in range(2)
    )
    assert files.code("apply_patch", patch=copies) == "too_large"
    assert names(here.path) == ["f"]
    (here / "f").unlink()


def test_a_name_that_is_no_text_is_patched_as_git_writes_it(files: Files, here: Here) -> None:
    name = Path(os.fsdecode(os.fsencode(here.path) + b"/caf\xe9"))
    name.write_text("x\n")
    quoted = f'"a/{here.spoken}/caf\\351"'
    patch = f'--- {quoted}\n+++ "b/{here.spoken}/caf\\351"\n@@ -1 +1 @@\n-x\n+y\n'
    result = files.ask("apply_patch", patch=patch)
    assert result["isError"] is (name.read_text() == "x\n")
