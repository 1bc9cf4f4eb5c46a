"""Limits that the kernel holds, as the program meets them."""

import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path

import pytest

from sandbox.command import ProcessLimits
from sandbox.runner import ISOLATED, Tier
from sandbox.warden import limits
from tests.sandbox.warden.commands import TIERS, ground, system_python
from tests.support.apart import apart
from tests.support.as_user import as_ordinary_user, own_directory

FORKS = """
import json, os, time
children = 0
try:
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        children += 1
except BlockingIOError:
    pass
print(json.dumps(children))
"""


@pytest.mark.parametrize("tier", [*TIERS, Tier.NONE])
def test_each_limit_is_met(tier: Tier, tmp_path: Path) -> None:
    with ground(tmp_path, tier) as served:
        spin = served.run("sh", "-c", "while :; do :; done", limits=ProcessLimits(cpu_s=1))[0]
        assert spin.signal == signal.SIGKILL
        assert 0.9 <= spin.user_s + spin.system_s < 10
        write = served.run("dd", "if=/dev/zero", "of=f", "bs=1000", "count=9", limits=ProcessLimits(file_bytes=4000))[0]
        assert write.signal == signal.SIGXFSZ
        assert (tmp_path / "f").stat().st_size == 4000
        code = "import json, os; print(json.dumps(len([os.dup(0) for _ in range(FILES)])))"
        few = ProcessLimits(open_files=20)
        assert served.python(code.replace("FILES", "10"), limits=few) == 10
        assert served.run(system_python(), "-c", code.replace("FILES", "20"), limits=few)[0].exit_code == 1
        take = "import json; print(json.dumps(len(bytes(600 << 20))))"
        assert served.python(take, limits=ProcessLimits(memory_bytes=1 << 30)) == 600 << 20
        assert served.run(system_python(), "-c", take, limits=ProcessLimits(memory_bytes=400 << 20))[0].exit_code == 1


@pytest.mark.parametrize("tier", TIERS)
def test_no_core_is_written_and_the_limits_are_hard(tier: Tier, tmp_path: Path) -> None:
    code = "import json, resource as r; print(json.dumps([r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_CPU)]))"
    with ground(tmp_path, tier) as served:
        assert served.python(code, limits=ProcessLimits(cpu_s=7)) == [[0, 0], [7, 7]]


@pytest.mark.parametrize("tier", TIERS)
def test_processes_are_counted_for_an_ordinary_user_and_not_for_root(tier: Tier, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        with ground(tmp_path, tier) as served:
            assert served.python(FORKS, limits=ProcessLimits(processes=8)) == 60
            assert "number of processes (root)" in served.runner.report.not_prevented
        with own_directory() as own:
            forked = json.loads(as_ordinary_user(f"{__name__}:fork_as_a_user", tier, str(own)))
    else:
        with ground(tmp_path, tier) as served:
            forked = served.python(FORKS, limits=ProcessLimits(processes=8))
    # The program is one of them. In the lower tier the user's other processes may come and go meanwhile.
    assert 4 <= forked <= 20
    if tier is Tier.NAMESPACE:
        assert forked == 7


def fork_as_a_user(tier: str, own: str) -> None:
    with ground(Path(own), Tier(tier), interpreter=(system_python(), *ISOLATED)) as served:
        sys.stdout.write(json.dumps(served.python(FORKS, limits=ProcessLimits(processes=8))))


def test_a_limit_is_never_raised() -> None:
    apart(f"{__name__}:limit_twice")


def limit_twice() -> None:
    limits.set_limit("open_files", 100)
    limits.set_limit("open_files", 200)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (100, 100)
    limits.set_limit("cpu_s", 1000)
    assert resource.getrlimit(resource.RLIMIT_CPU) == (1000, 1000)


def test_a_users_threads_are_counted() -> None:
    apart(f"{__name__}:count_threads")


def count_threads() -> None:
    done = threading.Event()
    before = limits.tasks_of(os.getuid())
    threads = [threading.Thread(target=done.wait) for _ in range(40)]
    for thread in threads:
        thread.start()
    counted = limits.tasks_of(os.getuid())
    done.set()
    # Others of this user start and end meanwhile, but not that many.
    assert counted > before + 20
    assert limits.tasks_of(2**31 - 7) == 0
    assert limits._tasks("0", 0) == 0
