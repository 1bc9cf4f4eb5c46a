r"""What a patch makes of a text, to the byte."""

import pytest

from fs_server.errors import Failure
from fs_server.files.patch import Hunk, added_text, applied, parse, require_whole
from fs_server.files.text import Splice, text_of

HEADER = "--- a/f\n+++ b/f\n"
BARE = "\\ No newline at end of file\n"


def hunks_of(body: str) -> tuple[Hunk, ...]:
    (file,) = parse(HEADER + body)
    return file.hunks


def patched(content: bytes, body: str, label: str = "") -> bytes:
    stored = text_of(content, subject='"f"', label=label)
    return stored.spliced(applied(stored, hunks_of(body), subject='"f"'))


@pytest.mark.parametrize(
    ("before", "body", "after"),
    [
        pytest.param(b"a\r\nb\r\n", "@@ -2 +2 @@\n-b\n+x\n+y\n", b"a\r\nx\r\ny\r\n", id="CRLF stays CRLF"),
        pytest.param(b"a\nb\n", "@@ -2 +2 @@\r\n-b\r\n+x\r\n", b"a\nx\n", id="LF stays LF, with a patch in CRLF"),
        pytest.param(b"a\r\nb\nc\r\n", "@@ -2 +2 @@\n-b\n+x\n+y\n", b"a\r\nx\ny\nc\r\n", id="that of the old line"),
        pytest.param(b"", "@@ -0,0 +1,2 @@\n+x\r\n+y\r\n", b"x\r\ny\r\n", id="that of the patch, where there is none"),
        pytest.param(b"a\r\nb\n", "@@ -1 +1,2 @@\n a\n+x\n", b"a\r\nx\r\nb\n", id="the end of the line above"),
        pytest.param(b"a\r\nb\n", "@@ -1 +1,2 @@\n+x\n a\n", b"x\r\na\r\nb\n", id="at the top, that of the line below"),
        pytest.param(b"i\rn\nb\n", "@@ -1 +1,2 @@\n+x\n i\rn\n", b"x\ni\rn\nb\n", id="CR within a line is no end"),
        pytest.param(b"a\rb\r", "@@ -1 +1 @@\n-a\n+x\n+y\n", b"x\ry\rb\r", id="CR"),
        pytest.param(b"a", "@@ -1 +1,2 @@\n+x\n a\n", b"x\na", id="no line end at all"),
        pytest.param(b"a\nb", "@@ -2 +2,2 @@\n b\n+c\n", b"a\nb\nc", id="the last end stays missing"),
        pytest.param(b"a\r\nb", "@@ -2 +2 @@\n-b\n+x\n+y\n", b"a\r\nx\r\ny", id="and is missing of the last only"),
        pytest.param(b"a\nb", "@@ -1,2 +1 @@\n a\n-b\n", b"a\n", id="a kept line keeps its end"),
        pytest.param(b"a\nb", f"@@ -1,2 +1 @@\n-a\n-b\n{BARE}+a\n{BARE}", b"a", id="unless the patch says otherwise"),
        pytest.param(b"a\nb", "@@ -1,2 +0,0 @@\n-a\n-b\n", b"", id="everything goes"),
        pytest.param(b"a\n", f"@@ -1 +1 @@\n-a\n+a\n{BARE}", b"a", id="the last end goes"),
        pytest.param(b"a", f"@@ -1 +1 @@\n-a\n{BARE}+a\n", b"a\n", id="the last end comes"),
        pytest.param(b"a\r\nb", f"@@ -2 +2 @@\n-b\n{BARE}+b\n", b"a\r\nb\r\n", id="and is that of the others"),
        pytest.param(b"a", f"@@ -1 +1,2 @@\n-a\n{BARE}+a\n+b\n", b"a\nb\n", id="with another line"),
        pytest.param(b"a\n", f"@@ -1 +1,2 @@\n a\n+b\n{BARE}", b"a\nb", id="a last line without an end"),
        pytest.param(b"a\n", f"@@ -1 +1 @@\n-a\n{BARE}+a\n", b"a\n", id="what the patch wants is there"),
        pytest.param(b"a\n", f"@@ -1 +1 @@\n-a\n{BARE}+b\n{BARE}", b"b\n", id="what it does not change stays"),
        pytest.param(b"", f"@@ -0,0 +1 @@\n+a\n{BARE}", b"a", id="into an empty file, without an end"),
        pytest.param(b"", "@@ -0,0 +1,2 @@\n+a\n+b\n", b"a\nb\n", id="into an empty file"),
        pytest.param(b"\xef\xbb\xbf", "@@ -0,0 +1 @@\n+a\n", b"\xef\xbb\xbfa\n", id="of a mark only"),
        pytest.param(b"a\nb\r", f"@@ -2 +2 @@\n-b\r\n{BARE}+c\r\n{BARE}", b"a\nc\r", id="CR at the very end, in LF"),
        pytest.param(b"a\rb\r", f"@@ -1 +1 @@\n-a\rb\r\n{BARE}+a\rx\ry\r\n{BARE}", b"a\rx\ry\r", id="CR, by git"),
        pytest.param(b"a\rb", f"@@ -1 +1 @@\n-a\rb\n{BARE}+a\rb\r\n{BARE}", b"a\rb\r", id="CR, by git, an end comes"),
        pytest.param(b"a\nb\nc\n", "@@ -1,3 +1,3 @@\n-a\n-b\n-c\n+a\n+x\n+c\n", b"a\nx\nc\n", id="more than changes"),
        pytest.param(b"a\n\nb\n", "@@ -1,3 +1,2 @@\n a\n-\n b\n", b"a\nb\n", id="a blank line"),
    ],
)  # fmt: skip
def test_only_what_the_patch_changes_changes(before: bytes, body: str, after: bytes) -> None:
    assert patched(before, body) == after


