import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.cli import show_config
from fs_server.config import file, flags, load
from fs_server.config.keys import KEYS, Found
from fs_server.config.roots import RootGiven
from tests.fs_server.cli.program import run, run_in_terminal

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
PATTERN = TEXT.filter(lambda text: bool(text.strip()) and not text.startswith("#"))
PATTERNS = st.lists(PATTERN, max_size=3).map(tuple)
PATHS = TEXT.map(lambda text: Path("/srv", "x" + text)).filter(lambda path: ".." not in path.parts)
ROOTS = st.lists(
    st.builds(RootGiven, path=PATHS, writable=st.booleans(), deny=PATTERNS, protect=PATTERNS, ask=PATTERNS), max_size=3
).map(tuple)


CHOICES = st.fixed_dictionaries(
    {
        "roots": ROOTS,
        "deny": PATTERNS,
        "protect": PATTERNS,
        "ask": PATTERNS,
        "default_patterns": st.booleans(),
        "read_only": st.booleans(),
        "limits.call_timeout_s": st.floats(0.1, 3_600),
    }
)


@given(CHOICES)
def test_what_config_prints_is_a_configuration_of_the_same_settings(
    choices: Mapping[str, object],
) -> None:
    chosen = load.choose({name: Found(value, "somebody") for name, value in choices.items()}, {})
    with tempfile.TemporaryDirectory() as directory:
        printed = Path(directory) / "config.toml"
        printed.write_bytes(show_config.toml(chosen).encode())
        again = load.choose({}, {}, str(printed))
    assert load.settings(again) == load.settings(chosen)


def test_the_printed_settings_of_the_real_program_are_read_back_by_it(home: Path) -> None:
    first = run("config", "~", "--root-ro", "a name=x", "--result-chars", "5000", FS_SERVER_LOG_LEVEL="info")
    assert (first.returncode, first.stderr) == (0, "")
    (home / "again.toml").write_text(first.stdout, encoding="utf-8")
    wanted = load.load(
        flags.parse(["~", "--root-ro", "a name=x", "--result-chars", "5000"]).layer, {"FS_SERVER_LOG_LEVEL": "info"}
    )
    second = load.load({}, {}, str(home / "again.toml"))
    assert second.limits == wanted.limits
    assert second.log_level == "info"
    assert [(root.name, root.path, root.writable, root.deny) for root in second.roots] == [
        (root.name, root.path, root.writable, root.deny) for root in wanted.roots
    ]


def test_every_setting_stands_with_its_origin() -> None:
    place = file.default_path()
    place.parent.mkdir(parents=True)
    place.write_text("limits.calls_per_minute = 9\n", encoding="utf-8")
    out = run("config", "x", "--read-only", FS_SERVER_LIMITS_CONCURRENT_CALLS="5").stdout
    lines = out.splitlines()
    assert f"# File: {place} (read)" in lines
    assert "read_only = true  # --read-only" in lines
    assert "concurrent_calls = 5  # FS_SERVER_LIMITS_CONCURRENT_CALLS" in lines
    assert "calls_per_minute = 9  # file" in lines
    assert "result_chars = 20000  # default" in lines
    assert "[roots.x]  # command line" in lines
    document = tomllib.loads(out)
    assert {*document} == {name for name in KEYS if "." not in name} | {"limits", "roots"}
    assert {f"limits.{name}" for name in document["limits"]} == {name for name in KEYS if "." in name}


def test_the_patterns_that_join_by_themselves_are_shown(home: Path) -> None:
    out = run("config", str(home)).stdout
    assert "#   deny: .env, .env.*, !.env.example" in out
    assert "#   and, for what lies there: .ssh/**" in out
    assert file.default_path().relative_to(home).as_posix() in out


def test_without_a_root_the_rest_is_printed_and_what_to_write() -> None:
    done = run("config")
    assert done.returncode == 0
    assert "roots" not in tomllib.loads(done.stdout)
    assert "No directory was given to serve" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
def test_on_a_terminal_it_is_coloured_and_no_line_is_cut() -> None:
    name = "n" * 200
    status, shown = run_in_terminal("config", name, columns=40)
    assert status == 0
    assert b"\x1b[36mread_only\x1b[0m = false" in shown
    assert name.encode() in shown
