"""The wheel as a user gets it: what is in it, that it starts, and that the directory it starts in runs no code."""

import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import fs_server
from tests.support.installation import Installed

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("fs_server", "resources", "sandbox")

# One worker builds for all the tests here.
pytestmark = pytest.mark.xdist_group("package")


def test_the_wheel_holds_exactly_our_packages_whole(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (file for package in PACKAGES for file in (CHECKOUT / package).rglob("*") if file.is_file())
    ours = {file.relative_to(CHECKOUT).as_posix() for file in files if file.suffix != ".pyc"}
    assert held == ours
    assert {"fs_server/py.typed", "resources/py.typed", "sandbox/py.typed"} <= held


def test_the_wheel_brings_its_licence_and_both_commands(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"fs_server_mcp-{fs_server.__version__}.dist-info"
    assert archive.read(f"{info}/licenses/LICENSE") == (CHECKOUT / "LICENSE").read_bytes()
    commands = archive.read(f"{info}/entry_points.txt").decode().splitlines()
    assert {f"{name} = fs_server.__main__:main" for name in ("fs-server", "fs-server-mcp")} <= {*commands}


# Names of our own, of what we depend on, and of the standard library: each would be imported sooner or later.
TRAPS = (
    *("fs_server", "sandbox", "resources", "tests", "mcp", "mcp_types", "pydantic", "anyio", "aiofiles", "pathspec"),
    *("platformdirs", "charset_normalizer", "json", "re", "typing", "logging", "asyncio", "dataclasses", "argparse"),
    *("tomllib", "pathlib", "signal", "sitecustomize", "usercustomize"),
)
# What Python itself, or the installer's start script, imports before the first line of ours.
TAKES_FIRST = {"fs_server", "re", "sitecustomize", "usercustomize"}


@dataclass(frozen=True)
class Hostile:
    """A workspace whose every module tells that it ran."""

    folder: Path
    told: Path

    def set(self, *traps: str) -> None:
        for name in traps:
            package = self.folder / name
            package.mkdir()
            for module in ("__init__", "__main__"):
                (package / f"{module}.py").write_text(f"open({str(self.told)!r}, 'a').write('{name} ')\n", "utf-8")

    def ran(self) -> list[str]:
        return self.told.read_text("utf-8").split() if self.told.exists() else []


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "note.txt").write_text("a note\n", "utf-8")
    return Hostile(folder, tmp_path / "told")


@dataclass(frozen=True)
class Start:
    """A way to start the server, and the traps that it must not run into."""

    name: str
    flags: tuple[str, ...] | None
    python_path: str | None
    traps: frozenset[str]

    def argv(self, installed: Installed) -> list[str]:
        return [installed.console] if self.flags is None else [installed.python, *self.flags, "-m", "fs_server"]

    def environment(self) -> dict[str, str]:
        return _environment(self.python_path)


def _environment(python_path: str | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept if python_path is None else {**kept, "PYTHONPATH": python_path}


EVERY = frozenset(TRAPS)
STARTS = [
    # How every host is configured: nothing at all comes from the workspace.
    Start("isolated", ("-I",), ".", EVERY),
    Start("safe path", ("-P",), None, EVERY),
    Start("console script", None, None, EVERY),
    # -m looks for `fs_server` in the working directory first: that name only -I and -P can protect.
    Start("plain -m", (), None, EVERY - {"fs_server"}),
    # PYTHONPATH is the operator's word, and Python obeys it before any line of ours.
    Start("console script, PYTHONPATH", None, ".", EVERY - TAKES_FIRST),
    Start("plain -m, PYTHONPATH", (), os.pathsep + ".", EVERY - TAKES_FIRST),
]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
@pytest.mark.guarantee("G11")
def test_a_hostile_working_directory_runs_none_of_its_code(
    start: Start, installed: Installed, hostile: Hostile
) -> None:
    hostile.set(*start.traps)
    version = subprocess.run(
        [*start.argv(installed), "--version"],
        cwd=hostile.folder,
        env=start.environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    assert (version.stdout.split(), version.stderr) == (["fs-server-mcp", fs_server.__version__], "")
    assert _note_as_read_by([*start.argv(installed), str(hostile.folder)], start, hostile) == "a note\n"
    assert hostile.ran() == []


def test_the_traps_of_the_hostile_directory_work(installed: Installed, hostile: Hostile) -> None:
    """Without the guards every one of them runs, so silence above means that the guards hold."""
    hostile.set(*TRAPS)
    code = f"import sys; [sys.modules.pop(name, None) for name in {TRAPS}]; import {', '.join(TRAPS)}"
    subprocess.run([installed.python, "-c", code], cwd=hostile.folder, env=_environment(None), check=True)
    assert set(hostile.ran()) == EVERY


def _note_as_read_by(argv: list[str], start: Start, hostile: Hostile) -> str:
    """Shake hands with a server and have it read a file, so that all it needs for work is loaded."""
    with subprocess.Popen(
        argv, cwd=hostile.folder, env=start.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        to_server, from_server = server.stdin, server.stdout

        def ask(number: int, method: str, **params: object) -> dict[str, object]:
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            to_server.write(json.dumps(message).encode() + b"\n")
            to_server.flush()
            answer: dict[str, dict[str, object]] = json.loads(from_server.readline())
            return answer["result"]

        client = {"name": "a host", "version": "1"}
        greeted = ask(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client)
        assert greeted["serverInfo"]
        read = ask(2, "tools/call", name="read_file", arguments={"path": "note.txt"})
        to_server.close()
        assert server.wait() == 0
    blocks = read["content"]
    assert isinstance(blocks, list)
    return str(blocks[0]["text"])
