"""Visits: to the real server, every step in both eras; to servers that do wrong, what is told of it."""

import asyncio
import io
import sys
from pathlib import Path

import psutil
import pytest

from fs_server.cli.try_session import report
from fs_server.cli.try_session.command import server_command
from fs_server.cli.try_session.steps import GROUPS
from fs_server.cli.try_session.visit import ERAS, Era, Visited, visit
from tests.support.tree import make_tree

MODERN, LEGACY = ERAS
WRONG = str(Path(__file__).with_name("wrong_server.py"))
SOON_S = 0.3
"""Patience with servers that never answer."""

ONCE = """
import json, sys
asked = json.loads(sys.stdin.readline())
result = {result!r}
print(json.dumps({{"jsonrpc": "2.0", "id": asked["id"], "result": result}}), flush=True)
print("I am tired", file=sys.stderr)
"""
DISCOVERED = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fs-server", "version": "0"}},
}
INITIALIZED = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "serverInfo": {"name": "fs-server", "version": "0"},
}
OLDER = f"""
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    answer = {{"error": {{"code": -32601, "message": "what?"}}}}
    if asked["method"] == "initialize":
        answer = {{"result": {INITIALIZED!r}}}
    if "id" in asked:
        print(json.dumps({{"jsonrpc": "2.0", "id": asked["id"]}} | answer), flush=True)
"""


@pytest.fixture(params=ERAS, ids=lambda era: era.version)
def era(request: pytest.FixtureRequest) -> Era:
    chosen: Era = request.param
    return chosen


def visited(*command: str, era: Era = MODERN, patience_s: float = 30) -> Visited:
    """Visit, and prove that no child stays."""
    before = set(psutil.Process().children(recursive=True))
    came = asyncio.run(visit((sys.executable, *command), era, patience_s=patience_s))
    assert set(psutil.Process().children(recursive=True)) <= before
    return came


def troubles(came: Visited) -> dict[str, str]:
    return {outcome.step.name: outcome.trouble for outcome in came.outcomes if outcome.trouble}


def test_every_step_gives_what_it_should(era: Era, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree", ["README.md = text\n", ".env = TOKEN", "a.png", "a.pdf"])
    came = asyncio.run(visit(server_command(str(root)), era))
    assert troubles(came) == {}
    taken = {outcome.step.name for outcome in came.outcomes if outcome.seen is not None}
    assert taken == {step.name for group in GROUPS for step in group.steps}
    assert came.log == ""


def test_steps_that_the_server_does_not_offer_are_left_out() -> None:
    came = visited("-c", OLDER, era=LEGACY)
    assert [outcome.step.name for outcome in came.outcomes] == ["connect"]
    assert not came.trouble


@pytest.mark.parametrize(
    ("program", "era", "told"),
    [
        # The SDK's client gives its first question of this era ten seconds, whatever the patience.
        ("import sys; sys.stdin.read()", MODERN, f"The server did not answer within {SOON_S} s."),
        ("print('hello', flush=True); import sys; sys.stdin.read()", LEGACY, "The server did not answer within"),
        ("", MODERN, "The server ended without an answer."),
        ("import sys; sys.exit('no')", LEGACY, "The server ended without an answer."),
    ],
)
def test_a_server_that_never_speaks_is_told_and_ended(program: str, era: Era, told: str) -> None:
    came = visited("-c", program, era=era, patience_s=SOON_S if "read()" in program else 30)
    assert not came.connected
    assert told in troubles(came)["connect"]
    assert came.log == ("no" if "exit" in program else "")


def test_a_server_that_dies_in_the_middle_is_told_with_its_last_words() -> None:
    came = visited("-c", ONCE.format(result=DISCOVERED))
    assert came.connected
    assert troubles(came) == {"the session": "The server ended without an answer."}
    assert came.log == "I am tired"


def test_a_program_that_cannot_be_started_is_told() -> None:
    came = asyncio.run(visit(("/no/such/program",), MODERN))
    assert "No such file" in troubles(came)["connect"] or "cannot find" in troubles(came)["connect"]


def test_a_server_of_an_older_era_only_is_told() -> None:
    assert "2025-11-25 came" in troubles(visited("-c", OLDER))["connect"]


def test_another_server_is_told_by_its_name() -> None:
    stranger = OLDER.replace("fs-server", "stranger")
    assert troubles(visited("-c", stranger, era=LEGACY)) == {"connect": "The server calls itself 'stranger'."}


def test_a_server_that_refuses_nothing_fails_where_a_refusal_is_due(era: Era) -> None:
    told = troubles(visited(WRONG, "leaky", era=era))
    assert told["outside the root"] == "A refusal was due (escapes_root or outside_roots). Instead: all"
    assert told["a secret name"].startswith("A refusal was due (protected_path)")
    assert told["a missing resource"] == "What is not there was read."
    assert told["read_files"] == "The file that is not there was not told of."
    assert told["resources/read"] == "No contents came."
    assert told["completion/complete"].startswith("There is no way to go on")
    assert told["tools/list"].startswith("Without a hint whether they only read: list_roots")
    assert "type" in told["file_info"]


def test_a_server_without_what_it_announces_fails(era: Era) -> None:
    assert troubles(visited(WRONG, "bare", era=era)) == {
        "tools/list": "The list of tools is empty.",
        "resources/list": "No resource is listed, not even a root.",
        "resources/templates/list": "There is no template.",
    }


def test_a_root_that_may_not_be_listed_is_told() -> None:
    told = troubles(visited(WRONG, "denied"))
    assert told["list_directory"] == "The operating system does not let the server's user list this directory."
    assert told["list_roots"] == "There is no root."


def test_what_failed_is_told_once_at_the_end_with_its_eras(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    printed = report.Report()
    visits = [visited(WRONG, "bare", era=era) for era in ERAS]
    for outcome in visits[0].outcomes:
        printed.step(outcome)
    assert not printed.end(visits, ["python"])
    end = capsys.readouterr().out.partition("3 failed")[2]
    assert "✗ tools/list: The list of tools is empty.  (2026-07-28 and 2025-11-25)" in end
    assert end.count("The list of tools is empty.") == 1
    assert "claude_desktop_config.json" not in end


def test_what_a_server_writes_on_standard_error_is_shown_though_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ours: a warning that a host would only put into its log."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    came = Visited(LEGACY, connected=True, log="careful\x1b[2J")
    came.outcomes = visited("-c", OLDER, era=LEGACY).outcomes
    assert report.Report().end([came], ["python"])
    assert r"careful\x1b[2J" in out.getvalue()
