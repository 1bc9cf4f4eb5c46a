import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.files.codec_names import STATEFUL
from fs_server.files.encoding import Encoding
from fs_server.files.lines import COUNTED_BYTES, Window, window
from fs_server.files.readable import CHUNK, InMemory
from tests.fs_server.files.disk import DiskFile

UTF8 = Encoding("utf-8", b"", "")
ENCODINGS = {
    "utf-8": UTF8,
    "utf-8 with a mark": Encoding("utf-8", b"\xef\xbb\xbf", ""),
    "utf-16-le": Encoding("utf-16-le", b"", ""),
    "utf-16-be with a mark": Encoding("utf-16-be", b"\xfe\xff", ""),
    "utf-32-be": Encoding("utf-32-be", b"", ""),
    "latin-1": Encoding("iso8859-1", b"", ""),
    "shift_jis": Encoding("shift_jis", b"", ""),
    "gb18030": Encoding("gb18030", b"", ""),
    "EBCDIC": Encoding("cp037", b"", ""),
    "iso2022_jp": Encoding("iso2022_jp", b"", ""),
    "utf-7": Encoding("utf-7", b"", ""),
    "hz": Encoding("hz", b"", ""),
}
ALPHABETS = {
    # U+0A0A and U+0D0D have the bytes of a line end at the wrong place; U+1F4A9 is two units of UTF-16.
    "utf-8": "aé日\u0a0a\U0001f4a9\ufffd",
    "utf-8 with a mark": "aé日\ufeff",
    "utf-16-le": "a\u0a0a\u000a\u0a00\u0d0d\u000d\U0001f4a9日".replace("\n", "").replace("\r", ""),
    "utf-16-be with a mark": "a\u0a0a\u0a00\u0d0d\U0001f4a9日",
    "utf-32-be": "a\u0a0a\u0a00\U0001f4a9",
    "latin-1": "aé\x85",
    "shift_jis": "a日ソ表ﾃ",
    "gb18030": "a中\U0001f4a9é",
    "EBCDIC": "aé%\x8e",
    "iso2022_jp": "a日本",
    "utf-7": "a日+-",
    "hz": "a中文",
}
LINE_ENDS = {"lf": ["\n"], "crlf": ["\r\n"], "cr": ["\r"], "mixed": ["\n", "\r\n", "\r"]}


def encoded(text: str, encoding: Encoding) -> bytes:
    return encoding.bom + text.encode(encoding.name)


def read(text: str, *, start_line: int = 1, line_count: int = 0, max_chars: int = 1000) -> Window:
    file = InMemory(text.encode())
    return window(file, UTF8, start_line=start_line, line_count=line_count, max_chars=max_chars)


def split(text: str, line_end: str) -> list[str]:
    return [line for line in text.replace(line_end, line_end + "\0").split("\0") if line]


