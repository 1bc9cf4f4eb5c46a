"""One server process, driven over its standard streams as a host drives it: JSON lines, a 2025 handshake."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import psutil

__all__ = ["Server"]

_HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


class Server:
    """A running server. `started_s` is the time from its start to its list of tools."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        self._id = 0
        self.ask("initialize", _HANDSHAKE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})
        self.started_s = time.perf_counter() - begun

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return its whole answer."""
        return self.ask_at_once(method, [params])[0]

    def ask_at_once(self, method: str, many: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send requests without waiting between them; return the answers in the order in which they came."""
        for params in many:
            self._id += 1
            self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        answers: list[dict[str, Any]] = []
        while len(answers) < len(many):
            message = self._receive()
            if "id" in message and "method" not in message:
                answers.append(message)
        return answers

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result; an error is one of the benchmark's own making and ends it."""
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        result: dict[str, Any] = answer.get("result", {})
        if not result or result.get("isError"):
            message = f"{tool} {arguments}: {str(answer)[:300]}"
            raise RuntimeError(message)
        return result

    def resident_bytes(self) -> int:
        """Return the memory of the process and its children that is in use now."""
        process = psutil.Process(self._process.pid)
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            message = "the server has ended"
            raise RuntimeError(message)
        message_: dict[str, Any] = json.loads(line)
        return message_

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
