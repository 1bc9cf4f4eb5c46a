"""Text that can be changed in places, every other byte left as it is.

Decoding and encoding a file back does not give the same file: several byte sequences mean one character in cp932,
a stateful encoding can be written in many ways, and a byte order mark is no text. So what is kept is never encoded
again: its bytes are taken from the file, from where its first character begins to where its last one ends.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fs_server.errors import Failure
from fs_server.files.codec_names import STATEFUL
from fs_server.files.decoding import line_end_of
from fs_server.files.encoding import SAMPLE_BYTES, Binary, Encoding, detect, named
from fs_server.files.eol import line_end
from fs_server.files.readable import InMemory
from sandbox import shown

__all__ = [
    "LineEndings",
    "Splice",
    "Text",
    "check_writable",
    "encoded",
    "even",
    "line_ending",
    "stored_places",
    "text_of",
]

_UNICODE: Final = frozenset({"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
"""Encodings in which every text has exactly one form, and which no neighbour changes the meaning of."""

_STEP: Final = 1 << 20
"""Characters or bytes that are looked at in one go, so that a large file is not held once more."""

_LONGEST_CHARACTER: Final = 8
"""Bytes of the longest character: a composed syllable in EUC-KR."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Splice:
    """Put `new` in the place of the characters from `start` to `end`, which are offsets into `Text.text`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file, together with its bytes.

    Attributes:
        content: the file, whole, with its byte order mark.
        encoding: of the text.
        text: all characters but the byte order mark, line ends as they stand. Neither NUL nor a lone surrogate.
        line_end: the character that ends a line for `read_file`, so that line numbers are the same here.
    """

    content: bytes
    encoding: Encoding
    text: str
    line_end: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line_end", line_end_of(InMemory(self.content), self.encoding).char)

    def line_of(self, offset: int) -> int:
        """Return the number of the line, from 1, that the character at `offset` stands in."""
        return self.text.count(self.line_end, 0, offset) + 1

    def spliced(self, splices: Sequence[Splice]) -> bytes:
        """Return the file with `splices` in it; they are sorted, and none begins before the former one ends.

        Bytes outside of the spans stay as they are. Where one byte sequence stands for two characters and a span
        holds one of them, the other is written anew.

        Raises:
            Failure: `unsupported_encoding`, the encoding cannot hold the new text, or not without a change to
                bytes outside of the spans; `invalid_argument`, the new text has a NUL or a lone surrogate.
        """
        for splice in splices:
            check_writable(splice.new, "The new text")
        if not splices:
            return self.content
        if self.encoding.name in STATEFUL:
            return self._encoded_anew(splices)
        result = b"".join(self._pieces(splices))
        if self.encoding.name not in _UNICODE:
            self._verify(result, splices)
        return result

    def _pieces(self, splices: Sequence[Splice]) -> Iterator[bytes]:
        """Yield the bytes of the result: the mark, and what is kept and what is new in turn."""
        yield self.encoding.bom
        walk = _Walk(self)
        kept_from = walk.to(0)
        new = ""
        for splice in splices:
            kept, half, other_half = self._kept(kept_from, walk.to(splice.start))
            if kept:
                yield encoded(new + half, self.encoding.name)
                yield kept
                new = half = ""
            new += half + other_half + splice.new
            kept_from = walk.to(splice.end)
        kept, half, _ = self._kept(kept_from, walk.to(len(self.text)))
        yield encoded(new + half, self.encoding.name)
        yield kept

    def _kept(self, start: "_Cut", end: "_Cut") -> tuple[bytes, str, str]:
        """Return the bytes of what is kept, and the halves of pairs before and behind it; mostly there are none."""
        if start.index == end.index:
            return b"", "", ""
        first = start.byte if start.after == start.index else start.byte + _PAIR_BYTES
        return self.content[first : end.byte], self.text[start.index : start.after], self.text[end.before : end.index]

    def _encoded_anew(self, splices: Sequence[Splice]) -> bytes:
        """Return the result in a stateful encoding: only where what is kept is encoded just as it stands."""
        name = self.encoding.name
        if self.encoding.bom + encoded(self.text, name) != self.content:
            raise Failure(
                "unsupported_encoding",
                f"The file is in {name}, and cannot be changed in a place only",
                "The text can be written in several ways in it, and this file does not have the usual one",
                'write_file with encoding="utf-8" converts the whole',
            )
        for splice in splices:  # told of the new text, not of the whole
            encoded(splice.new, name)
        result = self.encoding.bom + encoded(changed(self.text, splices), name)
        self._verify(result, splices)
        return result

    def _verify(self, result: bytes, splices: Sequence[Splice]) -> None:
        """Make sure that the result means what it should: in some encodings neighbours become one character."""
        if _decoded(result, self.encoding) != changed(self.text, splices):
            raise Failure(
                "unsupported_encoding",
                f"The new text cannot stand there in {self.encoding.name}",
                "With what stands beside it, it would become other characters",
                'Use other characters, or convert the whole: write_file with encoding="utf-8"',
            )


