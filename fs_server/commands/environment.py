"""The environment of a command: a few variables of the server's, what keeps programs from asking, the caller's."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from fs_server.errors import Failure, quoted

__all__ = ["environment"]

INHERITED: Final = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL"})
"""Variables that hold no secret on a usual machine, and that programs need. Besides them all of LC_…"""

PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for if the server itself does not know."""

QUIET: Final[Mapping[str, str]] = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    # Nobody is there to read page by page, to edit, or to answer.
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "EDITOR": "true",
    "GIT_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    # A repository may name programs that git starts on its own (gitattributes and filters apart): not these two.
    # Source: git-config(1), ENVIRONMENT.
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_CONFIG_KEY_1": "core.hooksPath",
    "GIT_CONFIG_VALUE_1": "/dev/null",
}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def environment(asked: Mapping[str, str], home: str, within: Sequence[str] = ()) -> dict[str, str]:
    """Return the whole environment of a command.

    Args:
        asked: by the caller; it wins.
        home: its home directory; "" for the user's own.
        within: directories beneath which it can execute anything; none where that is everywhere. Of the server's `PATH`
            only what lies there is kept: a program that looks for itself would find a name that it cannot use.

    Raises:
        Failure: `invalid_argument`, a name or a value is none.
    """
    for name, value in asked.items():
        if not _NAME.fullmatch(name):
            fact = "A name of the environment has letters, digits and _, and begins with no digit"
            raise Failure("invalid_argument", f"env {quoted(name)}", fact, "Send another name")
        if "\0" in value:
            raise Failure("invalid_argument", f"env {quoted(name)}", "A NUL stands in its value", "Send it without")
    own = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("LC_")}
    entries = own.get("PATH", PATH).split(os.pathsep)
    reachable = [entry for entry in entries if not within or _lies_in(entry, within)]
    own["PATH"] = os.pathsep.join(reachable) or PATH
    own["HOME"] = home or os.environ.get("HOME", "/")
    return {**own, **QUIET, **asked}


def _lies_in(path: str, directories: Sequence[str]) -> bool:
    return any(f"{path}/".startswith(f"{directory}/") for directory in directories)
