"""What changes replaced: small contents in the database, large ones in files, each once.

From `keep` until the change that needs it begins, a content is promised: no server drops it, and a small one waits in
memory, so that it reaches the disk with the same fsync as its change. A promise that no change takes up ends after an
hour.
"""

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from fs_server.errors import Failure
from fs_server.files.digest import digest_of_content
from fs_server.journal.blobs import Blobs
from fs_server.journal.database import Database
from fs_server.journal.states import DirectoryState, State, digests_of, nodes_of
from fs_server.journal.trouble import lost

__all__ = ["Contents"]

_log = logging.getLogger(__name__)

INLINE_BYTES = 65_536
"""Up to here a content stands in the database, where it needs no file and no fsync of its own."""

WAITING_BYTES = 4 << 20
"""Of small contents that wait in memory. More of them are written before their change, without waiting for the disk."""

PROMISED_S = 3_600

_ADD_INLINE = "INSERT OR IGNORE INTO blobs (digest, size, content) VALUES (?, ?, ?)"
_REPAIR_INLINE = "UPDATE blobs SET content = ? WHERE digest = ? AND content IS NOT ?"
_ADD_FILED = "INSERT OR IGNORE INTO blobs (digest, size) VALUES (?, ?)"
_HOLD = "INSERT OR REPLACE INTO held SELECT id, ?, ? FROM blobs WHERE digest = ?"
_RELEASE = "DELETE FROM held WHERE blob = ? AND session = ?"
_UNUSED = """
NOT EXISTS (SELECT 1 FROM refs WHERE blob = blobs.id) AND NOT EXISTS (SELECT 1 FROM held WHERE blob = blobs.id)
"""
_SELECT_UNUSED = f"SELECT id FROM blobs WHERE {_UNUSED}"  # noqa: S608 # constants
_DROP_UNUSED = f"DELETE FROM blobs WHERE id = ? AND {_UNUSED}"  # noqa: S608 # constants


@dataclass(slots=True)
class _Promise:
    """A content that was kept, and that no change has taken up.

    Attributes:
        content: while it waits in memory.
        size: bytes.
        flows: how many times it was kept: several calls may need the same one at once.
        latest: on the monotonic clock, when it ends.
        held: other servers were told, by a row of the table `held`.
    """

    content: bytes | None
    size: int
    flows: int = 0
    latest: float = 0.0
    held: bool = False


