"""A file that is being made: all of it reaches the disk, or that is told."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import DiskFull, IoFailure, NewFile, RootSpec, Workspace
from tests.sandbox.backends import RESOLVERS, opened
from tests.sandbox.spots import open_descriptors, refused, spot_of


@pytest.fixture
def new(workspace: Workspace) -> Iterator[NewFile]:
    """Make the file `new`; see that nothing stays open whatever becomes of it."""
    before = open_descriptors()
    with spot_of(workspace, "new") as spot, spot.create() as file:
        yield file
    assert open_descriptors() == before


class TestWriting:
    """What was written is what is there."""

    def test_it_knows_what_was_written(self, new: NewFile, root: Path) -> None:
        assert (new.size, new.digest) == (0, hashlib.sha256().hexdigest())
        new.write([b"one", b"", b" and two"])
        new.write(iter([b"\n"]))
        facts = new.seal()
        content = b"one and two\n"
        assert (root / "new").read_bytes() == content
        assert (new.size, new.digest) == (len(content), hashlib.sha256(content).hexdigest())
        assert (facts.st_size, facts.st_ino) == (len(content), (root / "new").stat().st_ino)

    def test_an_empty_file_is_a_file(self, new: NewFile, root: Path) -> None:
        new.write([])
        assert new.seal().st_size == 0
        assert (root / "new").read_bytes() == b""

    @given(chunks=st.lists(st.binary(max_size=5000), max_size=6), most=st.integers(1, 4000))
    @settings(max_examples=50, deadline=None)
    def test_a_system_that_takes_little_at_a_time_is_given_the_rest(
        self, chunks: list[bytes], most: int, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        base = tmp_path_factory.mktemp("short")
        write, content = os.write, b"".join(chunks)
        with (
            opened(RESOLVERS["stepwise"](), RootSpec("root", str(base))) as workspace,
            spot_of(workspace, "new") as spot,
            spot.create() as file,
        ):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "write", lambda descriptor, left: write(descriptor, left[:most]))
                file.write(chunks)
            file.seal()
        assert (base / "new").read_bytes() == content
        assert (file.size, file.digest) == (len(content), hashlib.sha256(content).hexdigest())

    def test_a_system_that_takes_nothing_is_not_asked_for_ever(
        self, new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "write", lambda *_: 0)
        with pytest.raises(IoFailure):
            new.write([b"x"])

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            (errno.ENOSPC, "disk_full"),
            (errno.EDQUOT, "disk_full"),
            (errno.EIO, "io_error"),
            (errno.EFBIG, "io_error"),
            (errno.EROFS, "read_only"),
        ],
        ids=lambda value: errno.errorcode.get(value, value),
    )
    def test_a_disk_that_takes_no_more_is_told(
        self, number: int, code: str, new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "write", raiser(number))
        assert refused(new.write, [b"x"]).code == code

    def test_what_feeds_it_and_fails_leaves_nothing_open(self, new: NewFile) -> None:
        def chunks() -> Iterator[bytes]:
            yield b"first"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            new.write(chunks())
        assert new.size == len(b"first")

    def test_nobody_else_gets_at_it_while_it_is_written(self, workspace: Workspace, root: Path) -> None:
        with spot_of(workspace, "private") as spot, spot.create(0o600) as file:
            assert not os.get_inheritable(file.handle)
            assert stat.S_IMODE((root / "private").stat().st_mode) == 0o600


class TestSealing:
    """The content is read back: some file systems take bytes and give others."""

    def written(self, file: NewFile) -> None:
        file.write([b"x" * 3_000_000])

    @pytest.mark.parametrize(
        "damage",
        [
            lambda path: os.truncate(path, 2_999_999),
            lambda path: os.truncate(path, 3_000_001),
            lambda path: os.truncate(path, 0),
            lambda path: overwritten(path, 0),
            lambda path: overwritten(path, 2_999_999),
        ],
        ids=["shorter", "longer", "emptied", "first byte", "last byte"],
    )
    def test_what_somebody_changed_meanwhile_is_not_passed_for_what_was_written(
        self, damage: Callable[[Path], None], new: NewFile, root: Path
    ) -> None:
        self.written(new)
        damage(root / "new")
        assert refused(new.seal).facts == {"errno": "EIO"}

    def test_what_the_caller_knows_of_it_is_what_it_is_compared_with(self, new: NewFile) -> None:
        known = hashlib.sha256(b"known").hexdigest()
        new.write([b"kno", b"wn"], digest=known)
        assert new.digest == known
        assert new.seal().st_size == 5

    def test_what_is_not_what_the_caller_knows_is_told(self, new: NewFile) -> None:
        new.write([b"other"], digest=hashlib.sha256(b"known").hexdigest())
        assert refused(new.seal).facts == {"errno": "EIO"}

    @pytest.mark.parametrize(
        "lie",
        [
            lambda read: lambda descriptor, size: read(descriptor, size).replace(b"x", b"y", 1),
            lambda read: lambda descriptor, size: read(descriptor, min(size, 4096))[:-1],
            lambda _: lambda *_: b"",
        ],
        ids=["another byte", "fewer bytes", "nothing"],
    )
    def test_a_disk_that_gives_back_something_else_is_told(
        self, lie: Callable[..., Callable[..., bytes]], new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.written(new)
        monkeypatch.setattr(os, "read", lie(os.read))
        assert refused(new.seal).facts == {"errno": "EIO"}

    def test_a_disk_that_tells_another_size_is_told_of(self, new: NewFile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written(new)
        facts = list(os.fstat(new.handle))
        facts[stat.ST_SIZE] += 1
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", lambda _: os.stat_result(facts))
            assert refused(new.seal).facts == {"errno": "EIO"}

    def test_a_disk_that_gives_little_at_a_time_is_none_that_lies(
        self, new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.written(new)
        read = os.read
        monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 65_537)))
        assert new.seal().st_size == 3_000_000

    @pytest.mark.parametrize("call", ["fsync", "lseek", "read", "fstat"])
    def test_a_disk_that_fails_is_told(self, call: str, new: NewFile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written(new)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, raiser(errno.EIO))
            assert refused(new.seal).code == "io_error"
            patch.setattr(os, call, raiser(errno.ENOSPC))  # a quota, told when it is too late to write
            with pytest.raises(DiskFull):
                new.seal()

    def test_the_content_is_on_the_disk_before_it_is_read_back(
        self, new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.written(new)
        calls: list[str] = []
        for name in ("fsync", "read"):
            monkeypatch.setattr(os, name, noted(name, getattr(os, name), calls))
        new.seal()
        assert (calls[0], set(calls[1:])) == ("fsync", {"read"})

    def test_it_can_be_read_back_while_the_disk_is_waited_for_later(
        self, new: NewFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.written(new)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", raiser(errno.EIO))
            assert new.seal(flush=False).st_size == 3_000_000
            patch.setattr(os, "read", lambda *_: b"")
            assert refused(lambda: new.seal(flush=False)).facts == {"errno": "EIO"}


def test_a_file_system_that_tells_of_a_failure_when_it_is_closed_hides_no_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = os.close
    before = open_descriptors()

    def close_and_fail(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with spot_of(workspace, "new") as spot:
        file = spot.create()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", raiser(errno.EDQUOT))
            patch.setattr(os, "close", close_and_fail)
            with pytest.raises(DiskFull), file:
                file.write([b"x"])
    assert open_descriptors() == before


def test_it_takes_nothing_once_it_is_given_back(root: Path, workspace: Workspace) -> None:
    with spot_of(workspace, "new") as spot:
        file = spot.create()
        file.close()
        file.close()
        assert refused(file.write, [b"x"]).facts == {"errno": "EBADF"}
        assert refused(file.attributes).facts == {"errno": "EBADF"}
    assert (root / "new").read_bytes() == b""


def raiser(number: int) -> Callable[..., object]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def noted(name: str, call: Callable[..., object], calls: list[str]) -> Callable[..., object]:
    def noting(*arguments: object) -> object:
        calls.append(name)
        return call(*arguments)

    return noting


def overwritten(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"y")
