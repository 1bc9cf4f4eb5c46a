import os
from pathlib import Path

import pytest

from fs_server.config import environment, load
from fs_server.config.errors import ConfigError
from fs_server.config.keys import KEYS


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("YES", True), ("on ", True), ("0", False), ("No", False)]
)
def test_switches_are_read_as_people_write_them(text: str, value: bool) -> None:  # noqa: FBT001 - a column
    assert environment.read({"FS_SERVER_READ_ONLY": text})["read_only"].value is value


def test_roots_are_separated_as_in_path(home: Path) -> None:
    settings = load.load({}, {"FS_SERVER_ROOTS": os.pathsep.join(["~/notes", str(home / "code"), "", "here"])})
    assert [root.path for root in settings.roots] == [home / "notes", home / "code", home / "here"]
    assert [root.name for root in settings.roots] == ["notes", "code", "here"]


def test_an_empty_variable_is_not_set() -> None:
    variables = dict.fromkeys([key.variable for key in KEYS.values()], "")
    assert environment.read(variables | {"FS_SERVER_ROOTS": "", "FS_SERVER_CONFIG": "", "FS_SERVER_X": ""}) == {}
    with pytest.raises(ConfigError, match="No directory was given"):
        load.load({}, {"FS_SERVER_ROOTS": ""})


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("FS_SERVER_READONLY", "FS_SERVER_READ_ONLY"),
        ("FS_SERVER_ROOT", "FS_SERVER_ROOTS"),
        ("FS_SERVER_RESULT_CHARS", "FS_SERVER_LIMITS_RESULT_CHARS"),
    ],
)
@pytest.mark.guarantee("G14")
def test_a_misspelt_variable_is_refused_and_the_nearest_named(variable: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf'"{variable}"\. Did you mean {nearest}\?'):
        environment.read({variable: "1"})


@pytest.mark.parametrize("name", ["deny", "protect", "default_patterns"])
def test_patterns_stand_in_the_file_only(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no setting"):
        environment.read({KEYS[name].variable: "1"})


def test_a_list_of_patterns_has_no_form_in_text() -> None:
    """ours: a separator between patterns would be a character that a pattern can hold."""
    with pytest.raises(ConfigError, match=r'^there is "\*\.key"\. Accepted: a list of patterns'):
        KEYS["deny"].of_text("*.key", "there")


def test_a_wrong_value_is_refused_with_the_name_of_its_variable() -> None:
    with pytest.raises(ConfigError, match=r'^FS_SERVER_LIMITS_RESULT_CHARS is "lots"\. Accepted: a whole number from'):
        environment.read({"FS_SERVER_LIMITS_RESULT_CHARS": "lots"})
    with pytest.raises(ConfigError, match=r'^FS_SERVER_READ_ONLY is "\\x1b\[2J"\. Accepted: true or false'):
        environment.read({"FS_SERVER_READ_ONLY": "\x1b[2J"})


def test_variables_of_others_are_left_alone() -> None:
    assert environment.read({"PATH": "/bin", "FS_SERVERS": "3", "MY_FS_SERVER_ROOTS": "/"}) == {}
