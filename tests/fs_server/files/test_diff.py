import difflib
import re
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.files.diff import Diff, diff_of, diff_of_splices
from fs_server.files.text import Splice, changed

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
EVERYTHING = 1 << 30
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "    d"]), max_size=25)
ENDS = ("\n", "\r\n", "\r")


def applied(before: str, diff: str) -> str:
    """Return what a reader makes of a diff: an applier of its own, which trusts each number and each line of it."""
    cr_only = "\r" in before and "\n" not in before
    pattern = r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+" if cr_only else r"[^\n]*\n|[^\n]+"
    old = re.findall(pattern, before)
    made: list[str] = []
    at = 0
    lines = diff.split("\n")[2:-1]
    while lines:
        header = HUNK.fullmatch(lines.pop(0))
        assert header
        start, count, new_start, new_count = (int(part or 1) for part in header.groups())
        start -= count > 0
        made += old[at:start]
        assert len(made) == new_start - (new_count > 0)
        at = start
        body: list[tuple[str, str]] = []
        while lines and not lines[0].startswith("@@"):
            line = lines.pop(0)
            ended = not (lines and lines[0].startswith("\\"))
            if not ended:
                assert lines.pop(0) == r"\ No newline at end of file"
            body.append((line[0], line[1:] + "\n" * ended))
        kept = [line for mark, line in body if mark != "+"]
        assert len(kept) == count
        shown = any("␍" in line or "␊" in line for _, line in body)
        spelt = reading("" if shown else end_of(old[at]) if count else "\n", cr_only=cr_only)
        assert [spelt(line) for line in kept] == old[at : at + count]
        new = [spelt(line) for mark, line in body if mark != "-"]
        assert len(new) == new_count
        made += new
        at += count
    return "".join([*made, *old[at:]])


def end_of(line: str) -> str:
    return next((end for end in ("\r\n", "\n", "\r") if line.endswith(end)), "\n")


def reading(plain: str, *, cr_only: bool) -> Callable[[str], str]:
    """Return what tells how a line of a diff is stored; `plain` is the end of all lines, where none are shown."""

    def spelt(line: str) -> str:
        content, end = line.removesuffix("\n"), line.endswith("\n")
        if plain:
            return content + plain * end
        if cr_only:
            return content.replace("␍", "\r").replace("␊", "\n")
        return content.replace("␍", "\r") + "\n" * end

    return spelt


def diff(before: str | None, after: str | None, max_chars: int = EVERYTHING) -> Diff:
    return diff_of(before, after, path="dir/a.py", max_chars=max_chars)


def test_a_change_is_shown_with_three_lines_around_it() -> None:
    before = "".join(f"line {at}\n" for at in range(1, 21))
    after = before.replace("line 5\n", "line V\nand a half\n").replace("line 19\n", "")
    found = diff(before, after)
    assert found == Diff(
        """\
--- a/dir/a.py
+++ b/dir/a.py
@@ -2,7 +2,8 @@
 line 2
 line 3
 line 4
-line 5
+line V
+and a half
 line 6
 line 7
 line 8
@@ -16,5 +17,4 @@
 line 16
 line 17
 line 18
-line 19
 line 20
""",
        added=2,
        removed=2,
        left_out=0,
    )
    assert applied(before, found.text) == after


