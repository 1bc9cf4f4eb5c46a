"""What stood at a path at one moment, and how that is written down.

A state is all that is needed to tell whether something is still there and to put it back, except contents: those are
kept under their digests. Records are read from a database that may be damaged, so reading them is strict.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = [
    "Absent",
    "DirectoryState",
    "FileState",
    "LinkState",
    "OtherState",
    "State",
    "decoded",
    "digests_of",
    "encoded",
    "manifest_of",
    "nodes_of",
    "record_of",
    "state_of",
]

_JSON = json.JSONEncoder(separators=(",", ":"))

ALL_BITS = 0o7777
"""The most that a mode can be: permission bits, set-id bits and the sticky bit."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A regular file.

    Attributes:
        digest: SHA-256 of the content, 64 hexadecimal digits.
        size: bytes.
        mode: permission bits, set-id bits among them.
        mtime_ns: since 1970.
        owner: user and group.
        xattrs: name and value, access lists among them, as the system gives them.
        identity: device and inode when it was seen.
        links: names that the file had, this one included.
    """

    digest: str
    size: int
    mode: int
    mtime_ns: int
    owner: tuple[int, int]
    xattrs: tuple[tuple[str, bytes], ...]
    identity: tuple[int, int]
    links: int


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """A directory; attributes as those of `FileState`.

    Attributes:
        tree: digest of the manifest of what it held; empty for an empty one, and where nobody needs it.
    """

    mode: int
    mtime_ns: int
    owner: tuple[int, int]
    xattrs: tuple[tuple[str, bytes], ...]
    identity: tuple[int, int]
    tree: str = ""


@dataclass(frozen=True, slots=True)
class LinkState:
    """A symbolic link, with its own text."""

    target: str
    identity: tuple[int, int]


@dataclass(frozen=True, slots=True)
class OtherState:
    """A thing that is never opened: `kind` is fifo, socket, device or other."""

    kind: str
    mode: int
    identity: tuple[int, int]


State = Absent | FileState | DirectoryState | LinkState | OtherState


def record_of(state: State) -> dict[str, Any]:
    """Return a state as JSON can hold it. Bytes in names that are not text stay surrogates, which JSON escapes."""
    word = _WORDS[type(state)]
    record: dict[str, Any] = {"state": word}
    for name in _FIELDS[word]:
        record[name] = getattr(state, name)
    if record.get("xattrs"):
        record["xattrs"] = [[name, base64.b64encode(value).decode("ascii")] for name, value in record["xattrs"]]
    return record


def state_of(record: object) -> State:
    """Return the state that a record tells of.

    Raises:
        ValueError: it is not what `record_of` makes, in whatever way.
    """
    if not isinstance(record, Mapping):
        raise _malformed(record)
    values = dict(record)
    word = values.pop("state", None)
    if not isinstance(word, str) or word not in _FIELDS or values.keys() != set(_FIELDS[word]):
        raise _malformed(record)
    return _CLASSES[word](**{name: _READERS[name](value) for name, value in values.items()})


def encoded(value: object) -> str:
    """Return the JSON of a record, all of it ASCII: the same text for the same record."""
    return _JSON.encode(value)


def decoded(text: str | bytes) -> Any:
    """Return the record that a JSON text holds.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError as error:  # a damaged database may hold anything, nested ten thousand deep
        raise _malformed(text) from error


def manifest_of(nodes: Iterable[tuple[str, State]]) -> bytes:
    """Return the manifest of what a directory holds: a line for each node, the same bytes for the same nodes.

    Paths are relative to the directory, with `/` between names; parents come before what they hold. A directory in
    it has no manifest of its own: everything stands in this one.

    Raises:
        ValueError: a manifest of these nodes could not be read back.
    """
    known = _Known()
    lines = bytearray()
    for path, state in nodes:
        known.take(path, state)
        lines += encoded([path, record_of(state)]).encode("ascii")
        lines += b"\n"
    return bytes(lines)


