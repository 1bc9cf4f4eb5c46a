"""The lines that a change touches: their numbers, before and after."""

from hypothesis import given
from hypothesis import strategies as st

from fs_server.files.changed_lines import ChangedLines, changed_lines
from fs_server.files.occurrences import Query, occurrences
from fs_server.files.text import Splice, Text, changed, text_of


def text_in(text: str) -> Text:
    return text_of(text.encode(), subject="it")


def changes(text: str, query: str, replacement: str) -> list[tuple[int, list[str], int, list[str]]]:
    file = text_in(text)
    wanted = Query.of(query, regex=True)
    splices = occurrences(file, wanted, wanted.replacement(replacement), stop=None).splices
    found = list(changed_lines(file, splices))
    assert all(change.splices for change in found)
    return [(change.old_line, list(change.old), change.new_line, list(change.new)) for change in found]


def test_a_line_is_shown_once_however_often_it_changes() -> None:
    assert changes("a a\nb\na", "a", "c") == [(1, ["a a"], 1, ["c c"]), (3, ["a"], 3, ["c"])]


def test_numbers_after_count_the_lines_that_came_before() -> None:
    assert changes("a\nb\na\nc\na\n", "a", "x\ny") == [
        (1, ["a"], 1, ["x", "y"]),
        (3, ["a"], 4, ["x", "y"]),
        (5, ["a"], 7, ["x", "y"]),
    ]


def test_lines_that_go_and_lines_that_stay_are_told_apart() -> None:
    assert changes("a\nb\nc\n", r"b\n", "") == [(2, ["b"], 2, [])]
    assert changes("a\nb\nc\n", r"(b\n)", "${1}x\n") == [(3, [], 3, ["x"])]
    assert changes("a\nb\nc\nd", r"\nb\n", " ") == [(1, ["a", "b", "c"], 1, ["a c"])]
    assert changes("a\nb", r"a\nb", "a\nc") == [(2, ["b"], 2, ["c"])]


def test_line_ends_are_not_shown_and_a_change_of_them_alone_is_none() -> None:
    assert changes("a\r\nb\r\n", "b", "c") == [(2, ["b"], 2, ["c"])]
    assert changes("a\rb\r", "b", "c") == [(2, ["b"], 2, ["c"])]
    assert changes("a\n", "(?s)\n$", "") == []


def test_the_column_is_where_the_change_begins() -> None:
    file = text_in("aaaa\nbbbb")
    assert list(changed_lines(file, [Splice(2, 3, "x"), Splice(3, 4, "y")])) == [
        ChangedLines(1, ("aaaa",), 1, ("aaxy",), column=2, splices=2)
    ]


def test_a_long_line_is_looked_at_once_and_not_for_each_of_its_changes() -> None:
    """ours: 200,000 times through a line of a megabyte takes minutes."""
    file = text_in("ab" * 500_000)
    splices = [Splice(at, at + 1, "c") for at in range(0, 400_000, 2)]
    (change,) = changed_lines(file, splices)
    assert change.splices == 200_000


@given(st.text("ab\n", max_size=12), st.text("abc\n", max_size=3), st.lists(st.integers(0, 12), min_size=2, max_size=6))
def test_what_is_told_makes_the_new_text_of_the_old_one(text: str, new: str, places: list[int]) -> None:
    file = text_in(text)
    places = sorted({min(place, len(text)) for place in places})
    spans = list(zip(places[::2], places[1::2], strict=False))
    splices = [Splice(start, end, new) for start, end in spans]
    old = text.removesuffix("\n").split("\n")
    lines = list(old)
    for change in reversed(list(changed_lines(file, splices))):
        first = change.old_line - 1
        assert tuple(lines[first : first + len(change.old)]) == change.old
        lines[first : first + len(change.old)] = change.new
    assert "\n".join(lines).rstrip("\n") == changed(file.text, splices).rstrip("\n")
