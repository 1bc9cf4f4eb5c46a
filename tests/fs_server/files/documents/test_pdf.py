import asyncio
from pathlib import Path

import psutil
import pytest
from pypdf import PdfReader, PdfWriter

from fs_server.errors import Failure
from fs_server.files.documents import document_text
from sandbox.parser_process import ParserLimits
from tests.fs_server.files.disk import DiskFile
from tests.fs_server.files.documents.made import packed_zeros, pdf, refusal, taken, text_of


def encrypted(path: Path, password: str, algorithm: str) -> None:
    pdf(path, [text_of("Secret text")])
    writer = PdfWriter(PdfReader(path))
    writer.encrypt(user_password=password, owner_password="owner", algorithm=algorithm)  # noqa: S106 - of a test
    with path.open("wb") as stream:
        writer.write(stream)


def test_the_pages_are_given_under_headings(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf(path, [text_of("First page, é"), text_of("Second")])
    with DiskFile(path) as file:
        made = asyncio.run(document_text(file, "pdf"))
    assert made.text == "--- Page 1 of 2 ---\nFirst page, é\n--- Page 2 of 2 ---\nSecond\n"
    assert (made.kind, made.unit, made.count, made.truncated) == ("pdf", "page", 2, False)
    assert taken(path, "pdf") == made


def test_no_more_pages_are_read_than_there_is_room_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf(path, [text_of("page")] * 5)
    made = taken(path, "pdf", max_chars=40)
    assert (len(made.text), made.count, made.truncated) == (40, 5, True)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_a_pdf_that_needs_a_password_is_refused(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "a.pdf"
    encrypted(path, "secret", algorithm)
    assert refusal(path, "pdf").startswith("[binary_file] The PDF is encrypted | It needs a password")


def test_a_pdf_encrypted_with_no_password_for_reading_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    encrypted(path, "", "RC4-128")
    with DiskFile(path) as file:
        assert "Secret text" in asyncio.run(document_text(file, "pdf")).text


def test_a_pdf_without_text_is_refused_as_scanned(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    with path.open("wb") as stream:
        writer.write(stream)
    assert refusal(path, "pdf").startswith("[binary_file] The PDF holds no text | 1 pages, probably scanned")


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"", b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF"])
def test_a_damaged_pdf_is_told_of(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    assert refusal(path, "pdf").startswith("[io_error] The PDF is damaged")


def test_one_damaged_page_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf(path, [text_of("good"), packed_zeros(200 << 20)])
    text = taken(path, "pdf").text
    assert "good" in text
    assert "[This page could not be read: LimitReachedError]" in text


def test_a_pdf_of_which_no_page_can_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf(path, [packed_zeros(200 << 20)])
    assert refusal(path, "pdf").startswith("[too_large] No page of the PDF could be read | LimitReachedError")


def test_streams_that_unpack_to_too_much_end_within_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf(path, [packed_zeros(1 << 30)])
    before = psutil.Process().memory_info().rss
    with DiskFile(path) as file, pytest.raises(Failure, match=r"^\[too_large\]"):
        asyncio.run(document_text(file, "pdf", limits=ParserLimits(memory_bytes=400 << 20)))
    assert psutil.Process().memory_info().rss - before < 20 << 20