def nodes_of(manifest: bytes) -> Iterator[tuple[str, State]]:
    """Yield the nodes of a manifest, in its order.

    Raises:
        ValueError: it is not what `manifest_of` makes. Nodes before the fault have been yielded by then.
    """
    known = _Known()
    for line in manifest.splitlines():
        node = decoded(line)
        if not isinstance(node, list) or len(node) != 2:  # noqa: PLR2004 # a path and a record
            raise _malformed(node)
        path, state = _text(node[0]), state_of(node[1])
        known.take(path, state)
        yield path, state


def digests_of(state: State) -> Iterator[str]:
    """Yield the digests that a state names itself: of a content, or of a manifest."""
    if isinstance(state, FileState):
        yield state.digest
    elif isinstance(state, DirectoryState) and state.tree:
        yield state.tree


class _Known:
    """What a manifest has told so far, so that no path leads out of it, stands twice, or comes before its parent."""

    def __init__(self) -> None:
        self._directories = {""}
        self._paths: set[str] = set()

    def take(self, path: str, state: State) -> None:
        parent, _, name = path.rpartition("/")
        # Of "/a" the parent is "" too, which is the directory itself.
        known = parent in self._directories and path not in self._paths and not path.startswith("/")
        if not known or name in {"", ".", ".."} or "\0" in name or isinstance(state, Absent):
            raise ValueError(f"a manifest cannot hold {path!r} here")
        self._paths.add(path)
        if isinstance(state, DirectoryState):
            if state.tree:
                raise ValueError(f"{path!r} has a manifest of its own")
            self._directories.add(path)


_CLASSES: Mapping[str, Callable[..., State]] = {
    "absent": Absent,
    "file": FileState,
    "directory": DirectoryState,
    "link": LinkState,
    "other": OtherState,
}
_WORDS = {made: word for word, made in _CLASSES.items()}
_FIELDS = {
    word: tuple(field.name for field in fields(made))
    for word, made in (
        ("absent", Absent),
        ("file", FileState),
        ("directory", DirectoryState),
        ("link", LinkState),
        ("other", OtherState),
    )
}
_DIGEST = re.compile("[0-9a-f]{64}")


def _malformed(value: object) -> ValueError:
    return ValueError(f"not the record of a state: {str(value)[:100]!r}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _malformed(value)
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _malformed(value)
    return value


def _count(value: object) -> int:
    if _whole(value) < 0:
        raise _malformed(value)
    return _whole(value)


def _mode(value: object) -> int:
    if _count(value) > ALL_BITS:
        raise _malformed(value)
    return _count(value)


def _digest(value: object) -> str:
    if not _DIGEST.fullmatch(_text(value)):
        raise _malformed(value)
    return _text(value)


def _tree(value: object) -> str:
    return "" if value == "" else _digest(value)


def _kind(value: object) -> str:
    if _text(value) not in {"fifo", "socket", "device", "other"}:
        raise _malformed(value)
    return _text(value)


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 # a pair
        raise _malformed(value)
    return _whole(value[0]), _whole(value[1])


def _xattrs(value: object) -> tuple[tuple[str, bytes], ...]:
    if not isinstance(value, list | tuple):
        raise _malformed(value)
    return tuple(map(_xattr, value))


def _xattr(value: object) -> tuple[str, bytes]:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 # name and value
        raise _malformed(value)
    try:
        return _text(value[0]), base64.b64decode(_text(value[1]), validate=True)
    except binascii.Error as error:
        raise _malformed(value) from error


_READERS: Mapping[str, Callable[[object], object]] = {
    "digest": _digest,
    "size": _count,
    "mode": _mode,
    "mtime_ns": _whole,
    "owner": _pair,
    "xattrs": _xattrs,
    "identity": _pair,
    "links": _count,
    "tree": _tree,
    "target": _text,
    "kind": _kind,
}
