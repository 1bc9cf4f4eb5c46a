"""A resolver as a careless server would have it: names are opened as they stand, wherever links lead."""

# ruff: noqa: E402 - the platform is asserted before anything is imported that only some have
import os
import sys
from collections.abc import Sequence

assert sys.platform != "win32"  # told to the type checker, which reads every file for every platform

from sandbox.errors import from_os_error
from sandbox.resolve import Found
from sandbox.resolve._stepwise import StepwiseResolver

__all__ = ["LeakyResolver"]


class LeakyResolver(StepwiseResolver):
    name = "leaky"

    def resolve(self, root: int, parts: Sequence[str], *, directory: bool = False) -> Found:
        flags = os.O_RDONLY | os.O_CLOEXEC | (os.O_DIRECTORY if directory else 0)
        try:
            handle = os.open("/".join(parts) or ".", getattr(os, "O_PATH", 0) | flags, dir_fd=root)
        except OSError as error:
            raise from_os_error(error, "") from error
        return Found(handle, tuple(parts), os.fstat(handle))
