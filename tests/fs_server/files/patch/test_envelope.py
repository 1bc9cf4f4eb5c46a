"""What the envelope says: `*** Begin Patch`, and a line with three stars for each file."""

import pytest

from fs_server.errors import Failure
from fs_server.files.patch import FilePatch, added_text, parse

ADD = "*** Add File: new file.py\n+a\n+\n+b\n"
UPDATE = "*** Update File: x.py\n@@ class A:\n@@ def f(self):\n a\n-b\n+c\n"
DELETE = "*** Delete File: old.py\n"


def only(patch: str) -> FilePatch:
    (file,) = parse(patch)
    return file


def test_all_that_an_envelope_can_say_is_read_in_its_order() -> None:
    add, update, delete = parse(f"*** Begin Patch\n{ADD}{UPDATE}{DELETE}*** End Patch\n")
    assert (add.kind, add.path, add.patch_line) == ("add", "new file.py", 2)
    assert added_text(add.hunks) == "a\n\nb\n"
    assert (update.kind, update.path, update.new_path, update.executable) == ("update", "x.py", None, None)
    (hunk,) = update.hunks
    assert (hunk.lines, hunk.anchors) == ((" a", "-b", "+c"), ("class A:", "def f(self):"))
    assert (hunk.hint, hunk.at_end_of_file, hunk.patch_line) == (None, False, 7)
    assert (delete.kind, delete.path, delete.hunks) == ("delete", "old.py", ())


@pytest.mark.parametrize(
    "patch",
    [
        f"*** Begin Patch\n{UPDATE}*** End Patch\n",
        f"*** Begin Patch\n{UPDATE}",
        UPDATE,
        UPDATE.removesuffix("\n"),
        f"Here it is:\n- a list\n```\n*** Begin Patch\n{UPDATE}*** End Patch\n```\n+ and so on\n",
        f"```\n{UPDATE}```\nThat was it.\n",
        f"apply_patch <<'EOF'\n*** Begin Patch\n{UPDATE}\n\n*** End Patch\nEOF\n",
        f"*** Begin Patch\n\n{UPDATE}\n*** End Patch\n".replace("\n", "\r\n"),
        f"*** Begin Patch\n{UPDATE}*** End Patch\n".replace("x.py\n", "x.py\n\n"),
        f"*** Begin Patch \n{UPDATE}*** End Patch \n",
    ],
)
def test_what_stands_around_it_changes_nothing(patch: str) -> None:
    file = only(patch)
    assert file.path == "x.py"
    (hunk,) = file.hunks
    assert (hunk.old, hunk.new) == (["a", "b"], ["a", "c"])
    assert hunk.anchors == ("class A:", "def f(self):")


def test_a_file_moves_with_and_without_changes() -> None:
    moved = only("*** Update File: a\n*** Move to: b/c\n")
    assert (moved.kind, moved.path, moved.new_path, moved.hunks) == ("update", "a", "b/c", ())
    changed = only("*** Update File: a\n*** Move to: b/c\n-x\n+y\n")
    assert (changed.new_path, len(changed.hunks)) == ("b/c", 1)
    assert only("*** Update File: a\n*** Move to: a\n-x\n+y\n").new_path is None


def test_hunks_begin_with_or_without_a_line_of_their_own() -> None:
    file = only("*** Update File: a\n-x\n+y\n@@\n-z\n\n@@ f\n+v\n*** End of File\n\n@@ -7,2 +7,3 @@\n w\n+u\n")
    assert [hunk.lines for hunk in file.hunks] == [("-x", "+y"), ("-z",), ("+v",), (" w", "+u")]
    assert [hunk.anchors for hunk in file.hunks] == [(), (), ("f",), ()]
    assert [hunk.hint for hunk in file.hunks] == [None, None, None, 7]
    assert [hunk.at_end_of_file for hunk in file.hunks] == [False, False, True, False]


def test_a_blank_line_in_a_hunk_is_context_that_lost_its_space() -> None:
    assert only("*** Update File: a\n x\n\n-y\n+z\n\n\n*** End of File\n").hunks[0].lines == (" x", " ", "-y", "+z")


def test_an_added_file_may_be_empty_and_may_end_like_its_patch() -> None:
    assert only("*** Add File: a\n").hunks == ()
    assert added_text(only("*** Add File: a\n\n*** End Patch\n").hunks) == ""
    assert added_text(only("*** Add File: a\n+x\n*** End of File\n*** End Patch").hunks) == "x\n"
    assert added_text(only("*** Add File: a\r\n+x\r\n+y").hunks) == "x\r\ny\r\n"


@pytest.mark.parametrize(
    ("patch", "line", "says"),
    [
        ("*** Begin Patch\nx\n*** Delete File: a\n", 2, "No file is named"),
        ("*** Delete File: a\n-x\n", 2, "No file is named"),
        ("*** Delete File:\n", 1, "No path"),
        ("*** Update File: a\n*** Move to: \n", 2, "No path"),
        ("*** Update File: a\n*** End Patch\n", 1, "No change"),
        ("*** Update File: a\n@@\n*** End Patch\n", 2, "no lines"),
        ("*** Update File: a\n-x\nnew\n", 3, "with none of them"),
        ("*** Add File: a\n+x\ny\n", 3, "with none of them"),
        ("*** Add File: a\n+x\n\n+y\n", 3, "lines with + only"),
        ("*** Add File: a\n+x\n y\n", 3, "lines with + only"),
        ("*** Add File: a\n@@ -0,0 +1 @@\n+x\n", 2, "lines with + only"),
        ("*** Add File: a\n+x\n@@\n+y\n", 3, "No file is named"),
        ("*** Delete File: a\n*** Add File: a\n+x\n", 2, "already, from line 1"),
        ("*** Update File: a\n*** Move to: b\n*** Add File: b\n+x\n", 3, '"b" is in the patch already'),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n*** Delete File: y\n", 1, "unified diff"),
        ("*** Delete File: y\n*** End Patch\ndiff --git a/x b/x\n", 3, "unified diff"),
    ],
)
def test_the_line_that_is_wrong_is_named(patch: str, line: int, says: str) -> None:
    with pytest.raises(Failure) as refusal:
        parse(patch)
    told = str(refusal.value)
    assert refusal.value.code == "patch_failed"
    assert f"Line {line} of the patch" in told
    assert says in told
