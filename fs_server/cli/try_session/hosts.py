"""What is to be written into the settings of a host, so that it starts the server."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

from fs_server import identity
from sandbox import shown

__all__ = ["entries", "shell"]


def entries(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield where, and what: JSON for files, a command for a shell."""
    program, *arguments = command
    try:
        "".join(command).encode()
    except UnicodeEncodeError:
        yield "Not with JSON", "The name of this directory has bytes that are no text, so no host's file can hold it."
    else:
        started = {"command": program, "args": arguments}
        yield "claude_desktop_config.json", _json({"mcpServers": {identity.NAME: started}})
        yield ".vscode/mcp.json", _json({"servers": {identity.NAME: {"type": "stdio", **started}}})
        line = shell(("claude", "mcp", "add", identity.NAME, "--", *command))
        if shown(line) == line:  # a terminal would obey the rest, and a shell has no one way to write it
            yield "Claude Code", line


def shell(command: Sequence[str]) -> str:
    """Return a command line as this system's shell takes it."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if shown(text) == text else json.dumps(value)
