import subprocess
import sys

from tests.fs_server.cli.program import environment

PROGRAM = """
import logging, sys, warnings
from fs_server import log
log.to_stderr("error")
log.to_stderr(sys.argv[1])
logging.getLogger("some.package").info("an info")
logging.getLogger("some.package").warning("named %s", "a\\nERROR b\\x1b[2J\\u202e\\u2028\\udcff")
warnings.warn("about Python", stacklevel=1)
try:
    raise KeyError("why")
except KeyError:
    logging.getLogger("some.package").exception("failed")
"""


def logged(level: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level], env=environment(), capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b""
    return done.stderr.decode().splitlines()


def test_a_record_is_one_line_whatever_it_quotes() -> None:
    named, warned, failed = logged("warning")
    assert named.endswith(r"fs-server WARNING some.package: named a\nERROR b\x1b[2J\u202e\u2028\xff")
    assert "about Python" in warned
    assert "fs-server ERROR some.package: failed\\nTraceback" in failed
    assert failed.endswith("KeyError: 'why'")


def test_the_level_decides_what_is_written() -> None:
    assert len(logged("error")) == 1
    assert logged("info")[0].endswith("INFO some.package: an info")
