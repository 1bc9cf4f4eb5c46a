"""The text of a Jupyter notebook, cell by cell. Runs in a child process only.

Plain JSON, formats 3 and 4: what is needed are five fields, and the package `nbformat` brings a schema validator
that refuses the half-valid notebooks that people have.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from fs_server.errors import Failure
from fs_server.files.documents.collected import Collected

__all__ = ["parse"]

MOST_OUTPUT_CHARS: Final = 4000
"""Of one output. Logs of a training run are not what a reader of a notebook asks for."""

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def parse(stream: BinaryIO, *, max_chars: int) -> tuple[dict[str, Any], bytes]:
    """Return the cells with their outputs as text; what is no text is named.

    Raises:
        Failure: `io_error`, for what is no notebook.
    """
    try:
        notebook = json.load(stream)
        cells = list(_cells(notebook))
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        raise Failure(
            "io_error", "This is not a notebook", type(error).__name__, 'Read it with format="text"'
        ) from error
    collected = Collected(max_chars)
    for number, cell in enumerate(cells, 1):
        if not collected.add(_cell(number, len(cells), cell)):
            break
    return collected.answer("cell", len(cells))


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    parts = [notebook, *notebook.get("worksheets", ())]  # format 3 has them in worksheets
    for part in parts:
        yield from (cell for cell in part.get("cells", ()) if isinstance(cell, dict))


def _cell(number: int, count: int, cell: dict[str, Any]) -> str:
    executed = cell.get("execution_count", cell.get("prompt_number"))
    times = f" [{executed}]" if isinstance(executed, int) else ""
    lines = [f"--- Cell {number} of {count}: {cell.get('cell_type', 'unknown')}{times} ---"]
    lines.append(_joined(cell.get("source", cell.get("input", ""))))
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            lines += ["--- Output ---", _bounded(_output(output))]
    return "\n".join([*lines, ""])


def _output(output: dict[str, Any]) -> str:
    if output.get("output_type") in {"error", "pyerr"}:
        return f"{output.get('ename')}: {output.get('evalue')}"
    if "text" in output:  # a stream, or a result of format 3
        return _joined(output["text"])
    data = output.get("data")
    if not isinstance(data, dict):
        return "[no text]"
    if "text/plain" in data:
        others = ", ".join(sorted(set(map(str, data)) - {"text/plain"}))
        return _joined(data["text/plain"]) + (f"\n[also {others}]" if others else "")
    return f"[{', '.join(sorted(map(str, data)))}]"


def _joined(text: Any) -> str:
    """Return text that a notebook holds as one string or as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _bounded(text: str) -> str:
    text = _COLOURS.sub("", text).rstrip("\n")
    if len(text) <= MOST_OUTPUT_CHARS:
        return text
    return f"{text[:MOST_OUTPUT_CHARS]}\n[{len(text) - MOST_OUTPUT_CHARS} more characters]"
