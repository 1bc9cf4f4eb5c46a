"""Patches that are made from two texts give the second, and every line that stays keeps its bytes."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.patch import FilePatch, added_text, applied, parse, require_whole
from fs_server.files.text import Text, text_of
from tests.fs_server.files.patch.written import File, Line, changed, opcodes, unified

HEADER = "--- a/f\n+++ b/f\n"
ENCODINGS = {"utf-8": "é漢", "latin-1": "éÿ", "utf-16-le": "é漢", "cp932": "ア漢"}
ENDINGS = {"lf": ["\n"], "crlf": ["\r\n"], "mixed": ["\n", "\r\n"], "cr": ["\r"]}
# What looks like another part of a patch once a sign stands in front of it.
MISLEADING = ["", " ", "-- a", "++ b", "@@ -1 +1 @@", "diff --git a/x b/x", "*** End Patch", "```", "\\ No newline"]


def bytes_of(file: File, encoding: str) -> bytes:
    return "".join(line.text + line.ending for line in file).encode(encoding)


def text(file: File, encoding: str) -> Text:
    return text_of(bytes_of(file, encoding), subject='"f"', label=encoding)


def only(patch: str) -> FilePatch:
    (file,) = parse(patch)
    return file


def patched(file: File, encoding: str, patch: str) -> bytes:
    stored = text(file, encoding)
    return stored.spliced(applied(stored, only(patch).hunks, subject='"f"'))


@st.composite
def files(draw: st.DrawFn, contents: st.SearchStrategy[str], kind: str) -> File:
    texts = draw(st.lists(contents, max_size=9))
    endings = [draw(st.sampled_from(ENDINGS[kind])) for _ in texts]
    if draw(st.booleans()) and texts:
        assume(texts[-1])
        endings[-1] = ""
    return tuple(Line(*line) for line in zip(texts, endings, strict=True))


@st.composite
def edits(draw: st.DrawFn, before: File, contents: st.SearchStrategy[str]) -> list[str]:
    after: list[str] = []
    for line in before:
        what = draw(st.sampled_from(list("kkkkdri")))
        if what in "ri":
            after += draw(st.lists(contents, min_size=1, max_size=3))
        if what in "ki":
            after.append(line.text)
    if draw(st.booleans()):
        after += draw(st.lists(contents, max_size=2))
    return after


def contents_of(encoding: str, kind: str) -> st.SearchStrategy[str]:
    words = ["a", "b", f"  {ENCODINGS[encoding]}", *MISLEADING]
    return st.sampled_from([*words, "in\rside"] if kind in {"lf", "mixed", "crlf"} else words)


@given(st.data(), st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(ENDINGS)))
@settings(max_examples=100)
def test_a_diff_of_two_texts_makes_the_second_of_the_first(data: st.DataObject, encoding: str, kind: str) -> None:
    contents = contents_of(encoding, kind)
    before = data.draw(files(contents, kind), label="before")
    # Without a newline, \r ends lines, and none of these lines is one.
    assume(kind == "cr" or any("\n" in line.ending for line in before) or "in\rside" not in {b.text for b in before})
    after = data.draw(edits(before, contents), label="after")
    marks = data.draw(st.booleans(), label="marks")
    after_is_bare = bool(after) and bool(after[-1]) and data.draw(st.booleans())
    codes = opcodes(before, after, after_is_bare=after_is_bare, marks=marks)
    hunks = unified(
        before, after, codes, context=data.draw(st.integers(1, 4)), after_is_bare=after_is_bare, marks=marks
    )
    assume(hunks)
    patch = HEADER + hunks
    ending = data.draw(st.sampled_from(["\n", "\r\n"]), label="lines of the patch end with")
    patch = patch.replace("\n", ending)
    expected = changed(before, after, codes, after_is_bare=after_is_bare, marks=marks, ending=ending)
    assert patched(before, encoding, patch) == bytes_of(expected, encoding)


def numbered(count: int, *, ending: str = "\n") -> File:
    return tuple(Line(f"line {number}", ending) for number in range(count))


@st.composite
def apart(draw: st.DrawFn, kind: str) -> tuple[File, list[str]]:
    """Two files of lines that are all different."""
    before = tuple(Line(line.text, draw(st.sampled_from(ENDINGS[kind]))) for line in numbered(draw(st.integers(1, 30))))
    after: list[str] = []
    for line in before:
        what = draw(st.sampled_from(list("kkkkkkdri")))
        after += [f"new {line.text}"] * (what in "ri") + [line.text] * (what in "ki")
    return before, after


@given(st.data(), st.sampled_from(sorted(ENDINGS)))
@settings(max_examples=50)
def test_a_diff_applies_where_its_lines_went(data: st.DataObject, kind: str) -> None:
    before, after = data.draw(apart(kind))
    codes = opcodes(before, after, after_is_bare=False, marks=False)
    shift = data.draw(st.integers(-40, 40))
    count_off = data.draw(st.integers(-3, 3))
    numbers = data.draw(st.booleans())
    patch = unified(
        before, after, codes, after_is_bare=False, marks=False, shift=shift, count_off=count_off, numbers=numbers
    ).replace("@@ --", "@@ -")
    assume(patch)
    above = tuple(Line(f"above {number}", ENDINGS[kind][0]) for number in range(max(shift, 0)))
    expected = bytes_of(above + changed(before, after, codes, after_is_bare=False, marks=False), "utf-8")
    assert patched(above + before, "utf-8", HEADER + patch) == expected
    assert patched(above + before, "utf-8", f"*** Begin Patch\n*** Update File: f\n{patch}*** End Patch") == expected


@given(st.data(), st.sampled_from(sorted(ENDINGS)))
@settings(max_examples=50)
def test_a_patch_is_not_applied_where_one_old_line_differs(data: st.DataObject, kind: str) -> None:
    before, after = data.draw(apart(kind))
    codes = opcodes(before, after, after_is_bare=False, marks=False)
    patch = unified(before, after, codes, after_is_bare=False, marks=False)
    old = [number for number, line in enumerate(before) if f" {line.text}\n" in patch or f"-{line.text}\n" in patch]
    assume(old)
    at = data.draw(st.sampled_from(old))
    differs = Line(before[at].text + data.draw(st.sampled_from(["x", " ", "\t"])), before[at].ending)
    found = (*before[:at], differs, *before[at + 1 :])
    with pytest.raises(Failure) as refusal:
        patched(found, "utf-8", HEADER + patch)
    assert refusal.value.code == "patch_failed"
    assert f"line {at + 1} " in str(refusal.value)


@given(st.data(), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=50)
def test_a_file_is_added_and_deleted_by_what_it_holds(data: st.DataObject, ending: str) -> None:
    texts = data.draw(st.lists(contents_of("utf-8", "lf"), min_size=1, max_size=5))
    file = tuple(Line(text, ending) for text in texts)
    if data.draw(st.booleans()) and texts[-1]:
        file = (*file[:-1], Line(texts[-1], ""))
    content = bytes_of(file, "utf-8").decode()
    codes = opcodes((), texts, after_is_bare=not file[-1].ending, marks=True)
    hunks = unified((), texts, codes, after_is_bare=not file[-1].ending, marks=True)
    added = only(f"--- /dev/null\n+++ b/f\n{hunks}".replace("\n", ending))
    assert added.kind == "add"
    assert added_text(added.hunks) == content
    codes = opcodes(file, [], after_is_bare=False, marks=True)
    hunks = unified(file, [], codes, after_is_bare=False, marks=True)
    deleted = only(f"--- a/f\n+++ /dev/null\n{hunks}")
    assert deleted.kind == "delete"
    require_whole(text(file, "utf-8"), deleted.hunks, subject='"f"')
    for other in ((*file, Line("more", "\n")), file[:-1], (Line("x", "\n"), *file[1:])):
        with pytest.raises(Failure, match=r"\[patch_failed\] \"f\": the file is not what the patch deletes"):
            require_whole(text(other, "utf-8"), deleted.hunks, subject='"f"')
