"""The command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from fs_server import __version__
from fs_server.config.errors import ConfigError, wrong_value
from fs_server.config.keys import KEYS, Count, Found, Layer
from fs_server.config.roots import NAME_FORM, RootGiven, absolute, valid_name
from fs_server.errors import quoted

__all__ = ["Invocation", "Looking", "parse"]

PROGRAM = "fs-server-mcp"

Subcommand = Literal["serve", "try", "doctor", "config", "history", "undo"]
_SUBCOMMANDS: tuple[Subcommand, ...] = ("serve", "try", "doctor", "config", "history", "undo")

_ABOUT = "Serve the files of the directories that you name to an assistant, over MCP on standard input and output."
_ABOUTS = {
    "config": "Print the settings in force, as a configuration file.",
    "doctor": (
        "Try what is enforced on this machine: by what, how that was seen, what is not prevented, how to improve it."
        " A directory of its own is made in each writable root, and removed."
    ),
}
_EPILOG = """\
subcommands:
  serve ROOT…    what happens without a subcommand
  try [ROOT]     start the server on a directory as a host would, and show what a host sees
  doctor         try what is enforced on this machine, and print it; takes the same options
  config         print the settings in force and where each comes from; takes the same options
  history [DIR]  what was changed beneath the directories, or at all; --diff shows the differences
  undo ID        take a change back, such as c12
                 A directory called like a subcommand is written ./config.

Flags win over FS_SERVER_… variables, and these win over the file. SETTING in capitals is the variable:
read_only is FS_SERVER_READ_ONLY. Host's JSON: "command": "fs-server-mcp", "args": ["/home/me/notes"].
"""


_LIMIT = Count(1, 10_000)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line asks for.

    Attributes:
        subcommand: which.
        layer: the settings that flags and arguments choose.
        config: the file that `--config` names, as typed.
        directory: what to try.
        looking: what to show of the history.
        change_id: what to undo.
        as_json: print for programs.
        redteam: attack, too.
    """

    subcommand: Subcommand
    layer: Layer
    config: str | None = None
    directory: str = "."
    looking: "Looking | None" = None
    change_id: str = ""
    as_json: bool = False
    redteam: bool = False


@dataclass(frozen=True, slots=True)
class Looking:
    """What `history` is asked for.

    Attributes:
        directories: absolute, links followed; empty for all that was changed anywhere.
        limit: changes.
        diff: with the differences.
    """

    directories: tuple[Path, ...]
    limit: int
    diff: bool


def parse(argv: Sequence[str]) -> Invocation:
    """Read the arguments, without the program's name.

    The first word chooses the subcommand if it is one; everything else is served.

    Raises:
        ConfigError: a value that its setting does not accept.
        SystemExit: argparse has printed help, the version (0) or what it does not know (2).
    """
    words = list(argv)
    subcommand: Subcommand = "serve"
    if words and words[0] in _SUBCOMMANDS:
        subcommand = cast("Subcommand", words.pop(0))
    if subcommand == "try":
        return Invocation("try", {}, directory=_try_parser().parse_args(words).directory)
    if subcommand == "history":
        return Invocation("history", {}, looking=_looking(vars(_history_parser().parse_intermixed_args(words))))
    if subcommand == "undo":
        return Invocation("undo", {}, change_id=_undo_parser().parse_args(words).change_id)
    # Intermixed, because people write directories before, between and after the options.
    given = vars(_parser(subcommand).parse_intermixed_args(words))
    return Invocation(
        subcommand,
        _layer(given),
        config=given.get("config"),
        as_json=given.get("as_json", False),
        redteam=given.get("redteam", False),
    )


def _try_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} try",
        description="Start the server on a directory as a host would, and show what a host sees.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", nargs="?", default=".", metavar="ROOT", help="default: the working directory")
    return parser


