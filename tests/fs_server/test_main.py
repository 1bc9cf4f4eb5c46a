"""Start-up cleans the search path. `tests/test_package.py` proves what that is for, on an installed wheel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fs_server
from fs_server import __main__ as start
from fs_server import cli

HOME = str(Path(fs_server.__file__).parent.parent)


def _path_left(monkeypatch: pytest.MonkeyPatch, *path: str) -> list[str]:
    assert cli  # imported already: the paths here lead nowhere
    monkeypatch.setattr(sys, "path", [*path])
    monkeypatch.setattr(sys, "argv", ["fs-server-mcp", "--version"])
    assert start.main() == 0
    return sys.path


def test_the_working_directory_is_no_place_for_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _path_left(monkeypatch, str(tmp_path), "", ".", HOME, "/elsewhere") == [HOME, "/elsewhere"]


def test_what_pythonpath_names_relative_to_the_working_directory_goes_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = str(tmp_path.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["lib", elsewhere, "./src/../src"]))
    path = [str(tmp_path / "lib"), elsewhere, str(tmp_path / "src"), str(tmp_path / "venv"), HOME]
    assert _path_left(monkeypatch, *path) == [elsewhere, str(tmp_path / "venv"), HOME]


def test_the_place_of_this_package_and_the_standard_library_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started in the checkout, or somewhere inside Python's own installation."""
    for place in (HOME, str(Path(os.__file__).parent)):
        monkeypatch.chdir(place)
        assert _path_left(monkeypatch, place, "/elsewhere") == [place, "/elsewhere"]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete a directory that is in use")
def test_a_working_directory_that_was_deleted_is_no_obstacle(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        f"import os, sys; sys.path.append({HOME!r}); os.rmdir(os.getcwd()); from fs_server.__main__ import main; main()"
    )
    run = [sys.executable, "-c", code, "--version"]
    done = subprocess.run(run, cwd=gone, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["fs-server-mcp", fs_server.__version__]
