import codecs
import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.codec_names import _CODECS, STATEFUL, canonical_name
from fs_server.files.encoding import Encoding
from fs_server.files.text import (
    LineEndings,
    Splice,
    Text,
    changed,
    check_writable,
    encoded,
    even,
    line_ending,
    stored_places,
    text_of,
    trimmed,
)
from tests.fs_server.files.texts import KINDS, TWICE, Kind, bytes_of_each, put_in, stored

BY_DECODING = sorted(
    name for name in {canonical_name(name) for name in _CODECS} - STATEFUL if not name.startswith(("utf-16", "utf-32"))
)
ANY_ENDS = st.text(st.sampled_from("ab\r\n"), max_size=30)


def splices_of(which: Kind, text: Text) -> st.SearchStrategy[list[Splice]]:
    """Return up to four splices: sorted, perhaps touching, perhaps empty."""
    pieces = [piece.decode(which.label) for piece in (*which.pieces, which.bytes_of("\n"))]
    size = len(text.text)
    one = st.tuples(st.integers(0, size), st.integers(0, size), st.sampled_from(pieces))

    def sorted_out(drawn: list[tuple[int, int, str]]) -> list[Splice]:
        places = sorted(place for start, end, _ in drawn for place in (start, end))
        return [Splice(*span, new) for span, (_, _, new) in zip(batched(places), drawn, strict=True)]

    return st.lists(one, max_size=4).map(sorted_out)


def batched(places: list[int]) -> list[tuple[int, int]]:
    return list(zip(places[::2], places[1::2], strict=True))


@pytest.mark.parametrize("which", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=25)
@given(st.data())
def test_bytes_outside_of_the_spans_stay_and_the_result_means_what_it_should(which: Kind, data: st.DataObject) -> None:
    text = data.draw(stored(which))
    splices = data.draw(splices_of(which, text))
    assert text.spliced([]) is text.content
    try:
        result = text.spliced(splices)
    except Failure as failure:
        # Half of a pair cannot stand alone: it has no bytes of its own.
        assert failure.code == "unsupported_encoding"  # noqa: PT017 - it need not be raised
        assert b"" in bytes_of_each(text) or any(splice.new.startswith(("\u309a", "\u0304")) for splice in splices)
        return
    after = text_of(result, subject="", label=which.label)
    assert after.text == changed(text.text, splices)
    assert after.encoding == text.encoding
    assert result == (put_in(text, splices) or result)


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_a_stateful_encoding_is_written_as_before_up_to_the_line_that_changes(name: str) -> None:
    words = {"hz": "中文 ~", "iso2022_kr": "한국어", "utf-7": "日本語 +"}.get(canonical_name(name), "日本語")
    lines = [f"{words} one\n", "two\n", f"three {words}\n", "four"]
    content = "".join(lines).encode(name)
    text = text_of(content, subject="", label=name)
    at = text.text.index("two")
    result = text.spliced([Splice(at, at + 3, words)])
    assert result.decode(name) == changed(text.text, [Splice(at, at + 3, words)])
    assert result.startswith(lines[0].encode(name))
    assert result.endswith(content[-len(b"four") :])


