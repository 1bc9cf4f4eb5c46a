"""`run_command` through a real server: programs, real ones, and what becomes of them."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.fs_server.tools.commands import FOREVER, alive, gone, until
from tests.support.product import FACTS, Files
from tests.support.tree import make_tree
from tests.support.wire_client import Era

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_a_program_runs_and_what_it_printed_comes_back(files: Files, here: Here) -> None:
    make_tree(here.path, ["f = F\n"])
    result = files.ask("run_command", argv=sh("cat f; echo trouble >&2; exit 3"), cwd=here.spoken)
    out, err, note = (block["text"] for block in result["content"])
    assert (out, err) == ("F\n", "stderr:\ntrouble\n")
    assert note.startswith("[exit code 3; ")
    facts = result["_meta"][FACTS]
    assert (facts["exit_code"], facts["signal"], facts["timed_out"]) == (3, None, False)
    assert (facts["stdout_bytes"], facts["stderr_bytes"], facts["truncated"]) == (2, 8, False)
    assert facts["max_rss_bytes"] > 0
    assert facts["enforcement"].keys() == {
        *("tier", "landlock_abi", "network", "tree_kill", "protected_paths", "limits", "not_prevented")
    }
    assert "reading secret files in roots" in facts["enforcement"]["not_prevented"]


def test_a_failed_command_is_no_failed_call(files: Files) -> None:
    assert files.facts("run_command", argv=["false"])["exit_code"] == 1
    assert files.facts("run_command", argv=sh("kill -9 $$"))["signal"] == "KILL"


def test_nothing_interprets_the_arguments(files: Files) -> None:
    argv = ["printf", "%s|", "$HOME", "*", "a b", "; id", "~", "é\n"]
    assert files.blocks("run_command", argv=argv)[0] == "$HOME|*|a b|; id|~|é\n|"


@pytest.mark.parametrize("argv", ['["echo", "hi"]'])
def test_a_list_that_came_as_text_is_taken(files: Files, argv: str) -> None:
    assert files.blocks("run_command", argv=argv, env='{"A": "b"}')[0] == "hi\n"


def test_it_reads_what_it_was_sent_or_nothing(files: Files) -> None:
    assert files.blocks("run_command", argv=["cat"])[0] == "(no output)"
    assert files.blocks("run_command", argv=["cat"], stdin="one\ntwo")[0] == "one\ntwo"
    # More than a pipe holds, to one that reads it and to one that does not.
    text = "x" * 3_000_000
    assert files.blocks("run_command", argv=["wc", "-c"], stdin=text)[0].strip() == "3000000"
    assert files.facts("run_command", argv=["true"], stdin=text)["exit_code"] == 0


def test_its_environment_is_made_anew(ground: Path) -> None:
    with Files(os.fspath(ground), prefix=["env", "API_TOKEN=geheim"]) as client:
        text = client.blocks("run_command", argv=["env"], env={"GREETING": "hello world"})[0]
    lines = dict(line.partition("=")[::2] for line in text.splitlines())
    assert "API_TOKEN" not in lines
    assert (lines["GREETING"], lines["GIT_TERMINAL_PROMPT"], lines["PAGER"]) == ("hello world", "0", "cat")
    assert Path(lines["TMPDIR"]) == Path(lines["HOME"])


def test_it_has_no_descriptor_of_the_servers(files: Files) -> None:
    text = files.blocks("run_command", argv=sh("ls /proc/self/fd 2>/dev/null || echo 0 1 2 3"))[0]
    assert set(text.split()) <= {"0", "1", "2", "3"}, "the fourth is the one that ls reads"


@pytest.mark.guarantee("G21")
def test_it_sees_the_roots_and_not_what_lies_beside(files: Files, here: Here, ground: Path) -> None:
    outside = ground.parent / "outside.txt"
    text = " ".join(files.blocks("run_command", argv=sh(f"cat {outside}; cat ../../outside.txt"), cwd=here.spoken))
    assert OUTSIDE not in text
    files.ask("run_command", argv=sh(f"echo x > {ground.parent}/new; echo y > {outside}"), cwd=here.spoken)
    assert outside.read_text() == OUTSIDE
    assert not (ground.parent / "new").exists()


@pytest.mark.guarantee("G12", "G21")
def test_it_has_no_network(files: Files) -> None:
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError as e: print(e.errno)"
    number = int(files.blocks("run_command", argv=["python3", "-c", code])[0])
    assert number != 111, "it was not even refused by the other side"


def test_of_a_long_output_beginning_and_end_are_shown_and_the_rest_is_paged(files: Files) -> None:
    result = files.ask("run_command", argv=["seq", "60000"])
    whole = "".join(f"{number}\n" for number in range(1, 60_001))
    out, note = (block["text"] for block in result["content"])
    head, _, tail = out.partition("\n[… ")
    assert whole.startswith(head)
    assert whole.endswith(tail.partition("…]\n")[2])
    assert len(out) + len(note) <= 20_000
    facts = result["_meta"][FACTS]
    assert facts["truncated"]
    assert (facts["stdout_bytes"], facts["state"]) == (len(whole), "exited")
    assert f'read_output(process_id="{facts["process_id"]}")' in note
    pages, cursor = [], ""
    while True:
        page = files.ask("read_output", process_id=facts["process_id"], cursor=cursor)
        pages.append(page["content"][0]["text"])
        assert pages[-1].endswith("\n")
        if not page["_meta"][FACTS]["truncated"]:
            break
        cursor = page["_meta"][FACTS]["cursor"]
        assert f'cursor="{cursor}"' in page["content"][-1]["text"]
    assert "".join(pages) == whole


def test_control_characters_do_nothing(files: Files) -> None:
    assert files.blocks("run_command", argv=["printf", r"\033[2J\a\0\r\n"])[0] == "\\x1b[2J\\x07\\x00\n"
    assert files.blocks("run_command", argv=["printf", r"\377"])[0] == "\\xff"


def test_one_that_prints_for_ever_is_ended_and_holds_nobody_up(files: Files) -> None:
    call = files.call("run_command", argv=["yes"], timeout_s=1.5)
    until(lambda: any(p["argv"] == ["yes"] for p in files.data("list_processes")["processes"]))
    began = time.monotonic()
    files.data("list_roots")
    assert time.monotonic() - began < 1
    result = files.result(call)
    facts = result["_meta"][FACTS]
    assert facts["timed_out"]
    assert facts["state"] == "timed out"
    assert facts["stdout_bytes"] > 1 << 20
    assert "its time was over" in result["content"][-1]["text"]


def test_one_that_ignores_being_asked_is_ended_with_all_that_it_started(files: Files, tmp_path: Path) -> None:
    token = f"t{tmp_path.name}-{os.getpid()}"
    script = f"trap '' TERM HUP INT; (setsid sh -c '{FOREVER}' {token} &) ; {FOREVER}"
    facts = files.facts("run_command", argv=["sh", "-c", script, token], timeout_s=0.5)
    assert (facts["timed_out"], facts["signal"]) == (True, "KILL")
    assert facts["killed"] >= 1
    assert not alive(token), "when the result is there, all are dead"


@pytest.mark.guarantee("G22")
def test_what_a_program_leaves_behind_ends_with_it(files: Files, tmp_path: Path) -> None:
    token = f"d{tmp_path.name}-{os.getpid()}"
    facts = files.facts("run_command", argv=sh(f"setsid sh -c '{FOREVER}' {token} </dev/null >/dev/null 2>&1 & exit 5"))
    assert facts["exit_code"] == 5
    assert not alive(token)


def test_one_that_closes_its_output_is_waited_for(files: Files) -> None:
    facts = files.facts("run_command", argv=sh("exec >&- 2>&-; sleep 0.2; exit 4"))
    assert facts["exit_code"] == 4


@pytest.mark.parametrize("era", Era)
def test_a_call_that_is_taken_back_ends_its_command(ground: Path, tmp_path: Path, era: Era) -> None:
    token = f"c{tmp_path.name}-{os.getpid()}"
    with Files(os.fspath(ground), era=era) as client:
        call = client.call("run_command", argv=["sh", "-c", FOREVER, token])
        until(lambda: alive(token))
        client.notify("notifications/cancelled", requestId=call)
        gone(token)
        assert client.facts("run_command", argv=["true"])["exit_code"] == 0


@pytest.mark.guarantee("G22")
@pytest.mark.parametrize("number", ["EOF", "TERM", "KILL"])
def test_nothing_outlives_the_server(ground: Path, tmp_path: Path, number: str) -> None:
    token = f"s{tmp_path.name}-{os.getpid()}"
    with Files(os.fspath(ground)) as client:
        client.facts("run_command", argv=["sh", "-c", f"trap '' TERM; {FOREVER}", token], background=True)
        client.call("run_command", argv=["sh", "-c", f"(setsid sh -c '{FOREVER}' {token} &); {FOREVER}", token])
        until(lambda: len(alive(token)) >= 3)
        if number == "EOF":
            client.close_stdin()
            client.exit_status()
            assert not alive(token)
        else:
            os.kill(client.process.pid, {"TERM": 15, "KILL": 9}[number])
            gone(token)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"argv": []}, "invalid_argument"),
        ({}, "invalid_argument"),
        ({"argv": "ls -l"}, "invalid_argument"),
        ({"argv": ["ls", 5]}, "invalid_argument"),
        ({"argv": [""]}, "command_refused"),
        ({"argv": ["echo", "a\0b"]}, "command_refused"),
        ({"argv": ["echo", "x" * 1_000_000]}, "command_refused"),
        ({"argv": ["echo", *["y" * 1_000] * 3_000]}, "command_refused"),
        ({"argv": ["no-such-program"]}, "command_not_found"),
        ({"argv": ["./no-such-program"]}, "command_not_found"),
        ({"argv": ["/etc/shadow"]}, ("command_refused", "command_not_found")),
        ({"argv": ["./plain"]}, "command_refused"),
        ({"argv": ["./d"]}, "command_refused"),
        ({"argv": ["./plain/x"]}, "command_refused"),
        ({"argv": ["true"], "cwd": ".."}, "escapes_root"),
        ({"argv": ["true"], "cwd": "/etc"}, "outside_roots"),
        ({"argv": ["true"], "cwd": "gone"}, "not_found"),
        ({"argv": ["true"], "cwd": "{here}/plain"}, "not_directory"),
        ({"argv": ["true"], "env": {"A B": "x"}}, "invalid_argument"),
        ({"argv": ["true"], "env": {"": "x"}}, "invalid_argument"),
        ({"argv": ["true"], "env": {"A": "\0"}}, "invalid_argument"),
        ({"argv": ["true"], "env": {"A": 1}}, "invalid_argument"),
        ({"argv": ["true"], "env": {"A": "x" * 1_000_000}}, "command_refused"),
        ({"argv": ["true"], "timeout_s": 0}, "invalid_argument"),
        ({"argv": ["true"], "timeout_s": -1}, "invalid_argument"),
        ({"argv": ["true"], "shell": True}, "invalid_argument"),
    ],
    ids=range(26),
)
def test_what_cannot_be_run_is_refused_with_a_step(
    files: Files, here: Here, arguments: dict[str, Any], code: str | tuple[str, ...]
) -> None:
    make_tree(here.path, ["plain = no program", "d/"])
    asked = json.loads(json.dumps(arguments).replace("{here}", here.spoken))
    text = files.failure("run_command", **{"cwd": here.spoken, **asked})
    assert text[1:].partition("]")[0] in (code if isinstance(code, tuple) else (code,)), text
    assert files.facts("run_command", argv=["true"])["exit_code"] == 0


def test_a_timeout_of_no_number_is_refused(files: Files) -> None:
    for timeout in ("NaN", "Infinity"):
        number = next(files.ids)
        request = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "run_command"}}
        request["params"] |= {"arguments": {"argv": ["true"], "timeout_s": 1}}  # type: ignore[operator] # a dict
        files.send_bytes(json.dumps(request).replace('"timeout_s": 1', f'"timeout_s": {timeout}').encode() + b"\n")
        assert "result" in (answer := files.answer(number)) or "error" in answer


def test_limits_of_the_operator_hold(ground: Path) -> None:
    with Files(os.fspath(ground), "--file-bytes", "1000", "--open-files", "20", "--timeout-s", "1") as client:
        code = "import os\nfor n in range(99):\n  try: os.dup(1)\n  except OSError as e: print(n, e.errno); break"
        assert client.blocks("run_command", argv=["python3", "-c", code])[0].split()[1] == "24"
        assert client.facts("run_command", argv=sh("yes > long; exit 0"))["timed_out"] is False
        assert (ground / "long").stat().st_size <= 1_000
        assert client.facts("run_command", argv=["sleep", "60"])["timed_out"]
        limits = client.data("list_roots")["commands"]["limits"]
        assert (limits["file_bytes"], limits["open_files"]) == (1_000, 20)


def test_only_programs_that_the_operator_allows_are_started(ground: Path) -> None:
    with Files(os.fspath(ground), "--allow-command", "echo,cat") as client:
        assert client.blocks("run_command", argv=["echo", "hi"])[0] == "hi\n"
        text = client.failure("run_command", argv=["sh", "-c", "id"])
        assert text.startswith('[command_refused] "sh". The operator allows echo, cat')
        assert "by a path" in client.failure("run_command", argv=["/bin/cat", "x"])
        assert client.data("list_roots")["commands"]["programs"] == ["echo", "cat"]


RUN = {"run_command", "send_input", "stop_process", "list_processes", "read_output"}


def offered(client: Files) -> set[str]:
    return {tool["name"] for tool in client.result(client.request("tools/list"))["tools"]}


def test_without_commands_no_tool_speaks_of_them(ground: Path) -> None:
    with Files(os.fspath(ground), "--no-commands") as client:
        assert not RUN & offered(client)
        assert client.data("list_roots")["commands"] == {"available": False, "tier": "none"}


def test_a_read_only_server_runs_no_commands(ground: Path) -> None:
    with Files(os.fspath(ground), "--read-only") as client:
        assert not RUN & offered(client)


def test_the_roots_and_what_holds_for_commands_are_told(files: Files) -> None:
    commands = files.data("list_roots")["commands"]
    assert commands["available"]
    assert commands["tier"] in {"namespace", "landlock"}
    assert commands["network"] == "none"
    assert commands["not_prevented"]


def test_a_client_that_narrows_the_roots_gets_no_commands_that_reach_more(ground: Path) -> None:
    (ground / "part").mkdir(exist_ok=True)
    arguments = ("--client-roots", "narrow")
    with Narrowed(ground / "part", os.fspath(ground), *arguments) as client:
        assert client.failure("run_command", argv=["true"]).startswith("[command_refused] ")
    with Narrowed(ground, os.fspath(ground), *arguments) as client:
        assert client.facts("run_command", argv=["true"])["exit_code"] == 0


class Narrowed(Files):
    """A client of 2025 that works in one directory."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        from tests.support.product import argv  # noqa: PLC0415 - a fixture of this name would hide it
        from tests.support.wire_client import WireClient  # noqa: PLC0415

        capabilities = {"roots": {"listChanged": True}}
        WireClient.__init__(self, argv(*arguments), era=Era.LEGACY, capabilities=capabilities)
        self.introduction = self.shake_hands()
        request = self.asked(1)[0]
        self.send({"jsonrpc": "2.0", "id": request["id"], "result": {"roots": [{"uri": directory.as_uri()}]}})
        until(lambda: self.data("list_roots")["roots"])


