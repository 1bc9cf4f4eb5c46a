"""The TOML file."""

import tomllib
from pathlib import Path
from typing import Any

import platformdirs

from fs_server.config.errors import ConfigError, unknown_key, wrong_value
from fs_server.config.keys import KEYS, PATTERNS, SWITCH, Found, Key, Layer
from fs_server.config.roots import RootGiven, absolute, valid_name
from sandbox import shown

__all__ = ["default_path", "journal_path", "read"]

_ROOT_KEYS = {
    key.name: key
    for key in (
        Key("writable", default=True, kind=SWITCH, about="false: no tool writes here."),
        Key("deny", default=(), kind=PATTERNS, about="Further names in this root that cannot be read."),
        Key("protect", default=(), kind=PATTERNS, about="Further names in this root that cannot be written."),
        Key(
            "ask",
            default=(),
            kind=PATTERNS,
            about="Names in this root that you are asked about before they are written.",
        ),
    )
}


def default_path() -> Path:
    """Return where the file is looked for, such as `~/.config/fs-server/config.toml`."""
    return platformdirs.user_config_path("fs-server", appauthor=False) / "config.toml"


def journal_path() -> Path:
    """Return where the journal of changes is, such as `~/.local/state/fs-server/journal`."""
    return platformdirs.user_state_path("fs-server", appauthor=False) / "journal"


def read(path: Path) -> Layer:
    """Return what the file says. Relative paths of roots begin at the file's directory.

    Raises:
        ConfigError: unreadable, not TOML (with line and column), an unknown key, a value of a wrong type.
    """
    where = shown(str(path))
    document = _parsed(path, where)
    limits = _table(document.pop("limits", {}), f"{where}: limits", "a table, [limits]")
    roots = _table(document.pop("roots", {}), f"{where}: roots", "tables, [roots.NAME]")
    layer: Layer = {}
    for name, value in (*document.items(), *((f"limits.{inner}", leaf) for inner, leaf in limits.items())):
        if name not in KEYS:
            raise unknown_key(where, name, (*KEYS, "limits", "roots"))
        layer[name] = KEYS[name].of_toml(value, where)
    if roots:
        layer["roots"] = Found(tuple(_root(name, root, path, where) for name, root in roots.items()), "file")
    return layer


def _parsed(path: Path, where: str) -> dict[str, Any]:
    try:
        # A byte order mark is what some editors put first; TOML itself refuses it.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: is not UTF-8 text, at byte {error.start}.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {_located(str(error), text)}.") from error


def _located(message: str, text: str) -> str:
    """Return the message of tomllib, which names a line and a column except at the end of the text."""
    lines = text.split("\n")
    return message.replace("at end of document", f"at the end, line {len(lines)}, column {len(lines[-1]) + 1}")


def _table(value: object, where: str, accepts: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_value(where, value, accepts)
    return value


def _root(name: str, value: object, file: Path, where: str) -> RootGiven:
    valid_name(name, where)
    where = f"{where}: roots.{name}"
    root = _table(value, where, 'a table with a path, such as path = "~/notes"')
    for inner in root:
        if inner not in {"path", *_ROOT_KEYS}:
            raise unknown_key(where, inner, ("path", *_ROOT_KEYS))
    path = root.pop("path", None)
    if not isinstance(path, str):
        raise wrong_value(f"{where}.path", path, 'a directory, such as "~/notes"')
    chosen = {inner: _ROOT_KEYS[inner].of_toml(leaf, where).value for inner, leaf in root.items()}
    return RootGiven(name=name, path=absolute(path, f"{where}.path", file.parent), **chosen)
