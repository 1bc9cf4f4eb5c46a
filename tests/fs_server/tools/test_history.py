"""`history`: what was changed and by whom, in a feed from which nothing is missing."""

import os
import random
import re
import sys
from pathlib import Path

import pytest

from fs_server.config.settings import Limits
from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import edits, nothing_changes
from tests.fs_server.tools.in_process import called
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

CHANGE = re.compile(r"(c\d+)  \d{4}-\d\d-\d\d \d\d:\d\d  (.*)")


def told(files: Files, **arguments: object) -> list[tuple[str, str, list[str]]]:
    """Return the changes of a page: id, what did it, and the lines of its paths."""
    found: list[tuple[str, str, list[str]]] = []
    for line in files.blocks("history", **arguments)[0].split("\n"):
        if change := CHANGE.fullmatch(line):
            found.append((change[1], change[2], []))
        elif line:
            found[-1][2].append(line.removeprefix("    "))
    return found


def test_every_change_is_told_with_its_paths_and_counts(files: Files, here: Here) -> None:
    at = here.spoken
    make_tree(here.path, ["d/g = G", "bin = x"])
    (here / "bin").write_bytes(bytes(10))
    ids = [
        files.facts("write_file", path=f"{at}/a/f", content="1\n2\n3\n")["change_id"],
        files.facts("edit_file", path=f"{at}/a/f", edits=edits(("2\n", "2\n2b\n"), ("3\n", "")))["change_id"],
        files.facts("move_path", source=f"{at}/a/f", destination=f"{at}/h")["change_id"],
        files.facts("delete_path", path=f"{at}/d", recursive=True)["change_id"],
        files.facts("delete_path", path=f"{at}/bin")["change_id"],
        files.facts("copy_path", source=f"{at}/h", destination=f"{at}/h2")["change_id"],
        files.facts("undo")["change_id"],
    ]
    expected = [
        ("write_file", [f"A {at}/a/", f"A {at}/a/f  +3 -0"]),
        ("edit_file", [f"M {at}/a/f  +1 -1"]),
        ("move_path", [f"R {at}/a/f -> {at}/h"]),
        ("delete_path", [f"D {at}/d/"]),
        ("delete_path", [f"D {at}/bin"]),
        (f"copy_path  (undone by {ids[6]})", [f"A {at}/h2  +3 -0"]),
        (f"undo of {ids[5]}", [f"D {at}/h2  +0 -3"]),
    ]
    result = files.ask("history", path=at)
    assert told(files, path=at) == [
        (str(change), *rest) for change, rest in zip(reversed(ids), reversed(expected), strict=True)
    ]
    facts = result["_meta"][FACTS]
    assert facts == {"count": 7, "cursor": facts["cursor"], "truncated": False}
    assert result["content"][1]["text"] == f'[7 changes; what comes later: since="{facts["cursor"]}"]'
    assert "structuredContent" not in result


def test_a_path_has_the_changes_of_itself_and_beneath(files: Files, here: Here) -> None:
    at = here.spoken
    for name in ("d/f", "d/e/g", "d2/f"):
        files.facts("write_file", path=f"{at}/{name}", content="x")
    files.facts("move_path", source=f"{at}/d/f", destination=f"{at}/m")
    assert [what for _, what, _ in told(files, path=f"{at}/d")] == ["move_path", "write_file", "write_file"]
    assert [what for _, what, _ in told(files, path=f"{at}/d/e")] == ["write_file"]
    assert [what for _, what, _ in told(files, path=f"{at}/m")] == ["move_path"]
    files.facts("delete_path", path=f"{at}/d", recursive=True)
    assert len(told(files, path=f"{at}/d/e/g")) == 2, "what is gone has its history too"
    (here / "d").write_text("a file by now")
    assert len(told(files, path=f"{at}/d/e/g")) == 2
    assert told(files, path=f"{at}/nothing") == []
    assert told(files, path=here.path.parent.as_uri(), limit=1) == told(files, limit=1)


def test_whoever_follows_the_feed_misses_nothing(files: Files, here: Here) -> None:
    """Pages of two, changes between them: each is told once, in order."""
    at = here.spoken
    cursor = files.facts("history", path=at)["cursor"]
    made: list[object] = []
    seen: list[object] = []
    for turn in range(6):
        made += [
            files.facts("write_file", path=f"{at}/{turn}-{number}", content="x")["change_id"] for number in range(turn)
        ]
        more = True
        while more:
            result = files.ask("history", path=at, since=cursor, limit=2)
            page = told(files, path=at, since=cursor, limit=2)
            seen += [change for change, _, _ in reversed(page)]
            facts = result["_meta"][FACTS]
            more, cursor = facts["truncated"], facts["cursor"]
            note = result["content"][1]["text"]
            assert f'since="{cursor}"' in note
            assert ("newer ones follow" in note) is more
    assert seen == made
    assert len(made) == 15


