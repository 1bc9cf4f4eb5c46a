"""The tool `read_files`: several text files in one result."""

from collections import Counter
from typing import Annotated

from pydantic import Field

from fs_server.errors import Failure, explain, quoted
from fs_server.files.encoding import Binary
from fs_server.files.reading import encoding_of, read_text
from fs_server.files.seen import Seen
from fs_server.journal.places import joined
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments, Paths
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Place, SandboxError, Stop

MOST_FILES = 100

NOTE_CHARS = 100
"""Room that is kept in a result for the note at its end."""

LEAST_CHARS = 700
"""Room that a file is given at least: less would hold a refusal, but hardly a line beside what is told of the file."""

_HEADER_CHARS = 400


class ReadFiles(Arguments):
    """What `read_files` takes."""

    paths: Annotated[Paths, Field(min_length=1, max_length=MOST_FILES, description="Text files")]
    line_count: Annotated[int, Field(ge=0, description="Of each; 0: as many as fit")] = 0


@tool(title="Read several files", effect=Effect.READ)
async def read_files(asked: ReadFiles, services: Services) -> Answer:
    """Read the first lines of several text files, which share one result. What fails is told and ends nothing."""
    blocks: list[Text] = []
    failed: Counter[str] = Counter()
    left, truncated = services.limits.result_chars - NOTE_CHARS, False
    for number, path in enumerate(asked.paths):
        share = max(left // (len(asked.paths) - number), LEAST_CHARS)
        if share > left:
            break
        try:
            text, cut = await _one(path, asked.line_count, share, services)
            truncated |= cut
        except (SandboxError, Failure) as refusal:
            failure = refusal if isinstance(refusal, Failure) else explain(refusal)
            text = str(failure)
            failed[failure.code] += 1
        blocks.append(Text(text))
        left -= len(text)
    read, unread = len(blocks) - failed.total(), len(asked.paths) - len(blocks)
    closing = note(
        f"{read} files",
        f"{failed.total()} failed" if failed else "",
        f"no room for the last {unread}; ask for them in another call" if unread else "",
    )
    facts = {"count": read, "skipped": dict(failed), "truncated": truncated or unread > 0}
    return Answer((*blocks, closing), facts)


async def _one(path: str, line_count: int, max_chars: int, services: Services) -> tuple[str, bool]:
    """Return the beginning of one file, its name in front, and whether there is more of it than fits."""
    place = services.at(path, Access.READ)
    return await services.run(
        place.root,
        lambda stop: _read(place, line_count, max_chars, services.seen, stop),
        what=f"Reading {quoted(path)}",
    )


def _read(place: Place, line_count: int, max_chars: int, seen: Seen, stop: Stop) -> tuple[str, bool]:
    with place.open() as file:
        found = encoding_of(file, "")
        if isinstance(found, Binary):
            raise Failure("binary_file", quoted(place.subject), f"It is {found.media_type}", "Use read_file")
        room = max_chars - _HEADER_CHARS
        reading = read_text(
            file,
            found,
            start_line=1,
            line_count=min(line_count, room),  # a line has a character at least
            numbered=False,
            max_chars=room,
            stop=stop,
        )
        seen.add_file(joined(place.root, file.parts), file)
        etag = f"etag {reading.facts['etag']}" if "etag" in reading.facts else ""
        told = ", ".join(part for part in (*reading.stored, etag, *reading.notes) if part)
        text = f"== {quoted(place.shown_of(file.parts))} ({told}) ==\n{reading.text}"
        return text, bool(reading.facts["truncated"])
