import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.codec_names import _CODECS, canonical_name
from fs_server.files.decoding import Decoder
from fs_server.files.encoding import SAMPLE_BYTES, Binary, Encoding, detect, named

GERMAN = "Größe ändern für die Übung\nStraße\n"
JAPANESE = "これは日本語のテストです。文字コードを判定します。\n"
CHINESE = "这是一个中文文本文件,用于检测编码。\n"
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю.\n"
CODE = "# Größe\nx = 1\nprint('é')\n"


def found(data: bytes) -> Encoding:
    answer = detect(data, len(data))
    assert isinstance(answer, Encoding)
    return answer


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (GERMAN, "latin-1"),
        (CODE, "latin-1"),
        ("café", "latin-1"),
        ("nom;prénom\nDupont;Éric\n", "latin-1"),
        ("temp = 21°C\n", "latin-1"),
        ("“quoted” – and … €5", "cp1252"),  # noqa: RUF001 - the signs are the case
        ("café" * 40, "cp1252"),
        (JAPANESE, "shift_jis"),
        ("日本語", "shift_jis"),
        ("int main() { // メイン関数\n  return 0;\n}\n", "shift_jis"),
        (JAPANESE, "euc_jp"),
        ("日本語", "euc_jp"),
        (CHINESE, "gb18030"),
        ("這是一個中文文本文件,用於檢測編碼。\n", "big5"),
        ("이것은 한국어 텍스트입니다.\n", "euc_kr"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "cp866"),
        ("Zażółć gęślą jaźń, proszę bardzo, dziękuję\n", "cp1250"),
        ("Αυτό είναι ελληνικό κείμενο\n", "cp1253"),
    ],
)
def test_an_encoding_from_before_utf_8_is_guessed(text: str, codec: str) -> None:
    data = text.encode(codec)
    answer = found(data)
    assert data.decode(answer.name) == text
    assert not answer.certain
    assert answer.bom == b""


@pytest.mark.parametrize("text", ["a\n", GERMAN, JAPANESE * 5, "x = 1\r\n", RUSSIAN])
@pytest.mark.parametrize(("codec", "bom"), [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)])
@pytest.mark.parametrize("marked", [True, False])
def test_utf_16_is_found_with_and_without_a_mark(text: str, codec: str, bom: bytes, *, marked: bool) -> None:
    answer = found((bom if marked else b"") + text.encode(codec))
    assert (answer.name, answer.bom, answer.certain) == (codec, bom if marked else b"", True)


@pytest.mark.parametrize(("codec", "bom"), [("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE)])
@pytest.mark.parametrize("marked", [True, False])
def test_utf_32_is_found_with_and_without_a_mark(codec: str, bom: bytes, *, marked: bool) -> None:
    answer = found((bom if marked else b"") + GERMAN.encode(codec))
    assert (answer.name, answer.bom) == (codec, bom if marked else b"")


def test_utf_8_is_found_with_its_mark_and_without() -> None:
    assert found(b"\xef\xbb\xbfabc") == Encoding("utf-8", b"\xef\xbb\xbf", "byte order mark")
    assert found(JAPANESE.encode()) == Encoding("utf-8", b"", "valid UTF-8")
    assert found(b"") == Encoding("utf-8", b"", "ASCII so far")


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_that_the_sample_cuts_is_no_error(cut: int) -> None:
    data = (b"x" * (SAMPLE_BYTES - cut) + "\U0001f4a9".encode())[:SAMPLE_BYTES]
    assert detect(data, SAMPLE_BYTES + 3) == Encoding("utf-8", b"", "valid UTF-8")
    assert detect(data, SAMPLE_BYTES) != Encoding("utf-8", b"", "valid UTF-8")


def test_utf_8_with_one_broken_place_stays_utf_8() -> None:
    answer = found(GERMAN.encode() * 3 + b"\xff\n" + JAPANESE.encode())
    assert (answer.name, answer.certain) == ("utf-8", False)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "image/png"),
        (b"%PDF-1.7\nabc", "application/pdf"),
        (b"\x7fELF\x02\x01\x01\x00", "application/x-elf"),
        (b"abc\x00def\x00\x01\x02\x03", "application/octet-stream"),
        (bytes(range(1, 32)) * 4, "application/octet-stream"),
        (b"\x00", "application/octet-stream"),
        (bytes(range(128, 256)), "application/octet-stream"),
        (b"\x00\x01" * 50, "application/octet-stream"),
        (b"\x01\x00" * 50, "application/octet-stream"),
        (b"a\x00\x00b\x00c" * 50, "application/octet-stream"),
    ],
)
def test_binary_content_is_named_by_its_kind(data: bytes, kind: str) -> None:
    assert detect(data, len(data)) == Binary(kind)


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    answer = detect(data, len(data))
    if isinstance(answer, Encoding):
        Decoder(answer.name).feed(data, final=True)


@given(st.text())
def test_text_in_utf_8_without_zeros_is_never_taken_for_something_else(text: str) -> None:
    data = text.encode().replace(b"\0", b"").replace(b"\x1b", b"")
    answer = detect(data, len(data))
    if isinstance(answer, Encoding) and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert answer.name == "utf-8"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("Latin-1", "iso8859-1"),
        ("ISO-8859-15", "iso8859-15"),
        ("windows-1252", "cp1252"),
        ("Shift_JIS", "shift_jis"),
        ("sjis", "shift_jis"),
        ("EUC-JP", "euc_jp"),
        ("GB2312", "gb2312"),
        ("koi8-r", "koi8-r"),
        (" ascii ", "ascii"),
        ("utf-16", "utf-16-le"),
        ("utf-16be", "utf-16-be"),
        ("UTF-32", "utf-32-le"),
        ("utf-7", "utf-7"),
        ("iso-2022-jp", "iso2022_jp"),
    ],
)
def test_an_encoding_that_is_asked_for_is_known_by_its_usual_names(label: str, name: str) -> None:
    assert named(label, b"") == Encoding(name, b"", "asked for")


@pytest.mark.parametrize(
    "label",
    [
        "rot13",
        "rot_13",
        "base64",
        "hex",
        "zlib",
        "bz2",
        "uu",
        "quopri",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "os.path",
        "../../x",
        "encodings",
        "nothing",
        "\x00",
        "ü",
        "",
        "x" * 1000,
        ".",
    ],
)
def test_what_is_no_encoding_of_text_is_refused(label: str) -> None:
    with pytest.raises(Failure, match=r"^\[unsupported_encoding\]") as refused:
        named(label, b"")
    assert len(str(refused.value)) <= 300


def test_a_misspelt_encoding_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(Failure, match="Nearest: shift_jis"):
        canonical_name("shift-jiss")


def test_a_mark_that_agrees_with_the_name_is_no_part_of_the_text() -> None:
    assert named("utf-16", b"\xfe\xffab") == Encoding("utf-16-be", b"\xfe\xff", "asked for")
    assert named("utf-8", b"\xef\xbb\xbfab").bom == b"\xef\xbb\xbf"
    assert named("cp1252", b"\xef\xbb\xbfab").bom == b""
    assert named("utf-16-le", b"\xfe\xffab").bom == b""


@pytest.mark.parametrize("name", sorted(_CODECS))
def test_every_codec_that_may_be_asked_for_exists_and_is_known_by_its_own_name(name: str) -> None:
    canonical = canonical_name(name)
    assert codecs.lookup(canonical).name == canonical == canonical_name(canonical)
    assert Decoder(canonical).feed("a\n".encode(canonical), final=True).lstrip("\ufeff") == "a\n"