def test_the_feed_of_a_new_journal_in_small_pages(tmp_path: Path) -> None:
    """A cursor from before any change, and pages that end where the next one begins, wherever that is."""
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    with called(root, journal=state / "journal", limits=Limits(result_chars=1_000)) as tools:
        cursor = tools.answer("history").facts["cursor"]
        assert not state.exists(), "who only looks begins no journal"
        made = [
            tools.answer("write_file", path=f"{'n' * 100}{number}", content="").facts["change_id"]
            for number in range(12)
        ]
        assert ids(tools.blocks("history", since=cursor, limit=1)[0]) == [made[0]]
        assert len(ids(tools.blocks("history")[0])) < 12
        assert "there are older ones" in tools.blocks("history")[1]
        seen: list[str] = []
        more: object = True
        while more:
            answer = tools.answer("history", since=cursor)
            blocks = tools.blocks("history", since=cursor)
            assert sum(map(len, blocks)) <= 1_000
            seen += reversed(ids(blocks[0]))
            cursor, more = answer.facts["cursor"], answer.facts["truncated"]
        assert seen == made
        # Nine long paths in one change do not fit at all, and it is told all the same.
        parts = "".join(f"*** Add File: {'m' * 200}{number}\n+x\n" for number in range(9))
        last = tools.answer("apply_patch", patch=f"*** Begin Patch\n{parts}*** End Patch").facts["change_id"]
        text = tools.blocks("history", since=cursor)[0]
        assert ids(text) == [last]
        assert 1 < len(text.splitlines()) < 9


def test_what_became_secret_is_neither_named_nor_put_back(tmp_path: Path) -> None:
    """The operator's rules of today hold for what was done before them."""
    (tmp_path / "root").mkdir()
    with called(tmp_path / "root", journal=tmp_path / "journal") as tools:
        change = tools.answer("write_file", path="hush.txt", content="x\ny\n").facts["change_id"]
        cursor = tools.answer("history").facts["cursor"]
    with called(tmp_path / "root", journal=tmp_path / "journal", deny=("hush.*",)) as tools:
        text, _ = tools.blocks("history")
        assert text.splitlines()[1:] == ["    A (a secret name)"]
        refusal = tools.refusal("undo", change_id=change)
        assert refusal.code == "protected_path"
        assert f'Undoing {change}, "(a secret name)". The rule hush.* ' in str(refusal)
    assert (tmp_path / "root/hush.txt").exists()
    with called(tmp_path / "root", journal=tmp_path / "another") as tools:
        assert "changes after your cursor were forgotten" in tools.blocks("history", since=cursor)[1]


def ids(text: str) -> list[str]:
    return [line.partition(" ")[0] for line in text.splitlines() if CHANGE.fullmatch(line)]


def test_a_limit_is_kept_and_said(files: Files, here: Here) -> None:
    ids = [files.facts("write_file", path=here.named(str(number)), content="x")["change_id"] for number in range(3)]
    result = files.ask("history", path=here.spoken, limit=2)
    assert [change for change, _, _ in told(files, path=here.spoken, limit=2)] == ids[:0:-1]
    assert result["_meta"][FACTS]["truncated"] is True
    assert "there are older ones" in result["content"][1]["text"]


def test_a_change_of_many_files_tells_the_first(files: Files, here: Here) -> None:
    parts = "".join(f"*** Add File: {here.named(str(number))}\n+x\n" for number in range(30))
    files.facts("apply_patch", patch=f"*** Begin Patch\n{parts}*** End Patch")
    ((_, _, paths),) = told(files, path=here.spoken)
    assert len(paths) == 9
    assert paths[-1] == "and 22 more"


@pytest.mark.nightly
def test_lines_are_counted_for_a_second_and_no_longer(files: Files, here: Here) -> None:
    """Random lines of three letters take seconds to compare."""
    chance = random.Random(1)  # noqa: S311 # no secret
    texts = ["".join(chance.choices("ab\n", k=60_000)) for _ in range(2)]
    for number in range(9):
        files.facts("write_file", path=here.named("f"), content=texts[number % 2], if_exists="replace")
    counted = [" +" in line for _, _, (line,) in told(files, path=here.spoken)]
    assert len(counted) == 9
    assert counted[0]
    assert not counted[-1]


@pytest.mark.parametrize("since", ["x", "AAAA", "c1", "A" * 100_000, "\0", "é"])
def test_what_is_no_cursor_is_refused(files: Files, since: str) -> None:
    assert files.code("history", since=since) == "bad_cursor"


def test_a_cursor_belongs_to_its_question(files: Files, here: Here) -> None:
    cursor = files.facts("history", path=here.spoken)["cursor"]
    assert files.code("history", since=cursor) == "bad_cursor"
    files.facts("history", path=here.spoken, since=cursor, limit=1)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc", "outside_roots"),
        ("..", "escapes_root"),
        ("{at}/out", ""),
        (".env", "protected_path"),
        ("a\0", "invalid_path"),
    ],
)  # fmt: skip
def test_a_path_is_held_to_the_rules(files: Files, here: Here, path: str, code: str) -> None:
    make_tree(here.path, ["out -> ../../outside.txt"])
    path = path.replace("{at}", here.spoken)
    if not code:
        assert told(files, path=path) == [], "a link has a history of its own"
        return
    assert files.code("history", path=path) == code


@pytest.mark.parametrize("limit", [0, -1, 501, 10**30])
def test_a_limit_beyond_sense_is_refused(files: Files, limit: int) -> None:
    assert files.code("history", limit=limit) == "invalid_argument"


def test_odd_names_are_shown_harmless(files: Files, here: Here) -> None:
    odd = Path(os.fsdecode(os.fsencode(here.path) + b"/\xff\x1b\n"))
    odd.write_text("x")
    files.facts("delete_path", path=here.uri() + "/%FF%1B%0A")
    ((_, _, paths),) = told(files, path=here.spoken)
    assert paths == [f"D {here.named('')}\\xff\\x1b\\n  +0 -1"]


def test_to_look_changes_nothing(files: Files, here: Here) -> None:
    with nothing_changes(here.path, files):
        files.blocks("history", path=here.spoken)
