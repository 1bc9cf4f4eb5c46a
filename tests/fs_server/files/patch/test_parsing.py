"""What holds for both forms, and what a patch that was made to do harm comes to."""

import time

import pytest

from fs_server.errors import Failure
from fs_server.files.patch import parse
from fs_server.files.patch.parsing import MOST_BYTES, MOST_FILES, MOST_LINES

HEADER = "--- a/x\n+++ b/x\n"


def code_of(patch: str) -> str:
    with pytest.raises(Failure) as refusal:
        parse(patch)
    assert len(str(refusal.value)) < 300
    return refusal.value.code


@pytest.mark.parametrize("patch", ["", "\n\n", "  \t\r\n", "\ufeff"])
def test_an_empty_patch_is_an_invalid_argument(patch: str) -> None:
    assert code_of(patch) == "invalid_argument"


def test_consecutive_updates_of_a_file_are_one() -> None:
    change = "@@ -1 +1 @@\n-a\n+b\n"
    mode = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"
    (file,) = parse(f"{HEADER}{change}{HEADER}{change}{mode}{HEADER}{change}")
    assert [hunk.patch_line for hunk in file.hunks] == [3, 8, 16]
    assert file.executable is True
    (file,) = parse(
        "*** Update File: a\n*** Move to: b\n-x\n*** Update File: a\n*** Move to: b\n-y\n*** Update File: a\n-z"
    )
    assert (file.new_path, len(file.hunks)) == ("b", 3)


@pytest.mark.parametrize(
    "second",
    [
        "*** Update File: a\n*** Move to: c\n-x\n",
        "*** Update File: b\n-x\n",
        "*** Delete File: a\n",
        "*** Add File: b\n",
    ],
)
def test_a_file_is_only_once_in_a_patch(second: str) -> None:
    assert code_of(f"*** Update File: a\n*** Move to: b\n-x\n{second}") == "patch_failed"
    assert code_of(f"*** Update File: a\n*** Move to: b\n-x\n*** Delete File: z\n{second}") == "patch_failed"


def test_the_source_of_a_copy_may_change_too_and_be_copied_again() -> None:
    patch = "".join(f"diff --git a/x b/{name}\ncopy from x\ncopy to {name}\n" for name in "yz")
    files = parse(f"{patch}diff --git a/x b/x\n{HEADER}@@ -1 +1 @@\n-a\n+b\n")
    assert [(file.kind, file.path, file.new_path) for file in files] == [
        ("copy", "x", "y"),
        ("copy", "x", "z"),
        ("update", "x", None),
    ]


def test_the_limits_are_told_with_numbers() -> None:
    assert len(parse("".join(f"*** Delete File: {number}\n" for number in range(MOST_FILES)))) == MOST_FILES
    for patch in (
        "".join(f"*** Delete File: {number}\n" for number in range(MOST_FILES + 1)),
        "x" * (MOST_BYTES + 1),
        "é" * (MOST_BYTES // 2 + 1),
        "\n" * MOST_LINES + "x\n",
    ):
        assert code_of(patch) == "too_large"


def filled(piece: str, *, before: str = "", size: int = 200_000) -> str:
    return before + piece * ((size - len(before)) // len(piece))


HOSTILE = {
    "headers": filled("--- a\n"),
    "both headers": filled("--- a\n+++ b\n"),
    "git headers": filled("diff --git a/x b/x\n"),
    "hunks without a file": filled("@@\n"),
    "a million @@": HEADER + "@@" * 500_000,
    "empty hunks": filled("@@\n", before=HEADER),
    "numbered hunks": filled("@@ -1 +1 @@\n", before=HEADER),
    "huge numbers": filled("--- a\n+++ b\n", before=f"{HEADER}@@ -999999999999,1 +1 @@\n"),
    "huge counts": filled(" \n", before=f"{HEADER}@@ -1,999999999999 +1,999999999999 @@\n"),
    "one long number": filled("9", before=f"{HEADER}@@ -"),
    "spaces in a header": filled(" ", before=f"{HEADER}@@ -1 +1"),
    "commas in a header": filled("1,", before=f"{HEADER}@@ -"),
    "blank lines": filled("\n\r\n", before=f"{HEADER}@@ -1 +1 @@\n+a\n"),
    "marks": filled("\\ \n", before=f"{HEADER}@@ -1 +1 @@\n+a\n"),
    "quotes": filled("\\303", before='--- "a') + '\n+++ "b"\n@@ -1 +1 @@\n-a\n',
    "open quotes": filled('\\"', before='diff --git "a') + "\n",
    "names of quotes": filled('"', before="diff --git ") + "\n",
    "anchors": filled("@@ x\n", before=HEADER),
    "one anchor": filled("x ", before=f"{HEADER}@@ ") + "\n-a\n",
    "added files": filled("*** Add File: a\n"),
    "joined updates": filled("*** Update File: a\n-a\n+b\n", size=1_000_000),
    "blank envelope": filled("\n", before="*** Update File: a\n"),
    "carriage returns": filled("-a\r+b\r"),
    "a fence": filled("```"),
    "control characters": filled("\x00\x0b\x0c\x1c\x85\u2028"),
    "lone surrogates": filled("\ud800\udfff"),
    "stars": filled("*"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_patch_is_answered_in_linear_time(name: str) -> None:
    """The limit is many times what it takes; what is not linear takes hours."""
    begin = time.process_time()
    answer = answer_to(HOSTILE[name])
    assert time.process_time() - begin < 40
    assert answer is None or (answer.code in {"patch_failed", "too_large"} and len(str(answer)) < 300)


def answer_to(patch: str) -> Failure | None:
    try:
        parse(patch)
    except Failure as refusal:
        return refusal
    return None


def test_more_hunks_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fs_server.files.patch.source.MOST_HUNKS", 3)
    assert code_of(HEADER + "@@ -1 +1 @@\n-a\n" * 4) == "patch_failed"
    assert len(parse(HEADER + "@@ -1 +1 @@\n-a\n" * 3)[0].hunks) == 3


def test_words_that_no_file_can_hold_are_kept_as_they_are() -> None:
    (file,) = parse("*** Update File: a\0b\ud800\n-\0\n+\ud800\x0b\x1c\u2028\x85\n")
    assert file.path == "a\0b\ud800"
    assert file.hunks[0].lines == ("-\0", "+\ud800\x0b\x1c\u2028\x85")
