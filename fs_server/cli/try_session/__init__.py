"""`try`: the real server, started as a host would start it, in both eras of the protocol, and what a host sees.

Read in this order: `visit.py` (one session in one era), `step.py` and `steps/` (what is asked), `report.py` (how it
is told). To add a step, write it in a file of `steps` and put it into that file's group.
"""

import asyncio
import logging

from fs_server.cli.try_session.command import for_hosts, server_command
from fs_server.cli.try_session.report import Report
from fs_server.cli.try_session.visit import ERAS, Visited, visit
from fs_server.config.roots import absolute

__all__ = ["run"]

FAILED = 1


def run(directory: str) -> int:
    """Try the server on a directory, print what a host sees, and return the exit code: 1 if a step failed.

    Raises:
        ConfigError: the directory cannot even be written as a path.
    """
    path = str(absolute(directory, "ROOT"))
    # What the client notices of a broken server is told as the outcome of a step, not as a traceback.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    command = server_command(path)
    report = Report()
    report.begin(path, command)
    visits = asyncio.run(_visit_all(command, report))
    return 0 if report.end(visits, for_hosts(command)) else FAILED


async def _visit_all(command: tuple[str, ...], report: Report) -> list[Visited]:
    """Visit in each era, the first one told step by step. A server that does not start is not started again."""
    first, second = ERAS

    visited = await visit(command, first, tell=report.step)
    if not visited.connected:
        return [visited]
    return [visited, await visit(command, second, found=visited.found)]
