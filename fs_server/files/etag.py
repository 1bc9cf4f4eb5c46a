"""The fingerprint by which a client says which content it has seen."""

import hashlib

from fs_server.files.readable import Readable, Stop, go_on

__all__ = ["etag"]

DIGITS = 16


def etag(file: Readable, *, stop: Stop | None = None) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the raw bytes.

    Raises:
        Failure: `cancelled`.
    """
    digest = hashlib.sha256()
    for chunk in file.chunks():
        go_on(stop)
        digest.update(chunk)
    return digest.hexdigest()[:DIGITS]
