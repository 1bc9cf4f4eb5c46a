"""Find the id of a request in the two ends of a line that cannot be read whole.

Its own members are the only ones that count: an "id" among the arguments names something else.
"""

import json
import re
from collections.abc import Iterator

from mcp_types.jsonrpc import RequestId

__all__ = ["find_id"]

OPENING, CLOSING = frozenset(b"{["), frozenset(b"}]")

# A string, a bracket or separator, or a bare word such as a number. Nothing is taken back, so
# each byte is seen once. Atomic groups say so, because `(…)*+` loses its place before Python 3.11.5.
# Source: https://github.com/python/cpython/issues/106052
FORWARD = re.compile(rb'\s*+("(?>(?:[^"\\]|\\.)*)"|[{}\[\],:]|[^\s{}\[\],:"]++)', re.DOTALL)
# The same on reversed bytes. There a quote is part of the string if an odd number of backslashes follows it.
BACKWARD = re.compile(
    rb'\s*+("(?>(?:[^"]|"(?=\\(?>(?:\\\\)*)(?!\\)))*)"|[{}\[\],:]|[^\s{}\[\],:"]++)',
    re.DOTALL,
)


def find_id(head: bytes, tail: bytes) -> RequestId | None:
    """Give the id that stands in the first or the last bytes of a JSON object, or None.

    Clients in Python write `id` near the start, those in JavaScript at the end.
    """
    forward = _own_tokens(FORWARD, head, OPENING, CLOSING)
    backward = _own_tokens(BACKWARD, tail[::-1], CLOSING, OPENING)
    found = _value_of_id(forward, 1)
    return found if found is not None else _value_of_id((token[::-1] for token in backward), -1)


def _own_tokens(
    pattern: re.Pattern[bytes], text: bytes, opening: frozenset[int], closing: frozenset[int]
) -> Iterator[bytes]:
    """Give the tokens of the outermost object; what is nested in it appears as empty tokens."""
    depth = position = 0
    while (match := pattern.match(text, position)) is not None:
        token, position = match[1], match.end()
        if token[0] in opening:
            depth += 1
        elif token[0] in closing:
            depth -= 1
        if depth == 1:
            yield b"" if token[0] in opening | closing else token


def _value_of_id(tokens: Iterator[bytes], direction: int) -> RequestId | None:
    """Find `"id": value`; the token after the value proves that it is not cut off."""
    window: list[bytes] = []
    for token in tokens:
        window = [*window[-3:], token]
        match window[::direction]:
            case [b'"id"', b":", value, _] if (found := _scalar(value)) is not None:
                return found
    return None


def _scalar(token: bytes) -> RequestId | None:
    try:
        value = json.loads(token)
    except ValueError:
        return None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
