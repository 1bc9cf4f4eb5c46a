"""Cursors: opaque, exact, and refused as soon as a byte of them is another."""

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.tools.cursor import longest_cursor, read_cursor, write_cursor

QUESTION = "list_directory a"
keys = st.lists(st.tuples(st.integers(), st.text(st.characters())), max_size=6).map(tuple)


@given(keys)
def test_a_cursor_comes_back_as_it_was(place: tuple[tuple[int, str], ...]) -> None:
    assert read_cursor(QUESTION, write_cursor(QUESTION, place)) == place


real_keys = st.lists(st.tuples(st.integers(-(2**63), 2**63), st.text(st.characters())), max_size=6).map(tuple)


@given(real_keys)
def test_no_cursor_is_longer_than_was_foreseen(place: tuple[tuple[int, str], ...]) -> None:
    assert len(write_cursor(QUESTION, place)) <= longest_cursor(place)


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor(QUESTION, "") == ()


def refused(cursor: str, question: str = QUESTION) -> None:
    with pytest.raises(Failure) as caught:
        read_cursor(question, cursor)
    assert caught.value.code == "bad_cursor"


@given(keys, st.data())
def test_a_cursor_with_another_character_is_refused(place: tuple[tuple[int, str], ...], data: st.DataObject) -> None:
    cursor = write_cursor(QUESTION, place)
    at = data.draw(st.integers(0, len(cursor) - 2))  # the last character may carry bits that count for nothing
    other = data.draw(st.sampled_from("ABCabc012-_ %\n\u00e9").filter(lambda char: char != cursor[at]))
    refused(cursor[:at] + other + cursor[at + 1 :])


@given(st.text(st.characters()).filter(bool))
def test_anything_else_is_refused(cursor: str) -> None:
    refused(cursor)


@pytest.mark.parametrize("cursor", ["A" * 1_000_000, "%" * 1_000_000, " ", "é", "====", "bnVsbA"])
def test_odd_and_huge_ones_are_refused(cursor: str) -> None:
    refused(cursor)


def test_a_cursor_of_another_question_is_refused() -> None:
    refused(write_cursor("list_directory b", [(0, "x")]))


@pytest.mark.parametrize(
    "place",
    [5, None, {}, {"a": 1}, [5], [[1]], [[1, 2]], [["1", "x"]], [[1e400, "x"]], [[1.5, "x"]], [[0, "x", 1]], "x"],
)
def test_one_that_somebody_made_himself_does_no_harm(place: object) -> None:
    told = json.dumps(place).encode()
    mark = zlib.crc32(told, zlib.crc32(QUESTION.encode())).to_bytes(4, "big")
    cursor = base64.urlsafe_b64encode(mark + told).decode().rstrip("=")
    if place == {}:
        assert read_cursor(QUESTION, cursor) == ()
    else:
        refused(cursor)


def test_one_that_is_nested_without_end_does_no_harm() -> None:
    told = b"[" * 900_000
    mark = zlib.crc32(told, zlib.crc32(QUESTION.encode())).to_bytes(4, "big")
    refused(base64.urlsafe_b64encode(mark + told).decode().rstrip("="))
