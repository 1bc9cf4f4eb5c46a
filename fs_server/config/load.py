"""Who wins: flags over environment over file over default. Merged once, then frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fs_server.config import environment as environment_
from fs_server.config import file, patterns
from fs_server.config.errors import ConfigError
from fs_server.config.keys import KEYS, Found, Layer
from fs_server.config.roots import absolute, guarded, named, remembering
from fs_server.config.settings import Limits, Settings

__all__ = ["Chosen", "choose", "load", "no_roots"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for every key, and by whom, before the built-in patterns join.

    Attributes:
        values: every key of `KEYS`, and `roots` as named `RootSetting`s.
        file: the file that was read, or would have been.
        file_read: it was there.
    """

    values: Mapping[str, Found]
    file: Path
    file_read: bool


def load(flags: Layer, environment: Mapping[str, str], config: str | None = None) -> Settings:
    """Return the settings in force. `config` is the file that the command line names.

    Raises:
        ConfigError: what was chosen cannot be used, or no root was chosen at all.
    """
    chosen = choose(flags, environment, config)
    if not chosen.values["roots"].value:
        raise ConfigError(no_roots(chosen.file))
    return settings(chosen)


def choose(flags: Layer, environment: Mapping[str, str], config: str | None = None) -> Chosen:
    """Return every key with the value that wins and its origin.

    Raises:
        ConfigError: one of the sources cannot be used.
    """
    path, must_exist = _file(environment, config)
    file_read = must_exist or path.exists()
    from_file = file.read(path) if file_read else {}
    defaults = {key.name: Found(key.default, "default") for key in KEYS.values()}
    listed = from_file.get("roots", Found((), "default"))
    values = defaults | {"roots": listed} | from_file | environment_.read(environment) | flags
    roots = values["roots"]
    if roots is not listed:
        roots = replace(roots, value=remembering(roots.value, listed.value))
    values["roots"] = replace(roots, value=named(roots.value))
    return Chosen(values, path, file_read)


def settings(chosen: Chosen) -> Settings:
    """Return the frozen settings: the chosen values, with the built-in patterns and guards."""
    value = {name: found.value for name, found in chosen.values.items()}
    built_in = value["default_patterns"]
    own_files = (chosen.file, file.default_path())
    journal = file.journal_path()
    roots = (guarded(root, configuration=own_files, journal=journal) for root in value["roots"])
    return Settings(
        roots=tuple(replace(root, writable=root.writable and not value["read_only"]) for root in roots),
        read_only=value["read_only"],
        deny=(*(patterns.DENY if built_in else ()), *value["deny"]),
        protect=(*(patterns.PROTECT if built_in else ()), *value["protect"]),
        ask=value["ask"],
        journal=journal,
        client_roots=value["client_roots"],
        log_level=value["log_level"],
        commands=value["commands"],
        allow_command=value["allow_command"],
        network=value["network"],
        require=value["require"],
        limits=Limits(**{name.removeprefix("limits."): value[name] for name in value if name.startswith("limits.")}),
    )


def no_roots(path: Path) -> str:
    """Return what to write where no root was chosen; `path` is the configuration file."""
    return "\n".join(
        (
            "No directory was given to serve. Name at least one:",
            "  in a shell           fs-server-mcp ~/notes ~/code",
            '  in a host\'s JSON     "command": "fs-server-mcp", "args": ["/home/me/notes"]',
            f"  in {path}",
            "                       [roots.notes]",
            '                       path = "~/notes"',
        )
    )


def _file(environment: Mapping[str, str], config: str | None) -> tuple[Path, bool]:
    """Return the file to read, and whether somebody asked for it, so that it has to be there."""
    if config is not None:
        return absolute(config, "--config"), True
    if named_file := environment.get(environment_.CONFIG):
        return absolute(named_file, environment_.CONFIG), True
    return file.default_path(), False
