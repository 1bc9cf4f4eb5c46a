r"""What Windows answers, put into the sandbox's words. Pure: bytes and numbers in, records and refusals out.

Source: the pages of Microsoft Learn that are named at each; "[MS-ERREF] 2.3.1 NTSTATUS Values" and "System Error
Codes" for the numbers of failures.
"""

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.errors import (
    EscapesRoot,
    InvalidPath,
    IoFailure,
    IsDirectory,
    NameTooLong,
    NotDirectory,
    NotFound,
    PermissionDenied,
    SandboxError,
)
from sandbox.resolve import Kind

__all__ = ["Facts", "LinkText", "entries_of", "kind_of", "link_of", "refusal_of_status", "refusal_of_win32", "stat_of"]

# "File Attribute Constants"
READ_ONLY, DIRECTORY, REPARSE_POINT = 0x1, 0x10, 0x400

# "Reparse Point Tags" ([MS-FSCC] 2.1.2.1)
TAG_MOUNT_POINT, TAG_SYMLINK = 0xA0000003, 0xA000000C
_TYPE_OF_TAG = {
    TAG_SYMLINK: stat.S_IFLNK,
    TAG_MOUNT_POINT: stat.S_IFLNK,  # a junction is one of these: a link by another name
    0x80000023: stat.S_IFSOCK,  # AF_UNIX
    0x80000024: stat.S_IFIFO,  # LX_FIFO: made by the Linux subsystem, as the two that follow
    0x80000025: stat.S_IFCHR,
    0x80000026: stat.S_IFBLK,
}
_SYMLINK_RELATIVE = 0x1  # SYMLINK_FLAG_RELATIVE


@dataclass(frozen=True, slots=True)
class Facts:
    """What a handle tells of its file.

    Attributes:
        attributes: FILE_ATTRIBUTE_ bits.
        tag: of the reparse point; 0 for anything else.
        size: in bytes.
        links: names that the file has; 0 once it is deleted.
        volume: serial number.
        file_id: unique on the volume; up to 128 bits.
        created, accessed, written: in 100 ns since 1601, as FILETIME counts.
    """

    attributes: int
    tag: int = 0
    size: int = 0
    links: int = 1
    volume: int = 0
    file_id: int = 0
    created: int = 0
    accessed: int = 0
    written: int = 0

    @property
    def identity(self) -> tuple[int, int]:
        """Equal for two handles of one file, and for no others."""
        return (self.volume, self.file_id)

    @property
    def kind(self) -> Kind:
        """What it is; `Kind.OTHER` for a reparse point whose meaning only some driver knows."""
        return kind_of(self.attributes, self.tag)


def kind_of(attributes: int, tag: int) -> Kind:
    """Return what the attributes, and of a reparse point the tag, say that stands at a name."""
    return Kind.of(_type_bits(attributes, tag))


def _type_bits(attributes: int, tag: int) -> int:
    if attributes & REPARSE_POINT:
        return _TYPE_OF_TAG.get(tag, 0)
    return stat.S_IFDIR if attributes & DIRECTORY else stat.S_IFREG


_1601_TO_1970 = 116_444_736_000_000_000


