"""`doctor`: what is enforced on this machine, by what, how that was seen, what is not prevented, and how to improve it.

Nothing is believed: each thing is tried, as the server would do it. Read in this order: `check.py` (what is found),
`machine.py`, `files.py`, `history.py`, `commands.py` with `tiers.py` (what is looked at), `redteam/` (attacks),
`report.py` (how it is told).
"""

import os
import sys

from fs_server import cli
from fs_server.cli.doctor import commands, files, history, machine
from fs_server.cli.doctor.check import Check, State
from fs_server.cli.doctor.redteam import Tried, attack
from fs_server.cli.doctor.report import as_json, printed
from fs_server.config import load
from fs_server.config.flags import Invocation
from fs_server.config.settings import Settings

__all__ = ["examine", "run"]


def run(invocation: Invocation) -> int:
    """Print what was found, and return the exit code: 1 where something that the settings require does not hold.

    Raises:
        ConfigError: the settings cannot be used.
    """
    settings = load.settings(load.choose(invocation.layer, os.environ, invocation.config))
    checks = examine(settings)
    tried = attack(settings) if invocation.redteam else None
    if sys.stdout is None:  # closed by whoever started us: there is nobody to print to
        return cli.FAILED
    if invocation.as_json:
        sys.stdout.write(as_json(checks, tried))
    else:
        printed(checks, tried)
    return 0 if holds(checks, tried) else cli.FAILED


def examine(settings: Settings) -> list[Check]:
    """Look at everything."""
    roots = files.roots(settings)
    try:
        opened = roots.workspace.roots if roots.workspace else ()
        return [
            machine.version(),
            machine.user(),
            files.resolver(),
            *roots.checks,
            history.journal(settings),
            machine.server(),
            *commands.commands(settings, opened),
            machine.packages(),
        ]
    finally:
        if roots.workspace:
            roots.workspace.close()


def holds(checks: list[Check], tried: list[Tried] | None) -> bool:
    """Tell whether everything that the settings require holds, and nothing got through that should not."""
    return all(check.state is not State.FAILS for check in checks) and all(one.good for one in tried or ())