_ANY_FILE: Final = "Only text can be edited; move_path, copy_path and delete_path take any file"


def text_of(content: bytes, *, subject: str, label: str = "") -> Text:
    """Return the text of a file.

    Args:
        content: the file, whole.
        subject: the file in the caller's words, quoted.
        label: name of the encoding; empty to detect it as reading does.

    Raises:
        Failure: `binary_file`, also where a part is no text in its encoding; `unsupported_encoding`, for the label.
    """
    head = content[:SAMPLE_BYTES]
    encoding = named(label, head) if label else detect(head, len(content))
    if isinstance(encoding, Binary):
        raise Failure(
            "binary_file",
            subject,
            f"It is no text but {encoding.media_type}, {len(content)} bytes",
            _ANY_FILE,
        )
    try:
        text = _decoded(content, encoding)
    except UnicodeDecodeError as error:
        offset = error.start + len(encoding.bom)
        raise _undecodable(subject, f"Byte {offset} of {len(content)} means nothing in {encoding.name}") from error
    if (nul := text.find("\0")) >= 0:
        raise Failure("binary_file", subject, f"Character {nul + 1} is NUL, which no text has", _ANY_FILE)
    # The other decoders never yield one.
    if encoding.name == "utf-7" and (lone := _SURROGATE.search(text)):
        raise _undecodable(subject, f"Half of a character stands at character {lone.start() + 1}")
    return Text(content, encoding, text)


def changed(text: str, splices: Sequence[Splice]) -> str:
    """Return `text` with `splices` in it; they are sorted, and none begins before the former one ends."""
    pieces: list[str] = []
    end = 0
    for splice in splices:
        assert end <= splice.start <= splice.end <= len(text), "splices are sorted and do not overlap"
        pieces += (text[end : splice.start], splice.new)
        end = splice.end
    pieces.append(text[end:])
    return "".join(pieces)


def encoded(text: str, name: str) -> bytes:
    """Return the bytes of `text` in the Python codec `name`, which is none of those that write a mark.

    Raises:
        Failure: `unsupported_encoding`, naming the first character that it cannot hold, or that it would turn
            into another one.
    """
    try:
        data = text.encode(name)
    except UnicodeEncodeError as error:
        raise _unencodable(text, error.start, name) from error
    if name not in _UNICODE and not text.isascii():
        # A yen sign becomes a backslash in Shift-JIS, for one.
        read = data.decode(name)
        if read != text:
            same = next((at for at, (one, other) in enumerate(zip(text, read, strict=False)) if one != other), 0)
            raise _unencodable(text, same, name)
    return data


def check_writable(text: str, what: str) -> None:
    """Do nothing, if `text` can be written into a file at all.

    Raises:
        Failure: `invalid_argument`, for a NUL, which would make the file binary, or a lone surrogate.
    """
    if "\0" in text:
        at = text.index("\0")
        fact = "has a NUL, which would make the file binary"
    elif text.isascii() or (lone := _SURROGATE.search(text)) is None:
        return
    else:
        at = lone.start()
        fact = f"has U+{ord(text[at]):04X}, half of a character"
    line = text.count("\n", 0, at) + 1
    raise Failure("invalid_argument", what, f"Its line {line} {fact}", "Send the text without it")


def line_ending(text: str, offset: int) -> str:
    r"""Return the ending that a line inserted at `offset` should get: that of its neighbours.

    At the beginning of a line that is the ending before it, within a line the one at its end; in the last line,
    where that has none, the last one before; `\n` in a text of one line. As for `read_file`, a lone `\r` ends a line
    only where there is no `\n` at all.
    """
    return LineEndings(text).at(offset)