def stat_of(facts: Facts) -> os.stat_result:
    """Return the facts as `os.stat` gives them on Windows: `st_ctime` is the time of creation there."""
    bits = _type_bits(facts.attributes, facts.tag)
    mode = bits | (0o444 if facts.attributes & READ_ONLY else 0o666) | (0o111 if bits == stat.S_IFDIR else 0)
    named: dict[str, int | float] = {}
    times = {"atime": facts.accessed, "mtime": facts.written, "ctime": facts.created, "birthtime": facts.created}
    for name, ticks in times.items():
        nanoseconds = (ticks - _1601_TO_1970) * 100
        named |= {f"st_{name}": nanoseconds / 1e9, f"st_{name}_ns": nanoseconds}
    named |= {"st_file_attributes": facts.attributes, "st_reparse_tag": facts.tag}
    seconds = [int(named[name] // 1) for name in ("st_atime", "st_mtime", "st_ctime")]
    numbers = (mode, facts.file_id, facts.volume, facts.links, 0, 0, facts.size, *seconds)
    # Which names exist depends on system and version, and from Python 3.13 on an unknown one is an error.
    return os.stat_result(numbers, {name: value for name, value in named.items() if hasattr(os.stat_result, name)})


@dataclass(frozen=True, slots=True)
class LinkText:
    """Where a link says that it leads. `inward`: relative to where it stands, and so allowed to be followed."""

    text: str
    inward: bool


def link_of(data: bytes) -> LinkText:
    r"""Return what the data of a symbolic link or a junction says; `\??\` before an absolute path is left out.

    Raises:
        EscapesRoot: another kind of reparse point.
        IoFailure: the data contradicts itself.

    Source: "REPARSE_DATA_BUFFER (ntifs.h)": tag, two lengths; then offset and length of the substitute name and
    of the print name; of a symbolic link only, flags; then the text. The print name is for show and may lie.
    """
    try:
        tag, length = struct.unpack_from("<IHxx", data)
        if tag not in {TAG_SYMLINK, TAG_MOUNT_POINT}:
            raise EscapesRoot
        start, size = struct.unpack_from("<HH", data, 8)
        flags, text_at = (struct.unpack_from("<I", data, 16)[0], 20) if tag == TAG_SYMLINK else (0, 16)
        text = data[text_at : 8 + length][start : start + size]
        if len(text) != size or size % 2:
            raise IoFailure(errno="EIO")
    except struct.error as error:
        raise IoFailure(errno="EIO") from error
    name = text.decode("utf-16-le", "surrogatepass").removeprefix("\\??\\")
    # A relative link may still begin with a separator: then it starts at the top of the volume.
    inward = bool(flags & _SYMLINK_RELATIVE) and name[:1] not in {"", "\\", "/"} and name[1:2] != ":"
    return LinkText(name, inward)


# "FILE_ID_BOTH_DIR_INFO (winbase.h)". EaSize holds the tag where the attributes say reparse point
# ([MS-FSCC] 2.4.17 FileIdBothDirectoryInformation).
_NEXT, _ATTRIBUTES_TO_EA_SIZE, _NAME_AT = struct.Struct("<I"), struct.Struct("<56xIII"), 104


def entries_of(buffer: bytes) -> Iterator[tuple[str, Kind]]:
    """Yield names and kinds from one buffer of a directory listing; not `.` and `..`.

    Raises:
        IoFailure: a record reaches beyond the buffer.
    """
    at = 0
    while True:
        try:
            (step,) = _NEXT.unpack_from(buffer, at)
            attributes, length, tag = _ATTRIBUTES_TO_EA_SIZE.unpack_from(buffer, at)
        except struct.error as error:
            raise IoFailure(errno="EIO") from error
        raw = buffer[at + _NAME_AT : at + _NAME_AT + length]
        if len(raw) != length or length % 2:
            raise IoFailure(errno="EIO")
        name = raw.decode("utf-16-le", "surrogatepass")
        if name not in {".", ".."}:
            yield name, kind_of(attributes, tag)
        if not step:
            return
        at += step


_STATUSES: dict[int, type[SandboxError]] = {
    0xC0000034: NotFound,  # OBJECT_NAME_NOT_FOUND
    0xC000003A: NotFound,  # OBJECT_PATH_NOT_FOUND
    0xC0000056: NotFound,  # DELETE_PENDING
    0xC0000123: NotFound,  # FILE_DELETED
    0xC0000103: NotDirectory,  # NOT_A_DIRECTORY
    0xC00000BA: IsDirectory,  # FILE_IS_A_DIRECTORY
    0xC0000022: PermissionDenied,  # ACCESS_DENIED
    0xC0000061: PermissionDenied,  # PRIVILEGE_NOT_HELD
    0xC0000033: InvalidPath,  # OBJECT_NAME_INVALID
    0xC0000039: InvalidPath,  # OBJECT_PATH_INVALID
    0xC000003B: InvalidPath,  # OBJECT_PATH_SYNTAX_BAD
    0xC0000106: NameTooLong,  # NAME_TOO_LONG
    0xC000050B: EscapesRoot,  # REPARSE_POINT_ENCOUNTERED: something would have led the lookup elsewhere
}
_WIN32: dict[int, type[SandboxError]] = {
    2: NotFound,  # FILE_NOT_FOUND
    3: NotFound,  # PATH_NOT_FOUND
    303: NotFound,  # DELETE_PENDING
    5: PermissionDenied,  # ACCESS_DENIED
    1314: PermissionDenied,  # PRIVILEGE_NOT_HELD
    123: InvalidPath,  # INVALID_NAME
    161: InvalidPath,  # BAD_PATHNAME
    4390: InvalidPath,  # NOT_A_REPARSE_POINT
    206: NameTooLong,  # FILENAME_EXCED_RANGE
    267: NotDirectory,  # DIRECTORY
}
# SHARING_VIOLATION: another program has the file open for itself alone.
_BUSY_STATUS, _BUSY_WIN32 = 0xC0000043, 32


def refusal_of_status(status: int) -> SandboxError:
    """Return the refusal that an NTSTATUS says."""
    kind = _STATUSES.get(status)
    if kind is None:
        return IoFailure(errno="EBUSY" if status == _BUSY_STATUS else f"NTSTATUS 0x{status:08X}")
    return kind()


def refusal_of_win32(code: int) -> SandboxError:
    """Return the refusal that a number of GetLastError says."""
    kind = _WIN32.get(code)
    if kind is None:
        return IoFailure(errno="EBUSY" if code == _BUSY_WIN32 else f"Windows error {code}")
    return kind()
