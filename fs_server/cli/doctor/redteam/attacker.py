"""A process that lets two names change places, as fast as the system can, until its standard input ends.

`begin` starts it: the directory that holds both names, and the names.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import RootSpec, SandboxError, Workspace

__all__ = ["begin", "main"]

BATCH = 64
"""Changes between two looks at whether to stop."""

END_S = 10.0


@contextmanager
def begin(directory: str, one: str, other: str) -> Iterator[list[int]]:
    """Attack for as long as this is entered; the list holds, afterwards, how many changes were made.

    Raises:
        OSError: it cannot be started, or names cannot be exchanged here.
    """
    start = f"import sys; sys.path[:] = {json.dumps(sys.path)}; from {__name__} import main; main()"
    changes: list[int] = []
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, and words that stand above
        [sys.executable, "-I", "-c", start, directory, one, other], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"attacking\n":
            raise OSError("the attacker does not start")
        yield changes
    finally:
        told, _ = process.communicate(timeout=END_S)
        changes.append(int(told or 0))


def main() -> None:
    """Attack."""
    directory, one, other = sys.argv[1:4]
    workspace = Workspace.open([RootSpec("ground", directory)])
    (root,) = workspace.roots
    swap = root.resolver.changes
    try:
        assert swap is not None
        swap.exchange(root.handle, one, root.handle, other)
    except (SandboxError, AssertionError):
        return
    os.write(1, b"attacking\n")
    changes = 1
    while not select.select([0], [], [], 0)[0]:
        for _ in range(BATCH):
            swap.exchange(root.handle, one, root.handle, other)
        changes += BATCH
    os.write(1, str(changes).encode())