def _history_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} history",
        description="What was changed, by which tool, the newest first. Its ids are for undo.",
        allow_abbrev=False,
    )
    parser.add_argument("directories", nargs="*", metavar="DIRECTORY", help="only what lies beneath; default: all")
    parser.add_argument("--diff", action="store_true", help="show what differs")
    parser.add_argument("--limit", default="20", metavar="COUNT", help="changes at most; default: 20")
    return parser


def _looking(given: dict[str, Any]) -> Looking:
    try:
        limit = _LIMIT.of_text(given["limit"])
    except ValueError:
        raise wrong_value("--limit", given["limit"], _LIMIT.accepts) from None
    # The journal knows real paths only: two servers may reach one directory by different links.
    directories = tuple(absolute(text, "DIRECTORY").resolve() for text in given["directories"])
    return Looking(directories, limit, given["diff"])


def _undo_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} undo",
        description="Take a change back. What came later in other lines stays; where that cannot be, nothing is done.",
        allow_abbrev=False,
    )
    parser.add_argument("change_id", metavar="ID", help="as history shows it, such as c12")
    return parser


def _parser(subcommand: Subcommand) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM if subcommand == "serve" else f"{PROGRAM} {subcommand}",
        description=_ABOUTS.get(subcommand, _ABOUT),
        epilog=_EPILOG if subcommand == "serve" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    if subcommand == "doctor":
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        parser.add_argument(
            "--redteam",
            action="store_true",
            help="attack a workspace of its own too, for some 20 seconds",
        )
    roots = parser.add_argument_group("what to serve")
    roots.add_argument("roots", nargs="*", metavar="ROOT", help="a directory, called by its own name")
    for flag, about in (
        ("--root", "a directory under a name of your choice"),
        ("--root-ro", "the same, read-only"),
    ):
        roots.add_argument(flag, action="append", dest="named", metavar="NAME=PATH", type=_tagged(flag), help=about)
    roots.add_argument("--config", metavar="FILE", help="read this file instead of the one in your user configuration")
    general, limits = parser.add_argument_group("settings"), parser.add_argument_group("limits")
    for key in KEYS.values():
        if not key.file_only:
            _add(limits if key.name.startswith("limits.") else general, key.name)
    return parser


def _add(group: Any, name: str) -> None:
    key = KEYS[name]
    if isinstance(key.default, bool):
        group.add_argument(key.flag, action=argparse.BooleanOptionalAction, dest=name, help=key.about)
        return
    default = "none" if key.default == () else key.default
    about = f"{key.about} Accepted: {key.kind.accepts}. Default: {default}.".replace("%", "%%")
    if key.default == ():  # may be given several times
        group.add_argument(key.flag, action="append", dest=name, metavar="NAME", help=about)
        return
    group.add_argument(key.flag, dest=name, metavar="VALUE", help=about)


def _tagged(flag: str) -> Any:
    """Return a reader that keeps the flag beside its text, so that both flags share one ordered list."""
    return lambda text: (flag, text)


def _layer(given: dict[str, Any]) -> Layer:
    layer: Layer = {}
    for name, value in given.items():
        if name in KEYS:
            key = KEYS[name]
            text = ",".join(value) if isinstance(value, list) else value
            layer[name] = Found(text, key.flag) if isinstance(text, bool) else key.of_text(text, key.flag)
    roots = [RootGiven(path=absolute(text, "ROOT")) for text in given.get("roots", ())]
    roots += [_named(flag, text) for flag, text in given.get("named", ())]
    if roots:
        layer["roots"] = Found(tuple(roots), "command line")
    return layer


def _named(flag: str, text: str) -> RootGiven:
    name, equals, path = text.partition("=")
    if not equals:
        raise ConfigError(f"{flag} is {quoted(text)}. Accepted: NAME=PATH, where NAME is {NAME_FORM}.")
    return RootGiven(name=valid_name(name, flag), path=absolute(path, flag), writable=flag == "--root")
