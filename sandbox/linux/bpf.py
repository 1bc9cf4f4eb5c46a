"""A small assembler for filters of system calls: classic BPF over a call's number, machine and arguments.

A program is a list of rules for calls. A rule is a list of steps; each step answers or goes on to the next, and
behind the last the call is allowed. Jumps lead forward and only within a rule, so none is long.

Sources: seccomp(2); include/uapi/linux/seccomp.h, filter.h and bpf_common.h.
"""

import struct
import sys
from collections.abc import Iterable, Sequence
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

__all__ = [
    "ALLOW",
    "KILL_PROCESS",
    "Instruction",
    "answer",
    "assembled",
    "error",
    "if_equal",
    "if_none_of",
    "load_argument",
    "load_machine",
    "load_number",
    "unless_any_bit",
    "unless_at_least",
    "unless_equal",
]

Instruction = tuple[int, int, int, int]
"""Operation, instructions to skip if true, to skip if false, operand."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_MACHINE, _AT_ARGUMENTS, _ARGUMENT_BYTES = 0, 4, 16, 8

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
_ERROR: Final = 0x00050000


def error(number: int) -> int:
    """Return the answer that makes a call fail with this errno."""
    return _ERROR | number


def load_number() -> Instruction:
    """Take the number of the call."""
    return (_LOAD, 0, 0, _AT_NUMBER)


def load_machine() -> Instruction:
    """Take the machine whose numbers the call uses."""
    return (_LOAD, 0, 0, _AT_MACHINE)


def load_argument(index: int) -> Instruction:
    """Take the low half of an argument: all that the kernel looks at where the parameter is an int."""
    return (_LOAD, 0, 0, _AT_ARGUMENTS + _ARGUMENT_BYTES * index)


def answer(verdict: int) -> Instruction:
    """End with this answer."""
    return (_RETURN, 0, 0, verdict)


def unless_equal(value: int, skip: int) -> Instruction:
    """Skip so many instructions unless what was taken is `value`."""
    return (_JUMP_EQUAL, 0, skip, value & 0xFFFFFFFF)


def if_equal(value: int, skip: int) -> Instruction:
    """Skip so many instructions if what was taken is `value`."""
    return (_JUMP_EQUAL, skip, 0, value & 0xFFFFFFFF)


def unless_at_least(value: int, skip: int) -> Instruction:
    """Skip so many instructions unless what was taken is `value` or more."""
    return (_JUMP_AT_LEAST, 0, skip, value)


def unless_any_bit(mask: int, skip: int) -> Instruction:
    """Skip so many instructions unless what was taken has one of these bits."""
    return (_JUMP_ANY_BIT, 0, skip, mask)


def if_none_of(values: Sequence[int], then: Sequence[Instruction]) -> list[Instruction]:
    """Do `then` only if what was taken is none of `values`."""
    chain = len(values)
    return [*(if_equal(value, chain - at - 1 + len(then)) for at, value in enumerate(values)), *then]


def assembled(program: Iterable[Instruction]) -> bytes:
    """Return the program as the kernel takes it."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
