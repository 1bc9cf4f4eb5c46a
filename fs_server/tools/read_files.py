"""The tool `read_files`: several text files in one result."""

from typing import Annotated

from pydantic import Field

from fs_server.errors import Failure, explain, quoted
from fs_server.files.encoding import Binary
from fs_server.files.reading import encoding_of, read_text
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments, Paths
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Place, SandboxError, Stop, shown

MOST_FILES = 100


class ReadFiles(Arguments):
    """What `read_files` takes."""

    paths: Annotated[Paths, Field(min_length=1, max_length=MOST_FILES, description="Text files")]
    line_count: Annotated[int, Field(ge=0, description="Of each; 0: as many as fit")] = 0


@tool(title="Read several files", effect=Effect.READ)
async def read_files(asked: ReadFiles, services: Services) -> Answer:
    """Read the first lines of several text files, which share one result. What fails is told and ends nothing."""
    blocks: list[Text] = []
    facts: list[dict[str, object]] = []
    left = services.limits.result_chars
    for number, path in enumerate(asked.paths):
        share = left // (len(asked.paths) - number)
        block, told = await _one(path, asked.line_count, share, services)
        left -= len(block.text)
        blocks.append(block)
        facts.append(told)
    failed = sum("code" in told for told in facts)
    closing = note(f"{len(facts)} files", f"{failed} failed" if failed else "")
    return Answer((*blocks, closing), {"count": len(facts) - failed, "files": facts})


async def _one(path: str, line_count: int, max_chars: int, services: Services) -> tuple[Text, dict[str, object]]:
    """Return the block of one file, its name in front, and its facts: of a failure, the code."""
    try:
        place = services.at(path, Access.READ)
        return await services.run(
            place.root,
            lambda stop: _read(place, line_count, max_chars, stop),
            what=f"Reading {quoted(path)}",
        )
    except SandboxError as refusal:
        failure = explain(refusal)
    except Failure as refused:
        failure = refused
    return Text(f"== {shown(path)[:200]} ==\n{failure}"), {"path": shown(path), "code": failure.code}


def _read(place: Place, line_count: int, max_chars: int, stop: Stop) -> tuple[Text, dict[str, object]]:
    with place.open() as file:
        path = shown(place.spoken_of(file.parts))
        facts: dict[str, object] = {"path": path, "uri": place.uri_of(file.parts), "size": file.size}
        found = encoding_of(file, "")
        if isinstance(found, Binary):
            raise Failure("binary_file", quoted(place.subject), f"It is {found.media_type}", "Use read_file")
        header = len(path) + 120
        reading = read_text(
            file,
            found,
            start_line=1,
            line_count=line_count,
            numbered=False,
            max_chars=max(max_chars - header, 1),
            stop=stop,
        )
        told = ", ".join(part for part in (*reading.stored, *reading.notes) if part)
        return Text(f"== {path} ({told}) ==\n{reading.text}"), facts | reading.facts
