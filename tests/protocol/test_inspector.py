"""The official Inspector's command line as a client: strict about schemas, in each era that it speaks.

Nightly: it installs the package from the npm registry. Without Node it is skipped, and says so.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

INSPECTOR = "@modelcontextprotocol/inspector@2.12"
CALLS = {
    "greeting": ("--method", "initialize"),
    "strict schemas": ("--method", "tools/list", "--strict"),
    "list_roots": ("--method", "tools/call", "--tool-name", "list_roots"),
    "list_directory": ("--method", "tools/call", "--tool-name", "list_directory", "--tool-arg", "path=src"),
    "file_info": ("--method", "tools/call", "--tool-name", "file_info", "--tool-arg", "path=a.txt"),
    "read_file": ("--method", "tools/call", "--tool-name", "read_file", "--tool-arg", "path=a.txt"),
    "read_files": ("--method", "tools/call", "--tool-name", "read_files", "--tool-args-json", '{"paths": ["a.txt"]}'),
    "resources": ("--method", "resources/list"),
    "templates": ("--method", "resources/templates/list"),
    "a resource": ("--method", "resources/read", "--uri", "{root}/a.txt"),
    "a directory": ("--method", "resources/directory/read", "--uri", "{root}"),
    "skills": ("--method", "skills/list", "--verify"),
}

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("npx") is None, reason="Node is not installed: the Inspector needs it"),
]


@pytest.fixture(scope="session")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory where the Inspector is installed."""
    where = tmp_path_factory.mktemp("inspector")
    subprocess.run(["npm", "install", "--silent", "--no-audit", INSPECTOR], cwd=where, check=True, timeout=150)
    return where


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    (root / "src").mkdir()
    (root / "src/x.py").write_text("print(1)\n", encoding="utf-8")
    (root / "a.txt").write_text("hi\n", encoding="utf-8")
    return root


def ask(inspector: Path, workspace: Path, era: str, call: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    # The Inspector starts a server with a small environment: PYTHONPATH has to be handed over in words.
    server = ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-m", "fs_server", str(workspace)]
    words = [word.replace("{root}", workspace.as_uri()) for word in call]
    inspect = ["npx", "--no-install", "mcp-inspector", "--cli", "--protocol-era", era, "--format", "json", "-q"]
    return subprocess.run(
        [*inspect, *words, "--", *server],
        cwd=inspector,
        env=os.environ | {"MCP_INSPECTOR_SECRET_STORE": "memory"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_inspector_is_answered(inspector: Path, workspace: Path, era: str, call: tuple[str, ...]) -> None:
    done = ask(inspector, workspace, era, call)
    assert done.returncode == 0, done.stderr
    if "skills/list" not in call:  # verifying prints nothing where there are no skills
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["result"]


@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
def test_the_inspector_sees_a_refusal_as_a_tools_error(inspector: Path, workspace: Path, era: str) -> None:
    done = ask(
        inspector, workspace, era, ("--method", "tools/call", "--tool-name", "read_file", "--tool-arg", "path=../x")
    )
    assert done.returncode == 5, done.stderr  # the Inspector's status for isError
    assert "[escapes_root]" in done.stdout
