"""The program as a host starts it: a process of its own, with nothing of the tests' in it but the search path."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["COMMAND", "UNMEASURED", "environment", "run", "run_in_terminal"]

COMMAND = [sys.executable, "-m", "fs_server"]
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""For whoever runs what another test has measured: measuring doubles what a start takes."""

_HERE = str(Path(__file__).parents[3])


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that finds the packages."""
    return os.environ | {"PYTHONPATH": _HERE} | more


def run(*argv: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run to the end with an empty standard input."""
    return subprocess.run(
        [*COMMAND, *argv],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def run_in_terminal(*argv: str, columns: int) -> tuple[int, bytes]:
    """Run to the end in a terminal of so many columns; return the exit code, and all that it showed."""
    controller, terminal = os.openpty()
    with subprocess.Popen(
        [*COMMAND, *argv],
        env=environment(TERM="xterm-256color", COLUMNS=str(columns)),
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(controller, 65_536):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(controller)
    return process.returncode, shown
