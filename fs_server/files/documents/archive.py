"""Look into a zip archive before a parser unpacks it."""

import codecs
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from fs_server.errors import Failure

__all__ = ["require_modest", "telling_damage"]

MOST_MEMBERS: Final = 10_000
MOST_BYTES: Final = 200_000_000
"""Of all members, unpacked. `zipfile` does not unpack more of one than its directory says."""

# Of the members' names; loaded now, because nothing can be opened later.
codecs.lookup("cp437")

_BASE64: Final = 'format="base64" gives the bytes'


def require_modest(stream: BinaryIO) -> None:
    """Do nothing if the archive in `stream` unpacks to a modest size.

    Raises:
        Failure: `too_large` if it does not, `binary_file` if it is encrypted, `io_error` if it is no archive.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Failure("io_error", "The document is damaged", "Its archive cannot be read", _BASE64) from error
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_BYTES or len(members) > MOST_MEMBERS:
        raise Failure(
            "too_large",
            "The document unpacks to too much",
            f"{unpacked} bytes in {len(members)} parts; the limit is {MOST_BYTES} in {MOST_MEMBERS}",
            _BASE64,
        )
    if any(member.flag_bits & 1 for member in members):
        raise Failure("binary_file", "The document is encrypted", "It needs a password", _BASE64)
    stream.seek(0)


@contextmanager
def telling_damage(what: str) -> Iterator[None]:
    """Turn whatever a parser raises about hostile bytes into a refusal.

    Raises:
        Failure: `io_error`.
    """
    try:
        yield
    except (Failure, MemoryError):
        raise
    except Exception as error:
        raise Failure("io_error", f"The {what} is damaged", type(error).__name__, _BASE64) from error
