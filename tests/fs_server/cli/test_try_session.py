"""The real server as a child, in trees made for it, and what a person is shown of it."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import mcp
import psutil
import pytest
from PIL import Image

from fs_server.cli.try_session import hosts
from fs_server.cli.try_session.command import for_hosts, server_command
from tests.fs_server.cli.program import COMMAND, environment, run
from tests.support.tree import make_tree

CHECKOUT = str(Path(__file__).parents[3])
ESC = "\x1b"

linux = pytest.mark.skipif(sys.platform != "linux", reason="names that are bytes, as Linux has them")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with something for every step."""
    root = make_tree(
        tmp_path_factory.mktemp("one") / "tree",
        [
            "README.md = # A tree\nof files\n",
            "src/",
            "src/main.py = print()\n",
            "src/.hidden/",
            ".env = TOKEN=geheim\n",
        ],
    )
    Image.new("RGB", (4, 3), "red").save(root / "src" / "red.png")
    (root / "src" / "not.pdf").write_bytes(b"\x00not a pdf")
    return root


@pytest.fixture(scope="module")
def tried(tree: Path) -> subprocess.CompletedProcess[str]:
    """What `try` prints of the tree, once for all the tests that only look at it."""
    home = str(tree.parent)
    return run("try", str(tree), COLUMNS="100", HOME=home, USERPROFILE=home, LOCALAPPDATA=home)


def test_a_person_is_shown_what_a_host_sees(tree: Path, tried: subprocess.CompletedProcess[str]) -> None:
    assert (tried.returncode, tried.stderr) == (0, "")
    assert tried.stdout.splitlines()[0] == f"Starting the server on {tree} as a host would."
    for fact in (
        "✓ connect  fs-server 0.1.0, protocol 2026-07-28",
        "✓ tools/list ",
        f"│ tree: {tree}"[:80],
        '✓ read_file path="README.md"',
        "│ # A tree",
        '✓ read_file path="src/red.png"  an image, image/png',
        "[escapes_root]",
        "[protected_path]",
        "[invalid_argument]",
        f"│ {tree.as_uri()}/{{+path}}"[:80],
        "error -32602, then error -32002",
        "2026-07-28  2025-11-25",
    ):
        assert fact in tried.stdout, fact
    assert "geheim" not in tried.stdout


def test_what_is_shown_can_be_kept_in_a_file(tried: subprocess.CompletedProcess[str]) -> None:
    """No colours, and no blanks at the ends of lines."""
    assert ESC not in tried.stdout
    assert [line for line in tried.stdout.splitlines() if line != line.rstrip()] == []


