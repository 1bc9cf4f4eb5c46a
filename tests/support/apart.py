"""Pieces of a test that change the thread or process they run in: each in one of its own, which is measured too.

`python -m tests.support.apart module:function WORD…` is what `apart` starts. A thread is enough for what belongs to
threads: rules of Landlock, filters of system calls, capabilities, and a namespace of mounts where root makes it.
"""

import importlib
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sandbox.linux import bpf, processes, seccomp
from sandbox.linux.numbers import machine

__all__ = ["apart", "hide", "in_a_thread"]

REPOSITORY = Path(__file__).parents[2]
Result = TypeVar("Result")


def in_a_thread(work: Callable[[], Result]) -> Result:
    """Return what `work` returns in a thread that ends with it; whatever it raises is raised here."""
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again, where it is seen
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def apart(function: str, *words: str, before: Sequence[str] = ()) -> str:
    """Call `module:function` with these words in a process of its own; return what it printed.

    `before` are words that start it: another program that executes the rest.

    Raises:
        AssertionError: it failed; what it said is the message.
    """
    done = subprocess.run(
        [*before, sys.executable, "-m", "tests.support.apart", function, *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hide(answers: Mapping[str, int]) -> None:
    """Let these system calls fail with these errnos, for this thread and all that it starts. There is no way back."""
    here = machine()
    assert here is not None
    program = [bpf.load_number()]
    for name, number in answers.items():
        known = here.number(name)
        assert known is not None
        program += [bpf.unless_equal(known, 1), bpf.answer(bpf.error(number))]
    processes.gain_nothing_by_exec()
    seccomp.install([*program, bpf.answer(bpf.ALLOW)])


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), function)(*sys.argv[2:])


if __name__ == "__main__":
    main()
