"""What tests of the tools that change something have in common: pictures of a tree, attributes, and a person."""

import contextlib
import hashlib
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.product import FACTS, Files, argv
from tests.support.tree import snapshot
from tests.support.wire_client import Era, Message, WireClient

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

__all__ = [
    "NO",
    "TEMPORARY",
    "YES",
    "Person",
    "attributes",
    "dressed",
    "edits",
    "etag_of",
    "last_change",
    "nothing_changes",
]

TEMPORARY = ".fs-server-*"
"""What the names of everything begin with that waits while a change is under way."""

YES: Message = {"action": "accept", "content": {"ok": True}}
NO: Message = {"action": "decline"}


def etag_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def edits(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"old_text": old, "new_text": new} for old, new in pairs]


@contextlib.contextmanager
def nothing_changes(base: Path, files: Files | None = None) -> Iterator[None]:
    """Hold that nothing beneath a directory differs afterwards, times included, and that no change was written down."""
    before, last = snapshot(base), files and last_change(files)
    yield
    assert snapshot(base) == before
    assert (files and last_change(files)) == last


def last_change(files: Files) -> str:
    """Return the id of the newest change that the history of a server tells."""
    return files.blocks("history", limit=1)[0].partition(" ")[0]


def dressed(path: Path) -> Path:
    """Give a file a mode and an extended attribute that no new file has, and return it."""
    path.chmod(0o640)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a file system without them
            os.setxattr(path, "user.colour", b"gr\0n")
    return path


def attributes(path: Path) -> tuple[int, int, int, dict[str, bytes]]:
    """Return the mode, the owner and the extended attributes of a file."""
    facts = path.stat()
    xattrs = {name: os.getxattr(path, name) for name in os.listxattr(path)} if sys.platform == "linux" else {}
    return facts.st_mode, facts.st_uid, facts.st_gid, xattrs


@dataclass
class Pending:
    """A call that came to a question, `message`; see `Person.put`."""

    tool: str
    arguments: Message
    message: str
    call: int
    asked: int = 0
    state: str = ""


class Person(Files):
    """A client that can ask a person, in the way of its era."""

    def __init__(self, *arguments: str, era: Era, capabilities: Message | None = None) -> None:
        WireClient.__init__(self, argv(*arguments), era=era, capabilities=capabilities or {"elicitation": {}})
        self.introduction = self.shake_hands()
        self._questions = itertools.count(1)

    def put(self, tool: str, **arguments: object) -> Pending:
        """Call a tool that asks, and return its question."""
        return self._waiting(Pending(tool, arguments, "", self.call(tool, **arguments)))

    def answered(self, pending: Pending, answer: Message) -> Message:
        """Answer the question, and return the result of the call."""
        return self.result(self._replied(pending, answer))

    def agreed(self, tool: str, questions: int = 1, /, **arguments: object) -> dict[str, Any]:
        """Call a tool, say yes to so many questions, and return the facts of the result."""
        pending = self.put(tool, **arguments)
        for _ in range(questions - 1):
            pending = self.asked_again(pending, YES)
        result = self.answered(pending, YES)
        assert not result.get("isError"), result
        facts: dict[str, Any] = result["_meta"][FACTS]
        return facts

    def asked_again(self, pending: Pending, answer: Message) -> Pending:
        """Answer the question, and return the next one."""
        call = self._replied(pending, answer)
        return self._waiting(Pending(pending.tool, pending.arguments, "", call))

    def _waiting(self, pending: Pending) -> Pending:
        if self.era is Era.LEGACY:
            request = self.asked(number := next(self._questions))[number - 1]
            return Pending(
                pending.tool, pending.arguments, request["params"]["message"], pending.call, asked=request["id"]
            )
        result = self.result(pending.call)
        assert result.get("resultType") == "input_required", result
        (question,) = result["inputRequests"].values()
        state = result["requestState"]
        return Pending(pending.tool, pending.arguments, question["params"]["message"], pending.call, state=state)

    def _replied(self, pending: Pending, answer: Message) -> int:
        if self.era is Era.LEGACY:
            self.send({"jsonrpc": "2.0", "id": pending.asked, "result": answer})
            return pending.call
        again = {"name": pending.tool, "arguments": pending.arguments, "requestState": pending.state}
        return self.request("tools/call", {**again, "inputResponses": {"confirm": answer}})


def names(base: Path) -> Sequence[str]:
    """Return what stands beneath a directory, sorted."""
    return sorted(str(path.relative_to(base)) for path in base.rglob("*"))
