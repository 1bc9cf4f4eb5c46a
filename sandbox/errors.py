"""Every way in which the sandbox refuses, one class per thing that a caller can decide on.

A class carries a stable `code` and facts as fields; the sentences that a person or a model reads are made
elsewhere, so that wording never touches the code that decides. `subject` is what the caller asked for, in the
caller's own words: never a path of the host that the caller did not name.
"""

import errno
from enum import StrEnum
from typing import ClassVar

__all__ = [
    "Changed",
    "Code",
    "CommandNotFound",
    "CommandRefused",
    "ConfigRefused",
    "CrossDevice",
    "DanglingSymlink",
    "DiskFull",
    "EscapesRoot",
    "Exists",
    "HardlinkRefused",
    "InvalidPath",
    "IoFailure",
    "IsDirectory",
    "NameTooLong",
    "NotDirectory",
    "NotEmpty",
    "NotFound",
    "NotRegularFile",
    "OutsideRoots",
    "PermissionDenied",
    "ProtectedPath",
    "ReadOnly",
    "RefusedRoot",
    "RootGone",
    "SandboxError",
    "SandboxUnavailable",
    "SymlinkLoop",
    "TooLarge",
    "UnsupportedOp",
    "UnsupportedUri",
    "from_change_error",
    "from_os_error",
]


class Code(StrEnum):
    """Stable names of refusals; clients may rely on them."""

    OUTSIDE_ROOTS = "outside_roots"
    ESCAPES_ROOT = "escapes_root"
    INVALID_PATH = "invalid_path"
    NOT_FOUND = "not_found"
    NOT_DIRECTORY = "not_directory"
    IS_DIRECTORY = "is_directory"
    NOT_REGULAR_FILE = "not_regular_file"
    SYMLINK_LOOP = "symlink_loop"
    DANGLING_SYMLINK = "dangling_symlink"
    NAME_TOO_LONG = "name_too_long"
    PROTECTED_PATH = "protected_path"
    READ_ONLY = "read_only"
    CROSS_DEVICE = "cross_device"
    PERMISSION_DENIED = "permission_denied"
    ROOT_GONE = "root_gone"
    CONFIG_REFUSED = "config_refused"
    UNSUPPORTED_URI = "unsupported_uri"
    IO_ERROR = "io_error"
    EXISTS = "exists"
    NOT_EMPTY = "not_empty"
    REFUSED_ROOT = "refused_root"
    HARDLINK_REFUSED = "hardlink_refused"
    CONFLICT = "conflict"
    DISK_FULL = "disk_full"
    TOO_LARGE = "too_large"
    UNSUPPORTED_OP = "unsupported_op"
    COMMAND_NOT_FOUND = "command_not_found"
    COMMAND_REFUSED = "command_refused"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"


class SandboxError(Exception):
    """A refusal of the sandbox.

    Attributes:
        code: the stable name of the kind.
        subject: what the caller asked for, in the caller's words.
        facts: what the kind's sentence needs besides (`root`, `reason`, `pattern` …).
    """

    code: ClassVar[Code]

    def __init__(self, subject: str = "", **facts: str | int) -> None:
        super().__init__(self.code.value, subject, facts)
        self.subject = subject
        self.facts = facts

    def about(self, subject: str) -> "SandboxError":
        """Return the same refusal, told in the caller's words for what was asked."""
        return type(self)(subject, **self.facts)


class OutsideRoots(SandboxError):
    """The path names a place beneath none of the roots. Decided on the name alone."""

    code = Code.OUTSIDE_ROOTS


class EscapesRoot(SandboxError):
    """The path begins in a root and leads out of it, by `..` or by a link."""

    code = Code.ESCAPES_ROOT


class InvalidPath(SandboxError):
    """The text cannot be a path here. `reason` says why."""

    code = Code.INVALID_PATH


class UnsupportedUri(SandboxError):
    """A URI of a scheme or an authority that is not served."""

    code = Code.UNSUPPORTED_URI


class NotFound(SandboxError):
    """Nothing is there."""

    code = Code.NOT_FOUND


class NotDirectory(SandboxError):
    """A directory is needed and something else is there."""

    code = Code.NOT_DIRECTORY


class IsDirectory(SandboxError):
    """A file is needed and a directory is there."""

    code = Code.IS_DIRECTORY


class NotRegularFile(SandboxError):
    """A FIFO, socket or device, which is never opened. `kind` says which."""

    code = Code.NOT_REGULAR_FILE


class SymlinkLoop(SandboxError):
    """Links lead in a circle, or through more hops than are followed."""

    code = Code.SYMLINK_LOOP


