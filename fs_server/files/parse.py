"""What the child of `sandbox.parser_process` runs: one parser for one file.

Here are the only imports of the libraries that read hostile formats; the server itself never loads them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO, Final

from fs_server.errors import Failure

__all__ = ["load"]

Parse = Callable[[BinaryIO], tuple[dict[str, Any], bytes]]

_PARSERS: Final = {
    "image": "fs_server.files.scaling",
    "pdf": "fs_server.files.documents.pdf",
    "notebook": "fs_server.files.documents.notebook",
    "docx": "fs_server.files.documents.docx",
    "xlsx": "fs_server.files.documents.xlsx",
}
INSTALL: Final = 'pip install "fs-server-mcp[documents]"'


def load(kind: str, **options: int) -> Parse:
    """Import the parser of `kind` and return it. A `Failure` of it becomes the fact `failure`: its four parts."""
    try:
        parser = import_module(_PARSERS[kind])
    except ModuleNotFoundError as error:
        missing = Failure(
            "binary_file",
            f"Reading {kind} files as text needs {error.name}, which is not installed",
            step=f'Install it with {INSTALL}, or read with format="base64"',
        )
        return lambda _: _failure(missing)

    def parse(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
        try:
            facts, body = parser.parse(stream, **options)
        except Failure as refusal:
            return _failure(refusal)
        return facts, body

    return parse


def _failure(refusal: Failure) -> tuple[dict[str, Any], bytes]:
    return {"failure": [refusal.code, refusal.what, refusal.fact, refusal.step]}, b""
