"""The program as a host starts it: a process of its own, with nothing of the tests' in it but the search path."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["COMMAND", "UNMEASURED", "environment", "run"]

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
