import os
from types import SimpleNamespace

import pytest

from sandbox.linux import calls, numbers
from sandbox.linux.numbers import AARCH64, X86_64, machine


def test_the_machine_is_the_one_that_uname_names() -> None:
    known = {"x86_64": X86_64, "aarch64": AARCH64}
    assert machine() == known.get(os.uname().machine)


def test_a_machine_whose_numbers_are_not_known_has_no_system_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="riscv128"))
    assert machine() is None
    monkeypatch.setattr(calls, "_MACHINE", None)
    with pytest.raises(OSError, match="Function not implemented"):
        calls.call("unshare", 0)


def test_a_call_that_a_machine_lacks_fails_as_one_that_the_kernel_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_MACHINE", AARCH64)
    assert numbers.AARCH64.number("creat") is None
    with pytest.raises(OSError, match="Function not implemented"):
        calls.call("creat", b"/nowhere/f", 0)


def test_a_path_with_a_nul_is_refused_and_not_cut() -> None:
    """The bytes before the NUL would be passed: `mount` would be made on another directory than was meant."""
    with pytest.raises(OSError, match="Invalid argument"):
        calls.text("/tmp\0/x")
    assert calls.text(b"/tmp") == calls.text("/tmp") == b"/tmp"
