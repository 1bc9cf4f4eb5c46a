"""The tool `read_file`: a window of lines, a picture, a sound, or the text of a document."""

import base64
from typing import Annotated, Literal

from pydantic import Field

from fs_server.errors import Failure, quoted
from fs_server.files.encoding import SAMPLE_BYTES, Encoding
from fs_server.files.media_type import media_type
from fs_server.files.reading import encoding_of, read_text
from fs_server.services import Services
from fs_server.tools.answer import Answer, Audio, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.tool import Effect, tool
from sandbox import Access, OpenFile, Place, Stop, shown

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
    return await services.run(
        place.root,
        lambda stop: _read(place, asked, services.limits.result_chars, stop),
        what=f"Reading {quoted(asked.path)}",
    )


def _read(place: Place, asked: ReadFile, max_chars: int, stop: Stop) -> Answer:
    with place.open() as file:
        facts = {
            "path": shown(place.spoken_of(file.parts)),
            "uri": place.uri_of(file.parts),
            "size": file.size,
        }
        if asked.format == "base64":
            return _base64(file, asked, facts, max_chars)
        found = encoding_of(file, asked.encoding, as_text=asked.format == "text")
        if isinstance(found, Encoding):
            return _text(file, found, asked, max_chars, stop).with_facts(facts)
        if found.media_type.startswith("audio/"):
            return _audio(file, found.media_type, asked, facts)
        raise _refused(file, asked)


def _text(file: OpenFile, encoding: Encoding, asked: ReadFile, max_chars: int, stop: Stop) -> Answer:
    reading = read_text(
        file,
        encoding,
        start_line=asked.start_line,
        line_count=asked.line_count,
        numbered=asked.numbered,
        max_chars=max_chars,
        stop=stop,
    )
    return Answer((Text(reading.text), note(quoted(asked.path), *reading.notes)), reading.facts)


def _base64(file: OpenFile, asked: ReadFile, facts: dict[str, object], max_chars: int) -> Answer:
    longest = max_chars // 4 * 3
    if file.size > longest:
        raise Failure(
            "too_large",
            f"Reading {quoted(asked.path)} as base64",
            f"It has {file.size} bytes; {longest} fit into one result",
            f"Use resources/read with {facts['uri']}" if len(str(facts["uri"])) < 100 else "Use resources/read",  # noqa: PLR2004
        )
    content = file.read_at(0, file.size)
    return Answer((Text(base64.b64encode(content).decode("ascii")), note(f"{len(content)} bytes, base64")), facts)


def _audio(file: OpenFile, kind: str, asked: ReadFile, facts: dict[str, object]) -> Answer:
    if file.size > AUDIO_BYTES:
        raise Failure(
            "too_large",
            f"Playing {quoted(asked.path)}",
            f"It has {file.size} bytes; sounds up to {AUDIO_BYTES} are handed out",
            "Use resources/read for the bytes",
        )
    return Answer((Audio(file.read_at(0, file.size), kind), note(str(facts["path"]), kind)), facts)


def _refused(file: OpenFile, asked: ReadFile) -> Failure:
    kind = media_type(file.parts[-1], file.read_at(0, SAMPLE_BYTES), text=False)
    return Failure(
        "binary_file",
        f"Reading {quoted(asked.path)}",
        f"It is no text but {kind}, {file.size} bytes",
        'Pass format="base64" for its bytes, or format="text" to read it as text all the same',
    )