@pytest.mark.parametrize(
    ("before", "bodies", "after"),
    [
        (b"a\nb", ["-b\n", "+c\n"], b"a\nc"),
        (b"a\nb", ["-b\n+x\n", "+c\n"], b"a\nx\nc"),
        (b"a\nb", ["-a\n-b\n", "+c\n"], b"c"),
        (b"a\nb", [" b\n+x\n", "+c\n", "+d\n"], b"a\nb\nx\nc\nd"),
        (b"a\nb\n", [" b\n+x\n", "+c\n"], b"a\nb\nx\nc\n"),
    ],
)
def test_several_hunks_can_change_the_end(before: bytes, bodies: list[str], after: bytes) -> None:
    (file,) = parse("*** Update File: f\n" + "*** End of File\n@@\n".join(bodies) + "*** End of File\n")
    stored = text_of(before, subject='"f"')
    assert stored.spliced(applied(stored, file.hunks, subject='"f"')) == after


def test_a_splice_covers_the_changed_lines_and_no_others() -> None:
    stored = text_of(b"a\nb\nc\nd\n", subject='"f"')
    body = "@@ -1,4 +1,5 @@\n-a\n-b\n-c\n+a\n+x\n+c\n d\n+e\n"
    assert applied(stored, hunks_of(body), subject='"f"') == (Splice(2, 4, "x\n"), Splice(8, 8, "e\n"))
    assert applied(stored, hunks_of("@@ -1,2 +1,2 @@\n a\n b\n"), subject='"f"') == ()
    assert applied(stored, hunks_of("@@ -1,2 +1,2 @@\n-a\n+a\n b\n"), subject='"f"') == ()
    assert applied(stored, (), subject='"f"') == ()


def test_bytes_that_mean_the_same_character_stay_apart() -> None:
    r"""In cp932, 81 E0 and 87 90 both are U+2252."""
    assert patched(b"\x87\x90\n\x81\xe0\nx\n", "@@ -3 +3 @@\n-x\n+≒\n", "cp932") == b"\x87\x90\n\x81\xe0\n\x81\xe0\n"
    assert patched(b"\x87\x90\nx\n", "@@ -1,2 +1,2 @@\n ≒\n-x\n+y\n", "cp932") == b"\x87\x90\ny\n"


