"""`history` and `undo` as a person types them, on what a real server has changed."""

import os
from pathlib import Path

import pytest

from tests.fs_server.cli.program import run
from tests.support.product import Files


@pytest.fixture
def changed(home: Path) -> Path:
    """A root in which a server has written a file, edited it in two places, moved it and deleted a directory."""
    root = home / "notes"
    (root / "old").mkdir(parents=True)
    (root / "old" / "page.md").write_text("kept\n")
    with Files(os.fspath(root)) as client:
        client.ask("write_file", path="draft.md", content="one\ntwo\nthree\nfour\nfive\n")
        client.ask("edit_file", path="draft.md", edits=[{"old_text": "one", "new_text": "1"}])
        client.ask("edit_file", path="draft.md", edits=[{"old_text": "five", "new_text": "5"}])
        client.ask("move_path", source="draft.md", destination="final.md")
        client.ask("delete_path", path="old", recursive=True)
    return root


def test_history_tells_each_change_the_newest_first_with_paths_and_lines(changed: Path) -> None:
    done = run("history")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("c")] == ["c5", "c4", "c3", "c2", "c1"]
    assert f"       A {changed}/draft.md  +5 -0" in lines
    assert f"       R {changed}/draft.md -> {changed}/final.md" in lines
    assert f"       D {changed}/old/" in lines
    assert lines[-1].startswith("5 of 5 changes; the journal takes ")


def test_history_shows_the_differences_on_request(changed: Path) -> None:
    shown = run("history", "--diff", "--limit", "3", str(changed)).stdout
    assert "         -five" in shown.splitlines()
    assert "         +5" in shown.splitlines()
    assert "         -one" not in shown.splitlines(), "only the newest three"


def test_history_of_a_directory_tells_only_what_lies_beneath_it(changed: Path) -> None:
    assert run("history", str(changed / "old")).stdout.splitlines()[0].startswith("c5")
    elsewhere = run("history", str(changed.parent / "elsewhere")).stdout
    assert elsewhere == "Nothing was changed there, or it is forgotten.\n"


def test_history_colours_nothing_in_a_pipe_and_obeys_no_name(home: Path) -> None:
    root = home / "odd"
    root.mkdir()
    (root / "red\x1b[31m").write_text("x")
    with Files(os.fspath(root)) as client:
        client.ask("delete_path", path=(root / "red\x1b[31m").as_uri())
    shown = run("history", "--diff").stdout
    assert "\x1b" not in shown
    assert "red\\x1b[31m" in shown


def test_undo_takes_back_what_history_names(changed: Path) -> None:
    assert run("undo", "c5").stdout == "c5 is undone. That is c6.\n"
    assert (changed / "old" / "page.md").read_text() == "kept\n"
    assert run("undo", "c4").returncode == 0
    done = run("undo", "c2")
    assert "what was changed since in other lines is kept" in done.stdout
    assert (changed / "draft.md").read_text() == "one\ntwo\nthree\nfour\n5\n"
    assert "undone by c8" in run("history").stdout
    assert "undo of c2 by you" in run("history").stdout


@pytest.mark.parametrize(
    ("change_id", "told"),
    [
        ("c1", "[conflict] Undoing c1"),
        ("c99", "[nothing_to_undo] Undoing c99. No such change is kept."),
        ("nonsense", "[nothing_to_undo] Undoing nonsense. No such change is kept."),
    ],
)
def test_an_undo_that_cannot_be_says_why_and_changes_nothing(changed: Path, change_id: str, told: str) -> None:
    before = (changed / "final.md").read_bytes()
    done = run("undo", change_id)
    assert done.returncode == 1
    assert told in done.stderr
    assert (changed / "final.md").read_bytes() == before


def test_what_is_undone_already_is_told_so(changed: Path) -> None:
    assert run("undo", "c5").returncode == 0
    assert "It is undone already" in run("undo", "c5").stderr
    assert (changed / "old" / "page.md").exists()


def test_without_any_change_there_is_no_history_and_nothing_is_made(home: Path) -> None:
    for words in (("history",), ("undo", "c1")):
        done = run(*words)
        assert done.returncode == 1
        assert "[nothing_to_undo] There is no history yet" in done.stderr
    assert not (home / ".local").exists()


def test_a_person_may_undo_what_the_settings_protect_by_now(home: Path) -> None:
    root = home / "project"
    root.mkdir()
    with Files(os.fspath(root)) as client:
        client.ask("write_file", path="Makefile", content="all:\n")
    settings = home / ".config" / "fs-server" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('protect = ["Makefile"]\n')
    assert run("undo", "c1").returncode == 0
    assert not (root / "Makefile").exists()


@pytest.mark.parametrize(
    "words", [("history", "--limit", "0"), ("history", "--limit", "many"), ("undo",), ("undo", "a", "b")]
)
def test_words_that_make_no_sense_end_with_code_2(home: Path, words: tuple[str, ...]) -> None:
    del home
    assert run(*words).returncode == 2
