import codecs
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fs_server.files import merge
from fs_server.files.merge import Merged, Overlap, merged
from tests.fs_server.files.texts import ENDS, KINDS, Kind

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "d\r", "e"]), max_size=12).map("".join).map(str.encode)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "together"),
    [
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
        ("a\nb\nc\n", "x\na\nb\nc\n", "a\nb\nc\ny\n", "x\na\nb\nc\ny\n"),
        ("a\nb\nc\nd\n", "b\nc\nd\n", "a\nb\nc\n", "b\nc\n"),
        ("a\nb\nc\n", "a\nb\nc", "A\nb\nc\n", "A\nb\nc"),
        ("a\r\nb\nc\r", "A\r\nb\nc\r", "a\r\nb\nc\rd", "A\r\nb\nc\rd"),
        # The same change on both sides is one; it may stand beside others.
        ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\nd\n", "a\nX\nc\nd\n"),
        ("a\nb\nc\nd\n", "A\nb\nX\nd\n", "a\nb\nX\nd\n", "A\nb\nX\nd\n"),
        # Line ends are part of a line.
        ("a\nb\nc\n", "a\r\nb\nc\n", "a\nb\nC\n", "a\r\nb\nC\n"),
    ],
)
def test_changes_of_different_lines_are_put_together(base: str, mine: str, theirs: str, together: str) -> None:
    for one, other in ((mine, theirs), (theirs, mine)):
        found = merged(base.encode(), one.encode(), other.encode())
        assert isinstance(found, Merged)
        assert found.content == together.encode()


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "overlap"),
    [
        ("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", Overlap("overlap", (2,), "X", "Y")),
        ("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", Overlap("overlap", (1,), "A", "a")),
        ("a\nb\nc\n", "a\nc\n", "a\nY\nc\n", Overlap("overlap", (2,), None, "Y")),
        ("a\nb\nc\n", "a\nY\nc\n", "a\nc\n", Overlap("overlap", (2,), "Y", None)),
        ("a\nb\n", "a\nX\nb\n", "a\nY\nb\n", Overlap("overlap", (2,), "X", "Y")),
        ("a\nb\n", "a\nb\nX", "a\nb\nY", Overlap("overlap", (3,), "X", "Y")),
        ("a\nb\nc\nd\ne\nf\n", "A\nb\nc\nD\ne\nf\n", "1\nx\nb\nc\n4\ne\nf\n", Overlap("overlap", (1, 5), "A", "1")),
        ("a\nb\nc\n", "a\nsame\nX\nc\n", "a\nsame\nY\nc\n", Overlap("overlap", (3,), "X", "Y")),
        ("a\nb\n", "a\nb\r\n", "a\nb\n\n", Overlap("overlap", (2,), "b", "b")),
        ("a\rb\r", "a\rX\r", "a\rY\r", Overlap("overlap", (2,), "X", "Y")),
        ("x\ry\nb\n", "x\ry\nX\n", "x\ry\nY\n", Overlap("overlap", (2,), "X", "Y")),
    ],
)
def test_changes_of_the_same_lines_or_of_lines_side_by_side_overlap(
    base: str, mine: str, theirs: str, overlap: Overlap
) -> None:
    assert merged(base.encode(), mine.encode(), theirs.encode()) == overlap
    utf_16 = [codecs.BOM_UTF16_LE + text.encode("utf-16-le") for text in (base, mine, theirs)]
    assert merged(*utf_16) == overlap


def test_no_more_than_twenty_overlaps_are_told() -> None:
    base = b"".join(b"line\n%d\n" % at for at in range(50))
    found = merged(base, base.replace(b"line", b"mine"), base.replace(b"line", b"theirs"))
    assert isinstance(found, Overlap)
    assert found.lines == tuple(range(1, 41, 2))


@pytest.mark.parametrize(
    ("base", "mine", "theirs"),
    [
        (b"a\0b\1\2", b"a\0c\1\2", b"a\0d\1\2"),
        (b"a\nb\nc\n", b"\x89PNG\r\n\x1a\n", b"a\nb\nC\n"),
        (b"a\nb\nc\n", codecs.BOM_UTF8 + b"a\nb\nc\n", b"a\nb\nC\n"),
        ("é\nb\nc\n".encode(), "é\nb\nC\n".encode("latin-1"), "É\nb\nc\n".encode()),
        ("a\nb\nc\n".encode("utf-16-le"), b"a\nb\nC\n", b"A\nb\nc\n"),
        ("a\nb\nc\n".encode("utf-16-le"), "a\nb\nC\n".encode("utf-16-be"), "A\nb\nc\n".encode("utf-16-le")),
    ],
)
def test_what_is_no_text_of_one_encoding_is_not_put_together(base: bytes, mine: bytes, theirs: bytes) -> None:
    assert merged(base, mine, theirs) == merged(base, theirs, mine) == Overlap("no text")


