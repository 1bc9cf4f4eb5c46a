"""Nobody outside: whether something exists beside the roots or not, every answer is the same, byte for byte."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import BACKENDS
from tests.support.product import Files
from tests.support.race import Attacker
from tests.support.tree import make_tree
from tests.support.wire_client import Message

QUESTIONS = (
    "../outside/secret", "../outside/none", "../outside/dir/x", "../outside", "../outside/", "../outside/secret/x",
    "../outside/loop", "../outside/pipe", "../outside/closed/x", "out", "out/", "out-file", "out-none", "out-dir/x",
    "out-dir/none", "absolute", "absolute-none", "chain", "d/../../outside/secret", "{base}/outside/secret",
    "{base}/outside/none", "{base}/root/../outside/secret", "{base}/root-twin", "file://{base}/outside/secret",
    "file://{base}/outside/none", "file://{base}/root/%2E%2E/outside/secret", "file://{base}/root/out-file",
    "/proc/self/environ", "/etc/shadow", "~/.ssh/id_rsa",
)  # fmt: skip
LINKS = (
    "root/out -> ../outside", "root/out-file -> ../outside/secret", "root/out-none -> ../outside/none",
    "root/out-dir -> ../outside/dir", "root/absolute -> {base}/outside/secret",
    "root/absolute-none -> {base}/outside/none", "root/chain -> out-file", "root/d/f = IN",
)  # fmt: skip
THERE = (
    "outside/secret = SECRET", "outside/dir/x = SECRET", "outside/pipe|", "outside/loop -> loop",
    "outside/closed/x = SECRET", "root-twin/f = SECRET",
)  # fmt: skip


def answers(files: Files, base: Path, question: str) -> list[Message]:
    """Return what every method says to a path, without what differs by itself."""
    path = question.format(base=base)
    uri = (
        path if path.startswith("file:") else f"file://{path}" if path.startswith("/") else f"file://{base}/root/{path}"
    )
    template = {"type": "ref/resource", "uri": f"file://{base}/root/{{+path}}"}
    asked = [
        files.call("read_file", path=path),
        files.call("read_file", path=path, format="base64"),
        files.call("read_files", paths=[path, "d/f"]),
        files.call("file_info", path=path),
        files.call("list_directory", path=path),
        files.request("resources/read", {"uri": uri}),
        files.request("resources/directory/read", {"uri": uri}),
        files.request("completion/complete", {"ref": template, "argument": {"name": "path", "value": path}}),
        files.request("completion/complete", {"ref": template, "argument": {"name": "path", "value": path + "/"}}),
    ]
    return [{key: value for key, value in files.answer(each).items() if key != "id"} for each in asked]


@pytest.mark.parametrize("resolver", BACKENDS)
def test_what_is_outside_changes_no_answer(tmp_path: Path, resolver: str) -> None:
    make_tree(tmp_path, [line.format(base=tmp_path) for line in LINKS])
    with Files(str(tmp_path / "root"), resolver=resolver) as files:
        without = {question: answers(files, tmp_path, question) for question in QUESTIONS}
        make_tree(tmp_path, THERE)
        for question in QUESTIONS:
            there = answers(files, tmp_path, question)
            assert there == without[question], question
            assert "SECRET" not in json.dumps(there)


def rounds(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


Ask = Callable[[Files, Path], int]

RACED: dict[str, Ask] = {
    "read_file": lambda files, _base: files.call("read_file", path="d/f"),
    "read_files": lambda files, _base: files.call("read_files", paths=["d/f", "d/../d/f"]),
    "list_directory": lambda files, _base: files.call("list_directory", path="d"),
    "tree": lambda files, _base: files.call("list_directory", depth=3),
    "file_info": lambda files, _base: files.call("file_info", path="d/f"),
    "resources/read": lambda files, base: files.request("resources/read", {"uri": f"file://{base}/root/d/f"}),
    "resources/directory/read": lambda files, base: files.request(
        "resources/directory/read", {"uri": f"file://{base}/root/d"}
    ),
}


@pytest.mark.parametrize("resolver", BACKENDS)
@pytest.mark.parametrize(
    "seconds", [1.5, pytest.param(20 * len(RACED), marks=[pytest.mark.nightly, pytest.mark.timeout(400)])]
)
def test_a_swapping_attacker_gets_no_byte_from_outside(tmp_path: Path, resolver: str, seconds: float) -> None:
    """A directory of the root is exchanged with a link to one outside, as fast as the system can."""
    make_tree(
        tmp_path,
        [
            "root/d/f = INSIDE",
            "root/d/inside",
            "root/swapped -> ../outside",
            "outside/f = SECRET-",
            "outside/SECRETNAME",
        ],
    )
    inside = dict.fromkeys(RACED, 0)
    with Files(str(tmp_path / "root"), resolver=resolver) as files:
        assert files.data("list_roots")["resolver"] == resolver
        with Attacker("exchange", tmp_path / "root/d", tmp_path / "root/swapped") as attacker:
            for _ in rounds(seconds):
                asked = {name: [ask(files, tmp_path) for _ in range(8)] for name, ask in RACED.items()}
                for name, requests in asked.items():
                    for request in requests:
                        told = json.dumps(files.answer(request))
                        assert "SECRET" not in told
                        assert f'"size": {len("SECRET-")}' not in told.replace("\\", "")
                        inside[name] += "INSIDE" in told or "inside" in told or '"size": 6' in told
                files.received.clear()
        assert attacker.changes > 1_000
    assert all(inside.values()), f"the attack left nothing to read: {inside}"
