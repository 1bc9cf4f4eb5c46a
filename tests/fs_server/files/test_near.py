import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.files.near import Near, near
from fs_server.files.text import even

CODE = """import os


def total(items):
    count = 0
    for item in items:
        count += item.price
    return count
"""


def told(text: str, old: str, new: str = "") -> list[tuple[int, str]]:
    """Return the line and the words of each place."""
    return [(even(text[: one.offset]).count("\n") + 1, one.differs) for one in near(text, old, new)]


@pytest.mark.parametrize(
    ("text", "old", "found"),
    [
        # Blanks.
        ("a\n\treturn 1\n", "    return 1", (2, "indentation: the file has 1 tab, old_text 4 spaces")),
        (
            "if x:\n  a\n  b\n",
            "if x:\n\t a\n\t b\n",
            (1, "indentation: the file has 2 spaces, old_text 1 tab and 1 space, in 2 lines"),
        ),
        ("a:\n  foo\n", "foo\n\n", (2, "old_text line 2 of 2: the file ends before it")),
        ("return 1", "  return 1", (1, "indentation: the file has none, old_text 2 spaces")),
        ("a\nreturn 1  \nb\n", "return 1\nb", (2, "blanks at the end of the line")),
        ("a\nx  =  1\n", "x = 1", (2, "blanks within the line")),
        ("a\nif max(a,b) > 0:\n", "max(a, b)", (2, "blanks within the line")),
        # Case and signs.
        ("Hello World\n", "hello world", (1, "upper and lower case")),
        ("a\nsay(\u2018hi\u2019)\n", "say('hi')", (2, "the file has U+2018, old_text U+0027")),
        ("a\nx\u00a0= 1\n", "x = 1", (2, "the file has U+00A0, old_text U+0020")),
        ("a\nX\u00a0= 1\n", "x = 1", (2, "blanks, case or signs that look alike")),
        ("a \u2013 b … c\n", "a - b ... c", (1, "blanks, case or signs that look alike")),
        ("cafe\u0301 au lait\n", "café au lait", (1, "with the same characters in another Unicode form, NFD")),
        ("café au lait\n", "cafe\u0301 au lait", (1, "with the same characters in another Unicode form, NFC")),
        (
            "one two\nthree four\nTHE café\n",
            "one two\nthree four\nTHE cafe\u0301!\n",
            (1, 'old_text line 3 of 3: the file has "THE café"'),
        ),
        (
            "first line\ncafe\u0301 É\nthird line\n",
            "first line\ncafé É\nthird  line",
            (1, "another Unicode form of the same characters and blanks within the line, in 2 lines"),
        ),
        # The quotation was written in another way.
        ("a\n    foo\n    bar\n", "     2\t    foo\n     3\t    bar", (2, "without the line numbers of old_text")),
        ("a\nfoo\n", "2: foo\n", (2, "without the line numbers of old_text")),
        ("a\nlast", "last\n", (2, "where the file ends without a line end")),
        ('print("a")\n', 'print(\\"a\\")', (1, "without the backslashes of old_text")),
        ("x\na\n\tb\n", "a\\n\\tb", (2, "without the backslashes of old_text")),
        # Other words.
        (
            CODE,
            "    for item in items:\n        count += item.cost\n",
            (6, 'old_text line 2 of 2: the file has "        count += item.price"'),
        ),
        (CODE, "def totl(items):", (4, 'the file has "def total(items):"')),
        (CODE, "    for itm in items:", (6, 'the file has "    for item in items:"')),
        (
            CODE,
            "def total(items):\n    extra = 1\n    count = 0\n    for item in items:",
            (3, 'old_text line 1 of 4: the file has ""'),
        ),
        ("one\r\ntwo words\r\nthree\r\n", "two wordz", (2, 'the file has "two words"')),
        ("a\rtwo words here\rb\r", "Two words here", (2, "upper and lower case")),
    ],
)
def test_the_nearest_place_is_told_with_what_differs(text: str, old: str, found: tuple[int, str]) -> None:
    assert told(text, old)[0] == found


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("", "foo"),
        ("foo\nbar\n", "something else entirely"),
        ("a b c d e f g\n", "q"),
        ("x\n" * 50, "\n\n\n"),
        ("x\n", "  "),
        ("axb\n", "X"),
        ("\r\n" * 5, "lone\r"),
        ("same line\n" * 20, "same line\nanother one\nand more\n"),
    ],
)
def test_what_resembles_nothing_is_near_nothing(text: str, old: str) -> None:
    assert near(text, old) == []


