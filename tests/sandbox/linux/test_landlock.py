"""Landlock, each time in a thread that ends with the claim: the kernel here is asked, whatever it knows."""

import contextlib
import errno
import os
from pathlib import Path

import pytest

from sandbox.linux import landlock, processes
from sandbox.linux.landlock import Files, Net, Ruleset, Scope
from tests.support.apart import hide, in_a_thread

pytestmark = pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")

READ = Files.READ_FILE | Files.READ_DIR
EVERYTHING = Files((Files.IOCTL_DEV << 1) - 1)


def read(path: Path) -> bytes | None:
    with contextlib.suppress(PermissionError):
        return path.read_bytes()
    return None


def test_what_no_rule_gives_back_is_taken_and_the_thread_beside_keeps_it(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(name.encode())
    held = os.open(tmp_path / "in", os.O_PATH)

    def confined() -> list[bytes | None]:
        processes.gain_nothing_by_exec()
        assert processes.gains_nothing_by_exec()
        with Ruleset(landlock.abi(), files=EVERYTHING) as rules:
            rules.allow(held, READ)
            rules.restrict()
        return [read(tmp_path / "in" / "f"), read(tmp_path / "out" / "f")]

    assert in_a_thread(confined) == [b"in", None]
    assert read(tmp_path / "out" / "f") == b"out"
    os.close(held)


def test_a_rule_for_a_file_gives_what_files_have_and_a_rule_for_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"F")
    held = os.open(tmp_path / "f", os.O_PATH)

    def confined() -> bytes | None:
        processes.gain_nothing_by_exec()
        with Ruleset(landlock.abi(), files=EVERYTHING) as rules:
            rules.allow(held, READ)
            rules.allow(held, Files.READ_DIR)  # the kernel would say EINVAL
            rules.restrict()
        return read(tmp_path / "f")

    assert in_a_thread(confined) == b"F"
    os.close(held)


@pytest.mark.parametrize(
    ("abi", "missing"),
    [
        (1, Files.REFER | Files.TRUNCATE | Files.IOCTL_DEV),
        (2, Files.TRUNCATE | Files.IOCTL_DEV),
        (4, Files.IOCTL_DEV),
        (5, Files(0)),
    ],
)
def test_an_older_landlock_is_asked_for_no_more_than_it_knows(abi: int, missing: Files) -> None:
    if landlock.abi() < abi:
        pytest.skip("this kernel is older")
    with Ruleset(abi, files=EVERYTHING, net=Net.BIND_TCP, scopes=Scope.SIGNAL) as rules:
        assert rules.files == EVERYTHING & ~missing
        rules.close()
        rules.close()


def test_of_no_restriction_there_are_no_rules() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOMSG)):
        Ruleset(1, scopes=Scope.SIGNAL)


def test_a_signal_does_not_leave_its_scope() -> None:
    if landlock.abi() < 6:
        pytest.skip("this kernel's Landlock knows no signals")

    def confined() -> int | None:
        processes.gain_nothing_by_exec()
        with Ruleset(landlock.abi(), scopes=Scope.SIGNAL) as rules:
            rules.restrict()
        try:
            os.kill(os.getppid(), 0)
        except OSError as refused:
            return refused.errno
        return None

    os.kill(os.getppid(), 0)
    assert in_a_thread(confined) == errno.EPERM


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_hidden_by_a_filter_there_is_no_landlock(number: int) -> None:
    def asked() -> tuple[int, int]:
        hide({"landlock_create_ruleset": number})
        with pytest.raises(OSError, match=os.strerror(number)):
            Ruleset(7, files=EVERYTHING)
        return landlock.abi(), landlock.errata()

    assert in_a_thread(asked) == (0, 0)
    assert landlock.abi() > 0