class Contents:
    """The contents of one journal, and what this server has promised of them."""

    def __init__(self, database: Database, blobs: Blobs, session: str, clock: Callable[[], int]) -> None:
        self._database = database
        self._blobs = blobs
        self._session = session
        self._clock = clock
        self._promises: dict[str, _Promise] = {}
        self._waiting_bytes = 0
        # Never held while the database is asked, which waits for other threads.
        self._guard = threading.Lock()

    def keep(self, content: bytes, *, durable: bool = True) -> str:
        """Keep a content for a change that is about to begin, and return its digest.

        Where it need not be `durable`, a power cut may take a large one.

        Raises:
            Failure: a large one cannot be written.
        """
        digest = digest_of_content(content)
        if len(content) <= INLINE_BYTES:
            self._promise(digest, len(content), content)
            if self._waiting_bytes > WAITING_BYTES:
                with self._given_up_if_it_fails(digest):
                    self._write_waiting()
            return digest
        with self._announced(digest, len(content)):
            if not self._blobs.intact(digest, len(content), durable=durable):
                self._blobs.write(content, durable=durable)
        return digest

    def keep_chunks(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep a content that comes in pieces, in flat memory. Return its digest and its size.

        Raises:
            Failure: a large one cannot be written.
        """
        pieces = iter(chunks)
        head = bytearray()
        for piece in pieces:
            head += piece
            if len(head) > INLINE_BYTES:
                break
        else:
            return self.keep(bytes(head)), len(head)
        received = self._blobs.receive(chain((bytes(head),), pieces), durable=True)
        try:
            with self._announced(received.digest, received.size):
                return self._blobs.show(received, durable=True), received.size
        finally:
            self._blobs.discard(received)

    def content(self, digest: str, *, limit: int | None = None) -> bytes | None:
        """Return a content; None where it is not kept, is damaged, or has more than `limit` bytes.

        Raises:
            Failure: the database cannot be read.
        """
        size, content = self._found(digest)
        if size is None or (limit is not None and size > limit):
            return None
        if content is None:
            return self._blobs.content(digest) if self._blobs.size(digest) == size else None
        return content

    def chunks(self, digest: str) -> Iterator[bytes] | None:
        """Return the pieces of a content; None where it is not kept or damaged.

        Raises:
            Failure: the database cannot be read; while iterating, that the content was removed meanwhile.
        """
        size, content = self._found(digest)
        if size is None:
            return None
        return self._blobs.chunks(digest) if content is None else iter((content,))

    def named_by(self, states: Iterable[State]) -> list[str]:
        """Return the digests that states name, and those that their manifests name, each once.

        Raises:
            Failure: the database cannot be read.
        """
        digests: dict[str, None] = {}
        for state in states:
            digests.update(dict.fromkeys(digests_of(state)))
            if isinstance(state, DirectoryState) and state.tree:
                manifest = self.content(state.tree) or b""
                for _, node in nodes_of(manifest):
                    digests.update(dict.fromkeys(digests_of(node)))
        return list(digests)

    def take_up(self, digests: Iterable[str], change: int) -> None:
        """Bind contents to a change, inside of its transaction. What was never kept is passed over.

        Raises:
            Failure: one that was promised is gone.
        """
        for digest in digests:
            with self._guard:
                promise = self._promises.get(digest)
            number = self._id(digest, promise)
            if number is not None:
                self._database.write("INSERT OR IGNORE INTO refs VALUES (?, ?)", (change, number))
                if promise is not None and promise.held and promise.flows == 1:
                    self._database.write(_RELEASE, (number, self._session))

    def taken_up(self, digests: Iterable[str]) -> list[str]:
        """End the promises of contents that a change has taken up, after its transaction.

        Returns those of which other servers were told, and which nobody here needs any more.
        """
        told: list[str] = []
        with self._guard:
            for digest in digests:
                promise = self._promises.get(digest)
                if promise is not None:
                    promise.flows -= 1
                    if promise.flows == 0:
                        self._end(digest)
                        told += [digest] if promise.held else []
        return told

    def give_up(self, digests: Iterable[str]) -> None:
        """End the promises of contents that no change will take up.

        Raises:
            Failure: the database cannot be written. They are forgotten later then.
        """
        told = self.taken_up(digests)
        if told:
            with self._database.transaction():
                for digest in told:
                    row = self._database.row("SELECT id FROM blobs WHERE digest = ?", (_key(digest),))
                    with self._guard:
                        needed = digest in self._promises  # by a call that came meanwhile
                    if row is not None and not needed:
                        self._database.write(_RELEASE, (row[0], self._session))
                        self.drop_unused(row)

    def drop_unused(self, ids: Iterable[int]) -> None:
        """Remove those of the contents that no change needs and no server has promised, inside of a transaction."""
        for number in ids:
            row = self._database.row("SELECT digest, content IS NULL FROM blobs WHERE id = ?", (number,))
            # The file inside of the transaction, so that nobody finds it there and promises it meanwhile.
            if row is not None and self._database.write(_DROP_UNUSED, (number,)) and row[1]:
                self._blobs.remove(row[0].hex())

    def sweep(self) -> None:
        """Remove what servers left that died, or gave up, before their change began.

        Raises:
            Failure: the database cannot be written.
        """
        now = self._clock()
        with self._database.transaction():
            # Also what ends too late: the clock was wrong when it was promised.
            valid = (now, now + PROMISED_S * 10**9)
            self._database.write("DELETE FROM held WHERE until_ns NOT BETWEEN ? AND ?", valid)
            self.drop_unused([number for (number,) in self._database.rows(_SELECT_UNUSED)])
        before_s = now / 10**9 - PROMISED_S
        self._blobs.sweep(before_s=before_s)
        known = {key.hex() for (key,) in self._database.rows("SELECT digest FROM blobs WHERE content IS NULL")}
        for digest in self._blobs.digests(before_s=before_s):
            if digest not in known:
                with self._database.transaction():
                    if self._database.row("SELECT 1 FROM blobs WHERE digest = ?", (_key(digest),)) is None:
                        self._blobs.remove(digest)

    def _found(self, digest: str) -> tuple[int | None, bytes | None]:
        """Return size and content; no content where it is in a file, and no size where it is not kept."""
        with self._guard:
            promise = self._promises.get(digest)
            waiting = None if promise is None else promise.content
        if waiting is not None:
            return len(waiting), waiting
        row = self._database.row("SELECT size, content FROM blobs WHERE digest = ?", (_key(digest),))
        if row is None:
            return None, None
        size, content = row
        if content is not None and hashlib.sha256(content).hexdigest() != digest:
            _log.warning("The journal of changes no longer has the content %s: it is damaged", digest)
            return None, None
        return size, content

    def _promise(self, digest: str, size: int, content: bytes | None) -> None:
        now = time.monotonic()
        with self._guard:
            # The oldest stand first. What gave up without a change is forgotten here.
            while self._promises and self._promises[old := next(iter(self._promises))].latest <= now:
                self._end(old)
            promise = self._promises.pop(digest, _Promise(None, size))
            if promise.content is None and content is not None:
                promise.content = content
                self._waiting_bytes += size
            promise.flows += 1
            promise.held = promise.held or content is None
            promise.latest = now + PROMISED_S
            self._promises[digest] = promise

    def _end(self, digest: str) -> None:
        promise = self._promises.pop(digest)
        if promise.content is not None:
            self._waiting_bytes -= promise.size

    @contextlib.contextmanager
    def _announced(self, digest: str, size: int) -> Iterator[None]:
        """Promise a large content, so that its file stays from now on; not if it cannot be written."""
        self._promise(digest, size, None)
        with self._given_up_if_it_fails(digest):
            with self._database.transaction():
                self._database.write(_ADD_FILED, (_key(digest), size))
                self._hold(digest)
            yield

    @contextlib.contextmanager
    def _given_up_if_it_fails(self, digest: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(Failure):
                self.give_up((digest,))
            raise

    def _write_waiting(self) -> None:
        """Write what waits in memory to the database. It reaches the disk together with the change that needs it."""
        with self._guard:
            waiting = {digest: promise.content for digest, promise in self._promises.items()}
        with self._database.transaction():
            for digest, content in waiting.items():
                if content is not None:
                    self._insert(digest, content)
                    self._hold(digest)
        with self._guard:
            for digest in waiting:
                promise = self._promises.get(digest)
                if promise is not None and promise.content is not None:
                    promise.content = None
                    promise.held = True
                    self._waiting_bytes -= promise.size

    def _id(self, digest: str, promise: _Promise | None) -> int | None:
        """Return the id of a content, added if it was waiting; None where it is not kept.

        Raises:
            Failure: it was promised, and is gone.
        """
        if promise is not None and promise.content is not None:
            added = self._insert(digest, promise.content)
            if added is not None:
                return added
        row = self._database.row("SELECT id, content IS NULL FROM blobs WHERE digest = ?", (_key(digest),))
        if promise is not None and (row is None or (row[1] and self._blobs.size(digest) != promise.size)):
            raise lost()
        return None if row is None else row[0]

    def _insert(self, digest: str, content: bytes) -> int | None:
        """Add a small content, and return its id; None where it is there already. A damaged one is repaired."""
        key = _key(digest)
        added = self._database.insert(_ADD_INLINE, (key, len(content), content))
        if added is None:
            self._database.write(_REPAIR_INLINE, (content, key, content))
        return added

    def _hold(self, digest: str) -> None:
        latest = self._clock() + PROMISED_S * 10**9
        self._database.write(_HOLD, (self._session, latest, _key(digest)))


def _key(digest: str) -> bytes:
    """Return a digest as the database has it; no content has the key of what is no digest."""
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""
