"""The encoding in which a text is written: what was asked for, with the mark that its name or the old file says."""

import codecs

import pytest

from fs_server.errors import Failure
from fs_server.files.encoding import Encoding
from fs_server.files.new_encoding import encoding_for_new


@pytest.mark.parametrize(
    ("label", "head", "name", "mark"),
    [
        ("", b"", "utf-8", b""),
        ("", b"\xef\xbb\xbfold", "utf-8", codecs.BOM_UTF8),
        ("utf-8", b"", "utf-8", b""),
        ("UTF8", b"old", "utf-8", b""),
        ("utf-8", b"\xef\xbb\xbfold", "utf-8", codecs.BOM_UTF8),
        ("utf-8-sig", b"", "utf-8", codecs.BOM_UTF8),
        ("UTF_8_SIG", b"old", "utf-8", codecs.BOM_UTF8),
        ("utf-16", b"", "utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16", b"\xfe\xff\0o", "utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b"", "utf-16-le", b""),
        ("utf-16-be", b"\xfe\xff\0o", "utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32", b"", "utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", b"", "utf-32-be", b""),
        ("latin-1", b"\xef\xbb\xbfold", "latin-1", b""),
        ("shift_jis", b"old", "shift_jis", b""),
    ],
)
def test_a_label_says_the_encoding_and_whether_there_is_a_mark(label: str, head: bytes, name: str, mark: bytes) -> None:
    found = encoding_for_new(label, head)
    assert codecs.lookup(found.name) == codecs.lookup(name)
    assert found.bom == mark


def test_what_is_found_for_a_name_can_be_written() -> None:
    assert encoding_for_new("utf-16") == Encoding("utf-16-le", b"\xff\xfe", "asked for")


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(Failure) as refused:
        encoding_for_new("utf-9")
    assert refused.value.code == "unsupported_encoding"
