"""Large contents in files: whole or not there, and never given out damaged."""

import errno
import hashlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.errors import Failure
from fs_server.journal import blobs as module
from fs_server.journal.blobs import Blobs
from tests.fs_server.journal.samples import digest_of

CONTENT = bytes(range(256)) * 4_000
DIGEST = digest_of(CONTENT)


@pytest.fixture
def blobs(directory: Path) -> Blobs:
    return Blobs(directory)


def place(directory: Path, digest: str = DIGEST) -> Path:
    return directory / digest[:2] / digest[2:]


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if not path.is_dir()]


@given(pieces=st.lists(st.binary(max_size=50), max_size=6))
def test_a_content_is_given_back_in_whatever_pieces_it_came(
    pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    blobs = Blobs(tmp_path_factory.mktemp("blobs", numbered=True))
    digest = blobs.write(pieces)
    assert digest == blobs.write(b"".join(pieces))
    assert blobs.content(digest) == b"".join(blobs.chunks(digest) or ()) == b"".join(pieces)


def test_a_content_stands_under_its_digest_for_nobody_else(blobs: Blobs, directory: Path) -> None:
    for _ in range(2):
        assert blobs.write(CONTENT, durable=True) == DIGEST
        assert files_in(directory) == [place(directory)]
    assert place(directory).stat().st_mode & 0o777 == 0o600
    assert place(directory).parent.stat().st_mode & 0o777 == 0o700
    assert blobs.size(DIGEST) == len(CONTENT)


def test_a_content_that_is_there_is_not_written_again(blobs: Blobs, directory: Path) -> None:
    blobs.write(CONTENT)
    before = place(directory).stat()
    blobs.write([CONTENT])
    after = place(directory).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert files_in(directory) == [place(directory)]


def test_a_content_is_written_and_read_in_flat_memory(blobs: Blobs) -> None:
    pieces = 400
    tracemalloc.start()
    try:
        digest = blobs.write(bytes([number % 7]) * 100_000 for number in range(pieces))
        size = sum(len(chunk) for chunk in blobs.chunks(digest) or ())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == pieces * 100_000
    assert most < 2_000_000


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def replace_by_link(path: Path) -> None:
    """To a file of the same content, which is none of ours all the same."""
    twin = path.parent.parent / "twin"
    twin.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(twin)


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES = [shorten, flip, replace_by_link, replace_by_fifo, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_content_counts_as_not_kept_and_is_written_anew(
    damage: Callable[[Path], None], blobs: Blobs, directory: Path
) -> None:
    blobs.write(CONTENT)
    damage(place(directory))
    assert blobs.content(DIGEST) is None
    assert blobs.chunks(DIGEST) is None
    assert not blobs.intact(DIGEST, len(CONTENT))
    blobs.write(CONTENT)
    assert blobs.content(DIGEST) == CONTENT
    assert blobs.intact(DIGEST, len(CONTENT))
    assert not place(directory).is_symlink()
    twin = directory / "twin"
    assert not twin.exists() or twin.read_bytes() == CONTENT, "what a link leads to is not touched"


@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_a_content_that_is_damaged_while_it_is_read_ends_with_a_failure(
    damage: Callable[[Path], None], blobs: Blobs, directory: Path
) -> None:
    blobs.write(CONTENT)
    chunks = blobs.chunks(DIGEST)
    assert chunks is not None
    damage(place(directory))
    with pytest.raises(Failure, match="gone or damaged"):
        list(chunks)


def test_a_directory_in_the_place_of_a_content_is_told(blobs: Blobs, directory: Path) -> None:
    place(directory).mkdir(parents=True)
    assert blobs.size(DIGEST) is None
    assert blobs.content(DIGEST) is None
    with pytest.raises(Failure, match="io_error"):
        blobs.write(CONTENT)
    assert files_in(directory) == []


def test_what_stops_a_content_from_coming_is_passed_on_and_nothing_is_left(blobs: Blobs, directory: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"beginning"
        raise InterruptedError(errno.EINTR, "the source failed")

    with pytest.raises(InterruptedError):
        blobs.write(broken())
    assert files_in(directory) == []


def test_a_content_that_was_shown_without_waiting_is_flushed_with_its_name_when_it_has_to_last(
    blobs: Blobs, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []

    def noting(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink())

    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_file", noting)
        patch.setattr(os, "fsync", noting)
        blobs.write(CONTENT)
        assert blobs.intact(DIGEST, len(CONTENT))
        flushed.clear()  # of the directory, which was new
        assert blobs.intact(DIGEST, len(CONTENT), durable=True)
    assert flushed == [place(directory), place(directory).parent, directory]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "fdatasync", "mkdir", "rename"])
def test_a_disk_that_fails_is_told_and_nothing_is_left(
    call: str, number: int, blobs: Blobs, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        patch.setattr(module, "sync_file", os.fdatasync)
        with pytest.raises(Failure) as failed:
            blobs.write(CONTENT, durable=True)
    assert failed.value.code == ("io_error" if number == errno.EIO else "disk_full")
    assert str(directory) not in str(failed.value)
    assert [path for path in files_in(directory) if path != place(directory)] == []
    assert blobs.write(CONTENT, durable=True) == DIGEST


def test_what_was_left_unfinished_is_swept_when_it_is_old(blobs: Blobs, directory: Path) -> None:
    blobs.write(CONTENT)
    for name, written_s in (("new-old", 1_000), ("new-young", 3_000), ("other", 1_000)):
        (directory / name).write_bytes(b"x")
        os.utime(directory / name, (written_s, written_s))
    os.utime(place(directory), (1_000, 1_000))
    blobs.sweep(before_s=2_000)
    assert sorted(path.name for path in files_in(directory)) == sorted(["new-young", "other", place(directory).name])


def test_the_digests_are_those_of_contents_that_were_written_before(blobs: Blobs, directory: Path) -> None:
    blobs.write(CONTENT)
    young = blobs.write(b"young")
    os.utime(place(directory), (1_000, 1_000))
    (directory / "zz").mkdir()
    (directory / "zz" / "no-digest").write_bytes(b"")
    (directory / "file").write_bytes(b"")
    assert list(blobs.digests(before_s=2_000)) == [DIGEST]
    assert set(blobs.digests(before_s=float("inf"))) == {DIGEST, young}


def test_nothing_is_there_before_the_first_content(blobs: Blobs, directory: Path) -> None:
    assert list(blobs.digests(before_s=float("inf"))) == []
    blobs.sweep(before_s=float("inf"))
    blobs.remove(DIGEST)
    assert blobs.content(DIGEST) is None
    assert not directory.exists()


def test_a_removed_content_is_gone(blobs: Blobs) -> None:
    blobs.write(CONTENT)
    blobs.remove(DIGEST)
    assert blobs.size(DIGEST) is None
    assert hashlib.sha256(CONTENT).hexdigest() == blobs.write(CONTENT)


def test_a_content_that_was_received_can_be_given_up(blobs: Blobs, directory: Path) -> None:
    received = blobs.receive([CONTENT])
    assert (received.digest, received.size) == (DIGEST, len(CONTENT))
    assert blobs.content(DIGEST) is None, "it is not shown yet"
    blobs.discard(received)
    assert files_in(directory) == []


def test_a_file_that_is_gone_before_it_is_looked_at_counts_as_young(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "new-x").write_bytes(b"")
    (entry,) = module._entries(directory)
    (directory / "new-x").unlink()
    assert module._written_s(entry) == float("inf")
