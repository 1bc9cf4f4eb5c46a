"""Messages between the server, the warden and the guards: one JSON object and some open files in one packet.

Packets of a Unix socket keep their bounds and are whole or not there. One that is too large for that travels as an
open file beside a packet that says so.

Sources: unix(7) on SOCK_SEQPACKET and SCM_RIGHTS; cmsg(3).
"""

import array
import errno
import json
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

__all__ = ["Message", "pair", "receive", "send"]

Message = dict[str, Any]

_INLINE_BYTES: Final = 32 << 10
"""A packet has to fit into what a socket may hold, which is 200 KiB where nobody changed it (socket(7))."""

_MOST_FILES: Final = 253
"""SCM_MAX_FD of the kernel."""

_IN_FILE: Final = "in_file"


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, message: Message, files: Sequence[int] = ()) -> None:
    """Send a message. It is sent whole or not at all.

    Raises:
        BlockingIOError: there is no room for it now.
        OSError: the other end is closed (`EPIPE`, `ECONNRESET`).
    """
    content = json.dumps(message).encode()
    if len(content) <= _INLINE_BYTES:
        _send(end, content, files)
        return
    descriptor = _file_of(content)
    try:
        _send(end, json.dumps({_IN_FILE: len(content)}).encode(), (*files, descriptor))
    finally:
        os.close(descriptor)


def receive(end: socket.socket) -> tuple[Message, list[int]] | None:
    """Return the next message and its files, which the receiver closes; None where the other end is closed.

    There are fewer files than were sent where this process may not open so many.

    Raises:
        BlockingIOError: there is none now.
        OSError: the message came in a file, and that is lost (`EMFILE`).
    """
    try:
        content, control = _received(end)
    except ConnectionResetError:
        # Told once, if the other end was closed before it had read everything. What it had sent is still here.
        content, control = _received(end)
    files = array.array("i")
    for _, kind, data in control:
        if kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    descriptors = list(files)
    if not content:
        return None
    message: Message = json.loads(content)
    if _IN_FILE in message:
        if not descriptors:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        message = _read(descriptors.pop(), message[_IN_FILE])
    return message, descriptors


def _received(end: socket.socket) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    room = socket.CMSG_SPACE(_MOST_FILES * 4)
    content, control, _, _ = end.recvmsg(2 * _INLINE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    return content, control


def _send(end: socket.socket, content: bytes, files: Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    end.sendmsg([content], rights, socket.MSG_NOSIGNAL)


def _file_of(content: bytes) -> int:
    """Return a file without a name that holds the content."""
    try:
        descriptor = os.memfd_create("message", os.MFD_CLOEXEC)
    except OSError:  # a filter hides it
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def _read(descriptor: int, size: int) -> Message:
    try:
        pieces: list[bytes] = []
        while size > 0 and (piece := os.pread(descriptor, size, sum(map(len, pieces)))):
            pieces.append(piece)
            size -= len(piece)
    finally:
        os.close(descriptor)
    found: Message = json.loads(b"".join(pieces))
    return found
