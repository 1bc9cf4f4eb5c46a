"""What the README promises has tests, each under the promise's id; and the promises that no other test shows."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fs_server.config.patterns import DENY, PROTECT
from fs_server.tools import TOOLS, Effect
from sandbox import Access, ProtectedPath, RootSpec, Workspace
from tests.support.product import Files
from tests.support.tree import make_tree, snapshot

CHECKOUT = Path(__file__).resolve().parent.parent


def promised() -> list[str]:
    """Return the ids in the README's list of promises."""
    return re.findall(r"^- \*\*(G\d+)\*\* ", (CHECKOUT / "README.md").read_text("utf-8"), re.MULTILINE)


def marked() -> Iterator[str]:
    """Yield the ids in every `pytest.mark.guarantee(…)`, read from the source so that no test has to run."""
    for file in (CHECKOUT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.guarantee":
                yield from (ast.literal_eval(argument) for argument in node.args)


def test_every_guarantee_has_a_test_and_every_mark_a_guarantee() -> None:
    assert promised() == [f"G{number}" for number in range(1, len(promised()) + 1)]
    assert {*marked()} == {*promised()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_tree(
        tmp_path,
        [
            "root/notes.md = # Notes",
            "root/src/main.py = print()",
            "root/.env = TOKEN",
            "root/open -> .env",
            "there = S",
        ],
    )
    return tmp_path / "root"


@pytest.mark.guarantee("G3")
def test_a_refusal_is_the_same_whether_or_not_something_is_outside(root: Path) -> None:
    """Compared letter by letter, the name that was sent set aside; through tools and through resources."""
    with Files(str(root)) as client:

        def told(name: str) -> list[str]:
            outside = root.parent / name
            texts = [
                client.failure(tool, path=path)
                for tool in ("read_file", "list_directory", "file_info")
                for path in (f"../{name}", str(outside), outside.as_uri(), f"src/../../{name}")
            ]
            error = client.error(client.request("resources/read", {"uri": outside.as_uri()}))
            return [text.replace(name, "NAME") for text in (*texts, str(error))]

        assert told("there") == told("never")


SPELLINGS = [".env", ".ENV", ".env ", ".env.", ".e\u200cnv", ".\uff45nv", "open", "./src/../.env", "src/../open"]


@pytest.mark.guarantee("G4")
def test_a_secret_is_told_by_no_tool_under_any_spelling_or_link(root: Path) -> None:
    for spelling in SPELLINGS[:6]:  # where the file system takes these for one name, this writes one file
        (root / spelling).write_text("TOKEN", encoding="utf-8")
    with Files(str(root)) as client:
        for path in SPELLINGS:
            assert client.code("read_file", path=path) == "protected_path", path
            assert client.code("file_info", path=path) == "protected_path", path
            assert "TOKEN" not in "".join(client.blocks("read_files", paths=[path]))
            error = client.error(client.request("resources/read", {"uri": f"{root.as_uri()}/{path}"}))
            assert error["data"]["code"] == "protected_path", path


@pytest.mark.guarantee("G4")
@pytest.mark.parametrize(
    "name", [".g\u200cit/hooks/x", ".git /config", ".git./config", "git~1/config", ".\uff47it/config"]
)
def test_a_spelling_that_some_file_system_takes_for_a_guarded_name_is_guarded(name: str, root: Path) -> None:
    workspace = Workspace.open([RootSpec("root", str(root), secret=DENY, protected=PROTECT)])
    with pytest.raises(ProtectedPath):
        workspace.at(name, Access.WRITE)
    workspace.close()


@pytest.mark.guarantee("G5")
@pytest.mark.parametrize("served", [["--read-only", "{}"], ["--root-ro=root={}"]], ids=["setting", "root"])
def test_a_read_only_server_offers_and_knows_no_tool_that_changes(served: list[str], root: Path) -> None:
    before = snapshot(root)
    with Files(*(word.format(root) for word in served)) as client:
        offered = {tool["name"] for tool in client.result(client.request("tools/list"))["tools"]}
        assert offered == {tool.name for tool in TOOLS if tool.effect is Effect.READ and not tool.about_commands}
        for tool in TOOLS:
            if tool.effect is not Effect.READ:
                assert client.error(client.call(tool.name, path="notes.md", content="x"))["code"] == -32602
    assert snapshot(root) == before


@pytest.mark.guarantee("G5", "G19")
def test_a_whole_visit_leaves_every_file_as_it_was(root: Path) -> None:
    """`try` asks for everything that there is, in both eras; what it changes it takes back."""
    before = snapshot(root)
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "fs_server", "try", str(root)]
    visit = subprocess.run(command, env=environment, capture_output=True, check=False, encoding="utf-8")
    assert visit.returncode == 0, visit.stdout
    assert snapshot(root) == before


@pytest.mark.guarantee("G12")
def test_no_connection_is_opened_and_none_is_accepted(root: Path) -> None:
    with Files(str(root)) as client:
        client.blocks("read_file", path="notes.md")
        client.blocks("list_directory", depth=3)
        client.read_resource((root / "notes.md").as_uri())
        client.data("list_roots")
        server = psutil.Process(client.process.pid)
        assert server.net_connections(kind="inet") == []
        for child in server.children(recursive=True):  # what starts commands, and starts none before it is asked to
            assert child.cmdline()[-2].endswith("start.py")
            assert child.net_connections(kind="inet") == []
