"""A file that is being made, under a name that nobody knows yet."""

import contextlib
import hashlib
import os
from collections.abc import Iterable

from sandbox.attributes import Attributes
from sandbox.errors import IoFailure, from_change_error
from sandbox.held import Held
from sandbox.open_file import CHUNK
from sandbox.resolve import Changes

__all__ = ["NewFile"]


class NewFile(Held):
    """A new file, open for writing; a context manager.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, descriptor: int, changes: Changes) -> None:
        super().__init__(descriptor, _close)
        self._changes = changes
        self._known = ""
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, 64 hexadecimal digits."""
        return self._known or self._hash.hexdigest()

    def write(self, chunks: Iterable[bytes], *, digest: str = "") -> None:
        """Write all of `chunks`, one behind the other.

        Args:
            chunks: in order.
            digest: SHA-256 of the whole file, where the caller knows it; what is read back is compared with it.

        Raises:
            DiskFull: no room, or a quota.
            IoFailure: the device failed.
        """
        self._known = digest
        for chunk in chunks:
            left = memoryview(chunk)
            while left:
                try:
                    written = os.write(self.handle, left)
                except OSError as error:
                    raise from_change_error(error) from error
                if not written:  # nothing would change that
                    raise IoFailure(errno="EIO")
                left = left[written:]
            if not digest:
                self._hash.update(chunk)
            self.size += len(chunk)

    def attributes(self) -> Attributes:
        """Return what it carries now."""
        return self._changes.attributes(self.handle)

    def dress(self, attributes: Attributes, *, owner: bool = True, times: bool = False) -> bool:
        """Give it attributes, set-id bits apart; tell whether it has the `owner` too, if that was asked.

        Raises:
            SandboxError: an access list, an extended attribute or the mode could not be set.
        """
        return self._changes.put_attributes(self.handle, attributes, owner=owner, times=times)

    def begin_flush(self) -> None:
        """Let the disk begin to take the content, so that `flush` has less to wait for. It promises nothing."""
        self._changes.begin_flush(self.handle)

    def facts(self) -> os.stat_result:
        """Return the file's facts as they are now."""
        try:
            return os.fstat(self.handle)
        except OSError as error:
            raise from_change_error(error) from error

    def flush(self) -> None:
        """Wait until the content is on the disk.

        Raises:
            DiskFull, IoFailure: it does not get there.
        """
        try:
            os.fsync(self.handle)
        except OSError as error:
            raise from_change_error(error) from error

    def seal(self, *, flush: bool = True) -> os.stat_result:
        """Wait until the content is on the disk, read it back, and return the file's facts.

        Without `flush` somebody waits for the disk later.

        Raises:
            IoFailure: what is read is not what was written, or the device failed.
        """
        if flush:
            self.flush()
        return self.verify()

    def verify(self) -> os.stat_result:
        """Read the content back, and return the file's facts: some network and cloud disks take bytes and give others.

        Raises:
            IoFailure: what is read is not what was written, or the device failed.
        """
        try:
            os.lseek(self.handle, 0, os.SEEK_SET)
            again, offset = hashlib.sha256(), 0
            while chunk := os.read(self.handle, CHUNK):
                again.update(chunk)
                offset += len(chunk)
            facts = os.fstat(self.handle)
        except OSError as error:
            raise from_change_error(error) from error
        if (offset, facts.st_size) != (self.size, self.size) or again.hexdigest() != self.digest:
            raise IoFailure(errno="EIO")  # the disk says that all is well, and it is not
        return facts


def _close(descriptor: int) -> None:
    # A network file system may tell here what a write came to. Nobody relies on a file that was not sealed.
    with contextlib.suppress(OSError):
        os.close(descriptor)
