"""`edit_file`: the quoted text and nothing else, and never over what somebody else has written meanwhile."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.changes import attributes, dressed, edits, etag_of, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is written on Windows yet", allow_module_level=True)

OLD = b"one\r\ntwo\nthree\r\nfour\nfive"
LINES = "".join(f"line {number}\n" for number in range(1, 21))


def edit(files: Files, here: Here, *pairs: tuple[str, str], **others: object) -> tuple[str, str]:
    """Edit the file `f`, and return the diff and the note."""
    diff, note = files.blocks("edit_file", path=here.named("f"), edits=edits(*pairs), **others)
    return diff, note


def refused(files: Files, here: Here, *pairs: tuple[str, str], **others: object) -> str:
    """Return the refusal of such an edit; nothing has changed then."""
    with nothing_changes(here.path):
        return files.failure("edit_file", path=here.named("f"), edits=edits(*pairs), **others)


def test_an_edit_gives_the_diff_and_the_facts(files: Files, here: Here) -> None:
    before = attributes(dressed(make_tree(here.path, ["f"]) / "f"))
    (here / "f").write_bytes(OLD)
    result = files.ask("edit_file", path=here.named("f"), edits=edits(("two", "TWO"), ("five", "5")))
    new = b"one\r\nTWO\nthree\r\nfour\n5"
    assert (here / "f").read_bytes() == new
    assert attributes(here / "f") == before
    diff, note = (block["text"] for block in result["content"])
    name = here.named("f")
    assert diff == (
        f"--- a/{name}\n+++ b/{name}\n@@ -1,5 +1,5 @@\n one␍\n-two\n+TWO\n three␍\n four\n"
        "-five\n\\ No newline at end of file\n+5\n\\ No newline at end of file\n"
    )
    facts = result["_meta"][FACTS]
    assert facts == {
        "path": name, "uri": here.uri("f"), "etag": etag_of(new), "previous_etag": etag_of(OLD), "size": len(new),
        "occurrences": 2, "truncated": False, "change_id": facts["change_id"],
    }  # fmt: skip
    assert note == f'["{name}": +2 -2 lines, 2 places; change {facts["change_id"]}; etag {etag_of(new)}]'
    assert "structuredContent" not in result


def test_a_dry_run_gives_the_diff_of_the_real_run_and_changes_nothing(files: Files, here: Here) -> None:
    (here / "f").write_bytes(OLD)
    asked = {"path": here.named("f"), "edits": edits(("one\ntwo", "ONE\ntwo\nand a half"), ("four", "4"))}
    with nothing_changes(here.path, files):
        dry = files.ask("edit_file", dry_run=True, **asked)
    real = files.ask("edit_file", if_match=dry["_meta"][FACTS]["etag"], **asked)
    assert dry["content"][0] == real["content"][0]
    assert "change_id" not in dry["_meta"][FACTS]
    assert dry["_meta"][FACTS]["etag"] == real["_meta"][FACTS]["previous_etag"] == etag_of(OLD)
    note = dry["content"][1]["text"]
    assert "dry run: nothing is changed" in note
    assert f"etag {etag_of(OLD)}" in note
    assert (here / "f").read_bytes() == b"ONE\r\ntwo\r\nand a half\nthree\r\n4\nfive"


def test_a_dry_run_is_refused_where_the_real_run_is(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = x x", ".git/config = [core]"])
    for path, pair in (("f", ("y", "z")), ("f", ("x", "z")), (".git/config", ("core", "x")), ("gone", ("x", "z"))):
        texts = {
            files.failure("edit_file", path=here.named(path), edits=edits(pair), dry_run=dry) for dry in (True, False)
        }
        assert len(texts) == 1, texts


def test_several_edits_are_made_in_order_and_as_one(files: Files, here: Here) -> None:
    (here / "f").write_text("a b c")
    edit(files, here, ("a", "b"), ("b b", "d"))
    assert (here / "f").read_text() == "d c"
    text = refused(files, here, ("d", "D"), ("gone", "x"))
    assert text.startswith("[no_match] ")
    assert "edit 2 of 2, nothing was changed" in text


@pytest.mark.parametrize(
    ("occurrence", "content", "count"), [("first", "y x x", 1), ("all", "y y y", 3), ("only", None, 0)]
)
def test_a_text_that_stands_there_more_than_once(
    files: Files, here: Here, occurrence: str, content: str | None, count: int
) -> None:
    (here / "f").write_text("x x x")
    one = {"old_text": "x", "new_text": "y", "occurrence": occurrence}
    if content is None:
        text = files.failure("edit_file", path=here.named("f"), edits=[one])
        assert text.startswith("[ambiguous_match] ")
        assert "3 times" in text
        assert 'occurrence="first"' in text
        return
    assert files.facts("edit_file", path=here.named("f"), edits=[one])["occurrences"] == count
    assert (here / "f").read_text() == content


def test_an_ambiguous_text_is_told_with_all_its_lines(files: Files, here: Here) -> None:
    (here / "f").write_text("x\n\nx\nx\n")
    assert "In lines 1, 3, 4" in refused(files, here, ("x", "y"))


def test_a_miss_tells_the_nearest_place_and_what_differs(files: Files, here: Here) -> None:
    (here / "f").write_text("def f():\n    return  1\n")
    text = refused(files, here, ("    return 1\n", "    return 2\n"))
    assert text.startswith("[no_match] ")
    assert "line 2" in text
    assert "blanks" in text
    assert "start_line=1" in text


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], "invalid_argument", "at least 1 item"),
        ("no list", "invalid_argument", "list"),
        ([{"old_text": "x"}], "invalid_argument", "new_text is missing"),
        ([{"old": "x", "new": "y"}], "invalid_argument", "old_text is missing"),
        ([{"old_text": "x", "new_text": "y", "occurrence": "second"}], "invalid_argument", "'only', 'first' or 'all'"),
        (edits(("", "y")), "invalid_argument", "old_text is empty"),
        (edits(("x", "x")), "invalid_argument", "are the same"),
        (edits(("x", "a\0b")), "invalid_argument", "NUL"),
        (edits(("x", "a\ud800b")), "invalid_argument", "half of a character"),
        (edits(*[("x", "y")] * 10_000), "too_large", "10000; the limit is 1000"),
        (edits(("x" * 5_000_000, "y")), "no_match", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and value else "",
)
def test_edits_that_say_nothing_are_refused(files: Files, here: Here, given: object, code: str, words: str) -> None:
    (here / "f").write_text("x\n")
    with nothing_changes(here.path):
        text = files.failure("edit_file", path=here.named("f"), edits=given)
    assert text.startswith(f"[{code}] ")
    assert words in text


def test_edits_may_come_as_json_text(files: Files, here: Here) -> None:
    """ours: hosts send lists so."""
    (here / "f").write_text("x\n")
    files.facts("edit_file", path=here.named("f"), edits='[{"old_text": "x", "new_text": "y"}]')
    assert (here / "f").read_text() == "y\n"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gone", "not_found"),
        ("gone/x", "not_found"),
        ("d", "is_directory"),
        ("fifo", "not_regular_file"),
        ("binary", "binary_file"),
        ("out", "escapes_root"),
        ("dangling", "dangling_symlink"),
        ("f/x", "not_directory"),
        (".env", "protected_path"),
        (".git/config", "protected_path"),
        ("link-to-config", "protected_path"),
    ],
)
def test_what_cannot_be_edited_is_refused(files: Files, here: Here, name: str, code: str) -> None:
    make_tree(
        here.path,
        [
            "d/", "f = one", "fifo|", "out -> ../../outside.txt", "dangling -> nothing", ".env = one",
            ".git/config = one", "link-to-config -> .git/config",
        ],
    )  # fmt: skip
    (here / "binary").write_bytes(b"one\0two")
    for dry_run in (False, True):
        with nothing_changes(here.path):
            found = files.failure("edit_file", path=here.named(name), edits=edits(("one", "two")), dry_run=dry_run)
        assert found.startswith(f"[{code}] ")
        assert OUTSIDE not in found


def test_a_link_inside_the_root_stays_and_what_it_leads_to_is_edited(files: Files, here: Here) -> None:
    make_tree(here.path, ["d/f = one", "link -> d/f"])
    facts = files.facts("edit_file", path=here.named("link"), edits=edits(("one", "two")))
    assert facts["path"] == here.named("d/f")
    assert (here / "link").readlink() == Path("d/f")
    assert (here / "d/f").read_text() == "two"


def test_a_file_of_several_names_is_not_split_in_silence(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = one", "twin => f"])
    _, note = edit(files, here, ("one", "two"))
    assert "2 names (hard links)" in note
    assert ((here / "f").read_text(), (here / "twin").read_text()) == ("two", "one")


def test_a_content_that_stays_the_same_is_no_change(files: Files, here: Here) -> None:
    (here / "f").write_text("a b")
    with nothing_changes(here.path, files):
        diff, note = edit(files, here, ("a", "c"), ("c", "a"))
    assert diff == ""
    assert "nothing to change" in note


# --- if_match


def test_an_edit_with_the_etag_of_what_stands_there_is_made(files: Files, here: Here) -> None:
    (here / "f").write_text(LINES)
    etag = files.facts("read_file", path=here.named("f"))["etag"]
    _, note = edit(files, here, ("line 3\n", "LINE 3\n"), if_match=etag)
    assert "merged" not in note


READ = ("read_file", "read_files", "write_file", "edit_file", "apply_patch")


@pytest.mark.parametrize("way", READ)
@pytest.mark.guarantee("G18")
def test_changes_of_others_in_other_lines_are_kept_and_told(files: Files, here: Here, way: str) -> None:
    """The base of the merge is what the client was given, by whichever tool."""
    etag = known(files, here, way)
    theirs = LINES.replace("line 15\n", "LINE 15\nadded\n")
    (here / "f").write_text(theirs)
    diff, note = edit(files, here, ("line 3\n", "LINE 3\n"), if_match=etag)
    assert (here / "f").read_text() == theirs.replace("line 3\n", "LINE 3\n")
    assert "merged with changes that somebody else made since" in note
    assert "+LINE 3" in diff
    assert "LINE 15" not in diff, "what others did was not done by this edit"


def known(files: Files, here: Here, way: str) -> str:
    """Let a client know the file `f` with `LINES` in it, and return the etag that it was told, in words."""
    (here / "f").write_text(LINES)
    path = here.named("f")
    match way:
        case "read_file":
            block = files.blocks("read_file", path=path, line_count=2)[-1]
        case "read_files":
            block = files.blocks("read_files", paths=[path])[0]
        case "write_file":
            (here / "f").write_text("something else")
            return str(files.data("write_file", path=path, content=LINES, if_exists="replace")["etag"])
        case "edit_file":
            (here / "f").write_text(LINES.replace("line 7", "seven"))
            block = files.blocks("edit_file", path=path, edits=edits(("seven", "line 7")))[-1]
        case _:
            (here / "f").unlink()
            lines = LINES.splitlines()
            patch = "\n".join(["--- /dev/null", f"+++ b/{path}", "@@ -0,0 +1,20 @@", *(f"+{line}" for line in lines)])
            block = files.blocks("apply_patch", patch=patch)[0]
    found = re.search("etag ([0-9a-f]{16})", block)
    assert found
    return found[1]


def test_a_merge_can_be_seen_before_it_is_made(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_text(LINES.replace("line 15", "LINE 15"))
    with nothing_changes(here.path, files):
        dry = edit(files, here, ("line 3\n", "LINE 3\n"), if_match=etag, dry_run=True)
    assert "merged" in dry[1]
    assert edit(files, here, ("line 3\n", "LINE 3\n"), if_match=etag)[0] == dry[0]


def test_a_change_of_the_same_lines_is_a_conflict_that_shows_both_sides(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_text(LINES.replace("line 3\n", "their line\n"))
    text = refused(files, here, ("line 3\n", "my line\n"), if_match=etag)
    assert text.startswith("[conflict] ")
    assert 'Line 3 was changed since to "their line"; your edit makes it "my line"' in text
    assert "Read it again" in text


def test_a_conflict_in_long_lines_shows_where_they_differ(files: Files, here: Here) -> None:
    start, end = "a" * 500, "z" * 500
    (here / "f").write_text(f"{start} line {end}\nlast\n")
    etag = files.facts("read_file", path=here.named("f"))["etag"]
    (here / "f").write_text(f"{start} theirs {end}\nlast\n")
    text = refused(files, here, (" line ", " mine "), if_match=etag)
    assert "theirs" in text
    assert "mine" in text
    assert "…" in text


def test_a_conflict_with_what_was_removed_says_that(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_text(LINES.replace("line 3\n", ""))
    assert 'removed since; your edit makes it "mine"' in refused(files, here, ("line 3\n", "mine\n"), if_match=etag)
    (here / "f").write_text(LINES.replace("line 3\n", "theirs\n"))
    text = refused(files, here, ("line 3\n", ""), ("line 9\n", "x\n"), if_match=etag)
    assert 'changed since to "theirs"; your edit removes it' in text


def test_several_conflicts_are_counted(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_text(LINES.replace("line 3\n", "a\n").replace("line 12\n", "b\n"))
    text = refused(files, here, ("line 3\n", "c\n"), ("line 12\n", "d\n"), if_match=etag)
    assert "Line 3 (the first of 2)" in text


def test_a_file_that_became_something_else_is_a_conflict(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_bytes(bytes(range(256)))
    text = refused(files, here, ("line 3\n", "x\n"), if_match=etag)
    assert text.startswith("[conflict] ")
    assert "no text" in text


def test_an_etag_that_nobody_knows_cannot_be_merged(files: Files, here: Here) -> None:
    (here / "f").write_text(LINES)
    text = refused(files, here, ("line 3\n", "x\n"), if_match="0123456789abcdef")
    assert text.startswith("[conflict] ")
    assert "0123456789abcdef" in text
    assert "not kept" in text


def test_an_etag_of_another_file_is_no_key_to_it(files: Files, here: Here) -> None:
    """Else the text of a file could be had by whoever guesses that it is known."""
    make_tree(here.path, ["other = their text\n"])
    (here / "f").write_text(LINES)
    etag = files.facts("read_file", path=here.named("other"))["etag"]
    text = refused(files, here, ("their text\n", "x\n"), if_match=etag)
    assert text.startswith("[conflict] ")
    assert "not kept" in text


@pytest.mark.parametrize("if_match", ["x", "0123", '"0123456789abcdef"'])
def test_what_is_no_etag_is_told_so(files: Files, here: Here, if_match: str) -> None:
    (here / "f").write_text(LINES)
    assert "16 hexadecimal digits" in refused(files, here, ("line 3\n", "x\n"), if_match=if_match)


def test_what_others_did_already_is_not_done_twice(files: Files, here: Here) -> None:
    etag = known(files, here, "read_file")
    (here / "f").write_text(LINES.replace("line 3\n", "new\n"))
    with nothing_changes(here.path, files):
        _, note = edit(files, here, ("line 3\n", "new\n"), if_match=etag)
    assert "nothing to change" in note


# --- sizes


def test_a_long_diff_is_cut_and_says_how_much_is_missing(files: Files, here: Here) -> None:
    (here / "f").write_text("".join(f"{number}\n" for number in range(5_000)))
    result = files.ask(
        "edit_file", path=here.named("f"), edits=[{"old_text": "\n", "new_text": "!\n", "occurrence": "all"}]
    )
    diff, note = (block["text"] for block in result["content"])
    assert len(diff) + len(note) <= 20_000
    shown = sum(line[0] in "+-" and line[:3] not in {"+++", "---"} for line in diff.splitlines())
    assert f"{10_000 - shown} changed lines are not shown" in note
    assert result["_meta"][FACTS]["truncated"] is True
    assert (here / "f").read_text().startswith("0!\n1!\n")


def test_a_sparse_file_of_two_gigabytes_is_refused_at_once(files: Files, here: Here) -> None:
    with (here / "f").open("wb") as file:
        file.truncate(2 << 30)
    text = files.failure("edit_file", path=here.named("f"), edits=edits(("a", "b")))
    assert text.startswith("[too_large] ")
    assert str(2 << 30) in text


def test_a_name_that_is_no_text_is_edited_by_its_uri(files: Files, here: Here) -> None:
    name = Path(os.fsdecode(os.fsencode(here.path) + b"/\xffx"))
    name.write_text("one")
    facts = files.facts("edit_file", path=here.uri() + "/%FFx", edits=edits(("one", "two")))
    assert name.read_text() == "two"
    assert facts["path"] == here.named("\\xffx")
