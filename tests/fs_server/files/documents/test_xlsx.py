import asyncio
import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import psutil
import pytest

from fs_server.errors import Failure
from fs_server.files.documents import document_text
from sandbox.parser_process import ParserLimits
from tests.fs_server.files.disk import DiskFile
from tests.fs_server.files.documents.made import BILLION_LAUGHS, refusal, taken, with_parts

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.xlsx"
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Figures"
    first.append(["name", "two\nlines", None])
    first.append([])
    first.append([None, 3.5, dt.datetime(2024, 1, 31)])  # noqa: DTZ001 - Excel knows no zones
    book.create_sheet("Empty")
    book.create_sheet("Last").append([True])
    book.save(path)
    return path


def with_strings(path: Path, plain: Path, strings: str) -> None:
    """Write a workbook whose only cell is the first of its shared strings."""
    with zipfile.ZipFile(plain) as archive:
        types = archive.read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/{STRINGS}" ContentType="{kind}"/></Types>'
    cell = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    parts = {
        "[Content_Types].xml": types.replace("</Types>", override),
        STRINGS: strings,
        SHEET: f'<worksheet xmlns="{MAIN}"><sheetData>{cell}</sheetData></worksheet>',
    }
    with_parts(path, plain, {name: part.encode() for name, part in parts.items()})


def in_child(path: Path, limits: ParserLimits | None = None) -> str:
    with DiskFile(path) as file:
        return asyncio.run(document_text(file, "xlsx", limits=limits)).text


def test_rows_are_given_with_their_numbers_sheet_by_sheet(plain: Path) -> None:
    expected = (
        "--- Sheet Figures ---\n1: name\ttwo lines\n3: \t3.5\t2024-01-31 00:00:00\n"
        "--- Sheet Empty ---\n--- Sheet Last ---\n1: True\n"
    )
    assert in_child(plain) == expected
    made = taken(plain, "xlsx")
    assert (made.text, made.unit, made.count, made.truncated) == (expected, "sheet", 3, False)


def test_no_more_rows_are_read_than_there_is_room_for(plain: Path) -> None:
    made = taken(plain, "xlsx", max_chars=30)
    assert (len(made.text), made.count, made.truncated) == (30, 3, True)


def test_an_archive_that_unpacks_to_too_much_is_refused_unopened(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with_parts(path, plain, {STRINGS: bytes(250_000_000)})
    before = psutil.Process().memory_info().rss
    with pytest.raises(Failure, match=r"^\[too_large\]"):
        in_child(path)
    assert psutil.Process().memory_info().rss - before < 20 << 20


def test_shared_strings_are_read(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "strings.xlsx"
    with_strings(path, plain, f'<sst xmlns="{MAIN}"><si><t>shared</t></si></sst>')
    assert "1: shared\n" in in_child(path)


def test_strings_that_swell_in_memory_end_within_limits(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "swelling.xlsx"
    strings = "".join(f"<si><t>{number:032}</t></si>" for number in range(1_000_000))
    with_strings(path, plain, f'<sst xmlns="{MAIN}">{strings}</sst>')
    with pytest.raises(Failure, match=r"^\[(too_large|timeout)\]"):
        in_child(path, ParserLimits(memory_bytes=150 << 20, cpu_s=2))


@pytest.mark.parametrize("part", [SHEET, STRINGS])
def test_entities_are_not_expanded(plain: Path, tmp_path: Path, part: str) -> None:
    path = tmp_path / "laughs.xlsx"
    if part == SHEET:
        cell = '<row><c t="str"><v>&a11;</v></c></row>'
        sheet = f'{BILLION_LAUGHS}<worksheet xmlns="{MAIN}"><sheetData>{cell}</sheetData></worksheet>'
        with_parts(path, plain, {SHEET: sheet.encode()})
    else:
        with_strings(path, plain, f'{BILLION_LAUGHS}<sst xmlns="{MAIN}"><si><t>&a11;</t></si></sst>')
    try:
        text = in_child(path)
    except Failure as refused:
        assert refused.code in {"io_error", "too_large", "timeout"}  # noqa: PT017 - either answer is right
    else:
        assert "hahaha" not in text


def test_what_is_no_workbook_is_told_of(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"")
    assert refusal(path, "xlsx").startswith("[io_error] The document is damaged")
    with_parts(path, plain, {"xl/workbook.xml": b"<"})
    assert refusal(path, "xlsx").startswith("[io_error] The workbook is damaged")
    with_parts(path, plain, {"xl/workbook.xml": b"<no/>"})
    assert refusal(path, "xlsx").startswith("[io_error] The workbook has no sheets")