@pytest.fixture
def several(tmp_path: Path) -> Iterator[Files]:
    make_tree(tmp_path, ["a/", "b/"])
    with Files("--root", f"a={tmp_path}/a", "--root-ro", f"b={tmp_path}/b") as client:
        yield client


def test_with_several_roots_the_directory_is_named(several: Files, tmp_path: Path) -> None:
    assert several.code("run_command", argv=["true"]) == "invalid_path"
    several.facts("run_command", argv=["touch", "x"], cwd="a")
    assert (tmp_path / "a" / "x").exists()
    assert several.facts("run_command", argv=["touch", "x"], cwd="b")["exit_code"] != 0
    assert several.facts("run_command", argv=["touch", "../a/y"], cwd="b")["exit_code"] == 0


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize("token", [0, "token"])
def test_whoever_asks_is_told_what_is_printed_while_it_runs(ground: Path, era: Era, token: int | str) -> None:
    with Files(os.fspath(ground), era=era) as client:
        script = "echo one; sleep 0.4; echo two; sleep 0.4; echo three"
        arguments = {"name": "run_command", "arguments": {"argv": ["sh", "-c", script]}}
        call = client.request("tools/call", {**arguments, "_meta": {"progressToken": token}})
        assert client.result(call)["content"][0]["text"] == "one\ntwo\nthree\n"
        reports = [m["params"] for m in client.received if m.get("method") == "notifications/progress"]
        assert [report["progressToken"] for report in reports] == [token] * len(reports)
        numbers = [report["progress"] for report in reports]
        assert numbers == sorted(set(numbers))
        assert {report["message"] for report in reports} >= {"one", "two"}
        # And nobody else.
        client.facts("run_command", argv=["sh", "-c", script])
        assert len([m for m in client.received if m.get("method") == "notifications/progress"]) == len(reports)
