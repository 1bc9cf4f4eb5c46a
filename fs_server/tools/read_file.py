"""The tool `read_file`: a window of lines, a picture, a sound, or the text of a document."""

import base64
import contextlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from fs_server.errors import Failure, quoted
from fs_server.files.documents import DOCUMENT_TYPES, DocumentText, document_text
from fs_server.files.encoding import SAMPLE_BYTES, Encoding
from fs_server.files.images import IMAGE_TYPES, Picture, picture
from fs_server.files.media_type import media_type
from fs_server.files.readable import InMemory
from fs_server.files.reading import encoding_of, read_text
from fs_server.files.seen import Seen
from fs_server.journal.places import joined
from fs_server.services import Services
from fs_server.tools.answer import Answer, Audio, Image, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.tool import Effect, tool
from sandbox import Access, OpenFile, Place, Stop, shown

NOTE_CHARS = 400
"""Room that is kept in a result for the note at its end."""

AUDIO_BYTES = 700_000
"""Bytes of a sound that are handed out: in base64 they stay below the 1 MB that one desktop host takes."""


class ReadFile(Arguments):
    """What `read_file` takes."""

    path: str = Field(description="File to read")
    start_line: Annotated[int, Field(description="From 1; -1 is the last line")] = 1
    line_count: Annotated[int, Field(ge=0, description="0: as many as fit")] = 0
    numbered: Annotated[bool, Field(description="Put line numbers in front")] = False
    encoding: Annotated[str, Field(description='As in "shift_jis"; "" to detect')] = ""
    format: Annotated[Literal["auto", "text", "base64"], Field(description="base64: raw bytes of any file")] = "auto"


@tool(title="Read a file", effect=Effect.READ, core=True)
async def read_file(asked: ReadFile, services: Services) -> Answer:
    """Read lines of a text file exactly as stored; the note in brackets at the end says how to go on.

    Pictures and sounds come as such; PDF, notebook, docx and xlsx as text.
    """
    place = services.at(asked.path, Access.READ)
    max_chars = services.limits.result_chars - NOTE_CHARS
    read = await services.run(
        place.root,
        lambda stop: _read(place, asked, max_chars, services.seen, stop),
        what=f"Reading {quoted(asked.path)}",
    )
    if isinstance(read, Answer):
        return read
    with read.file:
        try:
            async with services.parsing:
                if read.media_type in IMAGE_TYPES:
                    return _picture(asked, await picture(read.file)).with_facts(read.facts)
                document = await document_text(read.file, DOCUMENT_TYPES[read.media_type])
        except Failure as failure:
            raise failure.about(quoted(asked.path)) from failure
        return _document(asked, document, max_chars).with_facts(read.facts)


@dataclass(frozen=True, slots=True)
class _Unparsed:
    """An open file of a format that a stranger may have made to break its parser."""

    file: OpenFile
    media_type: str
    facts: dict[str, object]


def _read(place: Place, asked: ReadFile, max_chars: int, seen: Seen, stop: Stop) -> Answer | _Unparsed:
    """Open the file and read it, unless it has to be parsed: then it stays open."""
    with contextlib.ExitStack() as open_files:
        file = open_files.enter_context(place.open())
        facts: dict[str, object] = {
            "path": shown(place.spoken_of(file.parts)),
            "uri": place.uri_of(file.parts),
            "size": file.size,
        }
        if asked.format == "base64":
            return _base64(file, asked, max_chars).with_facts(facts)
        found = encoding_of(file, asked.encoding, as_text=asked.format == "text")
        kind = media_type(file.parts[-1], file.read_at(0, SAMPLE_BYTES), text=isinstance(found, Encoding))
        if asked.format == "auto" and not asked.encoding and kind in IMAGE_TYPES | DOCUMENT_TYPES.keys():
            open_files.pop_all()
            return _Unparsed(file, kind, facts)
        if isinstance(found, Encoding):
            answer = _text(file, found, asked, max_chars, stop).with_facts(facts)
            seen.add_file(joined(place.root, file.parts), file)
            return answer
        if kind.startswith("audio/"):
            return _audio(file, kind, asked).with_facts(facts)
        raise Failure(
            "binary_file",
            f"Reading {quoted(asked.path)}",
            f"It is no text but {kind}, {file.size} bytes",
            'Pass format="base64" for its bytes, or format="text" to read it as text all the same',
        )


def _text(file: OpenFile, encoding: Encoding, asked: ReadFile, max_chars: int, stop: Stop) -> Answer:
    reading = read_text(
        file,
        encoding,
        start_line=asked.start_line,
        line_count=min(asked.line_count, max_chars),  # a line has a character at least
        numbered=asked.numbered,
        max_chars=max_chars,
        stop=stop,
    )
    # A model sees no facts, and has to know what it may say as if_match.
    etag = f"etag {reading.facts['etag']}" if "etag" in reading.facts else ""
    return Answer((Text(reading.text), note(quoted(asked.path), *reading.stored, etag, *reading.notes)), reading.facts)


def _picture(asked: ReadFile, found: Picture) -> Answer:
    original = f"{found.original_width}x{found.original_height}"
    return Answer(
        (
            Image(found.data, found.media_type),
            note(
                quoted(asked.path),
                f"{found.original_type}, {original} pixels",
                "" if found.kept else f"shown as {found.media_type}, {found.width}x{found.height}",
                f"the first of {found.frames} frames" if found.frames > 1 else "",
            ),
        ),
        {"truncated": found.frames > 1},
    )


def _document(asked: ReadFile, document: DocumentText, max_chars: int) -> Answer:
    """Return a window of a document's text. Its etag and encoding are the file's own, so none is told of the text."""
    reading = read_text(
        InMemory(document.text.encode()),
        Encoding("utf-8", b"", "extracted"),
        start_line=asked.start_line,
        line_count=min(asked.line_count, max_chars),  # a line has a character at least
        numbered=asked.numbered,
        max_chars=max_chars,
        stop=None,
    )
    facts = {key: value for key, value in reading.facts.items() if key not in {"etag", "encoding", "eol"}}
    about = f"text of a {document.kind} with {document.count} {document.unit}s"
    cut = "the text was cut before the end of the document" if document.truncated else ""
    return Answer((Text(reading.text), note(quoted(asked.path), about, cut, *reading.notes)), facts)


def _base64(file: OpenFile, asked: ReadFile, max_chars: int) -> Answer:
    longest = max_chars // 4 * 3
    if file.size > longest:
        raise Failure(
            "too_large",
            f"Reading {quoted(asked.path)} as base64",
            f"It has {file.size} bytes; {longest} fit into one result",
            "resources/read gives the bytes of larger files",
        )
    content = file.read_at(0, file.size)
    return Answer((Text(base64.b64encode(content).decode("ascii")), note(quoted(asked.path), "base64")))


def _audio(file: OpenFile, kind: str, asked: ReadFile) -> Answer:
    if file.size > AUDIO_BYTES:
        raise Failure(
            "too_large",
            f"Playing {quoted(asked.path)}",
            f"It has {file.size} bytes; sounds up to {AUDIO_BYTES} are handed out",
            "resources/read gives the bytes of larger files",
        )
    return Answer((Audio(file.read_at(0, file.size), kind), note(quoted(asked.path), kind)))