@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        ("", "a\n", "@@ -0,0 +1 @@\n+a\n"),
        ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
        ("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
        ("a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"),
        ("a\nb", "x\nb", "@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n"),
        # Line ends are shown where they are not all the same.
        ("a\r\nb\r\n", "a\r\nc\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        ("a\r\nb\r\n", "a\r\nb\n", "@@ -1,2 +1,2 @@\n a␍\n-b␍\n+b\n"),
        ("a\nb\n", "a\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+b␍\n"),
        ("", "a\r\n", "@@ -0,0 +1 @@\n+a␍\n"),
        ("a", "b\r\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b␍\n"),
        ("a\rb\nc\n", "a\rb\nd\n", "@@ -1,2 +1,2 @@\n a␍b\n-c\n+d\n"),
        ("a\rb\r", "a\rc\r", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        ("a\rb\r", "a\nc\r\nb\r", "@@ -1,2 +1,3 @@\n-a␍\n+a␊\n+c␍␊\n b␍\n"),
        ("", "a\rb\r", "@@ -0,0 +1,2 @@\n+a␍\n+b␍\n"),
    ],
)
def test_line_ends_and_their_absence_can_be_seen(before: str, after: str, body: str) -> None:
    found = diff(before, after)
    assert found.text == "--- a/dir/a.py\n+++ b/dir/a.py\n" + body
    assert diff_of_splices(before, [Splice(0, len(before), after)], path="dir/a.py", max_chars=EVERYTHING) in (
        found,
        diff_of_splices("", [Splice(0, 0, after)], path="dir/a.py", max_chars=EVERYTHING),
    )


def test_the_header_tells_of_a_file_that_comes_goes_or_moves() -> None:
    assert diff(None, "a\n").text == "--- /dev/null\n+++ b/dir/a.py\n@@ -0,0 +1 @@\n+a\n"
    assert diff("a\n", None).text == "--- a/dir/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    assert diff(None, "") == Diff("--- /dev/null\n+++ b/dir/a.py\n", 0, 0, 0)
    moved = diff_of("a\n", "b\n", path="one", new_path="two", max_chars=EVERYTHING)
    assert moved.text.startswith("--- a/one\n+++ b/two\n@@")
    assert diff("a\n", "a\n") == Diff("", 0, 0, 0)


def test_a_diff_that_is_too_long_is_cut_and_says_how_many_lines_are_left_out() -> None:
    before = "".join(f"line {at}\n" for at in range(200))
    after = before.replace("line 1", "LINE 1")
    whole = diff(before, after)
    assert (whole.added, whole.removed, whole.left_out) == (111, 111, 0)
    for size in (0, 10, 40, 100, 500, len(whole.text) - 1, len(whole.text)):
        cut = diff(before, after, size)
        assert len(cut.text) <= size
        assert whole.text.startswith(cut.text)
        assert cut.text.endswith("\n") or not cut.text
        shown = sum(line[0] in "+-" for line in cut.text.splitlines()[2:])
        assert (cut.added, cut.removed, cut.left_out) == (111, 111, 222 - shown)


def test_a_long_line_is_cut_to_what_surrounds_the_difference() -> None:
    before = "x" * 5_000 + "old" + "y" * 5_000 + "\n"
    found = diff(f"a\n{before}", f"a\n{before.replace('old', 'new')}")
    _, _, _, context, removed, added = found.text.splitlines()
    assert context == " a"
    assert re.fullmatch(r"-…x+oldy+…", removed)
    assert re.fullmatch(r"\+…x+newy+…", added)
    assert len(removed) == 1_003
    assert diff("z" * 2_000, None).text.splitlines()[3] == "-" + "z" * 1_000 + "…"
    several = diff(before, before + before + "b\n").text.splitlines()
    assert several[-2:] == ["+" + "x" * 1_000 + "…", "+b"]


def lines_with(ends: Sequence[str]) -> st.SearchStrategy[str]:
    line = st.tuples(st.sampled_from(["a", "b", "c", "", "    d"]), st.sampled_from(ends)).map("".join)
    return st.tuples(st.lists(line, max_size=25).map("".join), st.sampled_from(["", "a", "e"])).map("".join)


TEXTS = st.one_of([lines_with(ends) for ends in (["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ENDS)])


@given(TEXTS, TEXTS)
def test_the_diff_of_any_two_texts_makes_the_one_of_the_other(before: str, after: str) -> None:
    found = diff(before, after)
    if "\r" in after and "\n" not in after and not set(before) & set(ENDS):
        return  # lines as those of the new text: what they are cannot be told from the old one
    assert applied(before, found.text) == after
    assert found.left_out == 0
    assert bool(found.text) == (before != after)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), TEXTS.map(lambda text: text[:6])), max_size=5))
def test_the_diff_of_splices_makes_what_they_make(before: str, drawn: list[tuple[int, int, str]]) -> None:
    splices: list[Splice] = []
    end = 0
    for skipped, size, new in drawn:
        start = min(end + skipped // 3, len(before))
        end = min(start + size, len(before))
        splices.append(Splice(start, end, new))
    found = diff_of_splices(before, splices, path="a", max_chars=EVERYTHING)
    assert applied(before, found.text) == changed(before, splices)


@given(LINES, LINES)
def test_no_more_lines_are_changed_than_a_comparison_of_all_lines_finds(before: list[str], after: list[str]) -> None:
    """Of git's kind: as an anchor is worth more than one line more, it can be some more, but not all."""
    found = diff("".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after))
    same = sum(
        block.size for block in difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    )
    assert found.added - found.removed == len(after) - len(before)
    if found.removed == len(before):
        assert same == 0 or same <= len(before) // 2 + 1


def test_the_cost_is_that_of_the_changes() -> None:
    before = "".join(f"line {at} of a file\n" for at in range(300_000))
    middle = before.index("line 150000")
    begun = time.process_time()
    found = diff_of_splices(before, [Splice(middle, middle + 4, "LINE")], path="a", max_chars=1_000)
    assert "\n-line 150000 of a file\n+LINE 150000 of a file\n" in found.text
    assert "@@ -149998,7 +149998,7 @@" in found.text
    assert time.process_time() - begun < 1
    begun = time.process_time()
    found = diff(before, before[::-1], 1_000)
    assert (found.removed, found.added) == (300_000, 300_001)
    one_line = "x" * 300_000
    splices = [Splice(at, at + 1, "y") for at in range(0, 300_000, 10)]
    assert diff_of_splices(one_line, splices, path="a", max_chars=5_000).added == 1
    assert time.process_time() - begun < 10