def test_a_file_that_was_ascii_agrees_with_the_encoding_that_a_change_brings() -> None:
    assert merged(b"a\nb\nc\n", "ä\nb\nc\n".encode("latin-1"), b"a\nb\nC\n") == Merged("ä\nb\nC\n".encode("latin-1"), 1)
    assert merged(b"a\nb\nc\n", b"A\nb\nc\n", "a\nb\nç\n".encode()) == Merged("A\nb\nç\n".encode(), 1)


def test_what_is_too_large_is_not_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "LARGEST", 8)
    assert merged(b"a\nb\nc\n", b"a\nb\nC\n", b"aaaaaaa\nb\nc\n") == Overlap("too large")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_side_that_has_changed_nothing_gives_the_other_whatever_it_is(base: bytes, other: bytes) -> None:
    assert merged(base, base, other) == Merged(other, int(base != other))
    assert merged(base, other, base) == Merged(other, 0)
    assert merged(base, other, other) == Merged(other, 0)


@given(LINES, LINES, LINES)
def test_it_does_not_matter_which_side_is_which(base: bytes, mine: bytes, theirs: bytes) -> None:
    one, other = merged(base, mine, theirs), merged(base, theirs, mine)
    if isinstance(one, Merged):
        assert isinstance(other, Merged)
        assert one.content == other.content
    else:
        assert isinstance(other, Overlap)
        assert (one.reason, one.mine, one.theirs) == (other.reason, other.theirs, other.mine)


@pytest.mark.parametrize("which", KINDS[:7], ids=lambda kind: kind.name)
@settings(max_examples=20)
@given(st.data())
def test_changes_apart_from_each_other_give_what_making_both_gives(which: Kind, data: st.DataObject) -> None:
    """Byte for byte, in every encoding that is found without being told, with all line ends, also mixed."""
    ends = data.draw(st.sampled_from(sorted(ENDS)))
    size = data.draw(st.integers(3, 12))
    end = st.sampled_from([which.bytes_of(end) for end in ENDS[ends]])
    piece = st.sampled_from(which.pieces)
    # Each line stands once, so that it is plain where a change was made.
    line = [which.bytes_of(f"{at} ") + data.draw(piece) + data.draw(end) for at in range(size)]
    places = sorted(data.draw(st.lists(st.integers(0, size), min_size=4, max_size=4)))
    first, last = slice(*places[:2]), slice(*places[2:])
    assume(first.stop < last.start)
    # None begins with a line feed, which a carriage return before it would make its own.
    new = st.lists(st.tuples(st.just(which.bytes_of("+")), piece, end).map(b"".join), max_size=2)
    mine, theirs = [*line], [*line]
    mine[first] = data.draw(new)
    theirs[last] = data.draw(new)
    both = [*theirs]
    both[first] = mine[first.start : first.start + len(mine) - size + first.stop - first.start]
    base, one, other, expected = (which.mark + b"".join(lines) for lines in (line, mine, theirs, both))
    found = merged(base, one, other)
    if isinstance(found, Overlap) and found.reason == "no text":
        return  # another encoding was guessed for one of them
    assert isinstance(found, Merged)
    assert found.content == expected


@pytest.mark.parametrize("kind", ["all one", "all new", "one line", "scattered"])
def test_the_cost_is_bounded(kind: str) -> None:
    base = [b"%d\n" % at for at in range(20_000)]
    mine, theirs = {
        "all one": ([b"x\n"] * 20_000, [b"y\n"] * 20_000),
        "all new": (base[::-1], base[1::2] + base[::2]),
        "one line": ([b"x" * 1_000_000], [b"y" * 1_000_000]),
        "scattered": (
            [b"m\n" if at % 10 == 0 else line for at, line in enumerate(base)],
            [b"t\n" if at % 10 == 5 else line for at, line in enumerate(base)],
        ),
    }[kind]
    begun = time.process_time()
    found = merged(b"".join(base), b"".join(mine), b"".join(theirs))
    assert time.process_time() - begun < 20
    assert isinstance(found, Merged) == (kind == "scattered")