def test_a_stateful_file_that_is_not_written_in_the_usual_way_is_refused() -> None:
    content = b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(B one\n"  # leaves the Japanese set between two characters of it
    text = text_of(content, subject="", label="iso2022_jp")
    assert text.text == "日本 one\n"
    with pytest.raises(Failure, match=r"^\[unsupported_encoding\].*iso2022_jp.*write_file"):
        text.spliced([Splice(3, 6, "two")])
    assert text.spliced([]) == content


def test_characters_with_several_byte_sequences_keep_the_one_that_they_have() -> None:
    content = b"".join(TWICE) + b"\nold\n" + b"".join(reversed(TWICE))
    text = text_of(content, subject="", label="cp932")
    assert text.text.encode("cp932") != content
    at = text.text.index("old")
    assert text.spliced([Splice(at, at + 3, "new")]) == content.replace(b"old", b"new")


@pytest.mark.parametrize(
    ("splices", "result"),
    [
        ([Splice(1, 2, "x")], "か".encode("shift_jis_2004") + b"xz"),
        ([Splice(0, 1, "a"), Splice(1, 2, "b")], b"abz"),
        ([Splice(0, 1, "xき")], "xき\u309a".encode("shift_jis_2004") + b"z"),
        ([Splice(1, 1, "\u309aか")], b"\x82\xf5\x82\xf5z"),
        ([Splice(0, 2, "x")], b"xz"),
        ([Splice(2, 2, "x")], b"\x82\xf5xz"),
        ([Splice(0, 1, "x")], None),
        ([Splice(1, 1, "x")], None),
    ],
)
def test_a_sequence_for_two_characters_is_written_anew_where_one_of_them_changes(
    splices: list[Splice], result: bytes | None
) -> None:
    text = text_of(b"\x82\xf5z", subject="", label="shift_jis_2004")
    assert text.text == "か\u309az"
    if result is None:  # the second has no bytes of its own
        with pytest.raises(Failure, match=r"U\+309A"):
            text.spliced(splices)
    else:
        assert text.spliced(splices) == result


@pytest.mark.parametrize(
    ("label", "new", "told"),
    [
        ("latin-1", "ab\nc日", "U\\+65E5 日.*line 2 of"),
        ("shift_jis", "¥", "U\\+00A5 ¥.*line 1 of"),
        ("ascii", "é", "U\\+00E9 é"),
        ("iso2022_jp", "é", "U\\+00E9 é"),
        ("cp932", "\U0001f600", "U\\+1F600"),
    ],
)
def test_text_that_the_encoding_cannot_hold_is_refused_with_the_character(label: str, new: str, told: str) -> None:
    text = text_of(b"abc", subject="", label=label)
    with pytest.raises(Failure, match=rf'(?s)^\[unsupported_encoding\].*{told}.*encoding="utf-8"') as refused:
        text.spliced([Splice(1, 2, new)])
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(("new", "told"), [("a\n\ud800", "line 2 has U\\+D800"), ("\0", "line 1 has a NUL")])
def test_text_that_no_file_can_hold_is_refused(new: str, told: str) -> None:
    with pytest.raises(Failure, match=rf"^\[invalid_argument\] new_text\. Its {told}"):
        check_writable(new, "new_text")
    with pytest.raises(Failure, match=r"^\[invalid_argument\]"):
        text_of(b"abc", subject="", label="utf-7").spliced([Splice(0, 1, new)])


def test_a_result_that_would_mean_something_else_is_never_returned() -> None:
    wrong = Text(b"abc", Encoding("cp932", b"", ""), "abd")
    with pytest.raises(Failure, match=r"^\[unsupported_encoding\]"):
        wrong.spliced([Splice(0, 1, "x")])


@pytest.mark.parametrize(
    ("content", "label", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "", "image/png, 10 bytes"),
        (b"abc\0def\0\1\2\3", "", "application/octet-stream"),
        (b"ab\0", "utf-8", "Character 3 is NUL"),
        (codecs.BOM_UTF16_LE + "a\0".encode("utf-16-le"), "", "Character 2 is NUL"),
        (b"x" * 300_000 + b"\xe9", "", "Byte 300000 of 300001 means nothing in utf-8"),
        (codecs.BOM_UTF8 + b"a\xff", "", "Byte 4 of 5"),
        (b"abc\xff", "ascii", "Byte 3 of 4 means nothing in ascii"),
        (codecs.BOM_UTF16_LE + b"a\0\0\xd8b\0", "", "Byte 4 of 8 means nothing in utf-16-le"),
        (codecs.BOM_UTF16_LE + b"a", "", "Byte 2 of 3"),
        (b"a+2AA-", "utf-7", "Half of a character stands at character 2"),
    ],
)
def test_content_that_is_no_text_is_refused_with_a_next_step(content: bytes, label: str, told: str) -> None:
    with pytest.raises(Failure, match=rf'^\[binary_file\] "a"\. .*{told}') as refused:
        text_of(content, subject='"a"', label=label)
    assert refused.value.step


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(Failure, match=r"^\[unsupported_encoding\]"):
        text_of(b"", subject="", label="nothing")


