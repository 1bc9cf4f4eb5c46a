"""What is found in a file and what comes there: in every encoding, with every line end, and not a byte beside it."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.occurrences import LONGEST_TEMPLATE, MOST_CHARS, MOST_OCCURRENCES, Found, Query, occurrences
from fs_server.files.text import Text, changed, text_of
from tests.support.stops import GivesUp

MIB = 1 << 20
ENCODINGS = {
    "utf-8": (b"", "aé日\U0001f4a9"),
    "utf-8 with a mark": (b"\xef\xbb\xbf", "aé日"),
    "utf-16-le": (b"\xff\xfe", "a日\u0a0a\U0001f4a9"),
    "utf-16-be": (b"", "aé\u0d0a"),
    "latin-1": (b"", "aéß"),
    "shift_jis": (b"", "aソ表ﾃ"),
}
LINE_ENDS = {"lf": ["\n"], "crlf": ["\r\n"], "cr": ["\r"], "mixed": ["\n", "\r\n"], "none": [""]}


def stored(text: str, encoding: str) -> bytes:
    return ENCODINGS[encoding][0] + text.encode(encoding.partition(" ")[0])


def text_in(content: bytes, encoding: str = "utf-8") -> Text:
    return text_of(content, subject="it", label=encoding.partition(" ")[0])


def found(text: str, query: str, replacement: str, *, regex: bool = False) -> Found:
    wanted = Query.of(query, regex=regex)
    return occurrences(text_in(text.encode()), wanted, wanted.replacement(replacement), stop=None)


def replaced(text: str, query: str, replacement: str, *, regex: bool = True) -> str:
    return text_in(text.encode()).spliced(found(text, query, replacement, regex=regex).splices).decode()


def as_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """An encoding, a text in it, what to look for (mostly a part of it) and what to put there."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    ends = draw(st.sampled_from(sorted(LINE_ENDS)))
    pieces = [*ENCODINGS[encoding][1], *LINE_ENDS[ends]]
    texts = st.lists(st.sampled_from(pieces), max_size=14).map("".join)
    text = draw(texts)
    start = draw(st.integers(0, len(text)))
    part = st.just(text[start : start + draw(st.integers(1, 3))])
    query, replacement = draw(st.one_of(part, texts).filter(bool)), draw(texts)
    # A lone \r is an end of lines where nothing else is; elsewhere it is a character, and no half of a line end.
    assume("\r" not in query.replace("\r\n", "") or "\n" not in text)
    assume("\r" not in replacement.replace("\r\n", "") or "\r" in text)
    if draw(st.booleans()):  # a model writes \n, whatever stands in the file
        return encoding, text, as_lines(query), as_lines(replacement)
    return encoding, text, query, replacement


@given(cases())
@example(("utf-8", "a\r\n\r\na\n", "\r\n", "\n\n"))
@example(("utf-8", "a\ra\r", "a\n", ""))
def test_a_literal_replacement_is_that_of_str_in_every_encoding(case: tuple[str, str, str, str]) -> None:
    """The bytes are compared: what is not replaced stays as it is."""
    encoding, text, query, replacement = case
    file = text_in(stored(text, encoding), encoding)
    wanted = Query.of(query, regex=False)
    splices = occurrences(file, wanted, wanted.replacement(replacement), stop=None).splices
    result = file.spliced(splices)
    if not set("\r\n") & {*query, *replacement}:
        assert result == stored(text.replace(query, replacement), encoding)
    after = text_in(result, encoding).text
    assert as_lines(after) == as_lines(text).replace(as_lines(query), as_lines(replacement))
    assert after == changed(file.text, splices), "nothing beside the splices has changed"
    ends = set(re.findall(r"\r\n|\r|\n", text))
    assert set(re.findall(r"\r\n|\r|\n", after)) <= (ends or {"\n"}), "no line end that the file did not have"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_query_of_several_lines_finds_them_whatever_ends_them(end: str) -> None:
    text = f"a{end}b{end}{end}c"
    for query in ("a\nb\n", "a\r\nb\r\n"):
        assert replaced(text, query, "x\ny\r\n", regex=False) == f"x{end}y{end}{end}c"
    assert replaced(text, r"a\nb$", "x\ny") == f"x{end}y{end}{end}c"


