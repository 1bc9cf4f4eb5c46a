"""A parser that does what a hostile file could make one do; `load` names it."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn

from sandbox.parser_child import FRAME, MAGIC

Parsed = tuple[dict[str, Any], bytes]


def echo(stream: BinaryIO) -> Parsed:
    os.write(1, b"noise on standard output")
    return {"pid": os.getpid(), "environment": dict(os.environ), "position": stream.tell()}, stream.read()


def spin(_: BinaryIO) -> NoReturn:
    while True:
        pass


def wait(_: BinaryIO) -> Parsed:
    time.sleep(3600)
    return {}, b""


def allocate(_: BinaryIO) -> Parsed:
    return {}, bytes(1 << 34)


def grow(_: BinaryIO) -> Parsed:
    taken = bytearray()
    while True:
        taken += b"x" * (16 << 20)


def crash(_: BinaryIO) -> Parsed:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}, b""


def leave(_: BinaryIO) -> Parsed:
    os._exit(7)


def flood(_: BinaryIO) -> Parsed:
    return {}, bytes(1 << 20)


def fail(_: BinaryIO) -> Parsed:
    raise ZeroDivisionError


def forge_head(_: BinaryIO) -> Parsed:
    """Answer with a frame whose head is no object."""
    return _forge(b"[1]")


def forge_json(_: BinaryIO) -> Parsed:
    return _forge(b"{")


def _forge(head: bytes) -> Parsed:
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, FRAME.pack(MAGIC, len(head), 0) + head)
        except OSError:
            continue
    os._exit(0)


def open_a_file(_: BinaryIO) -> Parsed:
    return {"refused": _refused(lambda: os.open(__file__, os.O_RDONLY))}, b""


def open_a_socket(_: BinaryIO) -> Parsed:
    return {"refused": _refused(socket.socket)}, b""


def limits(_: BinaryIO) -> Parsed:
    if sys.platform == "win32":
        return {}, b""
    import resource  # noqa: PLC0415 - not on Windows

    names = ("CORE", "FSIZE", "CPU", "AS", "NOFILE", "NPROC")
    return {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names}, b""


def _refused(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return ""


def load(act: str) -> Callable[[BinaryIO], Parsed]:
    if act == "no parser":
        import this_module_is_nowhere  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - that is the case
    json.dumps({})
    parser: Callable[[BinaryIO], Parsed] = getattr(sys.modules[__name__], act)
    return parser
