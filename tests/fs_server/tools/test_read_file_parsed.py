"""`read_file` of what is no plain text: pictures and sounds as such, documents as text, the rest refused."""

import base64
import io
import json
import sys
from typing import Any

import docx
import openpyxl
import pytest
from PIL import Image

from tests.fs_server.conftest import Here
from tests.support.product import FACTS, Files

if sys.platform == "win32":
    pytest.skip("made of names, links and modes that POSIX has", allow_module_level=True)


def result_of(files: Files, **arguments: object) -> dict[str, Any]:
    result: dict[str, Any] = files.result(files.call("read_file", **arguments))
    assert not result.get("isError"), result
    return result


def picture(width: int, height: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif")])
def test_a_picture_that_fits_comes_as_it_is(files: Files, here: Here, kind: str, media_type: str) -> None:
    (here / "p").write_bytes(picture(60, 40, kind))
    image, note = result_of(files, path=here.named("p"))["content"]
    assert (image["type"], image["mimeType"]) == ("image", media_type)
    assert base64.b64decode(image["data"]) == (here / "p").read_bytes()
    assert note["text"].endswith(f'/p"; {media_type}, 60x40 pixels]')


def test_a_large_picture_is_scaled_and_said_to_be(files: Files, here: Here) -> None:
    (here / "p.bmp").write_bytes(picture(3200, 1600, "BMP"))
    image, note = result_of(files, path=here.named("p.bmp"))["content"]
    assert max(Image.open(io.BytesIO(base64.b64decode(image["data"]))).size) == 1568
    assert "image/bmp, 3200x1600 pixels; shown as" in note["text"]
    assert "1568x784" in note["text"]


def test_the_bytes_of_a_picture_can_be_had_too(files: Files, here: Here) -> None:
    (here / "p.png").write_bytes(picture(8, 8, "PNG"))
    payload, _ = files.blocks("read_file", path=here.named("p.png"), format="base64")
    assert base64.b64decode(payload) == (here / "p.png").read_bytes()


def test_a_document_is_read_in_windows_of_its_text(files: Files, here: Here) -> None:
    document = docx.Document()
    for number in range(1, 41):
        document.add_paragraph(f"paragraph {number}")
    document.save(str(here / "d.docx"))
    result = result_of(files, path=here.named("d.docx"), start_line=3, line_count=2, numbered=True)
    payload, note = (block["text"] for block in result["content"])
    assert payload == "     3\tparagraph 3\n     4\tparagraph 4\n"
    assert "text of a docx with 40 blocks; lines 3-4 of 40; more: start_line=5" in note
    facts = result["_meta"][FACTS]
    assert facts["size"] == (here / "d.docx").stat().st_size
    assert {"etag", "encoding", "eol"}.isdisjoint(facts), "those would be the file's own, and this is its text"


def test_a_workbook_is_text_by_sheet_and_cell(files: Files, here: Here) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["name", 7])
    book.save(here / "w.xlsx")
    payload, note = files.blocks("read_file", path=here.named("w.xlsx"))
    assert "name" in payload
    assert "7" in payload
    assert "text of a xlsx with 1 sheets" in note


def test_a_notebook_is_its_cells_and_with_format_text_what_is_stored(files: Files, here: Here) -> None:
    cell = {"cell_type": "code", "source": ["6 * 7"], "outputs": [], "metadata": {}, "execution_count": 1}
    (here / "n.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert "6 * 7\n" in files.blocks("read_file", path=here.named("n.ipynb"))[0]
    stored, _ = files.blocks("read_file", path=here.named("n.ipynb"), format="text")
    assert stored == (here / "n.ipynb").read_text()


def test_a_damaged_document_is_refused_in_the_callers_words(files: Files, here: Here) -> None:
    (here / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 4)
    text = files.failure("read_file", path=here.named("broken.pdf"))
    assert text.startswith(f'[io_error] "{here.named("broken.pdf")}": ')


def test_a_sound_comes_as_audio_and_a_long_one_is_refused(files: Files, here: Here) -> None:
    head = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    (here / "s.wav").write_bytes(head)
    sound, _ = result_of(files, path=here.named("s.wav"))["content"]
    assert (sound["type"], sound["mimeType"]) == ("audio", "audio/wav")
    assert base64.b64decode(sound["data"]) == head
    (here / "s.wav").write_bytes(head + bytes(700_000))
    assert files.failure("read_file", path=here.named("s.wav")).startswith("[too_large] ")


def test_what_is_neither_is_refused_by_its_kind_with_the_ways_to_have_it(files: Files, here: Here) -> None:
    (here / "x").write_bytes(b"\x7fELF" + bytes(60))
    text = files.failure("read_file", path=here.named("x"))
    assert text.startswith("[binary_file] ")
    assert "application/x-elf, 64 bytes" in text
    assert 'format="base64"' in text
