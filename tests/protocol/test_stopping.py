"""Every way to end a server is one ordered end: the right status, the last answers, the resources closed.

Calls here would take ten minutes, so that a process which waits for them fails its test.
"""

import signal
import sys
from pathlib import Path

import pytest

from tests.protocol.conftest import Start
from tests.support.wire_client import HANDSHAKE, Era, WireClient

FOREVER_S = 600

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform != "win32":
    SIGNALS.append(signal.SIGHUP)

proc = pytest.mark.skipif(sys.platform != "linux", reason="idleness is read from /proc")


def ends_well(client: WireClient, how: signal.Signals | None) -> bool:
    """Close standard input or send a signal; the status says which it was."""
    if how is None:
        client.close_stdin()
        return client.exit_status() == 0
    client.signal(how)
    return client.exit_status() == 128 + how


def shown(how: signal.Signals | None) -> str:
    return how.name if how else "end of input"


every_way = pytest.mark.parametrize("how", [None, *SIGNALS], ids=shown)


@every_way
@pytest.mark.guarantee("G9")
def test_an_idle_server_ends_with_its_status(start_any: Start, how: signal.Signals | None) -> None:
    client = start_any()
    client.shake_hands()
    assert ends_well(client, how)


@every_way
def test_what_was_entrusted_is_closed(start: Start, tmp_path: Path, how: signal.Signals | None) -> None:
    client = start("--marker", str(tmp_path / "marker"))
    client.shake_hands()
    assert ends_well(client, how)
    assert (tmp_path / "marker").read_text() == "closed"


@every_way
def test_a_call_in_progress_is_cancelled_and_told(
    start: Start, tmp_path: Path, how: signal.Signals | None, era: Era
) -> None:
    client = start("--marker", str(tmp_path / "marker"), era=era)
    client.shake_hands()
    endless = client.call("wait")
    client.result(client.call("echo"))
    assert ends_well(client, how)
    assert client.error(endless)["code"] == -32000
    assert "cancelled wait" in client.log
    assert (tmp_path / "marker").exists()


@every_way
def test_a_call_that_needs_a_moment_more_is_answered(start: Start, how: signal.Signals | None) -> None:
    client = start(era=Era.LEGACY)
    client.shake_hands()
    short = client.call("nap", seconds=0.02)
    client.result(client.call("echo"))
    assert ends_well(client, how)
    assert client.result(short)["content"][0]["text"] == "rested"


@every_way
@pytest.mark.parametrize("tool", ["thread", "own_thread"])
@pytest.mark.guarantee("G9")
def test_a_stuck_thread_keeps_neither_the_process_nor_its_resources(
    start: Start, tmp_path: Path, how: signal.Signals | None, tool: str
) -> None:
    client = start("--marker", str(tmp_path / "marker"))
    client.shake_hands()
    client.call(tool, seconds=FOREVER_S)
    client.result(client.call("echo"))
    assert ends_well(client, how)
    assert (tmp_path / "marker").exists()


@every_way
def test_a_closer_that_hangs_delays_no_other(start: Start, tmp_path: Path, how: signal.Signals | None) -> None:
    client = start("--stuck-closer", "--marker", str(tmp_path / "marker"))
    client.shake_hands()
    assert ends_well(client, how)
    assert (tmp_path / "marker").exists()
    assert "did not close within" in client.log


def test_a_request_right_before_the_end_of_input_is_answered(start_any: Start, era: Era) -> None:
    client = start_any(era=era)
    if era is Era.LEGACY:
        client.request("initialize", HANDSHAKE)
    request = client.request("tools/list")
    client.close_stdin()
    assert client.exit_status() == 0
    assert client.result(request)["tools"]


def test_an_empty_input_is_no_error(start_any: Start) -> None:
    client = start_any()
    client.close_stdin()
    assert client.exit_status() == 0
    assert client.received == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells a writer only when it writes")
@pytest.mark.guarantee("G9")
def test_an_idle_server_notices_that_its_output_was_closed(start_any: Start) -> None:
    client = start_any(reading=False)
    client.close_stdout()
    assert client.exit_status() == 0


def test_a_server_whose_client_left_during_a_call_ends(start: Start, tmp_path: Path) -> None:
    client = start("--marker", str(tmp_path / "marker"), reading=False)
    client.call("wait")
    client.call("pollute")
    client.wait_for_log("noise from print")
    client.close_stdout()
    assert client.exit_status() == 0
    assert "cancelled wait" in client.log
    assert (tmp_path / "marker").exists()


@proc
@pytest.mark.parametrize("how", [None, signal.SIGTERM], ids=shown)
@pytest.mark.guarantee("G9")
def test_a_client_that_never_reads_cannot_hold_the_server(
    start: Start, tmp_path: Path, how: signal.Signals | None, era: Era
) -> None:
    """bug: the SDK's own transport hangs when its output is full and its input ends."""
    client = start("--marker", str(tmp_path / "marker"), era=era, reading=False)
    client.request("initialize", HANDSHAKE)
    client.call("big", size=50_000_000)
    client.wait_until_blocked()
    assert ends_well(client, how)
    assert (tmp_path / "marker").exists()


@proc
def test_the_end_of_input_is_noticed_behind_requests_that_are_no_longer_read(start: Start) -> None:
    """The output is full, so nothing more is read, and the end stands behind what is unread."""
    client = start(era=Era.LEGACY, reading=False)
    client.request("initialize", HANDSHAKE)
    client.call("big", size=50_000_000)
    client.wait_until_blocked()
    for _ in range(100):
        client.request("initialize", HANDSHAKE)
    client.wait_until_blocked()
    client.close_stdin()
    assert client.exit_status() == 0
