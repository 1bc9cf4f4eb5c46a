"""Commands: whether the settings want them, and what this system has for that."""

import sys
from collections.abc import Sequence

from fs_server.cli.doctor.check import Check, State
from fs_server.config.settings import Settings
from sandbox import Root

__all__ = ["commands"]


def commands(settings: Settings, roots: Sequence[Root]) -> list[Check]:
    """Try each tier. The first check tells what comes of all."""
    if sys.platform == "linux":
        from fs_server.cli.doctor import tiers  # noqa: PLC0415 - this system only

        return tiers.commands(settings, roots)
    else:  # noqa: RET505 - so that the type checker passes over the other branch
        return [
            Check(
                id="commands",
                state=State.ABSENT,
                summary="this version starts commands on Linux only; here no tool offers that",
                facts={"wanted": False, "require": None, "tier": None, "network": None, "limits": []},
            )
        ]