def test_the_entries_for_hosts_start_the_very_server_that_was_tried(
    tree: Path, tried: subprocess.CompletedProcess[str]
) -> None:
    lines = tried.stdout.splitlines()
    desktop = json.loads(lines[lines.index("claude_desktop_config.json") + 1])["mcpServers"]["fs-server"]
    code = json.loads(lines[lines.index(".vscode/mcp.json") + 1])["servers"]["fs-server"]
    assert code == {"type": "stdio", **desktop}
    assert desktop["command"] == sys.executable
    assert desktop["args"][0] == "-I"
    assert desktop["args"][-1] == str(tree)
    assert lines[-1].startswith("claude mcp add fs-server -- ")
    started = subprocess.run(
        [desktop["command"], *desktop["args"]],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (started.returncode, started.stderr) == (0, b"")


@pytest.mark.parametrize("columns", [40, pytest.param(120, marks=pytest.mark.nightly)])
def test_lines_are_as_wide_as_the_terminal_but_for_those_to_copy(tree: Path, columns: int) -> None:
    lines = run("try", str(tree), COLUMNS=str(columns)).stdout.splitlines()
    told = [line for line in lines if not line.startswith(("Starting", "$ ", "{", "claude mcp add"))]
    assert max(map(len, told)) <= columns


def test_an_empty_directory_leaves_out_what_there_is_nothing_to_ask_about(tmp_path: Path) -> None:
    done = run("try", str(make_tree(tmp_path / "empty", ["src/"]) / "src"))
    assert done.returncode == 0
    assert "- read_file: no text file was found near the top" in done.stdout
    assert "- completion/complete: nothing with a plain name lies at the top" in done.stdout


def test_a_directory_that_is_not_there_is_told_in_the_servers_words_once(tmp_path: Path) -> None:
    done = run("try", str(tmp_path / "none"), COLUMNS="200")
    assert done.returncode == 1
    assert "✗ connect: The server ended without an answer." in done.stdout
    assert done.stdout.count("it cannot be opened as a directory (not_found)") == 1
    assert "claude_desktop_config.json" not in done.stdout


def test_a_directory_that_is_no_path_is_a_mistake_on_the_command_line() -> None:
    done = run("try", "")
    assert (done.returncode, done.stdout) == (2, "")


@linux
def test_names_that_would_mislead_a_terminal_are_escaped(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + b"/bytes\xff\x1b[31m"
    os.makedirs(root)  # noqa: PTH103 - a name that is bytes
    for name in (b"README\x1b[2J.md", b"\xff.md", b"[red]markup.md", "\u202etxt.exe".encode(), b"\\\x07"):
        with open(root + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(b"one\x1b[2J\n[blink]two[/blink]\n")
    done = run("try", os.fsdecode(root), COLUMNS="300")
    assert (done.returncode, done.stderr) == (0, "")
    assert ESC not in done.stdout
    assert "\u202e" not in done.stdout
    assert r"README\x1b[2J.md" in done.stdout
    assert "[red]markup.md" in done.stdout
    assert "bytes that are no text" in done.stdout.splitlines()[-1]


def test_a_terminal_that_has_no_ticks_gets_words(tree: Path) -> None:
    """ours: a code page of Windows has neither these nor what files may contain."""
    done = run("try", str(tree), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "ok connect  fs-server" in done.stdout
    assert "  | # A tree" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe whose reader leaves, as POSIX has it")
def test_a_reader_that_leaves_early_gets_no_traceback(tree: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "try", str(tree)], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b"Starting")
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, b"")


def test_no_process_is_left_over(tree: Path) -> None:
    before = {process.pid for process in psutil.process_iter()}
    assert run("try", str(tree)).returncode == 0
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if process.pid not in before and str(tree) in (process.info["cmdline"] or ())
    ]
    assert left == []


def test_an_installed_server_is_started_by_its_name(tree: Path, tmp_path: Path) -> None:
    """ours: where -I finds the package, hosts get `-I -m fs_server`, which is what the documents tell."""
    venv.create(tmp_path / "venv", symlinks=sys.platform != "win32")
    python = tmp_path / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    packages = next((tmp_path / "venv").rglob("site-packages"))
    places = [CHECKOUT, str(Path(mcp.__file__).parent.parent)]
    (packages / "here.pth").write_text("\n".join(places), encoding="utf-8")
    done = subprocess.run(
        [python, "-I", "-m", "fs_server", "try", tree],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'"args": ["-I", "-m", "fs_server", "{tree}"]' in done.stdout.replace("\\\\", "\\")


def test_packages_beside_the_interpreters_own_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ours: -I leaves out the user's site-packages, where `pip install --user` puts everything."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    # No answer, as from one that does not find us: in the environment of install_scripts even -I does.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    start = server_command("/data")[3]
    assert json.dumps(str(Path(mcp.__file__).parent.parent)) in start


def test_an_interpreter_that_cannot_be_asked_is_taken_for_one_without_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    assert server_command("/data")[2] == "-c"


def test_a_host_is_not_given_an_interpreter_in_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ours: `uvx fs-server-mcp try` runs in uv's cache, which is emptied now and then."""
    (tmp_path / "CACHEDIR.TAG").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "archive-v0" / "abc"))
    program, *arguments = for_hosts(("python", "-I", "-m", "fs_server", "/data"))
    assert Path(program).stem == "uvx"
    assert arguments == ["fs-server-mcp", "/data"]


def test_an_entry_for_a_host_holds_no_characters_that_mislead() -> None:
    entries = dict(hosts.entries(("python", "/data/\u202etxt")))
    assert "Claude Code" not in entries
    assert json.loads(entries["claude_desktop_config.json"])["mcpServers"]["fs-server"]["args"] == ["/data/\u202etxt"]
    assert all(text.isprintable() for text in entries.values())
