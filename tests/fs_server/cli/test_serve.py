import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fs_server.cli.program import COMMAND, environment, run


def test_it_serves_until_its_client_leaves_and_says_nothing(home: Path) -> None:
    (home / "notes").mkdir()
    done = run("notes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.corpus("root-010")
@pytest.mark.parametrize("argv", [["missing"], ["serve", "missing"]])
def test_a_root_that_is_not_there_ends_with_code_2_on_one_line(argv: list[str], home: Path) -> None:
    done = run(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'fs-server-mcp: cannot serve "{home / "missing"}": ')
    assert done.stderr.count("\n") == 1


@pytest.mark.corpus("root-011")
def test_a_file_in_place_of_a_root_ends_with_code_2(home: Path) -> None:
    (home / "file").write_text("x", encoding="utf-8")
    done = run("file")
    assert done.returncode == 2
    assert "cannot be opened as a directory" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the root of a POSIX file system")
@pytest.mark.corpus("pfx-011")
def test_the_whole_file_system_ends_with_code_2() -> None:
    done = run("/")
    assert done.returncode == 2
    assert 'cannot serve "/": the whole file system cannot be a root' in done.stderr


@pytest.mark.corpus("pfx-012")
def test_a_root_that_holds_the_home_directory_is_served_with_a_warning(home: Path) -> None:
    done = run(str(home))
    assert (done.returncode, done.stdout) == (0, "")
    assert f"WARNING fs_server.cli.serve: The root {home} holds your home directory." in done.stderr
    assert run(str(home), "--log-level", "error").stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
def test_a_person_who_starts_it_in_a_terminal_is_told_what_it_is_for(home: Path) -> None:
    (home / "notes").mkdir()
    controller, terminal = os.openpty()
    with subprocess.Popen(
        [*COMMAND, "notes"], env=environment(), stdin=terminal, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        os.close(terminal)
        os.close(controller)  # hanging up
        process.wait(timeout=30)
    assert b"fs-server-mcp try" in told
    assert str(home / "notes").encode() in told