class DanglingSymlink(SandboxError):
    """A link leads to nothing, where something would have to be created through it."""

    code = Code.DANGLING_SYMLINK


class NameTooLong(SandboxError):
    """A component is longer than the file system allows."""

    code = Code.NAME_TOO_LONG


class ProtectedPath(SandboxError):
    """The policy keeps this name from being read or written. `rule` is the pattern, `access` what was refused.

    `ask` is there if a person can allow it: the pattern that says so.
    """

    code = Code.PROTECTED_PATH


class ReadOnly(SandboxError):
    """The root may only be read. `root` names it."""

    code = Code.READ_ONLY


class CrossDevice(SandboxError):
    """The operation would have to cross from one file system to another."""

    code = Code.CROSS_DEVICE


class PermissionDenied(SandboxError):
    """The operating system refuses this user."""

    code = Code.PERMISSION_DENIED


class RootGone(SandboxError):
    """The directory that was opened as a root at start exists no more. `root` names it."""

    code = Code.ROOT_GONE


class ConfigRefused(SandboxError):
    """A root cannot be served. `reason` says why; `subject` is the path that the operator configured."""

    code = Code.CONFIG_REFUSED


class IoFailure(SandboxError):
    """The system call failed for a reason of its own. `errno` names it."""

    code = Code.IO_ERROR


class Exists(SandboxError):
    """Something stands where nothing may be replaced."""

    code = Code.EXISTS


class NotEmpty(SandboxError):
    """A directory that still holds something."""

    code = Code.NOT_EMPTY


class RefusedRoot(SandboxError):
    """The root itself cannot be written, moved or removed. `root` names it."""

    code = Code.REFUSED_ROOT


class HardlinkRefused(SandboxError):
    """The file has more names than this one, and would be changed under all of them. `links` says how many."""

    code = Code.HARDLINK_REFUSED


class Changed(SandboxError):
    """What stands there is no longer what was looked at: somebody else changes the tree. Nothing was replaced."""

    code = Code.CONFLICT


class DiskFull(SandboxError):
    """No room on the file system, or in the user's quota."""

    code = Code.DISK_FULL


class TooLarge(SandboxError):
    """More than one change may take. `what` says of what, `count` and `limit` how many."""

    code = Code.TOO_LARGE


class UnsupportedOp(SandboxError):
    """This system or this file system cannot do it. `reason` says what is missing."""

    code = Code.UNSUPPORTED_OP


class CommandNotFound(SandboxError):
    """There is no program of that name, or not where commands can see it."""

    code = Code.COMMAND_NOT_FOUND


class CommandRefused(SandboxError):
    """This cannot be executed. `reason` says why."""

    code = Code.COMMAND_REFUSED


class SandboxUnavailable(SandboxError):
    """Nothing can be confined as it has to be, so nothing is executed. `reason` says what is missing."""

    code = Code.SANDBOX_UNAVAILABLE


_KINDS: dict[int, type[SandboxError]] = {
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotDirectory,
    errno.EISDIR: IsDirectory,
    # What RESOLVE_BENEATH answers when a lookup would leave the root (openat2(2)).
    errno.EXDEV: EscapesRoot,
    errno.ELOOP: SymlinkLoop,
    errno.ENAMETOOLONG: NameTooLong,
    errno.EACCES: PermissionDenied,
    errno.EPERM: PermissionDenied,
    errno.ENXIO: NotRegularFile,
    errno.EINVAL: InvalidPath,
}


def from_os_error(error: OSError, subject: str) -> SandboxError:
    """Return the refusal that says what an `OSError` of a resolving or opening call says."""
    number = error.errno or 0
    kind = _KINDS.get(number)
    if kind is None:
        return IoFailure(subject, errno=errno.errorcode.get(number, str(number)))
    return kind(subject)


_CHANGE_KINDS: dict[int, type[SandboxError]] = {
    **_KINDS,
    errno.EEXIST: Exists,
    errno.ENOTEMPTY: NotEmpty,
    # Of a change it says what it says: rename(2) and link(2) do not reach over to another file system.
    errno.EXDEV: CrossDevice,
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EROFS: ReadOnly,
}


def from_change_error(error: OSError) -> SandboxError:
    """Return the refusal that says what an `OSError` of a changing call says; without a subject."""
    number = error.errno or 0
    kind = _CHANGE_KINDS.get(number, InvalidPath)
    if kind is InvalidPath:  # EINVAL says of a change no more than that it makes no sense
        return IoFailure(errno=errno.errorcode.get(number, str(number)))
    return kind()
