"""How commands are started on this system: the one place that knows which it is."""

import sys
from collections.abc import Sequence

from fs_server.commands.seam import Started
from fs_server.config.settings import Settings
from fs_server.errors import Failure
from sandbox import Root

__all__ = ["start"]


def start(settings: Settings, roots: Sequence[Root]) -> Started:
    """Start what starts commands, and learn what it can do. Blocks for some ten milliseconds.

    Raises:
        SandboxError, Failure: there is nothing like it here, or it does not answer.
    """
    if sys.platform == "linux":
        from fs_server.commands.wardened import start as start_here  # noqa: PLC0415 - only where commands are permitted

        return start_here(settings, roots)
    else:  # noqa: RET505 - so that the type checker passes over the other branch
        fact = "This version confines commands on Linux only"
        raise Failure("sandbox_unavailable", "Commands", fact, "Go on without commands")
