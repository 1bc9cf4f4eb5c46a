"""An attacker in a process of its own, who changes names as fast as the system lets it until told to stop.

Run as a script it is the attacker: `race.py MODE ONE TWO`, ended by the end of its standard input.
"""

import ctypes
import itertools
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Attacker"]

BATCH = 64
"""Changes between two looks at whether to stop."""


class Attacker:
    """A process that attacks for as long as it is entered.

    Modes: `exchange` swaps two names atomically; `bursts` does so too, and rests for some milliseconds now and then,
    with one or the other at the name, so that work of many steps gets through at times; `there_and_back` moves ONE to
    TWO and back; `truncate` empties the file ONE and fills it with what TWO holds.

    Attributes:
        changes: how many changes it made; known once it has ended.
    """

    def __init__(self, mode: str, one: Path, two: Path) -> None:
        self.changes = 0
        self._argv = [sys.executable, "-I", __file__, mode, os.fspath(one), os.fspath(two)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"attacking\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told, _ = self._process.communicate(timeout=10)
        self.changes = int(told or 0)


def exchange() -> Callable[[bytes, bytes], None]:
    """Return what swaps two names atomically: renameat2(2), or renamex_np(2) on macOS."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE, and RENAME_SWAP on macOS

    def renameat2(one: bytes, two: bytes) -> None:
        if libc.renameat2(at_cwd, one, at_cwd, two, swap) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")

    def renamex_np(one: bytes, two: bytes) -> None:
        if libc.renamex_np(one, two, swap) != 0:
            raise OSError(ctypes.get_errno(), "renamex_np")

    return renamex_np if sys.platform == "darwin" else renameat2


def there_and_back(one: bytes, two: bytes) -> None:
    os.rename(one, two)  # noqa: PTH104 # no path object between two calls that must be close
    os.rename(two, one)  # noqa: PTH104


def truncate(one: bytes, two: bytes) -> None:
    content = Path(os.fsdecode(two)).read_bytes()
    with open(one, "r+b", buffering=0) as file:  # noqa: PTH123 # a path of bytes, as the other modes take
        file.truncate(0)
        file.write(content)


def main() -> None:
    _, mode, one, two = map(os.fsencode, sys.argv)
    swap = exchange()
    change = {b"exchange": swap, b"bursts": swap, b"there_and_back": there_and_back, b"truncate": truncate}[mode]
    rests = itertools.cycle((0.012, 0.001, 0.004, 0.002, 0.020, 0.003, 0.007) if mode == b"bursts" else (0.0,))
    change(one, two)
    os.write(1, b"attacking\n")
    changes = 1
    while not select.select([0], [], [], 0)[0]:
        rest = next(rests)
        for _ in range(BATCH + bool(rest)):
            change(one, two)
        changes += BATCH + bool(rest)
        if rest:
            time.sleep(rest)
    os.write(1, str(changes).encode())


if __name__ == "__main__":
    main()
