from pathlib import Path

import pytest

from fs_server.config import file, load
from fs_server.config.errors import ConfigError
from fs_server.config.settings import Settings


@pytest.fixture
def config(home: Path) -> Path:
    return home / "fs-server.toml"


def loaded(config: Path, text: str) -> Settings:
    config.write_text(text, encoding="utf-8")
    return load.load({}, {}, str(config))


def refusal(config: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(config, text)
    return str(caught.value)


def test_the_file_is_looked_for_in_the_users_configuration(home: Path) -> None:
    place = file.default_path()
    assert place.is_relative_to(home)
    assert place.parts[-2:] == ("fs-server", "config.toml")
    place.parent.mkdir(parents=True)
    place.write_text('log_level = "info"\n[roots.notes]\npath = "~/notes"\n', encoding="utf-8")
    settings = load.load({}, {})
    assert settings.log_level == "info"
    assert [(root.name, root.path) for root in settings.roots] == [("notes", home / "notes")]


def test_every_part_of_a_root_is_read(config: Path, home: Path) -> None:
    settings = loaded(
        config,
        """
        [roots."My notes"]
        path = "~/notes"
        writable = false
        deny = ["private/"]
        protect = ["*.lock", "!old.lock"]
        ask = ["new.lock"]

        [roots.code]
        path = "code"
        """,
    )
    notes, code = settings.roots
    assert (notes.name, notes.path, notes.writable) == ("My notes", home / "notes", False)
    assert notes.deny == ("private/",)
    assert notes.protect == ("*.lock", "!old.lock")
    assert notes.ask == ("new.lock",)
    assert (code.name, code.path, code.writable, code.deny, code.protect) == ("code", home / "code", True, (), ())


def test_relative_roots_begin_at_the_directory_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "elsewhere" / "fs-server.toml"
    config.parent.mkdir()
    assert loaded(config, '[roots.x]\npath = "x"').roots[0].path == tmp_path / "elsewhere" / "x"


def test_patterns_of_the_file_follow_the_built_in_ones(config: Path, home: Path) -> None:
    plain = load.load({}, {"FS_SERVER_ROOTS": str(home / "x")})
    settings = loaded(config, 'deny = ["*.sqlite", "!.env"]\nprotect = ["Makefile"]\n[roots.x]\npath = "x"')
    assert settings.deny == (*plain.deny, "*.sqlite", "!.env")
    assert settings.protect == (*plain.protect, "Makefile")


def test_a_person_is_asked_about_what_the_file_says_and_about_nothing_else(config: Path) -> None:
    assert loaded(config, 'ask = ["Makefile", ".vscode/"]\n[roots.x]\npath = "x"').ask == ("Makefile", ".vscode/")
    assert loaded(config, '[roots.x]\npath = "x"').ask == ()


def test_the_built_in_patterns_can_be_left_out(config: Path) -> None:
    settings = loaded(config, 'default_patterns = false\ndeny = ["*.sqlite"]\n[roots.x]\npath = "x"')
    assert settings.deny == ("*.sqlite",)
    assert settings.protect == ()


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("read_onyl = true", "read_only"),
        ("[limits]\nresult_char = 1", "limits.result_chars"),
        ("[limit]\nresult_chars = 5000", "limits"),
        ("Deny = []", "deny"),
        ('[root.x]\npath = "x"', "roots"),
        ('[roots.x]\npath = "x"\nwriteable = false', "writable"),
        ("result_chars = 5000", "limits.result_chars"),
    ],
)
@pytest.mark.guarantee("G14")
def test_an_unknown_key_is_refused_and_the_nearest_named(config: Path, text: str, nearest: str) -> None:
    told = refusal(config, text)
    assert f"Did you mean {nearest}" in told
    assert str(config) in told


def test_an_unknown_key_like_no_other_is_answered_with_all_of_them(config: Path) -> None:
    told = refusal(config, "zzzzzzzz = 1")
    assert '"zzzzzzzz"' in told
    assert "client_roots" in told
    assert "limits.call_timeout_s" in told