def test_what_is_put_in_gets_the_line_end_of_its_place() -> None:
    text = "-a\r\n-b\n-a\r\n-a"
    assert replaced(text, "a", "1\n2", regex=False) == "-1\r\n2\r\n-b\n-1\r\n2\r\n-1\r\n2"
    assert replaced(text, "[ab]", "1\n2") == "-1\r\n2\r\n-1\n2\n-1\r\n2\r\n-1\r\n2"
    assert replaced("a", "a", "1\r\n2", regex=False) == "1\n2"


def test_the_end_of_a_line_is_before_its_line_end() -> None:
    text = "a \r\nb\t\n\r\nc  "
    assert replaced(text, r"[ \t]+$", "") == replaced(text, r"\s+$", "") == "a\r\nb\n\r\nc"
    assert replaced(text, r".$", "<$0>") == "a< >\r\nb<\t>\n\r\nc < >"


def test_lines_can_be_joined_and_a_lone_carriage_return_found() -> None:
    assert replaced("a\r\nb\nc", "\n", " ", regex=False) == replaced("a\r\nb\nc", r"\n", " ") == "a b c"
    assert replaced("a\rb\r\nc\n", "\r", "-", regex=False) == replaced("a\rb\r\nc\n", r"\r", "-") == "a-b\r\nc\n"


def test_case_matters_unless_the_expression_says_otherwise() -> None:
    assert replaced("A a", "a", "x", regex=False) == "A x"
    assert replaced("A a", "a", "x") == "A x"
    assert replaced("A a ß ẞ", "(?i)a|ß", "x") == "x x x x"


def test_an_expression_is_no_text_and_a_text_no_expression() -> None:
    assert replaced("a.b $1", "a.b $1", "$1$$", regex=False) == "$1$$"
    assert found("a.b", "a|b", "", regex=False).splices == ()


@pytest.mark.parametrize(
    ("replacement", "result"),
    [
        ("$2$1", "<ba|X>"),
        ("${2}x", "<bx|X>"),
        ("$n", "<b|X>"),
        ("${n}", "<b|X>"),
        ("$0$0", "<abab|X>"),
        ("$3", "<|X>"),  # took no part
        ("$$1", "<$1|X>"),
        ("$", "<$|X>"),
        ("${", "<${|X>"),
        ("${$n}", "<${b}|X>"),
        ("a$-", "<a$-|X>"),
        ("", "<|X>"),
        ("\\1", "<\\1|X>"),
    ],
)
def test_groups_stand_in_a_replacement_as_in_ripgrep(replacement: str, result: str) -> None:
    assert replaced("<ab|X>", "(a)(?P<n>b)(x)?", replacement) == result


@pytest.mark.parametrize(
    ("replacement", "told"),
    [
        ("x$3", 'At character 2: the expression has no group "3"; it has 0, 1, 2, n.'),
        ("$1a", "${1}a for group 1 and a."),
        ("${}", 'no group ""'),
        ("$" + "9" * 5000, "no group"),
        ("${1 }", 'no group "1 "'),
        ("${²}", 'no group "²"'),
    ],
)
def test_a_group_that_is_not_there_is_refused(replacement: str, told: str) -> None:
    query = Query.of("(a)(?P<n>b)", regex=True)
    with pytest.raises(Failure) as refusal:
        query.replacement(replacement)
    assert refusal.value.code == "bad_pattern"
    assert told in str(refusal.value)


@pytest.mark.parametrize("piece", ["${", "$$", "$1", "$", "{}"])
def test_the_longest_replacement_is_read_and_a_longer_one_is_not(piece: str) -> None:
    query = Query.of("(a)", regex=True)
    text = (piece * LONGEST_TEMPLATE)[:LONGEST_TEMPLATE]
    assert query.replacement(text).pieces
    with pytest.raises(Failure, match=r"^\[bad_pattern\] .* may have 100000 characters, not 100001\."):
        query.replacement(text + "$")
    assert Query.of("a", regex=False).replacement(text + "$").pieces == (text + "$",)


