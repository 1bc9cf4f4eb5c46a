from pathlib import Path

import pytest

from fs_server import __version__
from fs_server.config import flags, load
from fs_server.config.errors import ConfigError
from fs_server.config.keys import KEYS


def roots(*argv: str) -> list[tuple[str, Path, bool]]:
    return [(root.name, root.path, root.writable) for root in load.load(flags.parse(argv).layer, {}).roots]


def test_directories_may_stand_before_between_and_after_options(home: Path) -> None:
    argv = ("a", "--read-only", "b", "--log-level", "info", "c")
    assert [path for _, path, _ in roots(*argv)] == [home / "a", home / "b", home / "c"]


def test_named_roots_follow_the_plain_ones_in_their_order(home: Path) -> None:
    assert roots("--root-ro", "two=b", "a", "--root", "three=c") == [
        ("a", home / "a", True),
        ("two", home / "b", False),
        ("three", home / "c", True),
    ]


def test_a_path_may_hold_an_equals_sign(home: Path) -> None:
    assert roots("--root", "x=a=b", "c=d") == [("c=d", home / "c=d", True), ("x", home / "a=b", True)]


@pytest.mark.parametrize("argv", [("./config",), ("serve", "config"), ("--", "config"), ("--read-only", "config")])
def test_a_directory_called_like_a_subcommand_can_be_served(argv: tuple[str, ...], home: Path) -> None:
    invocation = flags.parse(argv)
    assert invocation.subcommand == "serve"
    assert load.load(invocation.layer, {}).roots[0].path == home / "config"


def test_the_first_word_chooses_the_subcommand() -> None:
    assert flags.parse(["config", "a"]).subcommand == "config"
    assert flags.parse(["try"]) == flags.Invocation("try", {}, directory=".")
    assert flags.parse(["try", "a"]).directory == "a"
    assert flags.parse([]).subcommand == "serve"


def test_commands_can_be_switched_off_and_confined_more_or_less(home: Path) -> None:
    plain = load.load(flags.parse(["a"]).layer, {})
    assert (plain.commands, plain.allow_command, plain.network, plain.require) == (True, (), "none", "landlock")
    argv = ("--no-commands", "--allow-command", "git, make", "--allow-command", "cc", "a", "--require", "none")
    chosen = load.load(flags.parse([*argv, "--network", "full", "--cpu-s", "7"]).layer, {})
    assert (chosen.commands, chosen.allow_command) == (False, ("git", "make", "cc"))
    assert (chosen.network, chosen.require, chosen.limits.cpu_s) == ("full", "none", 7)
    assert [root.path for root in chosen.roots] == [home / "a"]


def test_programs_are_allowed_by_names_and_not_by_paths() -> None:
    for text in ("/usr/bin/git", "git,,make", ""):
        with pytest.raises(ConfigError, match=r"--allow-command is .* Accepted: names of programs"):
            flags.parse(["a", "--allow-command", text])


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--root", "/srv"], r'^--root is "/srv"\. Accepted: NAME=PATH'),
        (["--root", "=x"], r'^--root: "" cannot be the name of a root'),
        (["--root-ro", "a/b=x"], r'^--root-ro: "a/b" cannot be the name of a root'),
        (["--root", "a="], r'^--root: "" is not a path'),
        ([""], r'^ROOT: "" is not a path'),
        (["--result-chars", "1e4"], r'^--result-chars is "1e4"\. Accepted: a whole number'),
        (["--call-timeout-s", "nan"], r'^--call-timeout-s is "nan"\. Accepted: seconds'),
        (["--client-roots", "wide"], r'^--client-roots is "wide"\. Accepted: hint or narrow'),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_flag(argv: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        flags.parse(argv)


@pytest.mark.parametrize("argv", [["--read"], ["--unknown", "a"], ["try", "a", "b"], ["a", "--config"]])
def test_what_is_no_option_ends_with_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        flags.parse(argv)
    assert ended.value.code == 2
    assert "usage: fs-server-mcp" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--help"], ["serve", "--help"], ["config", "-h"]])
def test_help_names_every_flag_and_what_it_accepts(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        flags.parse(argv)
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for key in KEYS.values():
        assert (key.flag in text) is not key.file_only
        if not key.file_only and not isinstance(key.default, bool):
            default = "none" if key.default == () else key.default
            assert f"Accepted: {key.kind.accepts}. Default: {default}." in text
    for flag in ("--root NAME=PATH", "--root-ro NAME=PATH", "--config FILE", "--no-commands", "--version"):
        assert flag in text


def test_help_tells_of_the_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags.parse(["--help"])
    text = capsys.readouterr().out
    for subcommand in ("serve ROOT", "try [ROOT]", "config "):
        assert subcommand in text
    with pytest.raises(SystemExit):
        flags.parse(["try", "--help"])
    assert "usage: fs-server-mcp try" in capsys.readouterr().out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        flags.parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fs-server-mcp {__version__}\n"
