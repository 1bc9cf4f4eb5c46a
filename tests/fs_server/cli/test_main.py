import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fs_server import __version__, cli
from tests.fs_server.cli.program import COMMAND, environment, run

posix = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and signals as POSIX has them")

IMPORTS = """
import sys
from fs_server.cli import main
main(sys.argv[1:])
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & {"mcp", "pydantic", "PIL", "rich"}), file=sys.stderr)
"""


@pytest.mark.parametrize("argv", [["--version"], ["--help"], ["config", "."], ["--unknown"]])
def test_what_serves_nothing_loads_nothing_of_the_protocol(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *argv],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == ""


def test_version_and_help_go_to_standard_output() -> None:
    assert (run("--version").stdout, run("--version").stderr) == (f"fs-server-mcp {__version__}\n", "")
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: fs-server-mcp ")


def test_no_root_ends_with_code_2_and_what_to_write() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fs-server-mcp: No directory was given to serve.")
    assert '"args": ["/home/me/notes"]' in done.stderr


@pytest.mark.parametrize(
    ("argv", "variables", "told"),
    [
        (["--root", "x"], {}, 'fs-server-mcp: --root is "x". Accepted: NAME=PATH'),
        (["."], {"FS_SERVER_LOG_LEVEL": "loud"}, 'fs-server-mcp: FS_SERVER_LOG_LEVEL is "loud". Accepted: debug or'),
        (["config", "--config", "none.toml"], {}, "fs-server-mcp: "),
    ],
)
def test_settings_that_cannot_be_used_end_with_code_2_on_one_line(
    argv: list[str], variables: dict[str, str], told: str
) -> None:
    done = run(*argv, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_an_unknown_option_ends_with_code_2_and_the_usage() -> None:
    done = run("--unknown")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: fs-server-mcp" in done.stderr


@posix
def test_an_interrupt_ends_with_code_130_and_no_traceback(home: Path) -> None:
    config = home / "config.toml"
    os.mkfifo(config)
    # A program started in the background of a script inherits that interrupts are ignored, and so would its children.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [*COMMAND, "config", "--config", str(config)], env=environment(), stderr=subprocess.PIPE, encoding="utf-8"
        )
    finally:
        signal.signal(signal.SIGINT, inherited)
    # Opening the other end returns when the program reads its file, and it reads until this end closes.
    with process, config.open("w"):
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "")


@posix
def test_a_reader_that_has_left_ends_it_without_a_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "config", "."],
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@posix
@pytest.mark.parametrize(("argv", "code"), [(["."], 0), (["config", "."], 1)])
def test_a_closed_standard_output_is_no_accident(argv: list[str], code: int) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *argv, "--log-level", "error"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")


@posix
def test_a_closed_standard_error_takes_the_message_and_not_the_exit_code() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "--root", "x"],
        env=environment(),
        stdout=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")


def test_main_takes_the_arguments_of_the_process_unless_it_is_given_some(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fs-server-mcp", "--version"])
    assert cli.main() == 0
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"fs-server-mcp {__version__}\n" * 2
