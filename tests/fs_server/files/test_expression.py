"""Expressions of a stranger: what they mean, where they are refused and why, and that none keeps the server busy."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.expression import LONGEST_PATTERN, MOST_WORK, Expression
from tests.support.stops import GivesUp

RG = shutil.which("rg")
MIB = 1 << 20


def spans(pattern: str, text: str, group: int = 0) -> list[tuple[int, int]]:
    """Return where a pattern fits an ASCII text, empty matches apart."""
    found = (match.span(group) for match in Expression.of(pattern).matches(text.encode(), stop=None))
    return [span for span in found if span[0] != span[1]]


def fits(pattern: str, text: str) -> list[str]:
    return [text[start:end] for start, end in spans(pattern, text)]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("a(b", 'regex "a(b". At character 2: this ( is never closed.'),
        ("((a)", "At character 1: this ( is never closed."),
        ("a)b", "At character 2: this ) closes nothing."),
        ("a[b", "At character 2: this [ is never closed."),
        ("[]a", "At character 1: this [ is never closed."),
        ("[a\\", "At character 3: this backslash has nothing after it."),
        ("a\\", "At character 2: this backslash has nothing after it."),
        ("ab(?=c)", "At character 3: there is no looking ahead or behind."),
        ("(?<!a)b", "At character 1: there is no looking ahead or behind."),
        (r"(a)\1", "At character 4: there are no references back."),
        (r"\Qa\E", r"At character 1: programs differ in what \Q is."),
        (r"a\C", "Use . for any character."),
        (r"\<a\>", r"Use \b at the beginning and the end of a word."),
        (r"a\b{end}", "At character 2: programs differ"),
        ("[a&&b]", 'At character 3: a class cannot hold "&&".'),
        ("[a[b]]", r"At character 3: a class cannot hold"),
        ("a**", 'At character 2: bad repetition operator "**".'),
        ("*", 'At character 1: no argument for repetition operator "*".'),
        ("x{2,1}", 'At character 2: invalid repetition size "{2,1}".'),
        ("x{1001}", "Repeat at most 1000 times"),
        ("[z-a]", 'At character 2: invalid character class range "z-a".'),
        (r"\p{Nothing}", r"Known are \p{L}"),
        (r"\u20ac", r"Write \x{20AC}"),
        ("(?x)a", "flags i, m, s and U."),
        (
            "a{1}{2}a{1}{2}",
            '"a{1}{2}a{1}{2}". Bad repetition operator "{1}{2}".',
        ),  # which of the two it is, nobody says
        ("\ud800", "At character 1: this is half of a character."),
        ("(?P<a>.)(?P<a b>.)", "(?P<a b>"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused_with_the_place_and_the_reason(pattern: str, told: str) -> None:
    with pytest.raises(Failure) as refusal:
        Expression.of(pattern)
    assert refusal.value.code == "bad_pattern"
    assert told in str(refusal.value)


@pytest.mark.parametrize(
    "pattern",
    [
        "(x{1000}){1000}",
        "((((((x{9}){9}){9}){9}){9}){9}){9}",
        r"\pL{1000}",
        r"(?i)[^\pL\pN]{60}",
        "(a?){999}" * 60,
        "|".join(rf"\pL{{{number}}}" for number in range(1, 200)),
    ],
)
def test_a_pattern_that_would_take_the_memory_is_refused(pattern: str) -> None:
    with pytest.raises(Failure, match=r"^\[bad_pattern\].*(attern too large|nvalid repetition size)"):
        Expression.of(pattern)


@pytest.mark.parametrize("pattern", ["a" * MIB, "(" * MIB, "[" * (LONGEST_PATTERN + 1)])
def test_a_pattern_of_a_megabyte_is_refused_before_it_is_looked_at(pattern: str) -> None:
    told = f"It has {len(pattern)} characters; {LONGEST_PATTERN} are allowed."
    with pytest.raises(Failure, match=rf"^\[bad_pattern\] .*{re.escape(told)}"):
        Expression.of(pattern)


@pytest.mark.parametrize("piece", ["(", "[", "[^", "\\[", "(?:", "a|", "[[:", "()", "(?i)", "{", "[a-"])
def test_the_longest_patterns_are_read_or_refused_and_nothing_else(piece: str) -> None:
    pattern = (piece * LONGEST_PATTERN)[:LONGEST_PATTERN]
    try:
        Expression.of(pattern)
    except Failure as refusal:
        assert refusal.code == "bad_pattern"  # noqa: PT017 - both are right


EXPLOSIVE: Sequence[tuple[str, str]] = [
    ("(a+)+$", "a" * MIB + "b"),
    ("(a|aa)+$", "a" * MIB + "b"),
    ("(x+x+)+y", "x" * MIB),
    ("(.*)*(.*)*(.*)*z", "x" * MIB),
    ("(?s)(.*)*\\z.", "x\n" * (MIB // 2)),
    ("[ab]*a[ab]{60}c", "abbab" * (MIB // 5)),
]


@pytest.mark.parametrize(("pattern", "text"), EXPLOSIVE)
def test_a_pattern_that_explodes_elsewhere_goes_through_a_megabyte_once(pattern: str, text: str) -> None:
    """ours: with Python's `re` the first of these takes longer than the universe has been there."""
    stop = GivesUp()
    expression = Expression.of(pattern)
    assert not [match for match in expression.matches(text.encode(), stop=stop) if match.span()[0] != match.span()[1]]
    assert stop.asked < 1000


