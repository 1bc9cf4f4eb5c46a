"""Steps: what a model changes, and how all of it is taken back. Nothing of it stays in the directory."""

import os
from collections.abc import Mapping

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

__all__ = ["CHANGING"]

_DIRECTORY = f"fs-server-try-{os.getpid()}"
_FILE = f"{_DIRECTORY}/notes.txt"
_TEXT = "one\ntwo\nthree\n"

_CANNOT = frozenset({"permission_denied", "read_only", "disk_full", "protected_path", "io_error"})
"""Refusals that say that nothing can be written there, which is no fault of the server."""


async def _write(question: Question) -> Seen:
    asked: dict[str, object] = {"path": _FILE, "content": _TEXT}
    result = await question.call("write_file", asked)
    code = code_of(result)
    if code in _CANNOT:
        return Seen(code, asked, said=tuple(texts(result)), refused=True)
    facts = facts_of(result)
    if code or not facts.get("created"):
        raise Unexpected(" ".join(texts(result)))
    came = f"{facts['size']} bytes, etag {facts['etag']}, change {facts['change_id']}"
    return Seen("a new file", asked, came)


async def _edit(question: Question) -> Seen:
    asked = await _edited(question, "two", "2")
    diff, *note = texts(await question.answer("edit_file", asked))
    if "+2" not in diff.splitlines():
        raise Unexpected(f"The difference does not show the edit: {diff[:200]}")
    return Seen("a difference", asked, quoted=tuple(diff.splitlines()), said=tuple(note))


async def _miss(question: Question) -> Seen:
    asked = await _edited(question, "Three", "3")
    result = await question.call("edit_file", asked)
    if code_of(result) != "no_match":
        raise Unexpected(f"A refusal was due (no_match). Instead: {' '.join(texts(result))[:300]}")
    return Seen("no_match", asked, said=tuple(texts(result)), refused=True)


async def _history(question: Question) -> Seen:
    asked: dict[str, object] = {"path": _DIRECTORY, "limit": 2}
    await _written(question)
    told, *note = texts(await question.answer("history", asked))
    return Seen("two changes", asked, quoted=tuple(told.splitlines()), said=tuple(note))


async def _undo(question: Question) -> Seen:
    await _written(question)
    for _ in range(2):
        await question.answer("undo", {})
    if code_of(await question.call("file_info", {"path": _DIRECTORY})) != "not_found":
        raise Unexpected(f"Both changes were undone, and {_DIRECTORY} is still there.")
    return Seen("as it was", {}, "both changes taken back, nothing is left of them")


async def _edited(question: Question, old: str, new: str) -> Mapping[str, object]:
    await _written(question)
    return {"path": _FILE, "edits": [{"old_text": old, "new_text": new}]}


async def _written(question: Question) -> None:
    if code_of(await question.call("file_info", {"path": _FILE})):
        raise NothingToAsk("nothing could be written here")


CHANGING = Group(
    "What a model changes, and takes back",
    (
        Step("write_file", _write, tool="write_file"),
        Step("edit_file", _edit, tool="edit_file"),
        Step("a wrong quotation", _miss, tool="edit_file", asks="edit_file"),
        Step("history", _history, tool="write_file", asks="history"),
        Step("undo", _undo, tool="undo"),
    ),
)
