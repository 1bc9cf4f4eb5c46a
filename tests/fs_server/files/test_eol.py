import pytest

from fs_server.files.eol import eol, line_end


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "none"),
        ("abc", "none"),
        ("a\nb\n", "lf"),
        ("a\r\nb\r\n", "crlf"),
        ("a\rb\r", "cr"),
        ("a\nb\r\n", "mixed"),
        ("a\r\nb\r", "mixed"),
        ("a\rb\n", "mixed"),
    ],
)
def test_the_line_ending_of_a_text_is_named(text: str, kind: str) -> None:
    assert eol(text) == kind


@pytest.mark.parametrize(("text", "char"), [("", "\n"), ("a\rb", "\r"), ("a\r\n", "\n"), ("a\rb\n", "\n")])
def test_a_carriage_return_ends_a_line_only_where_nothing_else_does(text: str, char: str) -> None:
    assert line_end(text) == char
