"""Steps: reading, with the tools that a model has."""

import mcp_types as t

from fs_server.cli.try_session.step import (
    Group,
    NothingToAsk,
    Question,
    Seen,
    Step,
    Unexpected,
    code_of,
    facts_of,
    texts,
)
from fs_server.cli.try_session.survey import Find

__all__ = ["READING"]

_LINES = 5
_ENTRIES = 6

_SAID_OF_OTHERS = frozenset({"binary_file", "too_large", "unsupported_encoding"})
"""Refusals that are a good answer where a picture or a document was asked for: it may be damaged or too large, and
what reads documents may not be installed."""


async def _directory(question: Question) -> Seen:
    asked = {"path": "", "limit": _ENTRIES}
    result = await question.answer("list_directory", asked)
    lines, note = _payload(result)
    if not lines and "permission_denied" in facts_of(result).get("skipped", {}):
        raise Unexpected("The operating system does not let the server's user list this directory.")
    return Seen("entries" if lines else "empty", asked, quoted=lines, said=note)


async def _file(question: Question) -> Seen:
    asked = {"path": _text(question).path, "line_count": _LINES}
    lines, note = _payload(await question.answer("read_file", asked))
    if not lines:
        raise Unexpected("There are no lines in it.")
    return Seen("lines as stored", asked, quoted=lines, said=note)


async def _info(question: Question) -> Seen:
    find = question.survey.text
    asked = {"path": "." if find is None else find.path}
    facts = (await question.answer("file_info", asked)).structured_content or {}
    if "type" not in facts:
        raise Unexpected(f"The type is missing among {', '.join(facts)}.")
    named = ("type", "size", "media_type", "encoding", "line_ending", "total_lines", "modified", "mode", "etag")
    said = ", ".join(f"{name} {facts[name]}" for name in named if name in facts)
    return Seen(str(facts["type"]), asked, said=(said,))


async def _files(question: Question) -> Seen:
    asked = {"paths": [_text(question).path, "no/such/file"], "line_count": 1}
    blocks = texts(await question.answer("read_files", asked))
    if not any("[not_found]" in block for block in blocks):
        raise Unexpected("The file that is not there was not told of.")
    return Seen("one of two", asked, quoted=tuple(line for block in blocks[:-1] for line in block.splitlines()))


async def _picture(question: Question) -> Seen:
    return await _other(question, question.survey.picture, "picture")


async def _document(question: Question) -> Seen:
    return await _other(question, question.survey.document, "document")


async def _other(question: Question, find: Find | None, kind: str) -> Seen:
    if find is None:
        raise NothingToAsk(f"no {kind} was found near the top")
    asked: dict[str, object] = {"path": find.path}
    result = await question.call("read_file", asked)
    if code := code_of(result):
        if code not in _SAID_OF_OTHERS:
            raise Unexpected(" ".join(texts(result)))
        return Seen(code, asked, said=tuple(texts(result)), refused=True)
    for block in result.content:
        if isinstance(block, t.ImageContent):
            came = f"an image, {block.mime_type}, {len(block.data):,} characters of base64"
            return Seen("an image", asked, came, said=tuple(texts(result)))
    lines, note = _payload(result)
    return Seen("text of it", asked, quoted=lines, said=note)


def _text(question: Question) -> Find:
    if question.survey.text is None:
        raise NothingToAsk("no text file was found near the top")
    return question.survey.text


def _payload(result: t.CallToolResult) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines of the first block, and the note that closes a text result."""
    first, *notes = texts(result) or [""]
    return tuple(first.splitlines()), tuple(notes[-1:])


READING = Group(
    "What a model reads",
    (
        Step("list_directory", _directory, tool="list_directory"),
        Step("read_file", _file, tool="read_file"),
        Step("file_info", _info, tool="file_info"),
        Step("read_files", _files, tool="read_files"),
        Step("a picture", _picture, tool="read_file", asks="read_file"),
        Step("a document", _document, tool="read_file", asks="read_file"),
    ),
)
