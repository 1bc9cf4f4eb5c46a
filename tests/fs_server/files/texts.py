"""Texts and the files that hold them: every kind of line end in every kind of encoding."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from fs_server.files.text import Splice, Text, text_of

# Several byte sequences for one character each: NEC's row 13, IBM's extensions, and those that NEC took from IBM.
TWICE = [
    b"\x87\x90",
    b"\x81\xe0",
    b"\x87\x95",
    b"\x81\xe3",
    b"\x87\x9a",
    b"\xfa\x4a",
    b"\x87\x54",
    b"\xee\xef",
    b"\xfa\x40",
]

WORDS = ("", "x", "foo", "    if x:", "\treturn 1", "bar baz", "# done", "}")
ENDS = {"LF": ("\n",), "CRLF": ("\r\n",), "CR": ("\r",), "mixed": ("\n", "\r\n", "\r")}


@dataclass(frozen=True)
class Kind:
    """An encoding, with the pieces of a file that it is tried with: characters, and the bytes of each."""

    name: str
    label: str
    mark: bytes
    pieces: tuple[bytes, ...]

    def bytes_of(self, text: str) -> bytes:
        return text.encode(self.label)


def kind(name: str, label: str, *, mark: bytes = b"", words: str = "", pieces: tuple[bytes, ...] = ()) -> Kind:
    spelt = [word.encode(label) for word in [*WORDS, *words.split()]]
    return Kind(name, label, mark, (*spelt, *pieces))


KINDS = [
    kind("UTF-8", "utf-8", words="Größe 日本語 😀 e\u0301"),
    kind("UTF-8 with a mark", "utf-8", mark=codecs.BOM_UTF8, words="Größe 日本語 \ufeff"),
    kind("UTF-16 LE", "utf-16-le", mark=codecs.BOM_UTF16_LE, words="Größe 日本語 😀 \u0a0d\u0d0a"),
    kind("UTF-16 BE", "utf-16-be", mark=codecs.BOM_UTF16_BE, words="Größe 日本語 😀 \u0a0d\u0d0a"),
    kind("UTF-32", "utf-32-le", mark=codecs.BOM_UTF32_LE, words="Größe 😀"),
    kind("latin-1", "latin-1", words="Größe café"),
    kind("cp932", "cp932", words="日本語 表示 ソ ｱｲ", pieces=tuple(TWICE)),
    kind("Shift-JIS", "shift_jis", words="日本語 表示 ソ ｱｲ"),
    kind("Shift-JIS 2004", "shift_jis_2004", words="日本語 か゚ か き゚", pieces=(b"\x82\xf5",)),
    kind("Big5-HKSCS", "big5hkscs", words="中文 Ê", pieces=(b"\x88\x62", b"\x88\xa3")),
    kind("GB18030", "gb18030", words="中文 😀 ǹ é"),
    kind("EUC-KR", "euc_kr", words="한국어", pieces=(b"\xa4\xd4\xa4\xb6\xa4\xd0\xa4\xd4",)),
    kind("EBCDIC", "cp037", words="café"),
]


def stored(which: Kind) -> st.SearchStrategy[Text]:
    """Return files of that kind; the last line may have no end."""
    pieces = list(which.pieces)
    contents = [
        st.lists(
            st.sampled_from([*pieces, *[which.bytes_of(end) for end in ends] * (1 + len(pieces) // 3)]), max_size=16
        )
        for ends in ENDS.values()
    ]
    joined = st.one_of(contents).map(lambda pieces: which.mark + b"".join(pieces))
    return joined.map(lambda content: text_of(content, subject="", label=which.label))


def bytes_of_each(text: Text) -> list[bytes]:
    """Return the bytes of each character, found by decoding byte for byte; of a pair, the first has those of both."""
    decoder = codecs.getincrementaldecoder(text.encoding.name)()
    found: list[bytes] = []
    pending = b""
    for at in range(len(text.encoding.bom), len(text.content)):
        pending += text.content[at : at + 1]
        if chars := decoder.decode(text.content[at : at + 1]):
            found += [pending, b""][: len(chars)]
            pending = b""
    return found


def put_in(text: Text, splices: Sequence[Splice]) -> bytes | None:
    """Return the file with the splices in it, each kept character in its own bytes; None where a pair is cut."""
    kept = bytes_of_each(text)
    result = text.encoding.bom
    new = ""
    end = 0
    for splice in [*splices, Splice(len(kept), len(kept), "")]:
        if any(at < len(kept) and not kept[at] for at in (splice.start, splice.end)):
            return None
        if splice.start > end:
            result += new.encode(text.encoding.name) + b"".join(kept[end : splice.start])
            new = ""
        # Side by side, two of them may put in the two characters of a pair.
        new += splice.new
        end = splice.end
    return result + new.encode(text.encoding.name)
