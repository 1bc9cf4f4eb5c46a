"""What is asked, in this order. A step that the server does not offer is left out by itself."""

from fs_server.cli.try_session.step import Group
from fs_server.cli.try_session.steps.changing import CHANGING
from fs_server.cli.try_session.steps.commands import COMMANDS
from fs_server.cli.try_session.steps.introduction import CONNECT, INTRODUCTION
from fs_server.cli.try_session.steps.reading import READING
from fs_server.cli.try_session.steps.refusals import REFUSALS
from fs_server.cli.try_session.steps.resources import RESOURCES

__all__ = ["CONNECT", "GROUPS"]

GROUPS: tuple[Group, ...] = (INTRODUCTION, READING, CHANGING, COMMANDS, REFUSALS, RESOURCES)