def test_work_that_nothing_could_interrupt_is_refused() -> None:
    slow = Expression.of("[ab]*a[ab]{900}c")
    line = b"ab" * (MOST_WORK // slow.steps // 2 + 1)
    with pytest.raises(Failure, match=r"^\[too_large\] A line. It has \d+ bytes; \d+ are looked at"):
        list(slow.matches(line, stop=None))
    whole = Expression.of("(?s)[ab]*a[ab]{900}.c")
    with pytest.raises(Failure, match=r"^\[too_large\] The text. "):
        list(whole.matches(b"ab\n" * (MOST_WORK // whole.steps // 3 + 1), stop=None))


def test_lines_are_looked_at_in_portions_between_which_it_can_be_stopped() -> None:
    slow = Expression.of("[ab]*a[ab]{900}c")
    lines = (b"ab" * 60 + b"\n") * 40_000
    stop = GivesUp(after=3)
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        list(slow.matches(lines, stop=stop))


def test_matches_that_each_look_at_the_whole_text_can_be_stopped_between_them() -> None:
    """ours: each single look is linear, and a million of them are not."""
    stop = GivesUp(after=10)
    found = Expression.of("(?s)x.*y|x").matches(b"x" * MIB, stop=stop)
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        list(found)
    assert stop.asked == 11


@pytest.mark.parametrize("pattern", [r"[^q]+", r"\s+", r"\D+", r"(?:.|\s)+", r"[^\n]+", "[\\x00-\\x{10ffff}]+"])
def test_a_match_stays_within_its_line(pattern: str) -> None:
    assert not [part for part in fits(pattern, "a b\n\n c\n") if "\n" in part]


@pytest.mark.parametrize("pattern", [r"b\n", "b\n", r"b[\n]", r"b\x0a", r"b\x{0A}", r"b(?s:.)", "(?s)b.", "(?is)B."])
def test_a_match_goes_beyond_its_line_where_the_pattern_says_so(pattern: str) -> None:
    assert fits(pattern, "ab\nc") == ["b\n"]


def test_line_ends_in_a_pattern_are_those_of_the_unified_text() -> None:
    assert fits(r"a\r\nb", "a\nb") == fits("a\r\nb", "a\nb") == fits(r"a\r?\nb", "a\nb") == ["a\nb"]
    assert fits(r"a\r", "a\rb") == fits("a\r", "a\rb") == ["a\r"]


def test_lines_begin_and_end_at_each_line_and_the_text_only_once() -> None:
    text = "a\na\na"
    assert [start for start, _ in spans("^a", text)] == [0, 2, 4] == [start for start, _ in spans("a$", text)]
    assert spans(r"\Aa", text) == [(0, 1)]
    assert spans(r"a\z", text) == [(4, 5)]


def test_the_beginning_of_a_portion_is_no_beginning_of_the_text() -> None:
    line = "a" * 99 + "\n"
    text = line * (3 * MIB // 100)
    assert spans(r"\Aa", text) == [(0, 1)]
    assert len(spans("^a", text)) == len(spans(r"a$", text)) == text.count("\n")


def test_classes_have_names_and_letters_are_those_of_all_alphabets() -> None:
    assert fits("[[:alpha:]_]+", "ab_1") == ["ab_"]
    text = "Ärger, 日本, a1"
    (german, japanese, latin) = Expression.of(r"\pL+").matches(text.encode(), stop=None)
    assert [text.encode()[slice(*match.span())].decode() for match in (german, japanese, latin)] == [
        "Ärger",
        "日本",
        "a",
    ]


def test_groups_have_numbers_and_names() -> None:
    expression = Expression.of("(a)(?P<second>b)?(?:c)(?<third>d)")
    assert (expression.groups, dict(expression.names)) == (3, {"second": 2, "third": 3})
    (match,) = expression.matches(b"acd", stop=None)
    assert [match.span(number) for number in range(4)] == [(0, 3), (0, 1), (-1, -1), (2, 3)]


# Greedy, so that an empty match is never preferred to another at the same place: after one, Python looks there again.
PIECES = ("a", "b", "c", ".", "a*", "b+", "[^a]", "[ab]", "(a|ab)", "(b|c)?", "^", "$", "(?:ab)*", r"\s", "a{2}", "()")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), st.text("abc \n", max_size=20))
def test_what_fits_is_what_python_finds_in_each_line(pattern: str, text: str) -> None:
    expected, offset = [], 0
    for line in text.split("\n"):
        found = (match.span() for match in re.finditer(pattern, line))
        expected += [(offset + start, offset + end) for start, end in found if start != end]
        offset += len(line) + 1
    assert spans(pattern, text) == expected


TEXTS = ("foo bar\nbaz foo1\n\n  x = 1;  \nend\n", "aaa\naab\nabab\n$x ${y} \\n\n", "a\n\n\nb\n", "if (a) { b[0]; }\n")
LIKE_RG = (
    "foo", r"^\w+", r"\s+$", r"(\w+) (\w+)", "[^a]+", "b+", r"\bfoo\b", "(?i)FOO", "a|ab", "(a)(b)?", ".$", "^.",
    r"\S+\s", "[[:alpha:]]+", r"\d", "(?:ab)+", r"\{ b", r"\[0\]", r"[\]\[]", r"\s+", r"\pL+", r"\D+", r"\W",
    "x{1,2}", "=.*;", "(?U)a+", r"\x24", r"[a-c\-]+", r"\t|\$",
)  # fmt: skip


@pytest.mark.skipif(RG is None, reason="rg is not installed: nothing to compare with")
def test_an_ascii_text_is_read_as_ripgrep_reads_it() -> None:
    for pattern, text in product(LIKE_RG, TEXTS):
        done = subprocess.run(
            [str(RG), "--no-config", "--only-matching", "--no-line-number", "-e", pattern],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
        parts = [part for part in done.stdout.decode().split("\n") if part]
        assert fits(pattern, text) == parts, f"{pattern} in {text!r}"
