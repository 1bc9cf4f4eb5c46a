"""Run a piece of a test as an ordinary user, because no permission holds root back.

`python -m tests.support.as_user module:function ARGUMENT…` imports the function, becomes nobody, and calls it.
"""

import codecs
import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["as_ordinary_user", "own_directory"]

NOBODY = 65534
REPOSITORY = Path(__file__).parents[2]


def as_ordinary_user(function: str, *arguments: str) -> str:
    """Call `module:function` with these words in a child that is no root; return what it printed.

    Raises:
        AssertionError: it failed; its traceback is the message.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.as_user", function, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def own_directory() -> Iterator[Path]:
    """Give a new directory that belongs to the user of `as_ordinary_user`; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        own = Path(name).resolve()
        if os.geteuid() == 0:
            os.chown(own, NOBODY, NOBODY)
            if any(directory.stat().st_mode & 0o001 == 0 for directory in own.parents):
                pytest.skip(f"an ordinary user cannot reach {own}")
        yield own


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    work = getattr(importlib.import_module(module), function)
    codecs.lookup("ascii")  # root's own Python may be out of the user's reach, and this is imported only when used
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        work(*sys.argv[2:])
    except BaseException:  # noqa: BLE001 # whatever it is, the parent reports it
        traceback.print_exc()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # what runs at the end of a process may want files that only root can write


if __name__ == "__main__":
    main()
