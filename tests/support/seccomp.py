"""Hide a system call from a process: `python -m tests.support.seccomp ERRNO module:function ARGUMENT…`.

openat2 answers ERRNO from then on, as under a container's filter that does not know it, or an old kernel.
Source: seccomp(2), and the classic BPF of linux/filter.h.
"""

import ctypes
import importlib
import os
import struct
import subprocess
import sys
from pathlib import Path

__all__ = ["without_openat2"]

REPOSITORY = Path(__file__).parents[2]

OPENAT2 = 437
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def without_openat2(number: int, function: str, *arguments: str) -> None:
    """Call `module:function` with these words in a child to which openat2 answers this errno."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.seccomp", str(number), function, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def hide_openat2(number: int) -> None:
    """Install the filter on this thread and all that it starts. There is no way back."""
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (LOAD_NUMBER, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, OPENAT2),
            (RETURN, 0, 0, RET_ERRNO | number),
            (RETURN, 0, 0, RET_ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP" if struct.calcsize("P") == 8 else "HxxP", 4, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header)):
        if libc.prctl(*arguments, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    hide_openat2(int(sys.argv[1]))
    module, _, function = sys.argv[2].partition(":")
    getattr(importlib.import_module(module), function)(*sys.argv[3:])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