def test_the_encoding_is_found_as_reading_finds_it() -> None:
    assert text_of("日本語の文章です。\n".encode("cp932"), subject="").encoding.name in {"cp932", "shift_jis"}
    assert text_of(codecs.BOM_UTF8 + b"a", subject="").text == "a"
    assert text_of(b"", subject="").text == ""


def test_line_numbers_are_those_of_reading() -> None:
    text = text_of(b"a\rb\nc\n", subject="")
    assert [text.line_of(at) for at in range(7)] == [1, 1, 1, 1, 2, 2, 3]
    assert text_of(b"a\rb\rc", subject="").line_of(4) == 3


@pytest.mark.parametrize(
    ("text", "endings"),
    [
        ("", ["\n"]),
        ("ab", ["\n"] * 3),
        ("a\n", ["\n"] * 3),
        ("a\r\nb", ["\r\n"] * 5),
        ("a\rb", ["\r"] * 4),
        ("a\r\nb\nc", ["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\n", "\n"]),
        ("a\nb\r\nc", ["\n", "\n", "\n", "\r\n", "\r\n", "\r\n", "\r\n"]),
        ("a\rb\nc", ["\n"] * 6),
        ("\n\r\n", ["\n", "\n", "\r\n", "\r\n"]),
    ],
)
def test_an_inserted_line_gets_the_ending_of_its_neighbours(text: str, endings: list[str]) -> None:
    assert [line_ending(text, at) for at in range(len(text) + 1)] == endings
    many = LineEndings(text)
    assert [many.at(at) for at in range(len(text) + 1)] == endings
    assert [many.at(at) for at in reversed(range(len(text) + 1))] == endings[::-1]


@given(ANY_ENDS)
def test_places_in_evened_text_are_found_in_the_stored_one(text: str) -> None:
    flat = even(text)
    assert flat == "\n".join(text.replace("\r\n", "\n").split("\r"))
    places = list(stored_places(text, range(len(flat) + 1)))
    assert [even(text[:at]) for at in places] == [flat[:at] for at in range(len(flat) + 1)]
    assert [even(text[at:]) for at in places] == [flat[at:] for at in range(len(flat) + 1)]


@given(st.text("ab", max_size=9), st.data(), st.text("ab", max_size=9))
def test_a_trimmed_splice_does_the_same_with_less(text: str, data: st.DataObject, new: str) -> None:
    start = data.draw(st.integers(0, len(text)))
    splice = Splice(start, data.draw(st.integers(start, len(text))), new)
    less = trimmed(text, splice)
    assert changed(text, [less]) == changed(text, [splice])
    assert splice.start <= less.start <= less.end <= splice.end
    old = text[less.start : less.end]
    assert not old or not less.new or (old[0] != less.new[0] and old[-1] != less.new[-1])


def test_large_texts_are_trimmed_and_measured_in_steps() -> None:
    long = "é" * 3_000_000
    splice = trimmed(long, Splice(0, len(long), f"{long[:2_000_000]}x{long[2_000_000:]}"))
    assert splice == Splice(2_000_000, 2_000_000, "x")
    text = text_of(long.encode("utf-8"), subject="")
    assert text.spliced([splice]) == changed(long, [splice]).encode()
    crlf = "ab\r\n" * 700_000
    assert list(stored_places(crlf, [2_000_001])) == [2_666_668]


def test_a_text_with_many_splices_is_gone_through_once() -> None:
    text = text_of("日本語\n".encode("cp932") * 20_000, subject="", label="cp932")
    splices = [Splice(at, at + 1, "本") for at in range(0, len(text.text), 4)]
    begun = time.process_time()
    assert text.spliced(splices) == "本本語\n".encode("cp932") * 20_000
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("name", BY_DECODING)
def test_no_character_is_shorter_than_a_byte_and_a_pair_of_them_has_two(name: str) -> None:
    """What finding the bytes of a character rests on, for every encoding that can be asked for."""
    assert encoded("a\n ~\\", name).decode(name) == "a\n ~\\"
    for pair in itertools.product(range(0x80, 0x100), range(0x30, 0x100, 3)):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            chars = decoder.decode(bytes(pair))
        except UnicodeDecodeError:
            continue
        assert len(chars) <= len(pair) - len(decoder.getstate()[0])
