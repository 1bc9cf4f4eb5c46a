"""What a model may not decide alone: a person is asked, nothing has happened before, and nothing happens after a no."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fs_server.conftest import Here
from tests.fs_server.tools.changes import NO, YES, Person, edits, names, nothing_changes
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot
from tests.support.wire_client import Era

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

CONFIG = """\
protect = ["locked.txt"]
ask = ["conf/**", ".vscode/tasks.json", "*.lock", "kept/inside.txt"]

[roots.root]
path = "{root}"

[limits]
confirm_delete_files = 3
change_bytes = 2048
"""

LARGE = "large\n" * 1_000


@pytest.fixture(scope="module", params=[Era.MODERN, pytest.param(Era.LEGACY, marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Path]]:
    base = tmp_path_factory.mktemp("asked").resolve()
    (base / "root").mkdir()
    config = base / "config.toml"
    config.write_text(CONFIG.format(root=base / "root"))
    with Person("--config", os.fspath(config), era=request.param) as client:
        yield client, base / "root"


@pytest.fixture
def person(server: tuple[Person, Path]) -> Person:
    return server[0]


@pytest.fixture
def d(server: tuple[Person, Path], request: pytest.FixtureRequest) -> Path:
    """A directory that only this test uses."""
    path = server[1] / f"{request.node.originalname}{len(list(server[1].iterdir()))}"
    path.mkdir()
    return path


def code(result: dict[str, object]) -> str:
    assert result["isError"]
    return str(result["_meta"][FACTS]["code"])  # type: ignore[index] # JSON


# --- many files


def test_a_large_tree_is_deleted_if_the_person_agrees(person: Person, d: Path) -> None:
    make_tree(d, [f"t/{number} = x" for number in range(5)])
    with nothing_changes(d):
        pending = person.put("delete_path", path=f"{d.name}/t", recursive=True)
    assert pending.message == f'Deleting "{d.name}/t" removes 5 files (5 bytes). Is that meant?'
    facts = person.answered(pending, YES)["_meta"][FACTS]
    assert facts["count"] == 5
    assert names(d) == []
    assert person.data("undo", change_id=facts["change_id"])["count"] == 1, "to have it back needs no question"
    assert len(names(d / "t")) == 5
    pending = person.put("undo", change_id=person.blocks("history", limit=1)[0].partition(" ")[0])
    assert "removes 5 files" in pending.message, "to lose again what was had back does"
    with nothing_changes(d):
        assert code(person.answered(pending, NO)) == "declined"


def test_after_a_no_all_is_as_it_was(person: Person, d: Path) -> None:
    make_tree(d, [f"t/{number} = x" for number in range(5)])
    with nothing_changes(d):
        for answer in (NO, {"action": "cancel"}, {"action": "accept", "content": {"ok": False}}):
            result = person.answered(person.put("delete_path", path=f"{d.name}/t", recursive=True), answer)
            assert code(result) == "declined"
            assert "did not agree" in result["content"][0]["text"]


def test_up_to_the_limit_nobody_is_asked(person: Person, d: Path) -> None:
    make_tree(d, [f"t/{number} = x" for number in range(3)] + ["t/d/e/f/"])
    assert person.data("delete_path", path=f"{d.name}/t", recursive=True)["count"] == 3


def test_an_answer_is_good_for_what_was_asked_and_for_nothing_else(person: Person, d: Path) -> None:
    make_tree(d, [f"t/{number} = x" for number in range(5)])
    pending = person.put("delete_path", path=f"{d.name}/t", recursive=True)
    (d / "t/new").write_text("somebody's work")
    again = person.asked_again(pending, YES)
    assert "removes 6 files" in again.message
    assert len(names(d / "t")) == 6
    person.answered(again, NO)


def test_what_moves_or_was_made_by_the_change_itself_may_go_unasked(person: Person, d: Path) -> None:
    make_tree(d, [f"t/{number} = x" for number in range(5)])
    copied = person.data("copy_path", source=f"{d.name}/t", destination=f"{d.name}/c")
    person.data("undo", change_id=copied["change_id"])
    person.data("move_path", source=f"{d.name}/t", destination=f"{d.name}/m")
    assert len(names(d / "m")) == 5


def test_a_client_that_cannot_ask_is_told_what_needs_no_answer(files: Files, here: Here) -> None:
    make_tree(here.path, [f"t/{number} = x" for number in range(101)])
    with nothing_changes(here.path, files):
        text = files.failure("delete_path", path=here.named("t"), recursive=True)
    assert text.startswith("[declined] ")
    assert "removes 101 files" in text
    assert "cannot ask" in text
    assert "up to 100 files" in text
    (here / "t/0").unlink()
    assert files.data("delete_path", path=here.named("t"), recursive=True)["count"] == 100


# --- names about which somebody is asked


def test_a_name_that_the_settings_ask_about_is_written_after_a_yes(person: Person, d: Path) -> None:
    make_tree(d, ["conf/f = one\n", "mine = m", ".vscode/tasks.json = T", "x.lock = L"])
    at = d.name
    calls: list[tuple[str, dict[str, object]]] = [
        ("write_file", {"path": f"{at}/conf/new", "content": "x"}),
        ("edit_file", {"path": f"{at}/conf/f", "edits": edits(("one", "two"))}),
        ("apply_patch", {"patch": f"*** Begin Patch\n*** Update File: {at}/conf/f\n@@\n-two\n+2\n*** End Patch"}),
        ("create_directory", {"path": f"{at}/conf/d"}),
        ("copy_path", {"source": f"{at}/mine", "destination": f"{at}/conf/copy"}),
        ("move_path", {"source": f"{at}/x.lock", "destination": f"{at}/x"}),
        ("move_path", {"source": f"{at}/x", "destination": f"{at}/y.lock"}),
        ("delete_path", {"path": f"{at}/.vscode/tasks.json"}),
    ]
    for tool, arguments in calls:
        with nothing_changes(d):
            pending = person.put(tool, **arguments)
            assert pending.message.startswith("Let the assistant change "), tool
            assert "The settings say that you are asked" in pending.message
            assert code(person.answered(pending, NO)) == "declined"
        assert person.agreed(tool, **arguments)["change_id"]
    assert names(d) == [".vscode", "conf", "conf/copy", "conf/d", "conf/f", "conf/new", "mine", "y.lock"]
    assert (d / "conf/f").read_text() == "2\n"
    assert person.agreed("undo")["count"] == 1, "to undo is to write it too"
    assert (d / ".vscode/tasks.json").read_text() == "T"


def test_both_ends_of_a_move_are_asked_about(person: Person, d: Path) -> None:
    make_tree(d, ["a.lock = L"])
    person.agreed("move_path", 2, source=f"{d.name}/a.lock", destination=f"{d.name}/b.lock")
    assert names(d) == ["b.lock"]


@pytest.mark.parametrize(
    ("tool", "arguments", "questions"),
    [
        ("delete_path", {"path": "{at}/t", "recursive": True}, ['what "{at}/t" holds, such as "']),
        (
            "move_path",
            {"source": "{at}/t", "destination": "{at}/u"},
            ['what "{at}/t" holds, such as "', 'what "{at}/u" holds, such as "'],
        ),
        ("move_path", {"source": "{at}/plain", "destination": "{at}/conf"}, ['"{at}/conf"']),
        (
            "copy_path",
            {"source": "{at}/plain", "destination": "{at}/kept"},
            ['what "{at}/kept" holds, such as "inside.txt"'],
        ),
    ],
)
def test_a_directory_that_holds_such_names_is_asked_about_once_at_each_end(
    person: Person, d: Path, tool: str, arguments: dict[str, object], questions: list[str]
) -> None:
    make_tree(d, ["t/deep/a.lock = A", "t/b.lock = B", "plain/inside.txt = F"])
    told = {key: value.format(at=d.name) if isinstance(value, str) else value for key, value in arguments.items()}
    with nothing_changes(d):
        pending = person.put(tool, **told)
        for question in questions[1:]:
            assert questions[0].format(at=d.name) in pending.message
            pending = person.asked_again(pending, YES)
            assert question.format(at=d.name) in pending.message
        assert questions[-1].format(at=d.name) in pending.message
        assert code(person.answered(pending, NO)) == "declined"
    assert person.agreed(tool, len(questions), **told)["change_id"]


def test_a_dry_run_asks_nobody(person: Person, d: Path) -> None:
    make_tree(d, ["conf/f = one\n"])
    patch = f"*** Begin Patch\n*** Update File: {d.name}/conf/f\n@@\n-one\n+2\n*** End Patch"
    with nothing_changes(d):
        diff, _ = person.blocks("edit_file", path=f"{d.name}/conf/f", edits=edits(("one", "two")), dry_run=True)
        assert "+two" in diff
        assert person.blocks("apply_patch", patch=patch, dry_run=True)[0].startswith("M ")


def test_what_is_protected_is_refused_and_nobody_is_asked(person: Person, d: Path) -> None:
    make_tree(d, ["locked.txt = L", "t/locked.txt = L", "t/a.lock = A", ".vscode/settings.json = S"])
    with nothing_changes(d):
        for path in ("locked.txt", ".vscode/settings.json", ".env"):
            assert person.code("write_file", path=f"{d.name}/{path}", content="x", if_exists="replace") == (
                "protected_path"
            )
        pending = person.put("delete_path", path=f"{d.name}/t", recursive=True)
        assert code(person.answered(pending, YES)) == "protected_path", "an answer about one name opens no other"


def test_files_that_are_asked_about_are_left_out_of_a_replacement(person: Person, d: Path) -> None:
    make_tree(d, ["a.lock = x", "f = x"])
    facts = person.facts("replace_in_files", path=d.name, query="x", replacement="y", dry_run=False)
    assert (facts["count"], facts["skipped"]) == (1, {"protected_path": 1})


# --- what could not be undone


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("delete_path", {"path": "{at}/f"}),
        ("write_file", {"path": "{at}/f", "content": "new", "if_exists": "replace"}),
        ("edit_file", {"path": "{at}/f", "edits": [{"old_text": "large", "new_text": "x", "occurrence": "first"}]}),
        ("move_path", {"source": "{at}/g", "destination": "{at}/f", "overwrite": True}),
        ("copy_path", {"source": "{at}/g", "destination": "{at}/f", "overwrite": True}),
    ],
)
def test_what_would_be_lost_for_good_is_asked_about(
    person: Person, d: Path, tool: str, arguments: dict[str, object]
) -> None:
    make_tree(d, ["g = G"])
    (d / "f").write_text(LARGE)
    told = {key: value.format(at=d.name) if isinstance(value, str) else value for key, value in arguments.items()}
    with nothing_changes(d):
        pending = person.put(tool, **told)
        assert "could not be undone: more than 2048 bytes would have to be kept" in pending.message
        assert code(person.answered(pending, NO)) == "declined"
    change = person.agreed(tool, **told)["change_id"]
    after = snapshot(d)
    text = person.failure("undo", change_id=change)
    assert text.startswith("[nothing_to_undo] ")
    assert "no longer kept" in text
    assert snapshot(d) == after
