import io
import zipfile

import pytest

from fs_server.files.media_type import DOCX, PPTX, XLSX, by_magic, by_name, media_type


def archive(*names: str, first: bytes = b"x") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, first)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\x00\x01\x00", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"RIFF\x00\x00\x00\x00what", None),
        (b"BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00", "image/bmp"),
        (b"\x00\x00\x00\x20ftypM4A \x00", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom\x00", "video/mp4"),
        (b"MZ\x90\x00\x03", "application/vnd.microsoft.portable-executable"),
        (b"\0" * 257 + b"ustar\x0000", "application/x-tar"),
        (b"BZh91AY&SY", "application/x-bzip2"),
        (archive("a.txt"), "application/zip"),
        (archive(), "application/zip"),
        (archive("[Content_Types].xml", "word/document.xml"), DOCX),
        (archive("[Content_Types].xml", "xl/workbook.xml"), XLSX),
        (archive("_rels/.rels", "ppt/presentation.xml"), PPTX),
        (archive("[Content_Types].xml", "other/part.xml"), "application/zip"),
        (archive("mimetype", first=b"application/epub+zip"), "application/epub+zip"),
        (archive("mimetype", first=b"application/x-unknown"), "application/zip"),
    ],
)
def test_a_binary_format_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    assert by_magic(head) == kind


@pytest.mark.parametrize(
    "text",
    [b"BM is a word", b"MZ too", b"GIF89a is a format", b"ID3 tags", b"RIFF and WAVE", b"BZh", b"PAR1", b"", b"PK"],
)
def test_a_text_that_begins_like_a_format_stays_text(text: bytes) -> None:
    assert by_magic(text) is None


@pytest.mark.parametrize(
    ("name", "head", "text", "kind"),
    [
        ("a.py", b"print()", True, "text/x-python"),
        ("a.TS", b"let x", True, "text/x-typescript"),
        ("a.json", b"{}", True, "application/json"),
        ("a.svg", b"<svg/>", True, "image/svg+xml"),
        ("a.png", b"hello", True, "text/plain"),
        ("Makefile", b"all:", True, "text/plain"),
        (".gitignore", b"*.o", True, "text/plain"),
        ("a.unknown", b"hello", True, "text/plain"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\x00", False, "image/png"),
        ("a.py", b"\x00\x01", False, "application/octet-stream"),
        ("a.jar", b"PK\x03\x04\x00", False, "application/java-archive"),
        ("a.png", b"PK\x05\x06\x00", False, "application/zip"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", False, "application/msword"),
        ("a.mov", b"\x00\x00\x00\x20ftypisom\x00", False, "video/quicktime"),
    ],
)
def test_the_bytes_win_over_the_name(name: str, head: bytes, *, text: bool, kind: str) -> None:
    assert media_type(name, head, text=text) == kind


def test_a_name_without_a_known_ending_promises_nothing() -> None:
    assert by_name("README") is None
    assert by_name("a.b.unknown") is None
    assert by_name("a.tar.GZ") is None
