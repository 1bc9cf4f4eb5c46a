"""Contents that a client has seen lately, by file and fingerprint.

A client edits what it has read. Where somebody else has changed the file since, the content that it had read is what
both changes are compared with. The journal has those that this server wrote; these are those that it only read.
"""

import threading
from collections import OrderedDict

from fs_server.files.digest import digest_of_content
from fs_server.files.readable import Readable

__all__ = ["Seen"]

LARGEST = 1 << 20
"""Bytes of one content; larger files are not remembered."""

ALL = 32 << 20
"""Bytes of all together; the one that was seen longest ago goes first."""


class Seen:
    """Remembers contents. Safe for several threads."""

    def __init__(self) -> None:
        self._contents: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, path: str, content: bytes) -> None:
        """Remember a content of the file at this absolute path, unless it is large."""
        if len(content) > LARGEST:
            return
        key = (path, digest_of_content(content))
        with self._lock:
            if self._contents.pop(key, None) is None:
                self._size += len(content)
            self._contents[key] = content
            while self._size > ALL:
                _, forgotten = self._contents.popitem(last=False)
                self._size -= len(forgotten)

    def add_file(self, path: str, file: Readable) -> None:
        """Remember the content of an open file, unless it is large."""
        if file.size <= LARGEST:
            self.add(path, file.read_at(0, file.size))

    def content(self, path: str, etag: str) -> bytes | None:
        """Return the content of this file whose digest begins with `etag`; None where it is not remembered.

        Of this file only: an etag is no key to what other files held.
        """
        with self._lock:
            found = (key for key in self._contents if key[0] == path and key[1].startswith(etag))
            return next((self._contents[key] for key in found), None)
