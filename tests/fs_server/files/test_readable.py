"""Bytes in memory that are read like a file."""

from fs_server.files.readable import InMemory


def test_two_texts_are_never_taken_for_one_even_where_one_takes_the_others_place() -> None:
    """ours: by `id` they were, once the first was gone, and the second got the first one's lines counted."""
    identities = {InMemory(b"%d" % (number % 10)).identity for number in range(1000)}
    assert len(identities) == 1000


def test_it_is_read_from_any_offset_and_piece_by_piece() -> None:
    text = InMemory(b"0123456789")
    assert text.read_at(8, 5) == b"89"
    assert text.read_at(20, 5) == b""
    assert list(text.chunks(3, 4)) == [b"3456", b"789"]
