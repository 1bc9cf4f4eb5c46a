"""Every key of the settings: its name, what it accepts, and the sentence that `--help` and `config` show.

One table, so that the file, the environment and the flags cannot disagree about a key.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, get_args

from fs_server.config.errors import wrong_value
from fs_server.config.settings import ClientRoots, Limits, LogLevel, Network, Require

__all__ = ["KEYS", "PATTERNS", "SWITCH", "Found", "Key", "Kind", "Layer"]

PREFIX = "FS_SERVER_"


class NotAccepted(ValueError):
    """A value that its kind refuses; the words are made where its origin is known."""


class Kind(Protocol):
    """A type of value. Both readers raise `ValueError` for what they do not accept."""

    @property
    def accepts(self) -> str:
        """What is accepted, for a message."""

    def of_text(self, text: str) -> object:
        """Return the value of a flag or an environment variable."""

    def of_toml(self, value: object) -> object:
        """Return the value that stands in a TOML file."""


class Switch:
    """True or false."""

    accepts = "true or false"
    _WORDS: Mapping[str, bool] = {
        **dict.fromkeys(("1", "true", "yes", "on"), True),
        **dict.fromkeys(("0", "false", "no", "off"), False),
    }

    def of_text(self, text: str) -> bool:
        """Read the usual words of environment variables, in any case."""
        word = text.strip().lower()
        if word not in self._WORDS:
            raise NotAccepted(text)
        return self._WORDS[word]

    def of_toml(self, value: object) -> bool:
        """Read a TOML boolean; 0 and 1 are not booleans there."""
        if not isinstance(value, bool):
            raise NotAccepted(value)
        return value


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number within bounds, both included."""

    least: int
    most: int

    @property
    def accepts(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def of_text(self, text: str) -> int:
        return self._bounded(int(text))

    def of_toml(self, value: object) -> int:
        # bool is an int in Python and is not one in TOML.
        if not isinstance(value, int) or isinstance(value, bool):
            raise NotAccepted(value)
        return self._bounded(value)

    def _bounded(self, number: int) -> int:
        if not self.least <= number <= self.most:
            raise NotAccepted(number)
        return number


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration within bounds, both included."""

    least: float
    most: float

    @property
    def accepts(self) -> str:
        return f"seconds from {self.least:g} to {self.most:g}"

    def of_text(self, text: str) -> float:
        return self._bounded(float(text))

    def of_toml(self, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise NotAccepted(value)
        return self._bounded(float(value))

    def _bounded(self, seconds: float) -> float:
        # TOML and float() both know nan, which compares false with everything.
        if math.isnan(seconds) or not self.least <= seconds <= self.most:
            raise NotAccepted(seconds)
        return seconds


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def accepts(self) -> str:
        return " or ".join(self.words)

    def of_text(self, text: str) -> str:
        if text not in self.words:
            raise NotAccepted(text)
        return text

    def of_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise NotAccepted(value)
        return self.of_text(value)


class Patterns:
    """A list of .gitignore patterns. It has no text form: patterns stand in the file only."""

    accepts = 'a list of patterns in .gitignore syntax, such as ["*.sqlite", "private/"]'

    def of_text(self, text: str) -> tuple[str, ...]:
        raise NotAccepted(text)

    def of_toml(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise NotAccepted(value)
        for pattern in value:
            # A comment or a blank line protects nothing, whatever its author believes.
            if not isinstance(pattern, str) or not pattern.strip() or pattern.startswith("#") or "\0" in pattern:
                raise NotAccepted(pattern)
        return tuple(value)


class Names:
    """Names of programs: a list in the file, separated by commas as a text."""

    accepts = "names of programs, separated by commas, such as git,python3"

    def of_text(self, text: str) -> tuple[str, ...]:
        """Read names between commas."""
        return self._checked([name.strip() for name in text.split(",")])

    def of_toml(self, value: object) -> tuple[str, ...]:
        """Read a TOML array of strings."""
        if not isinstance(value, list):
            raise NotAccepted(value)
        return self._checked(value)

    def _checked(self, names: Sequence[object]) -> tuple[str, ...]:
        for name in names:
            # A path would say which file is meant, and nothing here looks at files.
            if not isinstance(name, str) or not name or "/" in name or "\0" in name or name != name.strip():
                raise NotAccepted(name)
        return tuple(map(str, names))


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: as in the file; a dot separates table and key.
        default: its value where nobody chose one.
        kind: what it accepts.
        about: one sentence.
        file_only: it has neither a flag nor a variable.
    """

    name: str
    default: object
    kind: Kind
    about: str
    file_only: bool = False

    @property
    def flag(self) -> str:
        """The long option, `--result-chars` for `limits.result_chars`."""
        return "--" + self.name.rpartition(".")[2].replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, `FS_SERVER_LIMITS_RESULT_CHARS` for `limits.result_chars`."""
        return PREFIX + self.name.replace(".", "_").upper()

    def of_text(self, text: str, origin: str) -> "Found":
        """Return the value of a flag or variable; `ConfigError` names `origin`."""
        try:
            return Found(self.kind.of_text(text), origin)
        except ValueError:
            raise wrong_value(origin, text, self.kind.accepts) from None

    def of_toml(self, value: object, where: str) -> "Found":
        """Return the value that stands in the file `where`; `ConfigError` names the file and the key."""
        try:
            return Found(self.kind.of_toml(value), "file")
        except ValueError:
            raise wrong_value(f"{where}: {self.name}", value, self.kind.accepts) from None


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and who chose it: `default`, `file`, the name of a variable or a flag."""

    value: Any  # the kind of its key has checked it
    origin: str


Layer = dict[str, Found]
"""What one source says: name of the key → value. Keys that it does not mention are absent."""

SWITCH = Switch()
PATTERNS = Patterns()


def _limits() -> tuple[Key, ...]:
    keys = []
    for limit in fields(Limits):
        least, most = limit.metadata["least"], limit.metadata["most"]
        kind = Seconds(least, most) if isinstance(limit.default, float) else Count(least, most)
        keys.append(Key(f"limits.{limit.name}", limit.default, kind, limit.metadata["about"]))
    return tuple(keys)


_ALL = (
    Key(
        "read_only",
        default=False,
        kind=SWITCH,
        about="Offer no tool that writes, and serve every root read-only.",
    ),
    Key(
        "client_roots",
        default="hint",
        kind=Choice(get_args(ClientRoots)),
        about="What a host's own directories do: hint puts these roots first, narrow serves only what lies in both.",
    ),
    Key(
        "log_level",
        default="warning",
        kind=Choice(get_args(LogLevel)),
        about="The least severe record that is written to standard error.",
    ),
    Key(
        "commands",
        default=True,
        kind=SWITCH,
        about="Offer the tools that run commands, each in a sandbox.",
    ),
    Key(
        "allow_command",
        default=(),
        kind=Names(),
        about="Programs that may be run, by name; none means all. A convenience, no boundary: programs run programs.",
    ),
    Key(
        "network",
        default="none",
        kind=Choice(get_args(Network)),
        about="What commands have of the network. full: all of it, your own machine's services among it.",
    ),
    Key(
        "require",
        default="landlock",
        kind=Choice(get_args(Require)),
        about="The weakest sandbox in which commands are run. none: where there is none, they can do all that you can.",
    ),
    Key(
        "default_patterns",
        default=True,
        kind=SWITCH,
        about="Begin deny and protect with the built-in patterns. false begins with empty lists.",
        file_only=True,
    ),
    Key(
        "deny",
        default=(),
        kind=PATTERNS,
        about="Further names that cannot be read, in every root. !NAME takes a pattern before it back.",
        file_only=True,
    ),
    Key(
        "protect",
        default=(),
        kind=PATTERNS,
        about="Further names that cannot be written, in every root. !NAME takes a pattern before it back.",
        file_only=True,
    ),
    Key(
        "ask",
        default=(),
        kind=PATTERNS,
        about="Names that you are asked about before they are written, protected or not, in every root.",
        file_only=True,
    ),
    *_limits(),
)

KEYS: Mapping[str, Key] = {key.name: key for key in _ALL}
"""Name → key, in the order in which they are shown. Roots are not among them: they are a list of records."""