def test_utf_16_with_its_mark_is_patched_as_such() -> None:
    assert patched("a\r\nb".encode("utf-16"), "@@ -2 +2 @@\n-b\n+漢\n") == "a\r\n漢".encode("utf-16")


def test_what_a_file_cannot_hold_is_refused() -> None:
    for body, label, code in (
        ("-a\n+漢\n", "latin-1", "unsupported_encoding"),
        ("-a\n+\ud800\n", "utf-8", "invalid_argument"),
        ("-a\n+\0\n", "utf-8", "invalid_argument"),
        ("-\ud800\n+a\n", "utf-8", "patch_failed"),
        ("-\0\n+a\n", "utf-8", "patch_failed"),
    ):
        with pytest.raises(Failure) as refusal:
            patched(b"a\n", "@@ -1 +1 @@\n" + body, label)
        assert refusal.value.code == code


def test_a_hunk_that_changes_line_ends_only_is_refused() -> None:
    with pytest.raises(Failure, match=r"hunk 2 of 2 \(line 6 of the patch\) changes nothing") as refusal:
        patched(b"a\r\nb\r\n", "@@ -1 +1 @@\n-a\n+x\n@@ -2 +2 @@\n-b\r\n+b\n")
    assert refusal.value.code == "patch_failed"
    assert "line ends only" in str(refusal.value)


def test_one_hunk_that_does_not_apply_refuses_all() -> None:
    with pytest.raises(Failure, match="hunk 2 of 2"):
        patched(b"a\nb\n", "@@ -1 +1 @@\n-a\n+x\n@@ -2 +2 @@\n-c\n+y\n")


def test_the_content_of_an_added_file_is_exact() -> None:
    def added(body: str) -> str:
        (file,) = parse(f"--- /dev/null\n+++ b/f\n{body}")
        return added_text(file.hunks)

    assert added("@@ -0,0 +1,2 @@\n+a\n+\n") == "a\n\n"
    assert added(f"@@ -0,0 +1 @@\n+a\n{BARE}") == "a"
    assert added(f"@@ -0,0 +1,2 @@\r\n+a\r\n+b\r\n{BARE}".replace(BARE, BARE.replace("\n", "\r\n"))) == "a\r\nb"
    assert added("@@ -0,0 +1 @@\n+a\n@@ -0,0 +2 @@\n+b\n") == "a\nb\n"
    assert added("@@ -0,0 +1,2 @@\n+a\r\n+b\n") == "a\r\nb\n"
    assert added_text(()) == ""


@pytest.mark.parametrize("content", [b"a\nb\n", b"a\r\nb\r\n", b"a\nb", b"a\rb\r"])
def test_a_file_may_be_deleted_by_its_content_whatever_its_line_ends(content: bytes) -> None:
    stored = text_of(content, subject='"f"')
    require_whole(stored, hunks_of("@@ -1,2 +0,0 @@\n-a\n-b\n"), subject='"f"')
    require_whole(stored, hunks_of("@@ -1 +0,0 @@\n-a\n@@ -2 +0,0 @@\n-b\n"), subject='"f"')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a\nc\n", 'It has 2 lines, the patch 2; line 2 is "c", and "b" in the patch.'),
        (b"a\n", 'line 2 is missing, and "b" in the patch.'),
        (b"a\nb\nc", 'line 3 is "c", and missing in the patch.'),
        (b"", 'line 1 is missing, and "a" in the patch.'),
    ],
)
def test_a_file_with_other_content_is_not_deleted(content: bytes, says: str) -> None:
    with pytest.raises(Failure) as refusal:
        require_whole(text_of(content, subject='"f"'), hunks_of("@@ -1,2 +0,0 @@\n-a\n-b\n"), subject='"f"')
    assert refusal.value.code == "patch_failed"
    assert says in str(refusal.value)
