"""A client that speaks raw JSON-RPC with a real server process over real pipes.

It promises nothing that a real client does not: it can send any bytes, stop reading, and close either side.
"""

import enum
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.support.nursery import Process, started

ANSWER_S = 30
"""The longest wait for anything. Only a failing test waits so long."""

Message = dict[str, Any]


class Era(enum.Enum):
    """The two ways to speak to one server."""

    LEGACY = "2025-11-25"
    MODERN = "2026-07-28"


ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": Era.MODERN.value,
    "io.modelcontextprotocol/clientInfo": {"name": "wire client", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANDSHAKE = {
    "protocolVersion": Era.LEGACY.value,
    "capabilities": {},
    "clientInfo": {"name": "wire client", "version": "1"},
}


class WireClient:
    """One server process and our ends of its pipes. Use as a context manager; leaving it closes standard input."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        era: Era = Era.MODERN,
        reading: bool = True,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        capabilities: Message | None = None,
    ) -> None:
        """Start `argv`. With `reading=False` nothing is read from it before `read_on`."""
        self.era = era
        self.capabilities = capabilities or {}
        self.process: Process = started(argv, stdin=stdin, stdout=stdout)
        self.ids = itertools.count(1)
        self.received: list[Message] = []
        self.lines: list[bytes] = []
        self.log = ""
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._read_log, daemon=True)]
        self._reader = threading.Thread(target=self._read_messages, daemon=True)
        if reading and stdout == subprocess.PIPE:
            self._threads.append(self._reader)
        for thread in self._threads:
            thread.start()

    # --- sending

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def send(self, message: object) -> None:
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def notify(self, method: str, **params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Message | None = None) -> int:
        """Send a request of this client's era and give its id."""
        request_id = next(self.ids)
        params = dict(params or {})
        if self.era is Era.MODERN:
            envelope = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": self.capabilities}
            params["_meta"] = {**envelope, **params.get("_meta", {})}
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return request_id

    def call(self, tool: str, **arguments: object) -> int:
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    def shake_hands(self) -> Message:
        """Do what a client of this era does first, and give the server's introduction."""
        if self.era is Era.MODERN:
            return self.answer(self.request("server/discover"))
        answer = self.answer(self.request("initialize", {**HANDSHAKE, "capabilities": self.capabilities}))
        self.notify("notifications/initialized")
        return answer

    # --- receiving

    def read_on(self) -> None:
        """Start to read what a client created with `reading=False` was sent."""
        self._threads.append(self._reader)
        self._reader.start()

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """Give what the callable gives, once that is true."""
        with self._changed:
            if not self._changed.wait_for(what, timeout=ANSWER_S):
                msg = f"waited in vain; received {self.received[-3:]}, log: {self.log[-2000:]}"
                raise TimeoutError(msg)
            return what()

    def answer(self, request_id: object) -> Message:
        """Wait for the answer to one request. The server counts its own requests with the same numbers."""
        answer: Message = self.wait_for(lambda: self.answer_or_none(request_id))
        return answer

    def answer_or_none(self, request_id: object) -> Message | None:
        """Give the answer to one request, if it has come."""
        return next((m for m in self.received if m.get("id") == request_id and "method" not in m), None)

    def asked(self, number: int = 1) -> list[Message]:
        """Wait until the server has sent so many requests of its own, and give all of them."""
        found: list[Message] = []

        def enough() -> bool:
            found[:] = [message for message in self.received if "method" in message and "id" in message]
            return len(found) >= number

        self.wait_for(enough)
        return found

    def result(self, request_id: object) -> Message:
        answer = self.answer(request_id)
        assert "result" in answer, answer
        result: Message = answer["result"]
        return result

    def error(self, request_id: object) -> Message:
        answer = self.answer(request_id)
        assert "error" in answer, answer
        error: Message = answer["error"]
        return error

    def wait_for_log(self, words: str) -> None:
        self.wait_for(lambda: words in self.log)

    # --- the process

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close_stdin(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def close_stdout(self) -> None:
        """Close our end. Only where nothing reads it, because a blocked read would keep it open."""
        assert self.process.stdout
        assert not self._reader.is_alive()
        self.process.stdout.close()

    def exit_status(self) -> int:
        """Wait for the end of the process, and for the last bytes of its pipes."""
        status = self.process.wait(ANSWER_S)
        for thread in self._threads:
            thread.join(ANSWER_S)
        return status

    def peak_memory_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def wait_until_blocked(self) -> None:
        """Wait until the server has used no processor time for a while: it waits for us."""
        before, since = -1.0, time.monotonic()
        deadline = since + ANSWER_S
        while time.monotonic() < deadline:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            used = int(fields[11]) + int(fields[12])
            if used != before:
                before, since = used, time.monotonic()
            elif time.monotonic() - since > 0.5:
                return
            self.process.poll()
            threading.Event().wait(0.05)
        msg = "the server never came to rest"
        raise TimeoutError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.process.stdin,):
            if pipe:
                pipe.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(ANSWER_S)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def _read_messages(self) -> None:
        assert self.process.stdout
        # Unbuffered pipes have a slow readline; this one is ours alone.
        with os.fdopen(os.dup(self.process.stdout.fileno()), "rb") as stream:
            for line in stream:
                message = json.loads(line)
                with self._changed:
                    self.lines.append(line)
                    self.received.append(message)
                    self._changed.notify_all()

    def _read_log(self) -> None:
        assert self.process.stderr
        while chunk := os.read(self.process.stderr.fileno(), 65536):
            with self._changed:
                self.log += chunk.decode(errors="replace")
                self._changed.notify_all()
