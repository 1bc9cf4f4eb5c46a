"""Take the wire away from descriptors 0 and 1 before anything else can reach it.

Only the standard library is imported here: this runs before every other import, because any of them may print.
"""

import os
import sys
from dataclasses import dataclass

__all__ = ["Wire", "claim_stdio"]

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FIRST_PRIVATE = 3


@dataclass(frozen=True, slots=True)
class Wire:
    """The two descriptors that the client's messages travel on; no child process inherits them."""

    read_fd: int
    write_fd: int


def claim_stdio() -> Wire:
    """Move the client's pipes to private descriptors; 0 becomes the null device and 1 becomes standard error.

    Whatever prints afterwards, from Python, C or a child process, prints on standard error, and whoever
    reads standard input reads its end. A descriptor that was closed at start reads as ended, or swallows.
    Call once.
    """
    if not _is_open(2):
        # Or the next file to be opened would be 2, and every warning would be written into it.
        _point(2, os.open(os.devnull, os.O_WRONLY))
    wire = Wire(read_fd=_private(0, os.O_RDONLY), write_fd=_private(1, os.O_WRONLY))
    _point(0, os.open(os.devnull, os.O_RDONLY))
    _point(1, os.dup(2))
    return wire


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _private(fd: int, mode: int) -> int:
    if not _is_open(fd):  # started with `<&-` or `>&-`: there is no client on this side
        _point(fd, os.open(os.devnull, mode))
    return _duplicate(fd)


def _point(fd: int, target: int) -> None:
    if target != fd:  # equal where `fd` was closed at start: the lowest free number is given first
        os.dup2(target, fd)
        os.close(target)
    os.set_inheritable(fd, True)  # noqa: FBT003 - positional only
    if sys.platform == "win32":
        _point_handle(fd)


if sys.platform == "win32":

    def _duplicate(fd: int) -> int:
        # os.dup is not inheritable (PEP 446), and there is no lowest-number form of it on Windows.
        private = os.dup(fd)
        # Text mode would turn \n into \r\n and stop at Ctrl-Z.
        msvcrt.setmode(private, os.O_BINARY)
        return private

    def _point_handle(fd: int) -> None:
        """Repeat for Windows what dup2 did for the C runtime: children inherit the handle, not the number.

        Source: https://learn.microsoft.com/windows/console/setstdhandle (-10 input, -11 output, -12 error).
        """
        import ctypes  # noqa: PLC0415 - only Windows needs it, and it costs 10 ms

        ctypes.windll.kernel32.SetStdHandle(-10 - fd, msvcrt.get_osfhandle(fd))

else:

    def _duplicate(fd: int) -> int:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE)
