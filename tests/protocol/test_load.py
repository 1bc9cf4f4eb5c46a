"""Large, many and slow: answers keep coming and memory stays bounded."""

import os
import select
import sys

import pytest

from tests.protocol.conftest import Start
from tests.support.wire_client import HANDSHAKE, Era, WireClient

MEGABYTE = 1_000_000

proc = pytest.mark.skipif(sys.platform != "linux", reason="memory and idleness are read from /proc")


@proc
@pytest.mark.parametrize("lines", [1, 2], ids=["100 MB line", "twice"])
@pytest.mark.guarantee("G8")
def test_a_line_of_100_megabytes_is_skipped_in_bounded_memory(start_any: Start, lines: int) -> None:
    """The limit is 32 MiB. The line is held up to there, in a buffer that may be copied once to grow."""
    client = start_any(era=Era.LEGACY)
    client.shake_hands()
    before = client.peak_memory_bytes()
    for n in range(lines):  # twice, because what one line leaves behind would add up
        client.send_bytes(b'{"jsonrpc":"2.0","method":"ping","params":{"x":"')
        for _ in range(100):
            client.send_bytes(b"x" * MEGABYTE)
        client.send_bytes(b'"},"id":"long-%d"}\n' % n)
        assert client.error(f"long-{n}")["code"] == -32600
    assert client.peak_memory_bytes() - before < 64 * MEGABYTE
    assert client.result(client.request("tools/list"))


@proc
def test_200_megabytes_without_an_end_of_line_do_not_pile_up(start_any: Start) -> None:
    client = start_any(era=Era.LEGACY)
    client.shake_hands()
    before = client.peak_memory_bytes()
    for _ in range(200):
        client.send_bytes(b"x" * MEGABYTE)
    client.send_bytes(b"\n")
    client.wait_for(lambda: client.received[1:])
    assert client.received[1]["error"]["code"] == -32600
    assert client.peak_memory_bytes() - before < 64 * MEGABYTE


@proc
def test_a_request_of_30_megabytes_is_served(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    result = client.result(client.call("echo", x="y" * 30 * MEGABYTE))
    assert len(result["structuredContent"]["echo"]["x"]) == 30 * MEGABYTE


def test_a_result_of_100_megabytes_arrives_whole(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    assert len(client.result(client.call("big", size=100 * MEGABYTE))["content"][0]["text"]) == 100 * MEGABYTE


def test_500_calls_at_once_are_all_answered_with_their_own_result(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    calls = {client.call("nap", seconds=0.2): n for n in range(250)}
    echoes = {client.call("echo", n=n): n for n in range(250)}
    for request, n in echoes.items():
        assert client.result(request)["structuredContent"]["echo"] == {"n": n}
    for request in calls:
        assert client.result(request)["content"][0]["text"] == "rested"


def test_60_blocked_threads_do_not_delay_a_list(start: Start, era: Era) -> None:
    """bug: with the SDK's own transport the list waits, because stdin shares the pool of 40 threads."""
    client = start(era=era)
    client.shake_hands()
    slow = [client.call("own_thread", seconds=3) for _ in range(60)]
    client.result(client.request("tools/list"))
    assert not any(message.get("id") in slow for message in client.received)


@proc
def test_a_client_that_reads_late_gets_everything(start: Start, era: Era) -> None:
    client = start(era=era, reading=False)
    client.request("initialize", HANDSHAKE)
    requests = [client.call("big", size=100_000) for _ in range(100)]
    client.wait_until_blocked()
    client.read_on()
    for request in requests:
        assert len(client.result(request)["content"][0]["text"]) == 100_000


@proc
@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"big","arguments":{"size":100000}}}\n',
        b'{"jsonrpc":"2.0","id":%d,"method":4}\n',
        b"nonsense %d\n",
    ],
    ids=["calls with large results", "errors with an id", "errors without an id"],
)
def test_a_client_that_floods_and_never_reads_is_no_longer_read(start: Start, line: bytes) -> None:
    """4 MiB of answers may wait, and what was read with the last chunk still comes on top."""
    client = start(era=Era.LEGACY, reading=False)
    client.request("initialize", HANDSHAKE)
    client.wait_until_blocked()
    before = client.peak_memory_bytes()
    assert flood(client, line, lines=2_000_000) < 2_000_000
    assert client.peak_memory_bytes() - before < 40 * MEGABYTE


def flood(client: WireClient, line: bytes, lines: int) -> int:
    """Write until the server reads no more, and give how many lines it took."""
    assert client.process.stdin
    pipe = client.process.stdin.fileno()
    if sys.platform != "win32":
        os.set_blocking(pipe, False)
    for n in range(lines):
        rest = memoryview(line % n)
        while rest:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                if not select.select([], [pipe], [], 2)[1]:
                    client.wait_until_blocked()
                    return n
    return lines
