"""Who is measured: this server, and others that the package registries have. Each speaks of files in its own words."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Peer", "Words", "installed"]

Call = tuple[str, dict[str, Any]]

REFERENCE = "@modelcontextprotocol/server-filesystem@2026.8.31"


@dataclass(frozen=True)
class Words:
    """How one server is asked; None for what it cannot do."""

    roots: Callable[[], Call]
    read: Callable[[str], Call]
    read_many: Callable[[list[str]], Call]
    last_lines: Callable[[str, int], Call]
    lines: Callable[[str, int, int], Call] | None
    list: Callable[[str], Call]
    resource: Callable[[str], str] | None
    write: Callable[[str, str], Call]
    edit: Callable[[str, str, str], Call]


@dataclass(frozen=True)
class Peer:
    """One server: its name in the table, its command, its words, and what it is told by variables."""

    name: str
    argv: tuple[str, ...]
    words: Words
    environment: Mapping[str, str] = field(default_factory=dict)


def installed(root: Path, where: Path) -> list[Peer]:
    """Return the servers that can be measured here, ours first. Installs the others beneath `where` if it can."""
    return [_ours(root), *_reference(root, where)]


def _ours(root: Path) -> Peer:
    # Whole answers, so that both servers are asked for the same bytes: the default budget would make ours look quick.
    argv = (sys.executable, "-m", "fs_server", str(root), "--config", str(_settings(root)))
    words = Words(
        roots=lambda: ("list_roots", {}),
        read=lambda path: ("read_file", {"path": path}),
        read_many=lambda paths: ("read_files", {"paths": paths}),
        last_lines=lambda path, count: ("read_file", {"path": path, "start_line": -count}),
        lines=lambda path, first, count: ("read_file", {"path": path, "start_line": first, "line_count": count}),
        list=lambda path: ("list_directory", {"path": path, "limit": 2000}),
        resource=lambda path: (root / path).as_uri(),
        write=lambda path, content: ("write_file", {"path": path, "content": content, "if_exists": "replace"}),
        edit=lambda path, old, new: ("edit_file", {"path": path, "edits": [{"old_text": old, "new_text": new}]}),
    )
    # Its journal is on the same disk as the files, and not the one of whoever measures.
    return Peer("fs-server", argv, words, {"XDG_STATE_HOME": str(root.parent / "state")})


def _settings(root: Path) -> Path:
    path = root.parent / "settings.toml"
    path.write_text("[limits]\nresult_chars = 10000000\n", encoding="utf-8")
    return path


def _reference(root: Path, where: Path) -> list[Peer]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        print("The reference server is left out: it needs node and npm.")
        return []
    package = where / "node_modules/@modelcontextprotocol/server-filesystem"
    if not package.exists():
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "install", "--silent", "--no-audit", REFERENCE], cwd=where, check=True)
    entry = next(iter(json.loads((package / "package.json").read_text(encoding="utf-8"))["bin"].values()))
    words = Words(
        roots=lambda: ("list_allowed_directories", {}),
        read=lambda path: ("read_text_file", {"path": str(root / path)}),
        read_many=lambda paths: ("read_multiple_files", {"paths": [str(root / path) for path in paths]}),
        last_lines=lambda path, count: ("read_text_file", {"path": str(root / path), "tail": count}),
        lines=None,
        list=lambda path: ("list_directory", {"path": str(root / path)}),
        resource=None,
        write=lambda path, content: ("write_file", {"path": str(root / path), "content": content}),
        edit=lambda path, old, new: (
            "edit_file",
            {"path": str(root / path), "edits": [{"oldText": old, "newText": new}]},
        ),
    )
    return [Peer("reference", (node, str(package / entry), str(root)), words)]
