"""The one refusal of a configuration, in words that say what to write instead."""

import difflib
from collections.abc import Iterable

from fs_server.errors import quoted

__all__ = ["ConfigError", "literal", "unknown_key", "wrong_value"]

LONGEST_LITERAL = 60
"""Characters of a value in a message; a mistyped list may be long."""


class ConfigError(Exception):
    """The settings cannot be used. The text is for the operator; the process ends with exit code 2."""


def unknown_key(where: str, name: str, known: Iterable[str]) -> ConfigError:
    """Return the refusal of a key that does not exist, naming the nearest one that does."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"Known are: {', '.join(known)}."
    return ConfigError(f"{where}: there is no setting {quoted(name)}. {hint}")


def wrong_value(origin: str, value: object, accepts: str) -> ConfigError:
    """Return the refusal of a value, naming where it stands, what it is and what would be accepted."""
    return ConfigError(f"{origin} is {literal(value)}. Accepted: {accepts}.")


def literal(value: object) -> str:
    """Return a value for a message, escaped and not too long."""
    if isinstance(value, str):
        return quoted(value)
    text = ascii(value)
    return text if len(text) <= LONGEST_LITERAL else f"{text[: LONGEST_LITERAL - 1]}…"
