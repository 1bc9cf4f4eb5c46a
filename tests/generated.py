"""The parts of the documents that are made from the code. `python -m tests.generated` writes them anew.

A part stands between two comments that name it, so that the words around it stay a person's.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fs_server.config import patterns
from fs_server.config.file import _ROOT_KEYS
from fs_server.config.keys import KEYS, Key
from fs_server.errors import _WORDS
from fs_server.tools import TOOLS, Tool

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write every part where it belongs, and name the files that changed."""
    for name in sorted({file for file, _ in PARTS.values()}):
        file = CHECKOUT / name
        text = file.read_text("utf-8")
        fresh = refreshed(name, text)
        if fresh != text:
            file.write_text(fresh, "utf-8")
            sys.stdout.write(f"{name} was stale\n")


def refreshed(file: str, text: str) -> str:
    """Return the text of a document with its parts made anew.

    Raises:
        ValueError: it does not have one of its parts exactly once.
    """
    for name, (home, make) in PARTS.items():
        if home == file:
            begin, end = f"<!-- generated: {name} (python -m tests.generated) -->\n", f"\n<!-- end of {name} -->"
            pattern = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
            text, found = pattern.subn(lambda _, make=make: make(), text)  # type: ignore[misc] # the default binds the loop's value
            if found != 1:
                raise ValueError(f"{file} has the part {name} {found} times")
    return text


def tools() -> str:
    """Return the catalogue, a row for each tool."""
    return _table(("tool", "parameters", "what it gives"), map(_tool, TOOLS))


def refusals() -> str:
    """Return what the sandbox refuses, in the words of `fs_server/errors.py`."""
    rows = ((f"`{code.value}`", _open(fact), _open(step)) for code, (fact, step) in _WORDS.items())
    return _table(("code", "what it says", "the next step that it names"), rows)


def settings() -> str:
    """Return every key, with its flag, its variable and its default."""
    return _table(("key", "flag", "variable", "default", "accepted", "what it does"), map(_setting, KEYS.values()))


def root_settings() -> str:
    """Return the keys of one root, which the file alone has."""
    rows = ((f"`{key.name}`", _value(key.default), key.about) for key in _ROOT_KEYS.values())
    return _table(("key", "default", "what it does"), rows)


def built_in_patterns() -> str:
    """Return the names that are guarded unless the operator says otherwise."""
    rows = (
        ("cannot be read", _names(patterns.DENY)),
        ("cannot be written", _names(patterns.PROTECT)),
        ("cannot be read, in a root that holds your home directory", _names(patterns.HOME_DENY)),
        ("cannot be written there either", _names(patterns.HOME_PROTECT)),
    )
    return _table(("what", "patterns"), rows)


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "tools": ("README.md", tools),
    "refusals": ("docs/errors.md", refusals),
    "settings": ("docs/settings.md", settings),
    "root settings": ("docs/settings.md", root_settings),
    "built-in patterns": ("docs/settings.md", built_in_patterns),
}


def own_codes() -> set[str]:
    """Return the codes that `fs_server` itself refuses with, wherever a `Failure` is made from a literal."""
    found: set[str] = set()
    for file in (CHECKOUT / "fs_server").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Failure" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found - {code.value for code in _WORDS}


def _tool(tool: Tool) -> tuple[str, str, str]:
    fields = tool.arguments.model_fields.items()
    # As JSON has them, because that is what a client sends.
    parameters = (f"`{name}`" if field.is_required() else f"`{name}={_json(field.default)}`" for name, field in fields)
    return f"`{tool.name}`", " ".join(parameters) or "none", " ".join(tool.description.split())


def _setting(key: Key) -> tuple[str, ...]:
    flag, variable = ("file only", "") if key.file_only else (f"`{key.flag}`", f"`{key.variable}`")
    return f"`{key.name}`", flag, variable, _value(key.default), key.kind.accepts, key.about


def _value(value: object) -> str:
    return "none" if value == () else f"`{_json(value)}`"


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _names(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _open(words: str) -> str:
    """Return words with what is filled in for each case shown in italics."""
    return re.sub(r"\{(\w+)\}", r"*\1*", words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_rows(head, rows))


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    main()
