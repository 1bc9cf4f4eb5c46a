"""Output as it is shown: nothing in it obeys a terminal, and whatever fits or does not is counted in bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.commands.output import Output
from fs_server.commands.telling import excerpt, page


def printed(content: bytes, most: int = 1 << 20) -> Output:
    output = Output(Path("/nowhere"), most)
    output.add(content)
    return output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[31mred\x1b[0m\n", "\\x1b[31mred\\x1b[0m\n"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"10%\r20%\n", "10%\\r20%\n"),
        (b"\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("a\u202eb\u2028c".encode(), "a\\u202eb\\u2028c"),
        ("käse\n".encode(), "käse\n"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ],
)
def test_control_characters_are_escaped(content: bytes, told: str) -> None:
    assert excerpt(printed(content), 1_000).text == told
    assert page(printed(content), 0, 1_000, more_may_come=False).text == told


def test_of_what_does_not_fit_beginning_and_end_are_shown_in_whole_lines() -> None:
    content = b"".join(b"line %d\n" % number for number in range(10_000))
    found = excerpt(printed(content), 1_000)
    head, _, tail = found.text.partition("\n[… ")
    assert content.startswith(head.encode())
    told, _, tail = tail.partition(" bytes left out …]\n")
    assert content.endswith(tail.encode())
    assert tail.startswith("line ")
    assert found.left_out == int(told) == len(content) - len(head) - 1 - len(tail)


@given(content=st.binary(max_size=3_000), room=st.integers(1, 400), most=st.sampled_from([10, 500, 1 << 20]))
def test_an_excerpt_keeps_to_its_room(content: bytes, room: int, most: int) -> None:
    found = excerpt(printed(content, most), room)
    assert len(found.text) <= room + len("\n[… 3000 bytes left out …]\n") + 32
    assert 0 <= found.left_out <= len(content)


@given(content=st.text(max_size=2_000), room=st.integers(1, 300))
def test_pages_joined_are_the_whole(content: str, room: int) -> None:
    """Each is at least a character, at most the room, and no character is cut in two."""
    output = printed(content.encode("utf-8", "surrogatepass"))
    offset, texts = 0, []
    while offset < output.total:
        found = page(output, offset, room, more_may_come=False)
        assert found.end > offset
        assert len(found.text) <= max(room, 16)
        texts.append(found.text)
        offset = found.end
    whole = page(output, 0, 10**6, more_may_come=False).text
    assert "".join(texts).replace("\\r\n", "\n") == whole.replace("\\r\n", "\n")


def test_the_beginning_of_a_character_waits_for_its_end() -> None:
    output = printed("ä€😀".encode()[:-1])
    assert page(output, 0, 99, more_may_come=True).text == "ä€"
    assert page(output, 0, 99, more_may_come=False).text == "ä€\\xf0\\x9f\\x98"
    assert page(output, 99, 99, more_may_come=True).end == output.total


def test_what_is_no_longer_kept_is_counted() -> None:
    output = printed(b"a" * 10, most=10)
    output.add(b"b" * 100_000)
    found = page(output, 10, 50, more_may_come=False)
    assert found.omitted == output.omitted > 0
    assert found.text == "b" * 50
