"""What the tests of commands have in common: servers with commands, and whether something of them still lives."""

import os
import sys
import threading
import time

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)

__all__ = ["FOREVER", "alive", "gone", "until"]

FOREVER = "while :; do sleep 0.05; done"
"""For a shell: a program that ends only if it is ended."""

PATIENCE_S = 50


def alive(token: str) -> list[int]:
    """Return the processes that have a word in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(token in part for part in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def until(claim: object, words: str = "") -> None:
    """Return when a callable says something true."""
    assert callable(claim)
    latest = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < latest, words or "waited in vain"
        threading.Event().wait(0.01)


def gone(token: str) -> None:
    """Return when no process has the word any more."""
    until(lambda: not alive(token), f"{token} lives on")
