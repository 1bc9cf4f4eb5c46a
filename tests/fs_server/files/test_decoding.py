import codecs
import itertools
from collections.abc import Iterator

import pytest

from fs_server.files.codec_names import _CODECS, STATEFUL, canonical_name
from fs_server.files.decoding import Decoder, clean

FIXED = {canonical_name(name) for name in _CODECS} - STATEFUL
BYTEWISE = sorted(name for name in FIXED if not name.startswith(("utf-16", "utf-32")))


def beginnings() -> Iterator[bytes]:
    """Yield what may stand before a line end: every byte, pairs, and the longer sequences of GB18030 and EUC."""
    yield from (bytes([a]) for a in range(256))
    yield from (bytes(pair) for pair in itertools.product(range(0x80, 0x100), range(0x30, 0x100, 16)))
    triples = itertools.product(range(0x81, 0x100, 12), (0x30, 0x39, 0x80, 0xA1, 0xD4), range(0x81, 0x100, 24))
    yield from (bytes(triple) for triple in triples)
    yield from (b"\xa4\xd4\xa4" + bytes([a, 0xA4]) for a in range(0xA0, 0x100))


@pytest.mark.parametrize("name", BYTEWISE)
def test_no_decoder_takes_a_line_end_for_a_part_of_a_character(name: str) -> None:
    """The fact that `decoding` rests on: a line end is found in the bytes, whatever stands before it."""
    for char in "\n\r":
        end = char.encode(name)
        assert len(end) == 1
        after = "z".encode(name) * 12
        for before in beginnings():
            if end in before:
                continue
            text = Decoder(name).feed(before + end + after, final=True)
            assert text.endswith(char + "z" * 12), before
            assert text.count(char) == 1, before


def test_damage_is_counted_and_a_stored_replacement_character_is_not() -> None:
    decoder = Decoder("utf-8")
    text = decoder.feed("\ufffd".encode() + b"\xff\xe6", final=False) + decoder.feed(b"\x97a", final=True)
    assert clean(text) == ("\ufffd\ufffd\ufffda", 2)
    assert clean("plain") == ("plain", 0)


def test_the_mark_for_damage_is_nothing_that_a_file_can_hold() -> None:
    for name in ("utf-8", "utf-16-le", "utf-32-le"):
        lone = "\udfff".encode(name, "surrogatepass")
        assert clean(Decoder(name).feed(lone, final=True))[1] > 0
        with pytest.raises(UnicodeDecodeError):
            codecs.decode(lone, name)