class LineEndings:
    """Answers `line_ending` for many places of one text; in one pass, where they come in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._char = line_end(text)
        # Places within one line have one answer: those from `_start` up to `_end`.
        self._start = self._end = 0
        self._ending = ""

    def at(self, offset: int) -> str:
        """Return the ending that a line inserted at `offset` should get."""
        if offset and self._text[offset - 1] == self._char:
            return self._ending_at(offset - 1)
        if not self._start <= offset < self._end:
            following = self._text.find(self._char, offset)
            self._start, self._end = offset, (following if following >= 0 else len(self._text)) + 1
            self._ending = self._ending_at(following if following >= 0 else self._text.rfind(self._char))
        return self._ending

    def _ending_at(self, at: int) -> str:
        return "\r\n" if self._text[max(at - 1, 0) : at + 1] == "\r\n" else self._char


def _decoded(content: bytes, encoding: Encoding) -> str:
    return str(memoryview(content)[len(encoding.bom) :], encoding.name)


def _undecodable(subject: str, fact: str) -> Failure:
    return Failure(
        "binary_file",
        subject,
        fact,
        'Find its encoding with read_file, such as encoding="cp1252"; write_file can store that text as UTF-8',
    )


def _unencodable(text: str, at: int, name: str) -> Failure:
    line = text.count("\n", 0, at) + 1
    return Failure(
        "unsupported_encoding",
        f"The file is in {name}, which has no U+{ord(text[at]):04X} {shown(text[at])}",
        f"It stands in line {line} of the new text",
        'Use other characters, or convert the whole: write_file with encoding="utf-8"',
    )


def even(text: str) -> str:
    r"""Return `text` with each line end as `\n`, so that texts can be compared whose lines end in different ways."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def stored_places(text: str, places: Iterable[int]) -> Iterator[int]:
    """Yield for each offset into `even(text)`, in rising order, the offset into `text`; never inside a line end."""
    at = seen = 0
    for place in places:
        # Evened, as many characters as are missing never have too many.
        while seen < place:
            end = min(at + place - seen, at + _STEP)
            end += text.startswith("\r\n", end - 1)
            seen += end - at - text.count("\r\n", at, end)
            at = end
        yield at


def trimmed(text: str, splice: Splice) -> Splice:
    """Return the same change of `text` without what it puts there again, at its beginning and at its end."""
    start, end, new = splice.start, splice.end, splice.new
    head = _shared(min(end - start, len(new)), lambda a, b: text[start + a : start + b] == new[a:b])
    start, new = start + head, new[head:]
    size = len(new)
    tail = _shared(min(end - start, size), lambda a, b: text[end - b : end - a] == new[size - b : size - a])
    return Splice(start, end - tail, new[: size - tail])


def _shared(most: int, same: Callable[[int, int], bool]) -> int:
    """Return the largest number up to `most` such that all before it is the same; `same` tells it of a range."""
    found, step = 0, 1 << 16
    while found < most:
        if same(found, min(found + step, most)):
            found = min(found + step, most)
        elif step > 1:
            step //= 2
        else:
            break
    return found


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place between two characters, and where it is in the bytes.

    Where it lies between the two characters of a pair, `before` and `after` are the indexes around the pair.
    """

    before: int
    index: int
    after: int
    byte: int
    """Where the character at `before` begins."""


_PAIR_BYTES: Final = 2
"""Bytes of the sequences that mean two characters; JIS X 0213 and Big5-HKSCS have some, checked in the tests."""


class _Walk:
    """Finds the bytes of characters, going forward only."""

    def __init__(self, text: Text) -> None:
        self._text = text.text
        self._name = text.encoding.name
        self._content = memoryview(text.content)
        self._index = 0
        self._byte = len(text.encoding.bom)
        self._decoder = codecs.getincrementaldecoder(self._name)
        # Then every character has one byte; a file in UTF-8 mostly is so.
        self._plain = text.text.isascii() and len(text.text) == len(text.content) - self._byte

    def to(self, index: int) -> _Cut:
        """Return where the character `index` begins, which is not before the last one that was asked for."""
        if self._plain:
            return _Cut(index, index, index, self._byte + index)
        if self._name in _UNICODE:
            self._measure(index)
        else:
            self._decode(index)
        return _Cut(self._index, index, index if self._index == index else self._index + 2, self._byte)

    def _measure(self, index: int) -> None:
        """Go to `index` by the length that the characters before it have: there is one form of each."""
        while self._index < index:
            end = min(self._index + _STEP, index)
            self._byte += len(self._text[self._index : end].encode(self._name))
            self._index = end

    def _decode(self, index: int) -> None:
        """Go to `index`, or to the pair around it, by decoding.

        No character has less than a byte, and a pair has two. So as many bytes as characters are missing never
        lead too far, and only the last one can be a pair that does.
        """
        least = 0
        while self._index < index:
            window = self._content[self._byte : self._byte + min(max(index - self._index, least), _STEP)]
            decoder = self._decoder()
            chars = len(decoder.decode(window))
            if self._index + chars > index:
                return
            if not chars:  # the character has more bytes than were taken
                least = len(window) + 1
                assert least <= _LONGEST_CHARACTER
                continue
            least = 0
            self._index += chars
            self._byte += len(window) - len(decoder.getstate()[0])
