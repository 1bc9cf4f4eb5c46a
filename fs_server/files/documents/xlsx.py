"""The text of an Excel workbook, sheet by sheet. Runs in a child process only."""

from typing import Any, BinaryIO

import openpyxl

from fs_server.errors import Failure
from fs_server.files.documents.archive import require_modest, telling_damage
from fs_server.files.documents.collected import Collected

__all__ = ["parse"]

_TAB = "\t"  # Python 3.11 allows no backslash inside of an f-string


def parse(stream: BinaryIO, *, max_chars: int) -> tuple[dict[str, Any], bytes]:
    """Return the values row by row: `ROW: a<tab>b<tab>c`. Empty rows are left out, the numbers tell.

    Raises:
        Failure: `too_large` for a bomb, `binary_file` for an encrypted one, `io_error` for a damaged one.
    """
    require_modest(stream)
    collected = Collected(max_chars)
    with telling_damage("workbook"):
        # Streamed, so that a sheet is read only as far as there is room; values as they were last computed.
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        for sheet in book.worksheets:
            collected.add(f"--- Sheet {sheet.title} ---")
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                if any(value is not None for value in row) and not collected.add(_row(number, row)):
                    break
            if collected.full:
                break
        count = len(book.worksheets)
    if not count:
        raise Failure("io_error", "The workbook has no sheets")
    return collected.answer("sheet", count)


def _row(number: int, row: tuple[Any, ...]) -> str:
    values = ("" if value is None else " ".join(str(value).split()) for value in row)
    return f"{number}: {_TAB.join(values)}".rstrip("\t")