@pytest.mark.parametrize(
    ("text", "key", "value", "accepted"),
    [
        ('read_only = "yes"', "read_only", '"yes"', "true or false"),
        ("read_only = 1", "read_only", "1", "true or false"),
        ("client_roots = true", "client_roots", "True", "hint or narrow"),
        ('client_roots = "wide"', "client_roots", '"wide"', "hint or narrow"),
        ('log_level = "WARNING"', "log_level", '"WARNING"', "debug or info or warning or error"),
        ('limits.result_chars = "many"', "limits.result_chars", '"many"', "whole number from 1000"),
        ("limits.result_chars = 2.5e4", "limits.result_chars", "25000.0", "whole number from 1000"),
        ("limits.result_chars = true", "limits.result_chars", "True", "whole number from 1000"),
        ("limits.result_chars = 999", "limits.result_chars", "999", "whole number from 1000"),
        ("limits.concurrent_calls = 1025", "limits.concurrent_calls", "1025", "from 1 to 1024"),
        ("limits.call_timeout_s = nan", "limits.call_timeout_s", "nan", "seconds from 0.1 to 3600"),
        ("limits.call_timeout_s = inf", "limits.call_timeout_s", "inf", "seconds from 0.1 to 3600"),
        ("limits.call_timeout_s = false", "limits.call_timeout_s", "False", "seconds from 0.1 to 3600"),
        ("limits.call_timeout_s = 07:32:00", "limits.call_timeout_s", "datetime.time(7, 32)", "seconds"),
        ("limits = 7", "limits", "7", "a table, [limits]"),
        ('deny = "*.key"', "deny", '"*.key"', "a list of patterns"),
        ('deny = ["a", 7]', "deny", "['a', 7]", "a list of patterns"),
        ('protect = [""]', "protect", "['']", "a list of patterns"),
        ("ask = true", "ask", "True", "a list of patterns"),
        ("limits.confirm_delete_files = -1", "limits.confirm_delete_files", "-1", "whole number from 0"),
        ("limits.change_bytes = 1023", "limits.change_bytes", "1023", "whole number from 1024"),
        ("limits.journal_bytes = 1048575", "limits.journal_bytes", "1048575", "whole number from 1048576"),
        ("limits.journal_days = 3651", "limits.journal_days", "3651", "from 1 to 3650"),
        ('protect = ["# not a pattern"]', "protect", "['# not a pattern']", "a list of patterns"),
        ('roots = ["~/notes"]', "roots", "['~/notes']", "tables, [roots.NAME]"),
        ('roots.x = "~/notes"', "roots.x", '"~/notes"', 'path = "~/notes"'),
        ("[roots.x]", "roots.x.path", "None", '"~/notes"'),
        ("[roots.x]\npath = 7", "roots.x.path", "7", '"~/notes"'),
        ('[roots.x]\npath = "x"\nwritable = 0', "roots.x: writable", "0", "true or false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_what_is_accepted(
    config: Path, text: str, key: str, value: str, accepted: str
) -> None:
    told = refusal(config, text)
    assert told.startswith(f"{config}: {key} is {value}. Accepted: ")
    assert accepted in told


def test_a_long_wrong_value_is_cut(config: Path) -> None:
    assert len(refusal(config, f"deny = [{', '.join(['7'] * 5_000)}]").removeprefix(str(config))) < 250


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("read_only = true\nlog_level info\n", "line 2, column 11"),
        ("read_only = maybe", "line 1, column 13"),
        ("a = 1\na = 2", "line 2, column 6"),
        ("[limits]\nresult_chars =", "line 2, column 15"),
        ('log_level = """\nnever ends\n', "line 3, column 1"),
    ],
)
def test_a_syntax_error_is_told_with_line_and_column(config: Path, text: str, place: str) -> None:
    told = refusal(config, text)
    assert str(config) in told
    assert place in told


def test_a_file_that_was_asked_for_has_to_be_there(config: Path) -> None:
    with pytest.raises(ConfigError, match=r"fs-server\.toml: cannot be read: No such file"):
        load.load({}, {}, str(config))
    with pytest.raises(ConfigError, match=r"fs-server\.toml: cannot be read: No such file"):
        load.load({}, {"FS_SERVER_CONFIG": str(config)})


def test_the_file_of_the_command_line_wins_over_that_of_the_environment(config: Path, home: Path) -> None:
    config.write_text('[roots.x]\npath = "x"', encoding="utf-8")
    other = home / "other.toml"
    other.write_text('[roots.y]\npath = "y"', encoding="utf-8")
    assert load.load({}, {"FS_SERVER_CONFIG": str(other)}).roots[0].name == "y"
    assert load.load({}, {"FS_SERVER_CONFIG": str(other)}, str(config)).roots[0].name == "x"


def test_a_directory_in_place_of_the_file_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load.load({}, {}, str(home))


def test_bytes_that_are_not_text_are_refused_with_their_place(config: Path) -> None:
    config.write_bytes(b'log_level = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8 text, at byte 13"):
        load.load({}, {}, str(config))


def test_a_byte_order_mark_is_no_obstacle(config: Path) -> None:
    config.write_bytes(b'\xef\xbb\xbf[roots.x]\npath = "x"\r\n')
    assert load.load({}, {}, str(config)).roots[0].name == "x"
