"""Commands in the background: `read_output`, `send_input`, `stop_process`, `list_processes`."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fs_server.commands import processes
from tests.fs_server.tools.commands import FOREVER, alive, until
from tests.fs_server.tools.in_process import called
from tests.support.product import Files

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)


def begun(files: Files, *argv: str, **arguments: object) -> str:
    facts = files.facts("run_command", argv=list(argv), background=True, **arguments)
    assert (facts["state"], facts["enforcement"]["network"]) == ("running", "none")
    process_id: str = facts["process_id"]
    return process_id


def facts_of(files: Files, process_id: str) -> dict[str, Any]:
    (found,) = [p for p in files.data("list_processes")["processes"] if p["process_id"] == process_id]
    return dict(found)


def test_a_conversation_with_a_command(files: Files) -> None:
    process_id = begun(files, "cat", stdin="one\n")
    first = files.ask("read_output", process_id=process_id, wait_s=20)
    assert first["content"][0]["text"] == "one\n"
    cursor = first["_meta"]["fs-server/result"]["cursor"]
    sent = files.data("send_input", process_id=process_id, text="two\n")
    assert (sent["sent_bytes"], sent["closed"]) == (4, False)
    second = files.ask("read_output", process_id=process_id, cursor=cursor, wait_s=20)
    assert second["content"][0]["text"] == "two\n"
    assert files.data("send_input", process_id=process_id, text="three", close=True)["closed"]
    until(lambda: files.facts("read_output", process_id=process_id)["state"] == "exited")
    cursor = second["_meta"]["fs-server/result"]["cursor"]
    text, note = files.blocks("read_output", process_id=process_id, cursor=cursor)
    assert (text, "exit code 0" in note, "cursor" in note) == ("three", True, False)
    assert "ended" in files.failure("send_input", process_id=process_id, text="four")


def test_a_waiting_read_ends_with_the_command_or_with_its_time(files: Files) -> None:
    process_id = begun(files, "sh", "-c", "read line; exit 7")
    began = time.monotonic()
    assert files.facts("read_output", process_id=process_id, wait_s=0.2)["state"] == "running"
    assert time.monotonic() - began >= 0.2
    call = files.call("read_output", process_id=process_id, wait_s=60)
    files.data("send_input", process_id=process_id, text="\n")
    assert files.result(call)["_meta"]["fs-server/result"]["exit_code"] == 7


def test_it_runs_on_until_its_own_time_is_over(files: Files) -> None:
    endless, short = begun(files, "sleep", "1000"), begun(files, "sleep", "1000", timeout_s=0.2)
    facts = files.facts("read_output", process_id=short, wait_s=60)
    assert (facts["state"], facts["timed_out"]) == ("timed out", True)
    assert facts_of(files, endless)["state"] == "running"
    files.data("stop_process", process_id=endless)


@pytest.mark.parametrize(("signal", "ends"), [("TERM", "TERM"), ("INT", "INT"), ("KILL", "KILL"), ("HUP", "HUP")])
def test_it_is_stopped_with_all_that_it_started(files: Files, tmp_path: Path, signal: str, ends: str) -> None:
    token = f"b{tmp_path.name}-{signal}-{os.getpid()}"
    process_id = begun(files, "sh", "-c", f"(setsid sh -c '{FOREVER}' {token} &); exec sleep 1000", token)
    until(lambda: alive(token))
    stopped = files.data("stop_process", process_id=process_id, signal=signal)
    assert (stopped["state"], stopped["signal"]) == ("stopped", ends)
    assert not alive(token)
    again = files.data("stop_process", process_id=process_id)
    assert again == stopped, "whoever stops it twice learns the same"


def test_one_that_does_not_want_to_end_is_ended(files: Files) -> None:
    process_id = begun(files, "sh", "-c", f"trap '' TERM; echo ready; {FOREVER}")
    files.ask("read_output", process_id=process_id, wait_s=20)
    assert files.data("stop_process", process_id=process_id)["signal"] == "KILL"


def test_what_a_command_takes_is_told(files: Files) -> None:
    process_id = begun(files, "sh", "-c", "sleep 1000 & while :; do :; done")
    until(lambda: (facts_of(files, process_id).get("cpu_s") or 0) > 0)
    facts = facts_of(files, process_id)
    assert facts["argv"][:2] == ["sh", "-c"]
    assert facts["memory_bytes"] > 0
    assert facts["processes"] == 2
    assert facts["age_s"] >= 0
    files.data("stop_process", process_id=process_id)
    facts = facts_of(files, process_id)
    assert (facts["state"], "processes" in facts) == ("stopped", False)
    assert facts["cpu_s"] > 0


def test_an_unknown_id_is_told_with_the_known_ones(files: Files) -> None:
    for tool, more in (("read_output", {}), ("stop_process", {}), ("send_input", {"text": ""})):
        text = files.failure(tool, process_id="p999999", **more)
        assert text.startswith('[no_such_process] process_id "p999999". ')
        assert "list_processes" in text


def test_a_cursor_is_of_one_process(files: Files) -> None:
    one, other = (files.facts("run_command", argv=["echo", "hi"])["process_id"] for _ in range(2))
    cursor = files.facts("read_output", process_id=one)["cursor"]
    assert files.blocks("read_output", process_id=one, cursor=cursor)[0] == "(no output)"
    assert files.code("read_output", process_id=other, cursor=cursor) == "bad_cursor"
    assert files.code("read_output", process_id=one, cursor="x") == "bad_cursor"


def test_what_is_not_read_does_not_grow_for_ever(files: Files) -> None:
    process_id = begun(files, "sleep", "1000")
    files.data("send_input", process_id=process_id, text="x" * 3_000_000)
    assert files.data("send_input", process_id=process_id, text="")["waiting_bytes"] > 0
    text = files.failure("send_input", process_id=process_id, text="x" * 3_000_000)
    assert text.startswith("[busy] ")
    files.data("stop_process", process_id=process_id)


def test_a_foreground_command_takes_no_input(files: Files) -> None:
    process_id = files.facts("run_command", argv=["true"])["process_id"]
    assert files.code("send_input", process_id=process_id, text="x") == "unsupported_op"


def test_there_is_an_end_to_how_many_run_and_how_many_are_remembered(ground: Path) -> None:
    with Files(os.fspath(ground)) as client:
        calls = [client.call("run_command", argv=["sleep", "1000"], background=True) for _ in range(130)]
        codes = [client.result(call)["_meta"]["fs-server/result"].get("code", "") for call in calls]
        assert codes.count("busy") == 2
        assert len(client.data("list_processes")["processes"]) == 128
        for number in range(1, 129):
            client.call("stop_process", process_id=f"p{number}", signal="KILL")
        until(lambda: len(client.data("list_processes")["processes"]) == 64)
        assert client.code("read_output", process_id="p1") == "no_such_process"


def test_commands_take_no_file_calls_place(ground: Path) -> None:
    with Files(os.fspath(ground), "--concurrent-calls", "1") as client:
        calls = [client.call("run_command", argv=["sleep", "1000"]) for _ in range(3)]
        until(lambda: len(client.data("list_processes")["processes"]) == 3)
        assert client.data("list_roots")["limits"]["concurrent_calls"] == 1
        for number in range(1, 4):
            client.data("stop_process", process_id=f"p{number}")
        assert [client.result(call)["_meta"]["fs-server/result"]["signal"] for call in calls] == ["TERM"] * 3


def test_what_a_command_printed_is_a_resource(files: Files) -> None:
    templates = files.result(files.request("resources/templates/list"))["resourceTemplates"]
    assert "process://{process_id}/log" in [template["uriTemplate"] for template in templates]
    process_id = files.facts("run_command", argv=["sh", "-c", r"printf 'out\033[1m'; echo err >&2"])["process_id"]
    log = files.read_resource(f"process://{process_id}/log")
    assert (log["mimeType"], log["text"]) == ("text/plain", "out\\x1b[1m\nstderr:\nerr\n")
    for uri in ("process://p0/log", "process://p1", "process:"):
        assert "no_such_process" in files.error(files.request("resources/read", {"uri": uri}))["message"]


def test_without_commands_there_are_no_logs(ground: Path) -> None:
    with Files(os.fspath(ground), "--no-commands") as client:
        templates = client.result(client.request("resources/templates/list"))["resourceTemplates"]
        assert len(templates) == 1
        assert client.error(client.request("resources/read", {"uri": "process://p1/log"}))["code"] == -32602


def test_much_output_of_many_is_forgotten_before_the_disk_is_full(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MOST_KEPT_BYTES", 1_000_000)
    with called(ground, journal=tmp_path / "journal") as tools:
        for _ in range(4):
            tools.answer("run_command", argv=["head", "-c", "400000", "/dev/zero"])
        assert tools.services.processes is not None
        assert [process.id for process in tools.services.processes.all()] == ["p3", "p4"]


def test_whatever_breaks_behind_a_command_its_end_is_told(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError

    with called(ground, journal=tmp_path / "journal") as tools:
        tools.answer("run_command", argv=["true"])
        monkeypatch.setattr("fs_server.tools.run_command.look_behind", broken)
        assert tools.answer("run_command", argv=["true"]).facts["exit_code"] == 0
