"""What a command changed: told in its result, in the history with the command as author, and taken back by undo."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fs_server.commands import watching
from fs_server.errors import Failure
from fs_server.journal.journal import Journal
from tests.fs_server.tools.commands import until
from tests.fs_server.tools.in_process import Called, called
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree, snapshot

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "root",
        [
            "f = one\ntwo\n", "keep = K", "d/a = A", "d/e/b = B", "link -> f", ".env = TOKEN", ".gitignore = build/\n",
            "build/out = O", ".git/config = [core]", ".git/HEAD = ref", ".mcp.json = {}",
        ],
    )  # fmt: skip


@pytest.fixture
def client(root: Path) -> Iterator[Files]:
    with Files(os.fspath(root)) as client:
        yield client


def run(client: Files, script: str, **arguments: object) -> tuple[dict[str, Any], str]:
    result = client.ask("run_command", argv=["sh", "-c", script], **arguments)
    return result["_meta"][FACTS], result["content"][-1]["text"]


def test_nothing_is_told_of_a_command_that_changes_nothing(client: Files) -> None:
    facts, note = run(client, "cat f; touch -r f d; ls -la build")
    assert facts["files_changed"] == []
    assert "change_id" not in facts
    assert "files changed" not in note
    assert client.blocks("history")[0] == ""


def test_what_a_command_did_is_told_and_taken_back(client: Files, root: Path) -> None:
    (root / "keep").chmod(0o640)
    before = {name: facts[:2] for name, facts in snapshot(root).items()}
    script = "echo three >> f; rm -r d; mkdir -p n/m; echo N > n/m/new; chmod 755 keep; ln -sf keep link; echo x > n/x"
    facts, note = run(client, script)
    assert facts["files_changed"] == [
        "D d/", "D d/a", "D d/e/", "D d/e/b", "M f", "M keep", "M link", "A n/", "A n/m/", "A n/m/new", "A n/x",
    ]  # fmt: skip
    assert "files changed: D d/, D d/a" in note
    assert f"(undo: {facts['change_id']})" in note
    told = client.blocks("history")[0].splitlines()
    assert told[0].startswith(facts["change_id"])
    assert told[0].endswith("run_command by command 1")
    assert any(line.strip().startswith("M f") for line in told)
    undone = client.data("undo", change_id=facts["change_id"])
    assert undone["count"] > 0
    assert (root / "f").read_text() == "one\ntwo\n"
    assert (root / "d/e/b").read_text() == "B"
    assert (root / "link").readlink() == Path("f")
    assert not (root / "n").exists()
    assert {name: facts[:2] for name, facts in snapshot(root).items()}.keys() == before.keys()
    assert (root / "keep").stat().st_mode & 0o777 == 0o640


def test_the_last_change_of_this_server_may_be_a_commands(client: Files, root: Path) -> None:
    run(client, "echo new > f")
    client.data("undo")
    assert (root / "f").read_text() == "one\ntwo\n"


def test_a_later_edit_in_other_lines_stays_when_a_command_is_undone(client: Files, root: Path) -> None:
    (root / "f").write_text("".join(f"{number}\n" for number in range(30)))
    facts, _ = run(client, "sed -i s/^2$/two/ f")
    client.blocks("edit_file", path="f", edits=[{"old_text": "28\n", "new_text": "last\n"}])
    text = client.ask("undo", change_id=facts["change_id"])
    lines = (root / "f").read_text().splitlines()
    if not text.get("isError"):
        assert (lines[2], lines[28]) == ("2", "last")
    else:
        assert lines[28] == "last", "what cannot be merged is refused, never lost"


def test_what_happened_between_two_commands_is_nobodys(client: Files, root: Path) -> None:
    run(client, "true")
    (root / "by-hand").write_text("H")
    client.data("write_file", path="by-a-tool", content="T")
    facts, _ = run(client, "echo x > mine")
    assert facts["files_changed"] == ["A mine"]


def test_what_a_tool_did_while_a_command_ran_is_not_the_commands(client: Files, root: Path) -> None:
    process_id = client.facts("run_command", argv=["sh", "-c", "echo 1 > one; read x; echo 2 > two"], background=True)[
        "process_id"
    ]
    until((root / "one").exists)
    client.data("write_file", path="by-a-tool", content="T")
    client.data("write_file", path="keep", content="T", if_exists="replace")
    client.data("delete_path", path="d/a")
    client.data("create_directory", path="made/by/tool")
    client.data("send_input", process_id=process_id, text="\n", close=True)
    until(lambda: client.facts("read_output", process_id=process_id)["state"] == "exited")
    facts = client.facts("read_output", process_id=process_id)
    assert facts["files_changed"] == ["A one", "A two"]


def test_of_what_is_not_looked_at_nothing_is_told(client: Files) -> None:
    facts, _ = run(client, "echo x > build/out; echo y > .git/HEAD; echo z > build/new")
    assert facts["files_changed"] == []
    facts, _ = run(client, "echo 'build/\nkeep' > .gitignore")
    assert facts["files_changed"] == ["M .gitignore"], "what went out of sight did not go"
    facts, _ = run(client, "rm .gitignore")
    assert facts["files_changed"] == ["D .gitignore"], "what came into sight did not come"


def test_protected_files_stay_as_they_are_or_it_is_told(client: Files, root: Path) -> None:
    tier = client.data("list_roots")["commands"]["tier"]
    facts, note = run(client, "echo evil >> .git/config; echo evil > .mcp.json; echo evil > .env; echo ok > made")
    if tier == "namespace":
        assert (root / ".git/config").read_text() == "[core]"
        assert (root / ".mcp.json").read_text() == "{}"
        assert (root / ".env").read_text() == "TOKEN"
        assert facts["files_changed"] == ["A made"]
    else:
        assert "protected files changed" in note
        assert "M .git/config" in facts["files_changed"]


def test_a_protected_file_that_a_command_makes_is_told(client: Files) -> None:
    facts, note = run(
        client, "mkdir -p .git/hooks .vscode; echo evil > .git/hooks/pre-commit; echo {} > .vscode/mcp.json"
    )
    assert "A .git/hooks/pre-commit" in facts["files_changed"]
    assert "protected files changed" in note
    assert ".vscode/mcp.json" in note


def test_a_secret_name_is_not_told(client: Files) -> None:
    facts, _ = run(client, "echo x > new.pem")
    assert facts["files_changed"] == ["A (a secret name)"]


def test_what_is_too_large_to_keep_is_told_and_cannot_be_taken_back(client: Files, root: Path) -> None:
    (root / "large").write_bytes(b"x" * (watching.KEPT_FILE_BYTES + 1))
    facts, note = run(client, "echo y >> large; echo z >> f; head -c 3000000 /dev/zero > made-large")
    assert facts["files_changed"] == ["M f", "M large", "A made-large"]
    assert "not kept, so undo leaves them: M large" in note
    client.data("undo", change_id=facts["change_id"])
    assert (root / "f").read_text() == "one\ntwo\n"
    assert (root / "large").stat().st_size > watching.KEPT_FILE_BYTES + 1
    assert not (root / "made-large").exists()


@pytest.fixture
def tools(root: Path, tmp_path: Path) -> Iterator[Called]:
    with called(root, journal=tmp_path / "journal") as tools:
        yield tools


def test_beyond_a_bound_nothing_is_watched_and_that_is_said(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_ENTRIES", 3)
    for _ in range(2):
        answer = tools.answer("run_command", argv=["sh", "-c", "echo x >> f"])
        assert "changed files are not known" in answer.blocks[-1].text  # type: ignore[union-attr] # it is text


def test_contents_that_are_no_longer_needed_are_forgotten(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "KEPT_BYTES", 40)
    monkeypatch.setattr(watching, "KEPT_FILE_BYTES", 20)
    for number in range(8):
        answer = tools.answer("run_command", argv=["sh", "-c", f"echo content-{number} > f"])
        assert answer.facts["files_changed"] == ["M f"]


def test_a_journal_that_cannot_be_written_is_told_with_the_result(
    tools: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Failure("disk_full", "The journal of changes", "No room is left", "Ask the user for room")

    monkeypatch.setattr(Journal, "note_done", refuse)
    answer = tools.answer("run_command", argv=["sh", "-c", "echo x > f"])
    assert answer.facts["exit_code"] == 0
    assert "could not be written down" in answer.blocks[-1].text  # type: ignore[union-attr] # it is text


def test_a_file_that_became_another_kind_is_taken_back_and_what_became_of_a_directory_is_told(
    client: Files, root: Path
) -> None:
    facts, note = run(client, "rm -r d; echo x > d; rm f; mkfifo f; rm link; mkdir link; echo new > keep")
    assert facts["files_changed"] == ["M d", "D d/a", "D d/e/", "D d/e/b", "M f", "M keep", "M link/"]
    assert "undo leaves them: M d, D d/a, D d/e/, D d/e/b, M link/" in note
    client.data("undo", change_id=facts["change_id"])
    assert (root / "f").read_text() == "one\ntwo\n"
    assert (root / "keep").read_text() == "K"
    assert (root / "d").read_text() == "x\n"


def test_what_a_tool_deleted_long_before_and_a_command_again_is_told(client: Files, root: Path) -> None:
    client.data("delete_path", path="keep")
    (root / "keep").write_text("by hand")
    facts, _ = run(client, "rm keep")
    assert facts["files_changed"] == ["D keep"]
    client.data("undo", change_id=facts["change_id"])
    assert (root / "keep").read_text() == "by hand"
