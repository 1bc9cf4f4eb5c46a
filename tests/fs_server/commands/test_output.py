"""What is kept of an output, where, and that all of it is counted."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.commands.log import MEMORY_BYTES, Log
from fs_server.commands.output import TAIL_BYTES, Output


@given(pieces=st.lists(st.binary(max_size=40), max_size=20), most=st.integers(0, 200), size=st.integers(1, 90))
def test_whatever_is_kept_is_what_was_printed(pieces: list[bytes], most: int, size: int) -> None:
    output = Output(Path("/nowhere"), most)
    for piece in pieces:
        output.add(piece)
    whole = b"".join(pieces)
    assert output.total == len(whole)
    offset, read = 0, 0
    while offset < output.total:
        start, found = output.read(offset, size)
        assert found
        assert found == whole[start : start + len(found)]
        offset, read = start + len(found), read + len(found)
    assert output.omitted == len(whole) - read


def test_a_long_output_has_a_beginning_on_the_disk_and_an_end_in_memory(tmp_path: Path) -> None:
    output = Output(tmp_path / "output", 1 << 20)
    line = b"0123456789abcde\n" * 4_096
    for _ in range(64):
        output.add(line)
    assert output.total == 4 << 20
    assert output.omitted == (3 << 20) - TAIL_BYTES
    assert output.read(0, 16) == (0, line[:16])
    assert output.read((1 << 20) - 8, 16) == ((1 << 20) - 8, line[-8:])
    assert output.read(1 << 20, 16) == ((4 << 20) - TAIL_BYTES, line[:16])
    assert output.read((4 << 20) - 4, 99) == ((4 << 20) - 4, b"cde\n")
    output.close()
    output.close()


def test_the_file_has_no_name_and_is_the_users_alone(tmp_path: Path) -> None:
    log = Log(tmp_path / "state" / "output", 1 << 20)
    log.add(memoryview(b"x" * (MEMORY_BYTES + 1)))
    assert list((tmp_path / "state" / "output").iterdir()) == []
    assert (tmp_path / "state" / "output").stat().st_mode & 0o777 == 0o700
    assert os.fstat(log._file).st_mode & 0o777 == 0o600
    assert log.read(MEMORY_BYTES, 9) == b"x"
    log.close()


def test_where_no_file_can_be_made_the_end_is_kept_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file stands in its place")
    output = Output(tmp_path / "output", 1 << 20)
    output.add(b"a" * MEMORY_BYTES)
    output.add(b"b" * 10)
    output.add(b"c" * 10)
    assert output.read(0, 1) == (0, b"a")
    assert output.read(MEMORY_BYTES, 99) == (MEMORY_BYTES, b"b" * 10 + b"c" * 10)
    assert output.omitted == 0


def test_a_disk_without_room_ends_the_log_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path / "output", 1 << 20)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert log.add(memoryview(b"x" * (MEMORY_BYTES + 1))) == 0
    assert log.full
    assert log.add(memoryview(b"y")) == 0
    log.close()