@st.composite
def texts(draw: st.DrawFn, alphabet: str) -> str:
    ends = LINE_ENDS[draw(st.sampled_from(sorted(LINE_ENDS)))]
    line = st.text(alphabet, max_size=12)
    lines = draw(st.lists(st.tuples(line, st.sampled_from(ends)), max_size=12))
    return "".join(text + end for text, end in lines) + draw(line)


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=st.data())
def test_consecutive_windows_are_the_file(name: str, data: st.DataObject) -> None:
    encoding = ENCODINGS[name]
    text = data.draw(texts(ALPHABETS[name]))
    file = InMemory(encoded(text, encoding))
    line_count = data.draw(st.integers(0, 4))
    chunk = data.draw(st.sampled_from([4, 8, 12, 64]))
    line_end = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = split(text, line_end)
    codec = "utf-8" if encoding.name in STATEFUL else encoding.name  # of the copy that is read
    shown: list[str] = []
    following: int | None = 1
    while following is not None:
        part = window(file, encoding, start_line=following, line_count=line_count, max_chars=14, chunk=chunk)
        assert len(part.text) <= 14
        assert part.total_lines == len(lines)
        assert part.undecodable == 0
        following = part.next_start_line
        if part.start_line is None:  # an empty file
            continue
        stored = lines[part.start_line - 1 : part.end_line]
        if part.cut_line_bytes is None:
            assert part.lines() == stored
            assert len(stored) == line_count or part.truncated or not following or not line_count
        else:
            assert len(stored[0]) > 14
            assert stored[0].startswith(part.text)
            assert part.cut_line_bytes == len(encoded(stored[0], Encoding(codec, b"", "")))
        shown += stored
    assert "".join(shown) == text


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=st.data())
def test_the_last_lines_are_those_that_a_full_pass_finds(name: str, data: st.DataObject) -> None:
    """The way from the end, which only large files take, is taken here by any file."""
    encoding = ENCODINGS[name]
    text = data.draw(texts(ALPHABETS[name]))
    lines = split(text, "\r" if "\r" in text and "\n" not in text else "\n")
    number = data.draw(st.integers(1, 8))
    file = InMemory(encoded(text, encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fs_server.files.lines.COUNTED_BYTES", -1)
        part = window(file, encoding, start_line=-number, max_chars=1000, chunk=data.draw(st.sampled_from([4, 8])))
    assert part.text == "".join(lines[-number:])
    assert part.start_line in {None, 1}


@given(data=st.binary(max_size=60), name=st.sampled_from(sorted(ENCODINGS)), chunk=st.sampled_from([4, 8, 64]))
def test_bytes_that_are_no_text_never_raise(data: bytes, name: str, chunk: int) -> None:
    encoding = Encoding(ENCODINGS[name].name, b"", "")
    for start in (1, 2, -1, -2):
        part = window(InMemory(data), encoding, start_line=start, max_chars=100, chunk=chunk)
        assert len(part.text) <= 100


@given(data=st.binary(max_size=60))
def test_every_damaged_place_is_counted_and_a_stored_replacement_character_is_not(data: bytes) -> None:
    data = data.replace(b"\r", b"") + "\ufffd".encode()
    part = window(InMemory(data), UTF8, max_chars=1000)
    assert part.text == data.decode("utf-8", "replace")
    assert part.undecodable == part.text.count("\ufffd") - data.decode("utf-8", "ignore").count("\ufffd")


def test_a_window_names_its_lines_and_where_to_go_on() -> None:
    part = read("one\ntwo\nthree\nfour\n", start_line=2, line_count=2)
    assert (part.text, part.start_line, part.end_line) == ("two\nthree\n", 2, 3)
    assert (part.total_lines, part.next_start_line, part.truncated) == (4, 4, False)


def test_the_budget_cuts_behind_a_line_and_says_so() -> None:
    part = read("one\ntwo\nthree\n", max_chars=9)
    assert (part.text, part.end_line, part.next_start_line, part.truncated) == ("one\ntwo\n", 2, 3, True)


def test_a_line_longer_than_the_budget_is_cut_inside_with_its_length_in_bytes() -> None:
    part = read("é" * 50 + "\nnext\n", max_chars=10)
    assert (part.text, part.cut_line_bytes, part.truncated) == ("é" * 10, 101, True)
    assert (part.start_line, part.end_line, part.next_start_line, part.total_lines) == (1, 1, 2, 2)


def test_the_last_line_cut_inside_has_nothing_after_it() -> None:
    part = read("a\n" + "b" * 50, start_line=2, max_chars=10)
    assert (part.text, part.cut_line_bytes, part.next_start_line) == ("b" * 10, 50, None)


@pytest.mark.parametrize("text", ["one\ntwo\n", "one\ntwo"])
def test_a_start_behind_the_end_names_the_total(text: str) -> None:
    part = read(text, start_line=3)
    assert (part.text, part.start_line, part.end_line, part.total_lines) == ("", None, None, 2)
    assert part.lines() == []


def test_an_empty_file_has_no_lines() -> None:
    part = read("")
    assert (part.text, part.start_line, part.total_lines, part.next_start_line) == ("", None, 0, None)


def test_more_lines_from_the_end_than_there_are_begin_at_the_first() -> None:
    part = read("one\ntwo\n", start_line=-10)
    assert (part.text, part.start_line, part.end_line) == ("one\ntwo\n", 1, 2)


@pytest.mark.parametrize(("start_line", "line_count"), [(0, 0), (1, -1)])
def test_numbers_that_name_no_lines_are_refused(start_line: int, line_count: int) -> None:
    with pytest.raises(Failure, match=r"^\[invalid_argument\]"):
        read("x", start_line=start_line, line_count=line_count)


def test_half_a_character_at_the_end_of_utf_16_is_a_damaged_last_line() -> None:
    encoding = ENCODINGS["utf-16-le"]
    part = window(InMemory("ab\n".encode("utf-16-le") + b"\n"), encoding, max_chars=100)
    assert (part.text, part.total_lines, part.undecodable) == ("ab\n\ufffd", 2, 1)
    data = "ab\n".encode("utf-16-le") + "\u0a41".encode("utf-16-le") + b"\x00"
    tail = window(InMemory(data), encoding, start_line=-1, max_chars=100)
    assert tail.text == "\u0a41\ufffd"


def test_a_file_whose_sample_ends_in_the_middle_of_crlf_is_not_taken_for_one_with_cr() -> None:
    text = "x" * ((1 << 16) - 1) + "\r\nsecond\r\n"
    part = window(InMemory(text.encode()), UTF8, start_line=2, max_chars=100)
    assert part.text == "second\r\n"


def test_a_stateful_file_too_large_to_decode_as_a_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, (16 << 20) + 1)
    with DiskFile(path) as file, pytest.raises(Failure, match=r"^\[too_large\].*16777217 bytes"):
        window(file, ENCODINGS["iso2022_jp"], max_chars=10)


def test_a_stopped_pass_ends_before_the_next_chunk() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        window(InMemory(b"x\n" * 100), UTF8, start_line=50, max_chars=10, stop=stop)


def test_a_file_that_shrinks_while_it_is_read_gives_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(b"line\n" * 1000)
    with DiskFile(path) as file:
        os.truncate(path, 12)
        assert window(file, UTF8, max_chars=10_000).text == "line\nline\nli"
        os.truncate(path, 0)
        assert window(file, UTF8, max_chars=10_000).text == ""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Hold 96 MiB in lines of 64 bytes that begin with their number: more than is counted for its own sake."""
    path = tmp_path_factory.mktemp("large") / "lines"
    with path.open("wb") as stream:
        for block in range(96):
            first = block * (CHUNK // 64) + 1
            stream.write(b"".join(b"%063d\n" % n for n in range(first, first + CHUNK // 64)))
    assert path.stat().st_size > COUNTED_BYTES
    yield path
    path.unlink()


LARGE_LINES = 96 * (CHUNK // 64)


def test_the_last_lines_of_a_large_file_are_read_from_its_end(large: Path) -> None:
    with DiskFile(large) as file:
        part = window(file, UTF8, start_line=-100, max_chars=20_000)
        assert file.bytes_read < 1 << 18
    assert part.lines() == [f"{n:063d}\n" for n in range(LARGE_LINES - 99, LARGE_LINES + 1)]
    assert (part.start_line, part.end_line, part.total_lines, part.next_start_line) == (None,) * 4


def test_a_cut_window_from_the_end_goes_on_from_the_end(large: Path) -> None:
    with DiskFile(large) as file:
        part = window(file, UTF8, start_line=-100, max_chars=640)
        assert (part.next_start_line, part.truncated) == (-90, True)
        following = window(file, UTF8, start_line=-90, line_count=1, max_chars=640)
    assert following.text == f"{LARGE_LINES - 89:063d}\n"


def test_a_deep_window_asked_again_reads_one_chunk(large: Path) -> None:
    with DiskFile(large) as file:
        window(file, UTF8, start_line=LARGE_LINES - 1000, line_count=1, max_chars=100)
        file.bytes_read = 0
        again = window(file, UTF8, start_line=LARGE_LINES - 2000, line_count=1, max_chars=100)
        assert file.bytes_read <= 2 * CHUNK
    assert again.text == f"{LARGE_LINES - 2000:063d}\n"
    assert (again.start_line, again.total_lines) == (LARGE_LINES - 2000, None)


def test_a_start_behind_the_end_of_a_large_file_names_the_total_and_it_stays_known(large: Path) -> None:
    with DiskFile(large) as file:
        assert window(file, UTF8, start_line=10**9, max_chars=100).total_lines == LARGE_LINES
        first = window(file, UTF8, max_chars=100)
    assert (first.total_lines, first.next_start_line) == (LARGE_LINES, 2)


def test_a_file_that_changed_is_counted_again(tmp_path: Path) -> None:
    path = tmp_path / "changing"
    path.write_bytes(b"aaa\n" * (CHUNK // 4) + b"end\n")
    with DiskFile(path) as file:
        assert window(file, UTF8, start_line=CHUNK // 4 + 1, max_chars=9).text == "end\n"
    path.write_bytes(b"a" * (CHUNK - 1) + b"\nend\n")
    os.utime(path, ns=(1, 1))
    with DiskFile(path) as file:
        assert window(file, UTF8, start_line=2, max_chars=9).text == "end\n"


@pytest.mark.guarantee("G13")
def test_a_gigabyte_is_read_in_windows_in_flat_memory(tmp_path: Path) -> None:
    """A sparse file, one line of a gigabyte of zeros and two more, in a child that may hold 100 MiB more."""
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\nsecond\nthird\n")
    program = """
        import resource, sys
        from pathlib import Path
        from fs_server.files.encoding import Encoding
        from fs_server.files.lines import window
        from tests.fs_server.files.disk import DiskFile
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with DiskFile(Path(sys.argv[1])) as file:
            def ask(**question):
                return window(file, Encoding("utf-8", b"", ""), max_chars=100, **question)
            cut = ask()
            assert (len(cut.text), cut.cut_line_bytes, cut.next_start_line) == (100, (1 << 30) + 1, 2), cut
            assert ask(start_line=2).text == "second\\nthird\\n"
            assert ask(start_line=-2).text == "second\\nthird\\n"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 30_000, grown
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    path.unlink()
    assert done.returncode == 0, done.stderr
