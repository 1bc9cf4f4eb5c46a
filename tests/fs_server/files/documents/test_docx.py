import asyncio
import struct
import zipfile
from pathlib import Path

import psutil
import pytest

from fs_server.errors import Failure
from fs_server.files.documents import document_text
from fs_server.files.documents.archive import telling_damage
from sandbox.parser_process import ParserLimits
from tests.fs_server.files.disk import DiskFile
from tests.fs_server.files.documents.made import BILLION_LAUGHS, refusal, taken, with_parts, word

PART = "word/document.xml"
OPENING = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
CLOSING = "</w:body></w:document>"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.docx"
    document = word()
    document.add_heading("The title", 0)
    document.add_heading("Chapter", 2)
    document.add_paragraph("First\nline")
    document.add_paragraph("point", style="List Bullet")
    table = document.add_table(2, 2)
    for index, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"cell\n{index}"
    document.add_paragraph("last")
    document.save(str(path))
    return path


def in_child(path: Path, limits: ParserLimits | None = None) -> str:
    with DiskFile(path) as file:
        return asyncio.run(document_text(file, "docx", limits=limits)).text


def test_paragraphs_and_tables_are_given_in_order(plain: Path) -> None:
    expected = "# The title\n## Chapter\nFirst\nline\n- point\ncell 0 | cell 1\ncell 2 | cell 3\nlast\n"
    assert in_child(plain) == expected
    made = taken(plain, "docx")
    assert (made.text, made.unit, made.count, made.truncated) == (expected, "block", 6, False)


def test_no_more_is_taken_than_there_is_room_for(plain: Path) -> None:
    made = taken(plain, "docx", max_chars=14)
    assert (made.text, made.truncated) == ("# The title\n##", True)


def test_an_archive_that_unpacks_to_too_much_is_refused_unopened(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with_parts(path, plain, {PART: bytes(250_000_000)})
    assert path.stat().st_size < 1_000_000
    before = psutil.Process().memory_info().rss
    with pytest.raises(Failure, match=r"^\[too_large\] The document unpacks to too much.*limit is 200000000"):
        in_child(path)
    assert psutil.Process().memory_info().rss - before < 20 << 20


def test_an_archive_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.docx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), b"")
    assert refusal(path, "docx").startswith("[too_large]")


def test_an_archive_that_lies_about_its_size_ends_within_limits(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "liar.docx"
    with_parts(path, plain, {PART: bytes(150_000_000)})
    told = struct.pack("<I", 150_000_000)
    path.write_bytes(path.read_bytes().replace(told, struct.pack("<I", 100)))
    with pytest.raises(Failure, match=r"^\[io_error\] The document is damaged"):
        in_child(path)


def test_markup_that_swells_in_memory_ends_within_limits(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "swelling.docx"
    with_parts(path, plain, {PART: (OPENING + "<w:p/>" * 20_000_000 + CLOSING).encode()})
    with pytest.raises(Failure, match=r"^\[(too_large|io_error|timeout)\]"):
        in_child(path, ParserLimits(memory_bytes=400 << 20))


def test_entities_are_not_expanded(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "laughs.docx"
    body = f"{BILLION_LAUGHS}{OPENING}<w:p><w:r><w:t>&a11;</w:t></w:r></w:p>{CLOSING}"
    with_parts(path, plain, {PART: body.encode()})
    try:
        text = in_child(path)
    except Failure as refused:
        assert refused.code in {"io_error", "too_large", "timeout"}  # noqa: PT017 - either answer is right
    else:
        assert "hahaha" not in text


def test_a_file_of_the_host_is_not_included(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file://{tmp_path}/secret">]>'
    body = f"{head}{OPENING}<w:p><w:r><w:t>before &f; after</w:t></w:r></w:p>{CLOSING}"
    path = tmp_path / "including.docx"
    with_parts(path, plain, {PART: body.encode()})
    assert "secret" not in taken(path, "docx").text


def test_an_encrypted_archive_is_refused(plain: Path) -> None:
    content = bytearray(plain.read_bytes())
    for start in (b"PK\x01\x02", b"PK\x03\x04"):
        at = content.find(start)
        content[at + (8 if start == b"PK\x01\x02" else 6)] |= 1
    plain.write_bytes(content)
    assert refusal(plain, "docx").startswith("[binary_file] The document is encrypted")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_what_is_no_archive_is_told_of(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(content)
    assert refusal(path, "docx").startswith("[io_error] The document is damaged")


def test_markup_that_is_none_is_told_of(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.docx"
    with_parts(path, plain, {PART: b"<"})
    assert refusal(path, "docx").startswith("[io_error] The document is damaged | XMLSyntaxError")


def test_a_lack_of_memory_is_not_taken_for_damage() -> None:
    """The parent knows it by its kind, and says so."""
    with pytest.raises(MemoryError), telling_damage("document"):
        raise MemoryError
