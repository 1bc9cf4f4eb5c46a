"""`--redteam`: attacks on a workspace made for that, with this very server's code; bounded to some twenty seconds.

Read in this order: `tried.py` (what came of an attack), `race.py` with `attacker.py` (the files' side),
`battery.py` with the programs `escapes.py` and `daemons.py`, which run as commands.
"""

import sys

from fs_server.cli.doctor.redteam.race import path_race
from fs_server.cli.doctor.redteam.tried import Tried
from fs_server.config.settings import Settings

__all__ = ["Tried", "attack"]


def attack(settings: Settings) -> list[Tried]:
    """Attack, and return what came of it. A tier that this machine does not offer is not attacked."""
    if sys.platform == "linux":
        from fs_server.cli.doctor.redteam.battery import attack_commands  # noqa: PLC0415 - this system only

        return [*attack_commands(settings), *path_race()]
    else:  # noqa: RET505 - so that the type checker passes over the other branch
        return path_race()
