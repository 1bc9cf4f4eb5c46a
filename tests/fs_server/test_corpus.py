"""The attack corpus through the server's own tools and resources, over stdio, with every resolver."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox import BACKENDS, DEEPEST
from tests.support.as_user import own_directory
from tests.support.corpus import CHANGES, Attack, Driver, Outcome, attacks, play, prepare, table
from tests.support.product import FACTS, Files
from tests.support.tree import snapshot
from tests.support.wire_client import Message

OPS = ("read", "list", "tree", "stat", "roots", *CHANGES)

CONTRACT = {
    "name-030": "the root exists, and create_directory takes a directory that exists for made",
    "name-031": "create_directory takes a directory that exists for made",
    "name-032": "create_directory makes the directories above too",
}
"""Entries that the tools answer in another way, because their contract says so. As operations they are refused."""

TABLE = tuple(attack for attack in table(OPS) if attack.id not in CONTRACT)

WAYS: Mapping[str, Sequence[str]] = {
    "read": ("read_file", "read_files", "resources/read"),
    "list": ("list_directory", "resources/directory/read"),
    "tree": ("list_directory",),
    "stat": ("file_info",),
    "roots": ("list_roots", "resources/list"),
    "write": ("write_file",),
    "append": ("write_file",),
    "mkdir": ("create_directory",),
    "move": ("move_path",),
    "copy": ("copy_path",),
    "delete": ("delete_path",),
}
"""What a client can ask to have an operation of the corpus carried out."""

NAMED = frozenset({"escapes_root", "protected_path", "symlink_loop", "name_too_long", "root_gone"})
"""Refusals of a name, whatever is wanted there."""


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
        if way == "resources/list":
            return self._resource(way, {})
        if way.startswith("resources/"):
            return self._resource(way, {"uri": self._uri(op.get("path", ""))})
        return self._tool(way, **self._arguments(way, op))

    def _arguments(self, tool: str, op: Mapping[str, Any]) -> dict[str, object]:
        path, ends = op.get("path", ""), {"source": op.get("src"), "destination": op.get("dst")}
        arguments: dict[str, dict[str, object]] = {
            "read_file": {"path": path},
            "file_info": {"path": path},
            "read_files": {"paths": [path]},
            "list_directory": {"path": path, "depth": DEEPEST if op["op"] == "tree" else 1, "ignored": True},
            "list_roots": {},
            "write_file": {
                "path": path,
                "content": op.get("data", "NEW"),
                "if_exists": "append" if op["op"] == "append" else "replace",
            },
            "create_directory": {"path": path},
            "delete_path": {"path": path, "recursive": op.get("recursive", False)},
            "move_path": ends,
            "copy_path": ends,
        }
        return arguments[tool]

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


DOING = [attack for attack in TOGETHER if attack.op in CHANGES and attack.expect["ok"]]
CLOSED = [
    attack
    for attack in TOGETHER
    if attack.op in {"write", "mkdir", "delete"} and not attack.expect["ok"] and attack.codes & NAMED
]


@pytest.mark.parametrize("attack", DOING, ids=lambda attack: attack.id)
@pytest.mark.guarantee("G19")
def test_what_an_entry_has_done_is_undone(attack: Attack, shared: tuple[Files, Path]) -> None:
    files, base = shared
    empty(base)
    ground = prepare(attack, base)
    before = bare(ground.root)
    assert ServerDriver(files).carry_out(ground.asked(attack)).ok
    after = bare(ground.root)
    assert after != before
    undone = files.data("undo")
    assert bare(ground.root) == before
    files.data("undo", change_id=undone["change_id"])
    assert bare(ground.root) == after


def bare(root: Path) -> dict[str, str]:
    """Return a picture without times, numbers of links and bits that let a file run with its owner's rights."""
    seen = snapshot(root)
    return {path: re.sub(r"^(.)(.{9}) \d+ \d+", without_rights, picture) for path, picture in seen.items()}


def without_rights(found: re.Match[str]) -> str:
    return found[1] + ("" if found[1] == "l" else found[2].replace("s", "x"))


@pytest.mark.parametrize("attack", CLOSED, ids=lambda attack: attack.id)
@pytest.mark.guarantee("G15", "G20")
def test_a_name_that_is_closed_to_one_tool_is_closed_to_every_tool(attack: Attack, shared: tuple[Files, Path]) -> None:
    files, base = shared
    empty(base)
    ground = prepare(attack, base)
    before = ground.inside()
    for name, arguments in calls_on(ground.asked(attack)["path"]).items():
        result = files.ask(name.partition(" ")[0], **arguments)
        assert result["isError"], (name, result)
        assert b"SECRET" not in without_what_was_asked(result, arguments)
        assert ground.inside() == before, name
        assert ground.neighbours() == ground.untouched, name


def calls_on(path: str) -> dict[str, dict[str, object]]:
    """Return a call of every tool that would change what stands at a path, or make something there."""
    return {
        "write_file new": {"path": path, "content": "NEW"},
        "write_file replace": {"path": path, "content": "NEW", "if_exists": "replace"},
        "write_file append": {"path": path, "content": "NEW", "if_exists": "append"},
        "edit_file": {"path": path, "edits": [{"old_text": "S", "new_text": "NEW", "occurrence": "all"}]},
        "apply_patch add": {"patch": f"*** Begin Patch\n*** Add File: {path}\n+NEW\n*** End Patch"},
        "apply_patch move": {"patch": f"*** Begin Patch\n*** Update File: f\n*** Move to: {path}\n*** End Patch"},
        "replace_in_files": {"path": path, "query": "S", "replacement": "NEW", "dry_run": False},
        "create_directory": {"path": path},
        "move_path to": {"source": "f", "destination": path},
        "copy_path to": {"source": "f", "destination": path},
    }


@pytest.mark.parametrize("identifier", CONTRACT)
def test_a_directory_that_exists_is_fine_and_missing_ones_above_are_made(
    identifier: str, shared: tuple[Files, Path]
) -> None:
    files, base = shared
    empty(base)
    (attack,) = (attack for attack in attacks() if attack.id == identifier)
    ground = prepare(attack, base)
    path = attack.input["path"]
    made = files.data("create_directory", path=path)
    assert made["created"] is (identifier == "name-032"), CONTRACT[identifier]
    assert (ground.root / path).is_dir()
    assert ground.neighbours() == ground.untouched


@pytest.mark.corpus("hard-003")
@pytest.mark.guarantee("G15")
def test_nothing_is_appended_to_a_file_with_other_names(shared: tuple[Files, Path]) -> None:
    """An edit in place would change the file under all of them; replacing it whole splits the names, and says so."""
    files, base = shared
    empty(base)
    (attack,) = (attack for attack in attacks() if attack.id == "hard-003")
    play(attack, base, lambda _paths: contextlib.nullcontext(ServerDriver(files)))
    replaced = files.data("write_file", path="hl", content="NEW", if_exists="replace")
    assert any("2 names" in note for note in replaced["notes"])
    assert (base / "outside/secret").read_text() == "SECRET"


@pytest.mark.corpus("hard-004", "hard-006")
def test_no_tool_sets_modes_or_makes_links(shared: tuple[Files, Path]) -> None:
    files, _ = shared
    offered = {tool["name"] for tool in files.result(files.request("tools/list"))["tools"]}
    assert not [name for name in offered if any(word in name for word in ("mode", "chmod", "link", "owner"))]
    for name in ("chmod", "link", "set_mode", "create_link"):
        assert files.error(files.call(name, path="f"))["code"] == -32602