def test_three_places_are_told_of_whole_lines_first() -> None:
    text = "say foo = 1\nfoo = 1 now\nFOO = 1\nb\nfoo  = 1\nFoo = 1\n"
    found = told(text, "foo =  1")
    assert [line for line, _ in found] == [3, 5, 6]
    assert near(text, "foo =  1")[0] == Near(24, "blanks, case or signs that look alike")


def test_a_short_quotation_is_not_found_within_words() -> None:
    assert told("maximal\nX\n", "x") == [(2, "upper and lower case")]


def test_a_new_text_that_stands_there_already_is_told() -> None:
    text = "a\nreturn compute(x, y)\n"
    assert told(text, "return calc(x)", "return compute(x, y)")[0] == (2, "where new_text stands already")
    # Unless it is too short to say anything, is part of the quotation, or something nearer is found.
    assert told(text, "zzz", "a\n") == []
    assert told(text, "return compute(x, y)  # now", "return compute(x, y)")[0][1].startswith("the file has")
    assert told("b = 22222222\nA = 1\n", "a = 1", "b = 22222222") == [(2, "upper and lower case")]


def test_a_place_at_the_beginning_is_told_where_the_quotation_begins_before_it() -> None:
    found = told("the second line\nthe third line\n", "the first line, not there\nthe second line\nthe third line")
    assert found == [(1, 'old_text line 1 of 3: the file has "the second line"')]


def test_lines_that_stand_often_are_no_hint_and_rare_ones_are() -> None:
    text = "    return None\n" * 30 + "rare line here\n    return None\n" + "    return None\n" * 30
    assert told(text, "rare line here\n    return Nothing")[0][0] == 31


def test_several_places_stand_apart() -> None:
    block = "alpha line\nbeta line\ngamma line\n"
    text = block + "x\n" * 10 + block.replace("beta", "delta")
    found = told(text, "alpha line\nomega line\ngamma line\n")
    assert found == [
        (1, 'old_text line 2 of 3: the file has "beta line"'),
        (14, 'old_text line 2 of 3: the file has "delta line"'),
    ]


def test_a_place_far_below_is_found() -> None:
    text = "".join(f"line number {at}\n" for at in range(1, 30_001))
    assert told(text, "line  number 29000") == [(29_000, "blanks within the line")]


def test_long_quotations_are_compared_as_far_as_is_told() -> None:
    text = "".join(f"line number {at}\n" for at in range(1_000))
    assert told(text, text[:-1] + " more") == [(1, "behind line 500 of old_text")]


def test_long_lines_are_compared_as_a_whole() -> None:
    line = "word " * 1_000
    assert told(f"a\n{line}end\n", f"{line}END")[0][1] == "upper and lower case"
    assert told(f"a\n{line}end of it\n", f"{line}END")[0][1].startswith('the file has "word word')
    accents = "e\u0301" * 3_000 + "x"
    assert told(accents, accents[:-1].replace("e\u0301", "é") + "X") == []


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("a" * 3_000_000, "a" * 10_000 + "b"),
        ("ab\n" * 700_000, "ab\n" * 300_000 + "c"),
        ("x = 1\n" * 300_000, "x = 2\n" * 100_000),
        ("\n" * 2_000_000, "\n" * 100_000 + "x"),
        ("e\u0301\u0323" * 500_000, "e\u0323\u0301" * 300_000),
        ("word " * 400_000, "words " * 100_000),
        ("Σ" * 1_000_000, "σς" * 10_000),
        (" " * 2_000_000, " " * 10 + "\t"),
        (
            "".join(f"line {at} of it\n" for at in range(100_000)),
            "".join(f"line {at} of  it\n" for at in range(5, 60_000)),
        ),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_the_cost_is_bounded_whatever_the_file_holds(text: str, old: str) -> None:
    begun = time.process_time()
    assert len(near(text, old, old[1:])) <= 3
    assert time.process_time() - begun < 10


@given(st.text("aA b\t\r\n\u00a0\u2019'é", max_size=30), st.text("aA b\t\r\n\u00a0\u2019'é", min_size=1, max_size=15))
def test_any_quotation_gets_an_answer(text: str, old: str) -> None:
    for one in near(text, old, "a b"):
        assert one.differs
        assert one.offset == 0 or text[one.offset - 1] in "\r\n"