def test_groups_keep_the_line_ends_that_they_had() -> None:
    text = "1\r\n2\n3\r\n4"
    assert replaced(text, r"(1\n)(2\n)(3\n)", "$3$2$1") == "3\r\n2\n1\r\n4"
    assert replaced("é1\r\n日2\né", r"(é\d\n)(日)", "$2$1") == "日é1\r\n2\né"


def test_empty_matches_are_passed_over_and_told() -> None:
    assert found("aéb", "x*", "-", regex=True) == Found((), empty=True)
    assert replaced("axéb", "x*", "-") == "a-éb"
    assert found("a\nb", "^", "-", regex=True) == Found((), empty=True)
    assert not found("a", "a", "-", regex=True).empty


def test_a_query_that_is_empty_is_refused() -> None:
    for regex in (True, False):
        with pytest.raises(Failure, match=r'^\[bad_pattern\] The query "". It is empty\.'):
            Query.of("", regex=regex)


def test_a_query_of_a_megabyte_is_only_a_long_text() -> None:
    query = "ab" * MIB
    assert len(found(query + "a" + query, query, "x").splices) == 2


def test_no_more_is_found_in_one_file_than_memory_is_meant_for() -> None:
    text = "a" * (MOST_OCCURRENCES + 1)
    assert len(found(text[1:], "a", "b").splices) == MOST_OCCURRENCES
    for regex in (True, False):
        with pytest.raises(Failure, match=r"^\[too_large\]"):
            found(text, "a", "b", regex=regex)


@pytest.mark.parametrize(
    ("query", "replacement", "regex"),
    [("a", "x" * MIB, False), (".", "x" * LONGEST_TEMPLATE, True), (".+", "$0" * (LONGEST_TEMPLATE // 2), True)],
)
def test_no_more_is_put_into_one_file_than_memory_is_meant_for(query: str, replacement: str, regex: bool) -> None:  # noqa: FBT001 - a table
    with pytest.raises(Failure, match=r"^\[too_large\]"):
        found("a" * (MOST_CHARS // LONGEST_TEMPLATE * 3), query, replacement, regex=regex)


@pytest.mark.parametrize("regex", [True, False])
def test_work_is_given_up_when_nobody_waits(regex: bool) -> None:  # noqa: FBT001 - a table
    query = Query.of("a", regex=regex)
    stop = GivesUp(after=10)
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        occurrences(text_in(b"a" * 1000), query, query.replacement("b"), stop=stop)
    assert stop.asked == 11


def test_text_that_comes_into_many_places_is_held_once() -> None:
    first, *others = found("a" * 100, "a", "b" * 1000).splices
    assert all(splice.new is first.new for splice in others)


def test_a_long_line_with_many_occurrences_is_gone_through_once_for_its_line_end() -> None:
    """ours: the line end of each place was looked for again, up to the end of the line."""
    text = "a" * 90_000 + "\r\n" + "a\n"
    assert len(found(text, "a", "b\n").splices) == 90_001


PIECES = ("a", "(b)", "(a|ab)", "[^a]", "(.)", r"(\n)", "b+")


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join),
    st.lists(st.sampled_from(["a", "b", "é", "日", "\n", "\r\n"]), max_size=16).map("".join),
)
def test_groups_are_taken_as_python_takes_them(pattern: str, text: str) -> None:
    groups = re.compile(pattern).groups
    template = "<" + "|".join(f"${number}" for number in range(groups + 1)) + ">"
    plain = text.replace("\r\n", "\n")

    def expected(match: "re.Match[str]") -> str:
        return "<" + "|".join(match[number] or "" for number in range(groups + 1)) + ">"

    result = as_lines(replaced(text, pattern, template))
    if r"\n" in pattern:
        assert result == re.sub(pattern, expected, plain)
    else:
        assert result == "\n".join(re.sub(pattern, expected, line) for line in plain.split("\n"))
