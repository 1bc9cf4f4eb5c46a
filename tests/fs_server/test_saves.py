"""Whoever saves a file while it is edited loses nothing: two of our own servers, and an editor, however it saves."""

import hashlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fs_server.journal.journal import Journal
from fs_server.journal.states import FileState
from tests.support.editor import HOW, Editor
from tests.support.product import FACTS, Files
from tests.support.tree import snapshot

if sys.platform == "win32":
    pytest.skip("nothing is changed on Windows yet", allow_module_level=True)

COUNTS = [
    pytest.param(60, id="short"),
    pytest.param(2_000, id="long", marks=[pytest.mark.nightly, pytest.mark.timeout(600)]),
]


@contextmanager
def serving(base: Path) -> Iterator[Files]:
    """Give a server on the root, with the journal that all of them have in common."""
    (base / "root").mkdir(exist_ok=True)
    with Files(str(base / "root"), prefix=("env", f"XDG_STATE_HOME={base / 'state'}")) as files:
        yield files


def code_of(files: Files, call: int) -> str:
    code: str = files.result(call)["_meta"][FACTS].get("code", "")
    return code


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.guarantee("G18")
def test_two_servers_that_append_to_one_file_lose_no_line(count: int, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    lines: list[str] = []
    with serving(tmp_path) as one, serving(tmp_path) as other:
        (tmp_path / "root/f").write_text("")
        for number in range(count):
            calls = [
                (files, files.call("write_file", path="f", content=f"{name} {number}\n", if_exists="append"), name)
                for files, name in ((one, "one"), (other, "other"))
            ]
            for files, call, name in calls:
                code = code_of(files, call)
                seen[code or "done"] += 1
                if not code:
                    lines.append(f"{name} {number}")
    assert sorted((tmp_path / "root/f").read_text().splitlines()) == sorted(lines)
    assert seen.keys() <= {"done", "conflict"}, seen
    assert seen["done"] > count / 2
    assert snapshot(tmp_path / "root").keys() == {"f"}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.guarantee("G18")
def test_two_servers_that_edit_one_file_keep_what_the_other_does(count: int, tmp_path: Path) -> None:
    done = {"one": 0, "other": 0}
    seen: Counter[str] = Counter()
    with serving(tmp_path) as one, serving(tmp_path) as other:
        (tmp_path / "root/f").write_text("one 0\n\n-\n\nother 0\n")
        for _ in range(count):
            calls = []
            for files, name in ((one, "one"), (other, "other")):
                edit = {"old_text": f"{name} {done[name]}\n", "new_text": f"{name} {done[name] + 1}\n"}
                calls.append((files, files.call("edit_file", path="f", edits=[edit]), name))
            for files, call, name in calls:
                code = code_of(files, call)
                seen[code or "done"] += 1
                done[name] += not code
    assert (tmp_path / "root/f").read_text() == f"one {done['one']}\n\n-\n\nother {done['other']}\n"
    assert seen.keys() <= {"done", "conflict"}, seen
    assert seen["done"] > count / 2
    assert snapshot(tmp_path / "root").keys() == {"f"}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.guarantee("G18")
def test_what_an_editor_saves_is_in_the_file_or_in_the_history(how: str, count: int, tmp_path: Path) -> None:
    pick = random.Random(how)  # noqa: S311 # moments
    seen: Counter[str] = Counter()
    root = tmp_path / "root"
    with serving(tmp_path) as files, Editor(how, root / "f") as editor:
        (root / "f").write_text("theirs\nline\n")
        for number in range(count):
            saved = f"theirs {number}\nline\n"
            editor.begin(saved, after_us=pick.randrange(12_000))
            if number % 2:
                call = files.call("write_file", path="f", content="ours\n", if_exists="append")
            else:
                call = files.call("edit_file", path="f", edits=[{"old_text": "line\n", "new_text": "edited\n"}])
            seen[code_of(files, call) or "done"] += 1
            editor.end()
            where = found(tmp_path, saved)
            seen[where] += 1
            assert where != "lost", (number, saved, (root / "f").read_text(), seen)
            for path in root.glob("*.recovered-*"):
                path.unlink()
            assert {path.name for path in root.iterdir()} == {"f"}
            (root / "f").write_text("theirs\nline\n")
    assert seen["done"] > count / 10, seen
    assert seen["conflict"] > 0, seen


def found(base: Path, saved: str) -> str:
    """Tell where a save is: in the file, beside it, in the history, or nowhere."""
    first = saved.partition("\n")[0]
    if (base / "root/f").read_text().partition("\n")[0] == first:
        return "in the file"
    if any(path.read_text().partition("\n")[0] == first for path in (base / "root").glob("*.recovered-*")):
        return "beside it"
    digest = hashlib.sha256(saved.encode()).hexdigest()
    with Journal.open(base / "state/fs-server/journal", max_bytes=1 << 30, max_age_s=1e6) as journal:
        for change in journal.feed(limit=10).changes:
            if any(isinstance(step.before, FileState) and step.before.digest == digest for step in change.steps):
                return "in the history"
    return "lost"
