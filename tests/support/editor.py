"""Somebody else who saves a file when told to, in a process of its own.

Run as a script it is the editor: `editor.py HOW FILE`. It saves once for each line on its standard input, which says
how long to wait before, in microseconds, and what the file shall hold; and answers each with a line. `rename` puts a
new file in place of the old one; `in_place` empties the file and writes; `open_first` has the file open for a
millisecond before it does that.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["HOW", "Editor"]


class Editor:
    """A process that saves; a context manager."""

    def __init__(self, how: str, file: Path) -> None:
        self._argv = [sys.executable, "-I", __file__, how, os.fspath(file)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def begin(self, content: str, *, after_us: int) -> None:
        """Let it save. Returns at once."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([after_us, content]).encode() + b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Wait until it has saved."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"saved\n"


def spin(microseconds: float) -> None:
    end = time.perf_counter_ns() + microseconds * 1_000
    while time.perf_counter_ns() < end:
        pass


def rename(path: str, content: bytes) -> None:
    with open(f"{path}~", "wb") as file:  # noqa: PTH123 # as an editor does
        file.write(content)
    os.rename(f"{path}~", path)  # noqa: PTH104


def in_place(path: str, content: bytes) -> None:
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123
        file.write(content)


def open_first(path: str, content: bytes) -> None:
    with open(path, "r+b", buffering=0) as file:  # noqa: PTH123
        spin(1_000)
        file.truncate(0)
        file.write(content)


HOW: dict[str, Callable[[str, bytes], None]] = {"rename": rename, "in_place": in_place, "open_first": open_first}


def main() -> None:
    _, how, path = sys.argv
    for line in sys.stdin:
        after_us, content = json.loads(line)
        spin(after_us)
        HOW[how](path, content.encode())
        os.write(1, b"saved\n")


if __name__ == "__main__":
    main()
