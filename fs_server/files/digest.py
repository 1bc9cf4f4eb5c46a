"""The SHA-256 of contents: of one that comes in pieces, and of one in memory, there worked out once for a whole change.

A change looks at one content from several sides: what the caller read, what is kept, what is written. Comparing two
contents takes a tenth of the time of hashing one.
"""

import hashlib
from collections import deque
from collections.abc import Iterable

__all__ = ["digest_of", "digest_of_content"]

RECENT = 4
"""Contents whose digests are remembered: those of one change, before and after, and of the one before it."""

SMALL, LARGE = 16 << 10, 2 << 20
"""Bytes between which that is worth its memory."""

_recent: deque[tuple[bytes, str]] = deque(maxlen=RECENT)


def digest_of(chunks: Iterable[bytes]) -> tuple[str, int]:
    """Return the SHA-256 of a content that comes in pieces, 64 hexadecimal digits, and its size."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


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
