"""Documents as plain text. The parsers run in child processes only; see `fs_server/files/parse.py`."""

from dataclasses import dataclass
from typing import Final

from fs_server.files.media_type import DOCX, XLSX
from fs_server.files.parsed import Descriptor, parsed
from sandbox.parser_process import ParserLimits

__all__ = ["DOCUMENT_TYPES", "DocumentText", "document_text"]

DOCUMENT_TYPES: Final = {
    "application/pdf": "pdf",
    "application/x-ipynb+json": "notebook",
    DOCX: "docx",
    XLSX: "xlsx",
}
"""Media types that can be read as text, and the kind of each."""

MOST_CHARS: Final = 2_000_000
"""Of text that is taken from one document."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    r"""The text of a document, in lines that end with `\n`.

    Attributes:
        text: with a heading for each part.
        kind: `pdf`, `notebook`, `docx` or `xlsx`.
        unit: what its parts are called: `page`, `cell`, `block`, `sheet`.
        count: how many parts there are; those that were taken, where that needs the whole document.
        truncated: the text ends before the document does.
    """

    text: str
    kind: str
    unit: str
    count: int
    truncated: bool


async def document_text(
    file: Descriptor, kind: str, *, max_chars: int = MOST_CHARS, limits: ParserLimits | None = None
) -> DocumentText:
    """Return the text of `file`, which is of `kind`.

    Raises:
        Failure: `binary_file` for one without text, encrypted, or whose parser is not installed; `too_large` for
            one that unpacks to too much; `io_error` for a damaged one; `timeout`.
    """
    answer = await parsed(file, kind, limits=limits, max_chars=max_chars)
    return DocumentText(text=answer.body.decode(), kind=kind, **answer.facts)
