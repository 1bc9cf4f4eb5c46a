import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.linux import capabilities, processes
from tests.support.apart import apart, hide, in_a_thread

HIGH = 900


def duplicates() -> None:
    for descriptor in (HIGH, HIGH + 3):
        os.dup2(0, descriptor)


def closed() -> bool:
    return not any(Path(f"/proc/self/fd/{descriptor}").exists() for descriptor in (HIGH, HIGH + 3))


def test_every_descriptor_from_one_on_is_closed() -> None:
    duplicates()
    processes.close_from(HIGH)
    assert closed()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_close_range_they_are_closed_one_by_one(number: int) -> None:
    def without() -> None:
        hide({"close_range": number})
        processes.close_from(HIGH)

    duplicates()
    in_a_thread(without)
    assert closed()


def test_a_descriptor_that_nobody_knows_about_is_no_failure_and_any_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, "")

    processes._close(HIGH + 7)
    monkeypatch.setattr(os, "close", failing)
    with pytest.raises(OSError, match=str(errno.EIO)):
        processes._close(HIGH + 7)


def test_another_failure_of_close_range_is_told() -> None:
    def failing() -> None:
        hide({"close_range": errno.EIO})
        processes.close_from(HIGH)

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        in_a_thread(failing)


def test_children_are_those_that_are_not_waited_for_yet() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in processes.children()
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid in processes.children()
    assert child.pid not in processes.children()
    assert processes._parent_of("0") == 0


def test_where_the_kernel_does_not_list_children_all_processes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in processes._children_by_looking_at_all(os.getpid())
        assert child.stdin is not None
        child.stdin.close()
    monkeypatch.setattr(os, "getpid", lambda: 2**31 - 7)
    assert processes.children() == []


def test_orphans_are_adopted_and_the_parents_death_is_heard_of() -> None:
    apart(f"{__name__}:adopt")


def adopt() -> None:
    processes.adopt_orphans()
    processes.die_with_parent(signal.SIGKILL)
    processes.die_with_parent(0)
    orphan = "import os; os.fork() or os.execvp('sleep', ['sleep', '100'])"
    subprocess.run([sys.executable, "-c", orphan], check=True)
    (child,) = processes.children()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[0] == child


def test_a_process_that_is_not_dumpable_shows_nothing_of_itself_to_others() -> None:
    apart(f"{__name__}:not_dumpable")


def not_dumpable() -> None:
    environ = Path("/proc/self/environ")
    own = environ.stat().st_uid
    processes.set_dumpable(dumpable=False)
    assert environ.stat().st_uid == 0
    processes.set_dumpable(dumpable=True)
    assert environ.stat().st_uid == own


def test_no_capability_is_left_or_comes_back_as_root_either() -> None:
    def dropped() -> int:
        before = capabilities.held()
        assert (before > 0) == (os.geteuid() == 0)
        capabilities.drop_all()
        capabilities.drop_all()
        return capabilities.held()

    assert in_a_thread(dropped) == 0


@pytest.mark.parametrize("call", ["prctl", "capset"])
def test_capabilities_that_cannot_be_dropped_are_told(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        hide({call: errno.EIO})
        capabilities.drop_all()

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        in_a_thread(failing)
    monkeypatch.setattr(capabilities, "held", lambda: 1)
    with pytest.raises(PermissionError):
        in_a_thread(capabilities.drop_all)
