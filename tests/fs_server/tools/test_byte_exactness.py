"""Bytes outside of what was asked for are never touched: every kind of line end in every encoding, by every tool.

What is right is worked out from bytes alone, without the product's code: a file is `before + old + after`, and has to
become `before + new + after`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import attributes, dressed, edits, etag_of
from tests.support.product import Files

if sys.platform == "win32":
    pytest.skip("nothing is written on Windows yet", allow_module_level=True)


@dataclass(frozen=True)
class Kind:
    """An encoding as a file has it, with words that it can hold: enough of them to be told from others."""

    codec: str
    mark: bytes
    words: tuple[str, ...]

    def bytes_of(self, text: str) -> bytes:
        return text.encode(self.codec)


GERMAN = ("Größe und Länge", "über Flüsse", "fährt müde", "schöne Grüße", "für später", "natürlich")
JAPANESE = ("これは日本語の文章です", "表示能力ソフト", "漢字とかなを使う", "申し込み十分", "予定表", "日本語ﾃｽﾄ")

KINDS = {
    "UTF-8": Kind("utf-8", b"", (*GERMAN, *JAPANESE, "😀 e\u0301 \u2028")),
    "UTF-8 with a mark": Kind("utf-8", b"\xef\xbb\xbf", (*GERMAN, *JAPANESE, "😀 e\u0301")),
    "UTF-16 LE": Kind("utf-16-le", b"\xff\xfe", (*GERMAN, *JAPANESE, "😀 \u0a0d\u0d0a")),
    "UTF-16 BE": Kind("utf-16-be", b"\xfe\xff", (*GERMAN, *JAPANESE, "😀 \u0a0d\u0d0a")),
    "latin-1": Kind("latin-1", b"", GERMAN),
    "Shift-JIS": Kind("shift_jis", b"", JAPANESE),
}

ENDS = {
    "LF": ("\n", "\n", "\n", "\n", "\n", "\n"),
    "CRLF": ("\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n"),
    "CR": ("\r", "\r", "\r", "\r", "\r", "\r"),
    "mixed": ("\n", "\r\n", "\r\n", "\n", "\r\n", "\n"),
    "no end of the last": ("\r\n", "\n", "\r\n", "\n", "\r\n", ""),
}

OLD, NEW = "alpha beta", "omega"


@dataclass(frozen=True)
class File:
    """A file of six lines, in which `OLD` stands in the fourth."""

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    kind: Kind

    def stored(self, fourth: str | None = None) -> bytes:
        """Return its bytes, with another fourth line if one is given."""
        lines = [*self.lines[:3], self.lines[3] if fourth is None else fourth, *self.lines[4:]]
        return self.kind.mark + b"".join(
            self.kind.bytes_of(line) + self.kind.bytes_of(end) for line, end in zip(lines, self.ends, strict=True)
        )


Act = Callable[[Files, str, File], bytes]
"""Change the file at a path, and return what it has to be then."""


def by_edit(files: Files, path: str, file: File) -> bytes:
    files.facts("edit_file", path=path, edits=edits((OLD, NEW)))
    return file.stored(file.lines[3].replace(OLD, NEW))


def by_an_edit_of_lines(files: Files, path: str, file: File) -> bytes:
    """The quotation has plain line feeds, as a model writes it, whatever the file has."""
    old, new = "\n".join(file.lines[2:5]), "\n".join([file.lines[2], "new", file.lines[4]])
    files.facts("edit_file", path=path, edits=edits((old, new)))
    return file.stored("new")


def by_patch(files: Files, path: str, file: File) -> bytes:
    lines = [f" {file.lines[2]}", f"-{file.lines[3]}", "+new line", f" {file.lines[4]}"]
    patch = "\n".join([f"--- a/{path}", f"+++ b/{path}", "@@ -3,3 +3,3 @@", *lines, ""])
    files.facts("apply_patch", patch=patch)
    return file.stored("new line")


def by_replacing(files: Files, path: str, file: File) -> bytes:
    files.facts("replace_in_files", path=path, query=OLD, replacement=NEW, dry_run=False, expected_count=1)
    return file.stored(file.lines[3].replace(OLD, NEW))


def by_appending(files: Files, path: str, file: File) -> bytes:
    more = f"{file.kind.words[0]}\r\nlast\n"
    files.facts("write_file", path=path, content=more, if_exists="append")
    return file.stored() + file.kind.bytes_of(more)


ACTS = (by_edit, by_an_edit_of_lines, by_patch, by_replacing, by_appending)


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_only_what_was_asked_for_changes_and_undo_gives_every_byte_back(
    files: Files, here: Here, kind: str, ends: str
) -> None:
    words = KINDS[kind].words
    lines = (words[0], f"{words[1]} {words[2]}", words[3], f"{words[4]} {OLD} {words[5]}", words[2], words[1])
    file = File(lines, ENDS[ends], KINDS[kind])
    (here / "f").write_bytes(file.stored())
    before = attributes(dressed(here / "f"))
    for act in ACTS:
        expected = act(files, here.named("f"), file)
        assert (here / "f").read_bytes() == expected, act
        assert attributes(here / "f") == before, act
        files.data("undo")
        assert (here / "f").read_bytes() == file.stored(), f"undo of {act}"
        assert attributes(here / "f") == before, f"undo of {act}"


pieces = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["\n", "\r\n", "\r", "", " ", "\t", "\x0c"])), max_size=12
)


# Each example is five calls of a real server, and at night there are many.
@pytest.mark.timeout(3_600)
@settings(
    max_examples=settings().max_examples * 3 // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    before=pieces,
    after=pieces,
    new=pieces,
    act=st.sampled_from(["edit", "merge", "patch", "replace", "pattern", "append"]),
)
def test_whatever_stands_around_a_place_stays(  # noqa: PLR0917 # each is one dimension
    files: Files,
    ground: Path,
    kind: str,
    before: list[tuple[int, str]],
    after: list[tuple[int, str]],
    new: list[tuple[int, str]],
    act: str,
) -> None:
    """Any words of the encoding, any line ends, in front, behind and in the new text."""
    which = KINDS[kind]
    head, tail = (_text(which, parts) for parts in (before, after))
    word = _text(which, new).replace("\n", "").replace("\r", "") or "x"
    path = ground / "exact"
    start, end = which.mark + which.bytes_of(head), which.bytes_of(tail)
    content = start + which.bytes_of("<<here>>") + end
    path.write_bytes(content)
    facts = dressed(path) and attributes(path)
    if act == "append":
        result = files.ask("write_file", path="exact", content=word, if_exists="append")
        start, end = content, b""
    elif act == "patch":
        line = _line_around(head, tail)
        if line is None:
            return
        lines = [f"-{line[0]}<<here>>{line[1]}", f"+{line[0]}{word}{line[1]}"]
        result = files.ask("apply_patch", patch="\n".join(["--- a/exact", "+++ b/exact", "@@ @@", *lines, ""]))
    elif act in {"replace", "pattern"}:
        query, text = ("<<here>>", word) if act == "replace" else ("<<(here)>>", word.replace("$", "$$"))
        result = files.ask(
            "replace_in_files", path="exact", query=query, replacement=text, regex=act == "pattern", dry_run=False
        )
    else:
        etag = ""
        if act == "merge":  # with somebody else's line at the end
            content, end = content + which.bytes_of("\nkept\nkept\n"), end + which.bytes_of("\nkept\nkept\n")
            path.write_bytes(content)
            etag = files.ask("read_file", path="exact")["_meta"]["fs-server/result"].get("etag", etag_of(content))
            content, end = content + which.bytes_of("theirs\n"), end + which.bytes_of("theirs\n")
            path.write_bytes(content)
        result = files.ask("edit_file", path="exact", edits=edits(("<<here>>", word)), if_match=etag)
    assert attributes(path) == facts
    event(f"{act}: {'refused' if result['isError'] else 'done'}")
    if result["isError"]:  # what an encoding is taken for may be another one, and then it is better left alone
        assert path.read_bytes() == content
        return
    changed = path.read_bytes()
    assert changed[: len(start)] == start
    assert changed[len(changed) - len(end) :] == end
    # Nothing tells the encoding of a file that has only ASCII, so what comes is UTF-8.
    assert changed[len(start) : len(changed) - len(end)] in {which.bytes_of(word), word.encode()}
    files.data("undo")
    assert path.read_bytes() == content
    assert attributes(path) == facts


def _text(kind: Kind, parts: list[tuple[int, str]]) -> str:
    return "".join(kind.words[number % len(kind.words)] + end for number, end in parts)


def _line_around(head: str, tail: str) -> tuple[str, str] | None:
    """Return what stands before and behind the place in its line; None where a patch could not show the line."""
    before, after = head.rpartition("\n")[2], tail.partition("\n")[0].removesuffix("\r")
    whole = head + tail
    if "\r" in before + after or ("\r" in whole and "\n" not in whole):
        return None
    return before, after
