"""The attack corpus through the server's own tools and resources, over stdio, with every resolver."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox import BACKENDS, DEEPEST
from tests.support.as_user import own_directory
from tests.support.corpus import Attack, Driver, Outcome, play, table
from tests.support.product import FACTS, Files
from tests.support.wire_client import Message

OPS = ("read", "list", "tree", "stat", "roots")
TABLE = tuple(table(OPS))

WAYS: Mapping[str, Sequence[str]] = {
    "read": ("read_file", "read_files", "resources/read"),
    "list": ("list_directory", "resources/directory/read"),
    "tree": ("list_directory",),
    "stat": ("file_info",),
    "roots": ("list_roots", "resources/list"),
}
"""What a client can ask to have an operation of the corpus carried out."""


def needs_own_server(attack: Attack) -> bool:
    """Tell whether an entry is about a root that is not the usual one, or another user."""
    return bool(attack.nonroot or attack.after or attack.root != "root")


ALONE = [attack for attack in TABLE if needs_own_server(attack)]
TOGETHER = [attack for attack in TABLE if attack not in ALONE]


class ServerDriver:
    """Asks a server in every way that there is; all have to answer alike."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def carry_out(self, op: Mapping[str, Any]) -> Outcome:
        outcomes = {way: self._asked(way, op) for way in WAYS[op["op"]]}
        told = b"\n".join(outcome.told for outcome in outcomes.values())
        first, *others = outcomes.values()
        for other in others:
            assert (other.ok, other.content) == (first.ok, first.content), outcomes
        return Outcome(code=first.code, content=first.content, told=told)

    def _asked(self, way: str, op: Mapping[str, Any]) -> Outcome:
        path = op.get("path", "")
        match way:
            case "read_file" | "file_info":
                return self._tool(way, path=path)
            case "read_files":
                return self._tool(way, paths=[path])
            case "list_directory":
                return self._tool(way, path=path, depth=DEEPEST if op["op"] == "tree" else 1, ignored=True)
            case "list_roots":
                return self._tool(way)
            case "resources/list":
                return self._resource(way, {})
            case _:
                return self._resource(way, {"uri": self._uri(path)})

    def _tool(self, name: str, **arguments: object) -> Outcome:
        result = self._files.ask(name, **arguments)
        facts = result["_meta"][FACTS]
        told = without_what_was_asked(result, arguments)
        code = facts.get("code") or next(iter(facts.get("skipped", ())) if name == "read_files" else iter(()), "")
        if code:
            return Outcome(code=code, told=told)
        text: str = result["content"][0]["text"]
        if name == "read_files":
            text = text.partition(" ==\n")[2]
        return Outcome(content=text.encode() if name.startswith("read") else b"", told=told)

    def _resource(self, method: str, params: dict[str, str]) -> Outcome:
        answer = self._files.answer(self._files.request(method, params))
        told = without_what_was_asked(answer, params)
        if "error" in answer:
            return Outcome(code=answer["error"]["data"]["code"], told=told)
        (content,) = answer["result"].get("contents", [{}])
        if content.get("mimeType") == "application/json" and "entries" in content["text"]:
            return Outcome(code="is_directory", told=told)  # a resource may be one; a file to read may not
        return Outcome(content=content.get("text", "").encode(), told=told)

    def _uri(self, path: str) -> str:
        """Return the URI of a path: of a relative one beneath the only root, if there is one."""
        if path.startswith("file:") or "://" in path:
            return path
        root = self._files.result(self._files.request("resources/list"))["resources"][0]["uri"]
        encoded = os.fsencode(path)
        quoted = "".join(chr(byte) if byte < 0x80 and chr(byte) not in "%?#\0" else f"%{byte:02X}" for byte in encoded)
        return f"file://{quoted}" if path.startswith("/") else f"{root}/{quoted}"


def without_what_was_asked(answer: Message, asked: Mapping[str, object]) -> bytes:
    """Return every byte of an answer but the caller's own words, which may hold what they look for."""
    told = json.dumps(answer, ensure_ascii=False)
    for words in asked.values():
        for word in words if isinstance(words, list) else [words]:
            told = told.replace(json.dumps(word, ensure_ascii=False)[1:-1], "")
    return told.encode(errors="surrogateescape")


@pytest.fixture(scope="module", params=BACKENDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Files, Path]]:
    """A server for all the entries that need none of their own, and the directory that they are played in."""
    base = tmp_path_factory.mktemp("corpus")
    (base / "root").mkdir()
    with Files(f"--root=root={base}/root", resolver=request.param) as files:
        assert files.data("list_roots")["resolver"] == request.param
        yield files, base


@pytest.mark.parametrize("attack", TOGETHER, ids=lambda attack: attack.id)
def test_every_entry_ends_as_the_corpus_says(attack: Attack, shared: tuple[Files, Path]) -> None:
    files, base = shared
    empty(base)
    play(attack, base, lambda _paths: contextlib.nullcontext(ServerDriver(files)))


@pytest.mark.parametrize("resolver", BACKENDS)
@pytest.mark.parametrize("attack", ALONE, ids=lambda attack: attack.id)
def test_an_entry_about_the_start_ends_as_the_corpus_says(attack: Attack, resolver: str, tmp_path: Path) -> None:
    if attack.nonroot:
        with own_directory() as own:
            play(attack, own, started_with("nobody"))
    else:
        play(attack, tmp_path, started_with(resolver))


def started_with(resolver: str) -> Callable[[Sequence[str]], contextlib.AbstractContextManager[Driver]]:
    @contextlib.contextmanager
    def start(paths: Sequence[str]) -> Iterator[Driver]:
        roots = [f"--root=root{number or ''}={path}" for number, path in enumerate(paths)]
        with Files(*roots, resolver=resolver) as files:
            yield ServerDriver(files)

    return start


def empty(base: Path) -> None:
    """Remove what the entry before left, but not the root itself, which the server holds."""
    for place in [*(base / "root").iterdir(), *base.iterdir()]:
        if place.is_dir() and not place.is_symlink():
            if place != base / "root":
                shutil.rmtree(place)
        else:
            place.unlink()
