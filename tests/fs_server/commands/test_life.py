"""The life of commands, from the tools' side: what is sent, read, asked, refused and ended, without the protocol."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)

from fs_server.commands import processes
from fs_server.config.settings import Limits
from fs_server.errors import Failure
from fs_server.handlers.process_logs import is_log, log_of
from fs_server.services import Services
from fs_server.tools import send_input
from fs_server.tools.answer import Answer
from fs_server.tools.consent import Consent
from fs_server.tools.progress import Progress
from fs_server.tools.run_command import RunCommand, run_command
from tests.fs_server.tools.in_process import Called, called
from tests.support.tree import make_tree


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Called]:
    root = make_tree(tmp_path / "root", ["f = F"])
    limits = Limits(result_chars=2_000)
    with called(root, journal=tmp_path / "journal", limits=limits, deny=("*.pem",)) as tools:
        yield tools


def texts(answer: Answer) -> list[str]:
    return [block.text for block in answer.blocks]  # type: ignore[union-attr] # they are texts


def data(answer: Answer) -> dict[str, Any]:
    assert answer.data is not None
    return answer.data.model_dump(mode="json", exclude_none=True)


def begun(tools: Called, *argv: str, **arguments: object) -> str:
    return str(tools.answer("run_command", argv=list(argv), background=True, **arguments).facts["process_id"])


def test_a_conversation(tools: Called) -> None:
    process_id = begun(tools, "cat", stdin="one\n")
    first = tools.answer("read_output", process_id=process_id, wait_s=20)
    assert texts(first)[0] == "one\n"
    (facts,) = data(tools.answer("list_processes"))["processes"]
    assert (facts["state"], facts["processes"], facts["background"]) == ("running", 1, True)
    sent = data(tools.answer("send_input", process_id=process_id, text="x" * 300_000, close=True))
    assert sent["closed"]
    cursor, read = first.facts["cursor"], 0
    while (page := tools.answer("read_output", process_id=process_id, cursor=cursor, wait_s=20)).facts["truncated"]:
        read += len(texts(page)[0])
        cursor = page.facts["cursor"]
    while page.facts["state"] == "running":
        cursor = page.facts["cursor"]
        page = tools.answer("read_output", process_id=process_id, cursor=cursor, wait_s=20)
    assert page.facts["exit_code"] == 0
    assert page.facts["stdout_bytes"] == 300_004
    assert read > 0
    assert tools.refusal("send_input", process_id=process_id, text="more").code == "unsupported_op"
    (facts,) = data(tools.answer("list_processes"))["processes"]
    assert (facts["state"], facts["exit_code"]) == ("exited", 0)


def test_one_is_stopped_and_another_stops_itself(tools: Called) -> None:
    process_id = begun(tools, "sleep", "1000")
    stopped = data(tools.answer("stop_process", process_id=process_id))
    assert (stopped["state"], stopped["signal"]) == ("stopped", "TERM")
    assert data(tools.answer("stop_process", process_id=process_id)) == stopped
    killed = tools.answer("run_command", argv=["sh", "-c", "kill -9 $$"])
    assert (killed.facts["state"], killed.facts["signal"]) == ("killed", "KILL")
    assert "ended by the signal KILL" in texts(killed)[-1]
    late = tools.answer("run_command", argv=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], timeout_s=0.2)
    assert (late.facts["state"], late.facts["signal"]) == ("timed out", "KILL")
    real_time = tools.answer("run_command", argv=["sh", "-c", "kill -40 $$"])
    assert real_time.facts["signal"] == "40"


def test_input_that_nobody_reads_is_bounded(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_input, "MOST_WAITING", 2_000_000)
    process_id = begun(tools, "sleep", "1000")
    assert data(tools.answer("send_input", process_id=process_id, text="x" * 1_900_000))["waiting_bytes"] > 0
    assert tools.refusal("send_input", process_id=process_id, text="x" * 1_900_000).code == "busy"
    foreground = tools.answer("run_command", argv=["head", "-c", "1"], stdin="y" * 3_000_000)
    assert texts(foreground)[0] == "y"
    process_id = str(foreground.facts["process_id"])
    assert tools.refusal("send_input", process_id=process_id, text="x").code == "unsupported_op"


def test_only_so_many_run(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_RUNNING", 1)
    process_id = begun(tools, "sleep", "1000")
    assert tools.refusal("run_command", argv=["true"]).code == "busy"
    tools.answer("stop_process", process_id=process_id, signal="KILL")
    assert tools.answer("run_command", argv=["true"]).facts["exit_code"] == 0


def test_what_cannot_be_started_leaves_no_place_taken(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_RUNNING", 1)
    for argv, code in ((["nowhere"], "command_not_found"), ([""], "command_refused"), (["./f"], "command_refused")):
        assert tools.refusal("run_command", argv=argv).code == code
    assert tools.refusal("run_command", argv=["true"], env={"A B": ""}).code == "invalid_argument"
    assert tools.refusal("run_command", argv=["true"], env="{").code == "invalid_argument"
    assert tools.answer("run_command", argv=["true"], env='{"A": "b"}').facts["exit_code"] == 0


def test_the_log_of_a_command_is_a_resource(tools: Called) -> None:
    process_id = tools.answer("run_command", argv=["sh", "-c", "printf out; echo err >&2"]).facts["process_id"]
    assert log_of(tools.services, f"process://{process_id}/log").text == "out\nstderr:\nerr\n"
    assert is_log("PROCESS://p1/log")
    assert not is_log("file:///p1/log")


def test_progress_is_told_as_it_comes(tools: Called) -> None:
    told: list[tuple[float, str]] = []

    async def tell(done: float, words: str) -> None:
        told.append((done, words))

    script = "echo one; sleep 0.3; printf 'two\\n\\n' >&2; sleep 0.3"
    tools.reporting("run_command", Progress(tell), argv=["sh", "-c", script])
    assert told[0] == (4, "one")
    assert told[-1][0] == 9

    async def leave(_done: float, _words: str) -> None:
        raise ConnectionError

    answer = tools.reporting("run_command", Progress(leave), argv=["sh", "-c", script])
    assert answer.facts["exit_code"] == 0, "a client that has left ends no command by that"


def test_only_allowed_programs_start(tmp_path: Path) -> None:
    make_tree(tmp_path / "root", ["echo = not that one"])
    with called(tmp_path / "root", journal=tmp_path / "journal", allow_command=("echo", "env")) as tools:
        assert texts(tools.answer("run_command", argv=["echo", "hi"]))[0] == "hi\n"
        assert "operator allows echo, env" in tools.refusal("run_command", argv=["cat"]).fact
        assert "named by a path" in tools.refusal("run_command", argv=["./echo"]).fact
        assert data(tools.answer("list_roots"))["commands"]["programs"] == ["echo", "env"]


def test_where_no_commands_run_every_tool_of_theirs_says_so(tools: Called) -> None:
    tools.services.processes = tools.services.watching = None
    for name, more in (
        ("list_processes", {}),
        ("run_command", {"argv": ["true"]}),
        ("read_output", {"process_id": "p1"}),
    ):
        assert tools.refusal(name, **more).code == "unsupported_op"


def test_a_caller_that_leaves_ends_its_command(tools: Called) -> None:
    async def leave() -> None:
        prints = asyncio.Event()

        async def tell(_done: float, _words: str) -> None:
            prints.set()

        asked = RunCommand(argv=["sh", "-c", "echo it runs; exec sleep 1000"])
        call = asyncio.ensure_future(run_command.call(asked, tools.services, Consent(), Progress(tell)))
        await asyncio.wait_for(prints.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert tools.services.processes is not None
        (process,) = tools.services.processes.all()
        await asyncio.wait_for(process.done.wait(), 10)
        assert process.state == "killed"

    tools._runner.run(leave())


def test_a_warden_that_says_nothing_holds_nobody_up(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fs_server.tools.list_roots.PATIENCE_S", 0.0)
    assert "has not answered" in data(tools.answer("list_roots"))["commands"]["why_not"]


def test_what_it_changed_is_written_down_and_taken_back(tools: Called, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "root", ["d/a = A", "g = G", "link -> f"])
    (root / "huge").write_bytes(b"x" * (2 << 20))
    script = (
        "echo more >> f; rm -r d; mkdir n; echo N > n/x; ln -sf g link; mkfifo pipe; echo y >> huge; echo K > k.pem;"
        " head -c 3000000 /dev/zero > large; rm g; mkdir g"
    )
    answer = tools.answer("run_command", argv=["sh", "-c", script])
    assert answer.facts["files_changed"] == [
        "D d/", "D d/a", "M f", "M g/", "M huge", "A (a secret name)", "A large", "M link", "A n/", "A n/x", "A pipe",
    ]  # fmt: skip
    note = texts(answer)[-1]
    assert "protected files changed (undo leaves them to the user): A (a secret name)" in note
    assert "not kept, so undo leaves them: M g/, M huge" in note
    undone = data(tools.answer("undo"))
    assert undone["undone"] == answer.facts["change_id"]
    assert (root / "f").read_text() == "F"
    assert (root / "d" / "a").read_text() == "A"
    assert (root / "link").readlink() == Path("f")
    assert not any((root / name).exists() for name in ("n", "pipe", "large"))


def test_what_the_tools_did_meanwhile_is_not_its_work(tools: Called, tmp_path: Path) -> None:
    make_tree(tmp_path / "root", ["gone = G", "again = A"])
    tools.answer("delete_path", path="again")
    (tmp_path / "root" / "again").write_text("by hand")
    process_id = begun(tools, "sh", "-c", "echo ready; read line; rm again; echo x > mine")
    tools.answer("read_output", process_id=process_id, wait_s=20)
    tools.answer("write_file", path="f", content="by a tool", if_exists="replace")
    tools.answer("create_directory", path="made")
    tools.answer("delete_path", path="gone")
    tools.answer("send_input", process_id=process_id, text="\n", close=True)
    cursor = tools.answer("read_output", process_id=process_id).facts["cursor"]
    while (page := tools.answer("read_output", process_id=process_id, cursor=cursor, wait_s=20)).facts[
        "state"
    ] == "running":
        pass
    assert page.facts["files_changed"] == ["D again", "A mine"]


def test_a_tree_that_cannot_be_looked_at_is_told(
    tools: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fs_server.commands.watching.LOOK_S", -1.0)
    answer = tools.answer("run_command", argv=["sh", "-c", "echo x > f"])
    assert "changed files are not known" in texts(answer)[-1]
    assert (tmp_path / "root" / "f").read_text() == "x\n"


def test_a_journal_that_cannot_be_written_fails_no_command(tools: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Failure("disk_full", "The journal of changes", "No room is left", "Ask the user for room")

    monkeypatch.setattr(Services, "change", refuse)
    answer = tools.answer("run_command", argv=["sh", "-c", "echo x > f"])
    assert (answer.facts["exit_code"], answer.facts["files_changed"]) == (0, [])
    assert "could not be written down: [disk_full]" in texts(answer)[-1]
    monkeypatch.setattr(Services, "run", refuse)
    assert tools.refusal("run_command", argv=["true"]).code == "disk_full"
