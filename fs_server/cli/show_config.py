"""`config`: the settings in force, as a file that could be used as the configuration, each with its origin."""

import os
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence

from fs_server import __version__, cli
from fs_server.config import load, patterns
from fs_server.config.flags import PROGRAM, Invocation
from fs_server.config.keys import KEYS, Found
from fs_server.config.load import Chosen
from fs_server.config.settings import RootSetting
from sandbox import shown

__all__ = ["run", "toml"]

_WIDTH = 100
_BARE = re.compile("[A-Za-z0-9_-]+")  # a key that TOML takes without quotes


def run(invocation: Invocation) -> int:
    """Print, in colour on a terminal. Without a root it prints the rest, and what to write on standard error.

    Raises:
        ConfigError: one of the sources cannot be used.
    """
    chosen = load.choose(invocation.layer, os.environ, invocation.config)
    text = toml(chosen)
    if sys.stdout is None:  # closed by whoever started us: there is nobody to print to
        return cli.FAILED
    if sys.stdout.isatty():
        _coloured(text)
    else:
        # Bytes, because TOML is UTF-8 with line feeds whatever this system's encoding is.
        sys.stdout.buffer.write(text.encode())
    if not chosen.values["roots"].value:
        cli.complain(load.no_roots(chosen.file))
    return 0


def toml(chosen: Chosen) -> str:
    """Return the document. Loaded as the only source it gives equal settings, if every path is text."""
    return "\n".join((*_head(chosen), *_general(chosen), "", "[limits]", *_limits(chosen), *_roots(chosen), ""))


def _head(chosen: Chosen) -> Iterator[str]:
    state = "read" if chosen.file_read else "not there"
    yield f"# {PROGRAM} {__version__}: the settings in force. Behind each stands who chose it."
    yield f"# File: {shown(str(chosen.file))} ({state})"


def _general(chosen: Chosen) -> Iterator[str]:
    for key in KEYS.values():
        if "." not in key.name:
            yield from _entry(key.name, key.about, chosen.values[key.name])
            if key.name == "default_patterns" and chosen.values[key.name].value:
                yield from _remark("deny", patterns.DENY)
                yield from _remark("protect", patterns.PROTECT)


def _limits(chosen: Chosen) -> Iterator[str]:
    for key in KEYS.values():
        if key.name.startswith("limits."):
            yield from _entry(key.name.removeprefix("limits."), key.about, chosen.values[key.name])


def _roots(chosen: Chosen) -> Iterator[str]:
    given = chosen.values["roots"]
    in_force = load.settings(chosen).roots
    for root, effective in zip(given.value, in_force, strict=True):
        yield ""
        yield f"[roots.{root.name if _BARE.fullmatch(root.name) else _value(root.name)}]  # {given.origin}"
        yield f"path = {_value(str(root.path))}"
        yield f"writable = {_value(root.writable)}"
        yield from _guarded("deny", root, effective)
        yield from _guarded("protect", root, effective)
        yield from _guarded("ask", root, effective)


def _guarded(name: str, root: RootSetting, effective: RootSetting) -> Iterator[str]:
    yield f"{name} = {_value(getattr(root, name))}"
    added = [pattern for pattern in getattr(effective, name) if pattern not in getattr(root, name)]
    if added:
        yield from _remark("and, for what lies there", added)


def _entry(name: str, about: str, found: Found) -> Iterator[str]:
    yield f"# {about}"
    yield f"{name} = {_value(found.value)}  # {found.origin}"


def _remark(about: str, values: Sequence[str]) -> list[str]:
    """Return comment lines. Escaped, because one of the patterns is made of names that a directory has."""
    text = ", ".join(map(shown, values))
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"#   {about}: ",
        subsequent_indent="#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{"".join(map(_character, value))}"'
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return str(value)


def _character(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    # Escaped like this TOML reads it back, and a terminal does not obey it. A byte that is not text has no form in
    # TOML; it comes as a surrogate, which a reader refuses.
    return char if char.isprintable() else f"\\U{ord(char):08X}"


def _coloured(text: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - a pipe needs no colours
    from rich.text import Text  # noqa: PLC0415

    document = Text(text, end="")
    document.highlight_regex(re.compile(r"^\[.+?\](?=  #|$)", re.MULTILINE), "bold")
    document.highlight_regex(re.compile(r"^\w+(?= =)", re.MULTILINE), "cyan")
    document.highlight_regex(re.compile(r"(^|  )#.*$", re.MULTILINE), "dim")
    Console().print(document, soft_wrap=True, end="")
