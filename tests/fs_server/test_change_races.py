"""An attacker who swaps a directory for a link out of the root gets nothing changed, made or told outside.

Every tool that changes something works through that directory all the while. What each call needs is put there
through a handle, which no swap turns aside.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fs_server.errors import Failure
from sandbox import SandboxError
from tests.fs_server.tools.in_process import called
from tests.sandbox.backends import RESOLVERS
from tests.support.product import FACTS, Files
from tests.support.race import Attacker
from tests.support.tree import make_tree, snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

SHORT_S = 1.5
LONG_S = 20.0
AT_MOST_S = 45.0
"""Where one of the outcomes has not been seen by then, the attack goes on a while: the machine may be busy."""

LONG = [pytest.mark.nightly, pytest.mark.timeout(120)]
CASES = [
    pytest.param("openat2", True, SHORT_S, id="openat2-short"),
    pytest.param("stepwise", False, SHORT_S, id="stepwise-short"),
    pytest.param("portable", False, SHORT_S, id="portable-short"),
    pytest.param("openat2", True, LONG_S, id="openat2-long", marks=LONG),
    pytest.param("stepwise", True, LONG_S, id="stepwise-long", marks=LONG),
    pytest.param("portable", False, LONG_S, id="portable-long", marks=LONG),
]

REFUSED = {"escapes_root", "not_found", "not_directory", "symlink_loop", "conflict", "no_match", "exists"}

Call = Callable[..., tuple[str, str, Mapping[str, Any]]]
"""Calls a tool, and returns the code of its refusal, everything that was told, and its facts."""


@dataclass(frozen=True)
class Real:
    """The directory that is swapped, held: where it is called what does not matter."""

    handle: int

    def has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, content: str) -> None:
        self.remove(name)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=self.handle)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 # by handle
            file.write(content)

    def remove(self, name: str) -> None:
        if self.has(name):
            try:
                os.unlink(name, dir_fd=self.handle)
            except (IsADirectoryError, PermissionError):
                shutil.rmtree(name, dir_fd=self.handle)

    def make_tree(self, name: str) -> None:
        self.remove(name)
        os.mkdir(name, dir_fd=self.handle)
        below = os.open(name, os.O_RDONLY, dir_fd=self.handle)
        Real(below).write("x", "IN")
        os.mkdir("sub", dir_fd=below)
        os.close(below)


Ready = Callable[[Real, Path], None]

PATCH = "*** Begin Patch\n*** Update File: d/f\n@@\n-IN\n+NEW\n*** Add File: d/new\n+NEW\n*** End Patch\n"


def with_file(real: Real, root: Path) -> None:
    real.write("f", "IN\n")
    real.remove("new")
    (root / "here").write_text("IN\n")
    (root / "there").unlink(missing_ok=True)


def with_tree(real: Real, root: Path) -> None:
    with_file(real, root)
    real.make_tree("tree")
    if (root / "there").is_dir():
        shutil.rmtree(root / "there")


ATTEMPTS: Mapping[str, tuple[Ready, dict[str, object]]] = {
    "write_file new": (with_file, {"path": "d/new", "content": "NEW"}),
    "write_file deep": (with_file, {"path": "d/new/e/e/p", "content": "NEW"}),
    "write_file replace": (with_file, {"path": "d/f", "content": "NEW", "if_exists": "replace"}),
    "write_file append": (with_file, {"path": "d/f", "content": "NEW", "if_exists": "append"}),
    "edit_file": (with_file, {"path": "d/f", "edits": [{"old_text": "IN", "new_text": "NEW"}]}),
    "apply_patch": (with_file, {"patch": PATCH}),
    "replace_in_files": (with_file, {"path": "d", "query": "IN", "replacement": "NEW", "dry_run": False}),
    "create_directory": (with_file, {"path": "d/new/e"}),
    "move_path out": (with_file, {"source": "d/f", "destination": "there"}),
    "move_path in": (with_file, {"source": "here", "destination": "d/new"}),
    "move_path tree": (with_tree, {"source": "d/tree", "destination": "d/new"}),
    "copy_path out": (with_tree, {"source": "d/tree", "destination": "there"}),
    "copy_path in": (with_file, {"source": "here", "destination": "d/new"}),
    "delete_path": (with_file, {"path": "d/f"}),
    "delete_path tree": (with_tree, {"path": "d/tree", "recursive": True}),
}


@contextlib.contextmanager
def calling(backend: str, root: Path, base: Path, *, piped: bool) -> Iterator[Call]:
    """Give what calls a tool: of a server over its pipes, or in this process."""
    if piped:
        with Files(str(root), resolver=backend) as files:
            assert files.data("list_roots")["resolver"] == backend

            def call(name: str, **arguments: object) -> tuple[str, str, Mapping[str, Any]]:
                result = files.ask(name, **arguments)
                files.received.clear()
                return result["_meta"][FACTS].get("code", ""), json.dumps(result), result["_meta"][FACTS]

            yield call
    else:
        with called(root, journal=base / "journal", resolver=RESOLVERS[backend]()) as tools:

            def call_here(name: str, **arguments: object) -> tuple[str, str, Mapping[str, Any]]:
                try:
                    answer = tools.answer(name, **arguments)
                except (SandboxError, Failure) as refusal:
                    return str(refusal.code), str(refusal), {}
                return "", repr((answer.blocks, answer.data)), answer.facts

            yield call_here


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path,
        [
            "root/d/",
            "root/evil -> ../outside",
            "outside/f = SECRET IN",
            "outside/tree/x = SECRET",
            "outside/only-outside/",
        ],
    )


def facts_of(directory: Path) -> dict[str, object]:
    """Return all that tells of a change in a directory, also of one that was changed back."""
    places = (directory, *directory.rglob("*"))
    return {
        str(place): (facts.st_mode, facts.st_nlink, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size)
        for place in places
        if (facts := place.lstat())
    }


@pytest.mark.corpus("race-006", "race-007")
@pytest.mark.parametrize(("backend", "piped", "seconds"), CASES)
@pytest.mark.guarantee("G2", "G15")
def test_swapping_a_directory_for_a_link_out_changes_and_tells_nothing_outside(
    backend: str,
    piped: bool,  # noqa: FBT001 # of the table
    seconds: float,
    ground: Path,
) -> None:
    root = ground / "root"
    outside, pictured = facts_of(ground / "outside"), snapshot(ground / "outside")
    real = Real(os.open(root / "d", os.O_RDONLY))
    seen: dict[str, Counter[str]] = {name: Counter() for name in (*ATTEMPTS, "undo")}
    begin = time.monotonic()

    def goes_on() -> bool:
        passed = time.monotonic() - begin
        both = all({"done", "refused"} <= outcomes.keys() for outcomes in seen.values())
        return passed < seconds or (not both and passed < AT_MOST_S)

    with (
        calling(backend, root, ground, piped=piped) as call,
        Attacker("bursts", root / "d", root / "evil") as attacker,
    ):
        while goes_on():
            for name, (ready, arguments) in ATTEMPTS.items():
                ready(real, root)
                code, told, facts = call(name.partition(" ")[0], **arguments)
                seen[name]["done" if not code else "refused" if code in REFUSED else code] += 1
                assert "SECRET" not in told, (name, told)
                if not code:
                    code, told, _ = call("undo", change_id=facts["change_id"])
                    seen["undo"]["done" if not code else "refused" if code in REFUSED else code] += 1
                    assert "SECRET" not in told, (name, told)
            assert facts_of(ground / "outside") == outside
    os.close(real.handle)
    assert {name: outcomes.keys() for name, outcomes in seen.items()} == {name: {"done", "refused"} for name in seen}, (
        seen
    )
    assert attacker.changes > 1000
    assert snapshot(ground / "outside") == pictured
    assert not [path for path in snapshot(root) if ".fs-server-" in path]
