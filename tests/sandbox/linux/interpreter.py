"""Carry out a filter of system calls as the kernel would, for any machine."""

from collections.abc import Sequence

from sandbox.linux import bpf
from sandbox.linux.bpf import Instruction
from sandbox.linux.numbers import Machine

__all__ = ["verdict"]


def verdict(program: Sequence[Instruction], machine: Machine, call: str | int, *arguments: int) -> int:
    """Return what the filter answers to a call with these arguments, each of 64 bits."""
    number = machine.number(call) if isinstance(call, str) else call
    assert number is not None
    return verdict_on(program, machine.audit, number, *arguments)


def verdict_on(program: Sequence[Instruction], audit: int, number: int, *arguments: int) -> int:
    data = {0: number, 4: audit}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        data[16 + 8 * index] = value & 0xFFFFFFFF
        data[20 + 8 * index] = (value >> 32) & 0xFFFFFFFF
    taken = at = 0
    while True:
        operation, if_true, if_false, operand = program[at]
        at += 1
        if operation == bpf.load_number()[0]:
            taken = data[operand]
        elif operation == bpf.answer(0)[0]:
            return operand
        else:
            held = {0x15: taken == operand, 0x35: taken >= operand, 0x45: bool(taken & operand)}[operation]
            at += if_true if held else if_false
