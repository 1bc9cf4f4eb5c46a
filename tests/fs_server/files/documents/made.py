"""Small documents of each kind, and what a hostile one contains."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import docx
from docx.document import Document

from fs_server.files.documents import DOCUMENT_TYPES, DocumentText
from fs_server.files.parse import load

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)


def taken(path: Path, kind: str, max_chars: int = 100_000) -> DocumentText:
    """Do in this process what the child does; refusals stay facts."""
    assert kind in DOCUMENT_TYPES.values()
    with path.open("rb") as stream:
        facts, body = load(kind, max_chars=max_chars)(stream)
    if "failure" in facts:
        raise AssertionError(facts["failure"])
    return DocumentText(text=body.decode(), kind=kind, **facts)


def refusal(path: Path, kind: str) -> str:
    """Return the code and the sentences with which the parser refuses."""
    with path.open("rb") as stream:
        facts, _ = load(kind, max_chars=100_000)(stream)
    code, *sentences = facts["failure"]
    return f"[{code}] {' | '.join(sentences)}"


def pdf(path: Path, contents: Sequence[bytes]) -> None:
    """Write a PDF of one page for each content stream; `text_of` makes one."""
    count = len(contents)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(count))),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>"
            % (5 + 2 * number)
        )
        objects.append(b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(content), content))
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    path.write_bytes(out.getvalue())


def text_of(text: str) -> bytes:
    return zlib.compress(b"BT /F 12 Tf 20 200 Td (%s) Tj ET" % text.encode("cp1252"))


def packed_zeros(size: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def with_parts(path: Path, source: Path, parts: Mapping[str, bytes]) -> None:
    """Copy the archive `source` with some of its members replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in [*(name for name in old.namelist() if name not in parts), *parts]:
            new.writestr(name, parts[name] if name in parts else old.read(name))


def word() -> Document:
    return docx.Document()
