"""The text of a Word document. Runs in a child process only."""

import re
from typing import Any, BinaryIO, Final

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph

from fs_server.files.documents.archive import require_modest, telling_damage
from fs_server.files.documents.collected import Collected

__all__ = ["parse"]

_HEADING: Final = re.compile(r"Heading ([1-9])")


def parse(stream: BinaryIO, *, max_chars: int) -> tuple[dict[str, Any], bytes]:
    """Return paragraphs and tables in order; headings have `#` before them, cells `|` between them.

    Raises:
        Failure: `too_large` for a bomb, `binary_file` for an encrypted one, `io_error` for a damaged one.
    """
    require_modest(stream)
    with telling_damage("document"):
        document = docx.Document(stream)
        blocks = list(document.iter_inner_content())
    collected = Collected(max_chars)
    for block in blocks:
        if not collected.add(_paragraph(block) if isinstance(block, Paragraph) else _table(block)):
            break
    return collected.answer("block", len(blocks))


def _paragraph(paragraph: Paragraph) -> str:
    style = paragraph.style.name if paragraph.style is not None else None
    if style == "Title":
        return f"# {paragraph.text}"
    heading = _HEADING.fullmatch(style or "")
    if heading:
        return f"{'#' * int(heading[1])} {paragraph.text}"
    return f"- {paragraph.text}" if (style or "").startswith("List") else paragraph.text


def _table(table: Table) -> str:
    return "\n".join(" | ".join(_flat(cell.text) for cell in row.cells) for row in table.rows) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
