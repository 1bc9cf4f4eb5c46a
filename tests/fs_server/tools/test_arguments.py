"""Wrong calls: what is plain is taken, everything else is told in a way that lets a model repair it."""

import pytest

from tests.fs_server.conftest import Here
from tests.support.product import Files


@pytest.fixture
def five(here: Here) -> str:
    (here / "f").write_text("1\n2\n3\n4\n5\n")
    return here.named("f")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"start_line": "2", "line_count": "1"}, "2\n"),
        ({"start_line": 2.0, "line_count": 1}, "2\n"),
        ({"start_line": "-1"}, "5\n"),
        ({"line_count": 1, "numbered": "false"}, "1\n"),
        ({"line_count": 1, "encoding": None, "format": None, "start_line": None}, "1\n"),
    ],
)
def test_what_a_model_plainly_means_is_taken(files: Files, five: str, given: dict[str, object], text: str) -> None:
    assert files.blocks("read_file", path=five, **given)[0] == text


def test_a_list_may_come_as_json_text(files: Files, five: str) -> None:
    assert "5\n" in files.blocks("read_files", paths=f'["{five}"]')[0]


@pytest.mark.parametrize(
    ("tool", "given", "told"),
    [
        ("read_file", {}, "read_file: path is missing. It takes: path, start_line, line_count, numbered, "),
        ("read_file", {"path": None}, "path is missing"),
        ("read_file", {"file": "x", "path": "f"}, '"file" is no parameter'),
        ("read_file", {"path": "f", "linecount": 3}, "\"linecount\" is no parameter, 'line_count' is"),
        ("read_file", {"path": "f", "start": 1}, "\"start\" is no parameter, 'start_line' is"),
        ("read_file", {"path": "f", "": None}, '"" is no parameter'),
        ("read_file", {"path": 5}, "path should be a valid string, not 5"),
        ("read_file", {"path": True}, "path should be a valid string, not true"),
        ("read_file", {"path": ["f"]}, "path should be a valid string, not a list"),
        ("read_file", {"path": {"name": "f"}}, "path should be a valid string, not an object"),
        ("read_file", {"path": "f", "line_count": -1}, "line_count should be greater than or equal to 0, not -1"),
        ("read_file", {"path": "f", "line_count": "x"}, "line_count should be a valid integer, unable to parse"),
        ("read_file", {"path": "f", "line_count": 1.5}, "a number with a fractional part, not 1.5"),
        ("read_file", {"path": "f", "line_count": "9" * 5_000}, "line_count"),
        ("read_file", {"path": "f", "numbered": "perhaps"}, "numbered should be a valid boolean"),
        ("read_file", {"path": "f", "format": "hex"}, "format should be 'auto', 'text' or 'base64', not \"hex\""),
        ("read_files", {"paths": []}, "paths should have at least 1 item, not 0. It takes"),
        ("read_files", {"paths": "f"}, 'paths should be a valid list, not "f"'),
        ("read_files", {"paths": "[f"}, 'paths should be a valid list, not "[f"'),
        ("read_files", {"paths": ["f"] * 101}, "paths should have at most 100 items, not 101. It takes"),
        ("read_files", {"paths": ["f", 7]}, "paths.1 should be a valid string, not 7"),
        ("list_directory", {"depth": 0}, "depth should be greater than or equal to 1, not 0"),
        ("list_directory", {"depth": 65}, "depth should be less than or equal to 64, not 65"),
        ("list_directory", {"limit": 2_001}, "limit should be less than or equal to 2000, not 2001"),
        ("list_directory", {"limit": 10**40}, "limit should be less than or equal to 2000, not such a number"),
        ("list_directory", {"sort": "date"}, "sort should be 'name', 'modified' or 'size', not \"date\""),
        ("list_roots", {"path": "x"}, 'list_roots: "path" is no parameter. It takes: no arguments.'),
        ("file_info", {"a": 1, "b": 2, "c": 3, "d": 4}, "; and 2 more"),
    ],
)
def test_a_wrong_argument_is_told_with_what_is_right(
    files: Files, tool: str, given: dict[str, object], told: str
) -> None:
    text = files.failure(tool, **given)
    assert text.startswith("[invalid_argument] ")
    assert told in text
    assert "It takes: " in text


@pytest.mark.parametrize(
    "given",
    [
        {"path": "p" * 3_000_000},
        {"path": "\x1b\u202e" * 500_000},
        {"path": "f", "n" * 1_000_000: 1},
        {"path": "f", **{f"n{number}": 1 for number in range(100_000)}},
        {"path": ["x"] * 300_000},
        {"path": "f", "encoding": "e" * 1_000_000},
        {"path": "f", "format": "x" * 1_000_000},
    ],
)
def test_huge_arguments_get_a_short_answer(files: Files, given: dict[str, object]) -> None:
    assert len(files.failure("read_file", **given)) < 300


@pytest.mark.parametrize("given", [{"line_count": 10**30}, {"start_line": 10**30}, {"start_line": -(10**30)}])
def test_numbers_of_any_size_are_numbers(files: Files, five: str, given: dict[str, object]) -> None:
    assert files.blocks("read_file", path=five, **given)[0] in {"1\n2\n3\n4\n5\n", ""}


def test_a_call_without_arguments_has_none(files: Files) -> None:
    assert files.result(files.request("tools/call", {"name": "list_roots"}))["structuredContent"]["roots"]
