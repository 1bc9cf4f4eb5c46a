"""`process://ID/log`: what a command has printed, as a resource that a host can attach."""

import re

import mcp_types as t

from fs_server.commands.telling import excerpt
from fs_server.services import Services
from fs_server.tools.printed import STDERR, processes_of

__all__ = ["TEMPLATE", "is_log", "log_of"]

_URI = re.compile(r"process://(p\d+)/log", re.IGNORECASE)

TEMPLATE = t.ResourceTemplate(
    name="process-log",
    title="Output of commands",
    uri_template="process://{process_id}/log",
    description="What a command has printed, as list_processes shows its id",
    mime_type="text/plain",
)


def is_log(uri: str) -> bool:
    """Tell whether a URI is of this kind, whatever it names."""
    return uri.lower().startswith("process:")


def log_of(services: Services, uri: str) -> t.TextResourceContents:
    """Return what the command has printed by now; of too much, beginning and end.

    Raises:
        Failure: there is no such command.
    """
    found = _URI.fullmatch(uri)
    process = processes_of(services).find(found[1].lower() if found else uri)
    room = services.limits.resource_bytes // 8  # each of two outputs, and a character has up to 4 bytes
    text = excerpt(process.stdout, room).text
    if process.stderr.total:
        text += ("" if text.endswith("\n") or not text else "\n") + STDERR + excerpt(process.stderr, room).text
    return t.TextResourceContents(uri=uri, mime_type="text/plain", text=text)
