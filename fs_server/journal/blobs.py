"""Large contents, each in a file that is named by its digest: `ab/cdef…` of the 64 digits.

A content is written under a name of its own and shown by renaming, so what stands under a digest is whole. Nobody
reads it without hashing it: what was damaged counts as not kept, and is never given out.
"""

import contextlib
import hashlib
import logging
import os
import re
import stat
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fs_server.files.digest import digest_of
from fs_server.journal.directory import OURS, sync_directory, sync_file
from fs_server.journal.trouble import lost, told

__all__ = ["Blobs", "Received"]

_log = logging.getLogger(__name__)

CHUNK = 256 * 1024
"""Bytes that are read at a time."""

UNFINISHED = "new-"
"""What names begin with while their contents are still being written."""

REMEMBERED = 256
"""Contents that are known to be whole."""

SETTLED_NS = 100_000_000
"""Until a file is that old, a second write to it may leave its times as they are: clocks of file systems are coarse.

Those of Linux tick with the scheduler, 100 to 1000 times in a second; those of macOS and Windows are finer."""

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Received:
    """A content that was written and is not shown yet: `Blobs.show` or `Blobs.discard` has to follow."""

    digest: str
    size: int
    path: Path


class Blobs:
    """The contents in one directory, which several processes use at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    def write(self, content: bytes | Iterable[bytes], *, durable: bool = False) -> str:
        """Keep a content, whole or in pieces, and return its digest. What is there already stays as it is.

        `durable` returns when it is on the disk.

        Raises:
            Failure: it cannot be written; nothing of it is left.
        """
        pieces = [content] if isinstance(content, bytes) else content
        return self.show(self.receive(pieces, durable=durable), durable=durable)

    def receive(self, chunks: Iterable[bytes], *, durable: bool = False) -> Received:
        """Write a content under a name of its own, in flat memory.

        What `chunks` itself raises is passed on, and nothing is left.

        Raises:
            Failure: it cannot be written; nothing of it is left.
        """
        path = self._directory / f"{UNFINISHED}{os.urandom(8).hex()}"
        digest, size = hashlib.sha256(), 0
        with self._fresh(path) as handle:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                with told(path):
                    _write_all(handle, chunk)
            if durable:
                with told(path):
                    sync_file(handle)
        return Received(digest.hexdigest(), size, path)

    def show(self, received: Received, *, durable: bool = False) -> str:
        """Give a content that was received its place, and return its digest.

        Raises:
            Failure: it cannot be shown; nothing of it is left.
        """
        place = self._place(received.digest)
        try:
            # What else may stand there is damaged, or a link that somebody planted; renaming follows none.
            if not self.intact(received.digest, received.size, durable=durable):
                with told(place):
                    new = not place.parent.exists()
                    place.parent.mkdir(mode=0o700, exist_ok=True)
                    received.path.rename(place)
                    if durable:
                        sync_directory(place.parent)
                    if durable and new:
                        sync_directory(self._directory)
        finally:
            self.discard(received)
        return received.digest

    def discard(self, received: Received) -> None:
        """Remove what was received, unless it was shown."""
        with contextlib.suppress(OSError):
            received.path.unlink()

    def size(self, digest: str) -> int | None:
        """Return how many bytes stand under a digest; None where no regular file does. They are not read."""
        try:
            facts = self._place(digest).lstat()
        except OSError:
            return None
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def intact(self, digest: str, size: int, *, durable: bool = False) -> bool:
        """Tell whether a content is there, of this size and undamaged.

        It is read through, unless it was since it was changed last: a file that is edited to and fro is kept each time.
        `durable` returns when it is on the disk: whoever has shown it need not have waited for that.

        Raises:
            Failure: the disk fails.
        """
        stamp = self._stamp(digest)
        if stamp is None or self.size(digest) != size:
            return False
        known = self._known.get(digest) == stamp
        if not known and not self._is_whole(digest):
            return False
        if durable and not known:
            self._flush(digest)
            self._remember(digest, stamp)
        return True

    def content(self, digest: str) -> bytes | None:
        """Return a content; None where it is not there or damaged."""
        try:
            content = b"".join(self._pieces(digest))
        except OSError as error:
            _not_kept(digest, error)
            return None
        if hashlib.sha256(content).hexdigest() != digest:
            _not_kept(digest, "it is damaged")
            return None
        return content

    def chunks(self, digest: str) -> Iterator[bytes] | None:
        """Return the pieces of a content; None where it is not there or damaged.

        It is read twice, so that nothing of a damaged one is given out, and hashed both times.

        Raises:
            Failure: while iterating: it was removed or damaged meanwhile, and what came so far must not be used.
        """
        return self._verified(digest) if self._is_whole(digest) else None

    def remove(self, digest: str) -> None:
        """Remove a content. One that cannot be removed is no trouble: it is found again later."""
        with contextlib.suppress(OSError):
            self._place(digest).unlink()

    def digests(self, *, before_s: float) -> Iterator[str]:
        """Yield the digests of what was written before a moment, in seconds since 1970."""
        for directory in _entries(self._directory):
            # A name of two digits: what is unfinished stands beside them.
            if len(directory.name) == 2 and directory.is_dir(follow_symlinks=False):  # noqa: PLR2004
                for entry in _entries(Path(directory.path)):
                    digest = directory.name + entry.name
                    if _DIGEST.fullmatch(digest) and _written_s(entry) < before_s:
                        yield digest

    def sweep(self, *, before_s: float) -> None:
        """Remove what was being written before a moment, in seconds since 1970, and never became whole."""
        for entry in _entries(self._directory):
            if entry.name.startswith(UNFINISHED) and _written_s(entry) < before_s:
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()

    def _flush(self, digest: str) -> None:
        """Wait until the disk has a content that somebody has shown, and its name. Cheap, if it has both already."""
        place = self._place(digest)
        with told(place):
            handle = os.open(place, os.O_RDWR | OURS)
            try:
                sync_file(handle)
            finally:
                os.close(handle)
            sync_directory(place.parent)
            sync_directory(self._directory)

    def _stamp(self, digest: str) -> tuple[int, ...] | None:
        """Return what changes with a file: which one it is, and when it was changed last. None where there is none."""
        try:
            facts = self._place(digest).lstat()
        except OSError:
            return None
        return facts.st_ctime_ns, facts.st_mtime_ns, facts.st_dev, facts.st_ino

    def _remember(self, digest: str, stamp: tuple[int, ...]) -> None:
        if abs(time.time_ns() - stamp[0]) < SETTLED_NS:
            return
        self._known[digest] = stamp
        if len(self._known) > REMEMBERED:
            with contextlib.suppress(KeyError):  # another thread was faster
                self._known.popitem(last=False)

    def _place(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest[2:]

    @contextlib.contextmanager
    def _fresh(self, path: Path) -> Iterator[int]:
        """Open a new file for writing, and remove it if anything goes wrong."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OURS
        with told(path):
            try:
                handle = os.open(path, flags, 0o600)
            except FileNotFoundError:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_directory(self._directory.parent)
                handle = os.open(path, flags, 0o600)
        try:
            yield handle
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        finally:
            os.close(handle)

    def _pieces(self, digest: str) -> Iterator[bytes]:
        handle = os.open(self._place(digest), os.O_RDONLY | OURS)
        try:
            while piece := os.read(handle, CHUNK):
                yield piece
        finally:
            os.close(handle)

    def _is_whole(self, digest: str) -> bool:
        try:
            found, _ = digest_of(self._pieces(digest))
        except OSError as error:
            _not_kept(digest, error)
            return False
        if found != digest:
            _not_kept(digest, "it is damaged")
            return False
        return True

    def _verified(self, digest: str) -> Iterator[bytes]:
        hashed = hashlib.sha256()
        try:
            for piece in self._pieces(digest):
                hashed.update(piece)
                yield piece
        except OSError as error:
            raise lost() from error
        if hashed.hexdigest() != digest:
            raise lost()


def _write_all(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _entries(directory: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _written_s(entry: "os.DirEntry[str]") -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # it is gone already
        return float("inf")


def _not_kept(digest: str, reason: object) -> None:
    _log.warning("The journal of changes no longer has the content %s: %s", digest, reason)
