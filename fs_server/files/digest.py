"""The SHA-256 of a content in memory, worked out once while the content is on its way through a change.

A change looks at one content from several sides: what the caller read, what is kept, what is written. Comparing two
contents takes a tenth of the time of hashing one.
"""

import hashlib
from collections import deque

__all__ = ["digest_of_content"]

RECENT = 4
"""Contents whose digests are remembered: those of one change, before and after, and of the one before it."""

SMALL, LARGE = 16 << 10, 2 << 20
"""Bytes between which that is worth its memory."""

_recent: deque[tuple[bytes, str]] = deque(maxlen=RECENT)


def digest_of_content(content: bytes) -> str:
    """Return the SHA-256 of a content, 64 hexadecimal digits. Safe for several threads."""
    if not SMALL < len(content) <= LARGE:
        return hashlib.sha256(content).hexdigest()
    for known, digest in tuple(_recent):
        if known == content:
            return digest
    digest = hashlib.sha256(content).hexdigest()
    _recent.append((content, digest))
    return digest
