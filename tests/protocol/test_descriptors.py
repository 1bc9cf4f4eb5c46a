"""The wire may be any kind of descriptor, and the server leaves it as it found it."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import sys
import tty
from collections.abc import Callable
from pathlib import Path

import pytest

from fs_server.protocol.stdio import Source, open_source
from fs_server.protocol.threaded import ThreadedSource
from tests.protocol.conftest import FIXTURE
from tests.support.wire_client import ENVELOPE, WireClient

assert sys.platform != "win32"  # conftest.py leaves this file out there

ARGV = [sys.executable, FIXTURE]
LINE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": ENVELOPE}}).encode() + b"\n"
PING = b'{"jsonrpc":"2.0","id":2,"method":"ping"}\n'


def a_socket_pair() -> tuple[int, int]:
    """What Node gives a child as its standard streams."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def a_terminal() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return ours, theirs


def read_line(fd: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(fd, 65536)
    return line


@pytest.mark.parametrize("pair", [a_socket_pair, a_terminal])
def test_one_two_way_descriptor_serves_as_both_streams(pair: Callable[[], tuple[int, int]]) -> None:
    """ours: O_NONBLOCK on a shared open file would reach the terminal's other users, and outlive a killed server."""
    ours, theirs = pair()
    before = fcntl.fcntl(theirs, fcntl.F_GETFL)
    with WireClient(ARGV, stdin=theirs, stdout=theirs) as client:
        for _ in range(2):
            os.write(ours, PING)
            assert json.loads(read_line(ours)) == {"jsonrpc": "2.0", "id": 2, "result": {}}
        assert fcntl.fcntl(theirs, fcntl.F_GETFL) == before
        os.close(theirs)
        os.close(ours)
        assert client.exit_status() == 0 or client.process.returncode == 129  # a terminal that goes also hangs up


def test_a_large_answer_goes_through_a_socket_whose_reader_is_slow() -> None:
    ours, theirs = a_socket_pair()
    call = {"name": "big", "arguments": {"size": 3_000_000}, "_meta": ENVELOPE}
    with WireClient(ARGV, stdin=theirs, stdout=theirs) as client:
        os.close(theirs)
        os.write(ours, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode() + b"\n")
        assert len(json.loads(read_line(ours))["result"]["content"][0]["text"]) == 3_000_000
        os.close(ours)
        assert client.exit_status() == 0


def test_regular_files_serve_as_both_streams(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(LINE + PING * 3000)
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        done = subprocess.run(ARGV, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0
    answers = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    assert len(answers) == 3001
    assert answers[-1]["id"] == 2


def test_a_large_answer_goes_to_a_regular_file_whole(tmp_path: Path) -> None:
    call = {"name": "big", "arguments": {"size": 5_000_000}, "_meta": ENVELOPE}
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    with (tmp_path / "out").open("wb") as stdout:
        subprocess.run(ARGV, input=request, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=True)
    assert len(json.loads((tmp_path / "out").read_bytes())["result"]["content"][0]["text"]) == 5_000_000


@pytest.mark.parametrize("redirections", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-", "2>&-", "</dev/null", ">/dev/full"])
def test_missing_streams_are_no_crash(redirections: str) -> None:
    shell = ["sh", "-c", f'exec "$@" {redirections}', "sh", *ARGV]
    done = subprocess.run(shell, input=PING, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_children_inherit_nothing_of_the_wire() -> None:
    """A child that outlives the server must not keep the client's pipes open."""
    code = (
        "from fs_server.protocol import claim_stdio; import subprocess, sys; claim_stdio();"
        "subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False)"
    )
    with contextlib.suppress(FileNotFoundError):
        done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, timeout=60, check=True)
        assert done.stdout == b""
        assert done.stderr.count(b"pipe:") == 2  # 1 and 2, which are both standard error


def test_the_claim_loads_nothing_but_the_standard_library() -> None:
    foreign = "[m for m in sys.modules if m.split('.')[0] in ('mcp', 'pydantic', 'anyio')]"
    code = f"import sys; import fs_server.protocol; print({foreign})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout.strip() == b"[]"


def a_reset_connection() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    # To close while lingering for 0 s resets, and the next read gives ECONNRESET (socket(7)).
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ours.close()
    return theirs.detach()


def a_terminal_that_went_away() -> int:
    ours, theirs = a_terminal()
    os.close(ours)
    return theirs


@pytest.mark.parametrize("source_of", [open_source, ThreadedSource])
@pytest.mark.parametrize("broken", [a_reset_connection, a_terminal_that_went_away])
def test_a_broken_stream_has_ended(source_of: Callable[[int], Source], broken: Callable[[], int]) -> None:
    async def scenario() -> None:
        fd = broken()
        assert await source_of(fd).read() == b""
        os.close(fd)

    asyncio.run(scenario())
