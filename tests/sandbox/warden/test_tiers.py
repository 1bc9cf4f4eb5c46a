"""What a machine offers is tried, never believed: with a mechanism missing, the tier is a lower one or none at all."""

import asyncio
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.command import Command
from sandbox.errors import SandboxUnavailable
from sandbox.runner import ISOLATED, Allowed, Runner, Tier
from tests.sandbox.warden.commands import Ground, ground, system_python
from tests.support.apart import apart, hide
from tests.support.as_user import as_ordinary_user, own_directory

CONTAINER = (
    *("unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "mount_setattr"),
    *("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "kcmp"),
)
"""What the usual filter of a container refuses, as far as it concerns us."""

NO_NAMESPACES = {
    "leaving": ["unshare"],
    "mounting": ["mount"],
    "copying a mount": ["open_tree"],
    "changing a mount": ["mount_setattr"],
    "putting a mount": ["move_mount"],
    "changing the root": ["pivot_root"],
    "looking up beneath": ["openat2"],
    "a container": [*CONTAINER],
}
NOTHING = {
    "landlock": ["landlock_create_ruleset"],
    "rules": ["landlock_add_rule"],
    "restricting": ["landlock_restrict_self"],
    "filters": ["seccomp"],
    "capabilities": ["capset"],
}
REPLACED = {"closing": ["close_range"], "handles": ["pidfd_open"], "files in memory": ["memfd_create"]}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=errno.errorcode.get)
@pytest.mark.parametrize("missing", NO_NAMESPACES)
def test_without_a_part_of_namespaces_the_tier_is_the_lower_one(missing: str, number: int, tmp_path: Path) -> None:
    told = hidden(NO_NAMESPACES[missing], number, tmp_path)
    if told["without"] is None:
        pytest.skip("this machine offers no tier at all")
    assert told["tier"] == "landlock"
    assert told["why_not"]["namespace"]
    assert told["printed"] == "ran\n"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=errno.errorcode.get)
@pytest.mark.parametrize("missing", NOTHING)
def test_without_landlock_filters_or_what_they_need_nothing_runs(missing: str, number: int, tmp_path: Path) -> None:
    told = hidden(NOTHING[missing], number, tmp_path)
    assert told["tier"] is None
    assert all(told["why_not"].values())
    assert told["refused"] == "sandbox_unavailable"


@pytest.mark.parametrize("missing", REPLACED)
def test_what_can_be_replaced_is_replaced(missing: str, tmp_path: Path) -> None:
    told = hidden(REPLACED[missing], errno.ENOSYS, tmp_path)
    assert told["tier"] == told["without"]
    assert told["printed"] == "ran\n"
    assert (told["pid"] == 0) == (missing == "handles")


def test_a_warden_that_cannot_settle_what_becomes_of_orphans_does_not_begin(tmp_path: Path) -> None:
    apart(f"{__name__}:begin_without_options", str(tmp_path))


def begin_without_options(base: str) -> None:
    hide({"prctl": errno.ENOSYS})
    with pytest.raises(SandboxUnavailable, match="the warden"), ground(Path(base)):
        pass


def hidden(names: list[str], number: int, base: Path) -> dict[str, Any]:
    """Return what a runner says in a process from which these calls are hidden."""
    answers = json.dumps(dict.fromkeys(names, number))
    told: dict[str, Any] = json.loads(apart(f"{__name__}:say", answers, str(base)))
    return told


def say(answers: str, base: str) -> None:
    with ground(Path(base)) as served:
        without = served.runner.report.tier
    hide(json.loads(answers))
    with ground(Path(base)) as served:
        report = served.runner.report
        told: dict[str, Any] = {
            "without": without,
            "tier": report.tier,
            "why_not": {tier: offer.why_not for tier, offer in report.offers.items()},
        }
        try:
            told |= asyncio.run(ran(served))
        except SandboxUnavailable as refusal:
            told["refused"] = refusal.code
    print(json.dumps(told))  # noqa: T201 - the test reads it


async def ran(served: Ground) -> dict[str, Any]:
    _, printed = await served.to_the_end("sh", "-c", "echo ran; : $0", "x" * 100_000)
    run = await served.start("sleep", "100")
    run.kill()
    run.close()
    return {"printed": printed, "pid": run.pid}


def test_below_the_required_tier_nothing_runs_and_the_reason_is_told(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_PATH)
    runner = Runner.start([Allowed(handle)], tiers=[Tier.LANDLOCK], require=Tier.NAMESPACE)
    assert runner.report.tier is None
    command = Command(("true",), handle, 0, 1, 2)
    with pytest.raises(SandboxUnavailable) as refused:
        asyncio.run(runner.run(command))
    assert refused.value.subject == "true"
    runner.close()
    os.close(handle)


def test_without_confinement_commands_run_only_where_the_operator_wants_it(tmp_path: Path) -> None:
    with ground(tmp_path, Tier.NONE) as served:
        assert served.runner.report.not_prevented[0] == "anything that the server's user can do"
        assert served.run("sh", "-c", "echo ran; exit 3")[1] == "ran\n"


def test_what_is_not_prevented_is_told_of_each_tier(tmp_path: Path) -> None:
    told = {}
    for name, tier, abi in (
        ("namespace", Tier.NAMESPACE, 7),
        ("landlock", Tier.LANDLOCK, 7),
        ("old", Tier.LANDLOCK, 4),
    ):
        with ground(tmp_path, tier, most_abi=abi) as served:
            told[name] = set(served.runner.report.not_prevented)
    assert "total disk space in writable roots" in told["namespace"]
    assert told["landlock"] - told["namespace"] == {
        "names, modes, times and attributes of files outside",
        "writes to protected files in roots",
        "writes to a read-only root inside a writable one",
    }
    assert told["old"] - told["landlock"] == {"signals to other processes of the user"}
    assert ("number of processes (root)" in told["namespace"]) == (os.geteuid() == 0)


def test_root_that_may_not_map_itself_gets_the_lower_tier(tmp_path: Path) -> None:
    """User 0 of the machine can be user 0 of a namespace only if whoever makes it has CAP_SETFCAP."""
    if os.geteuid() != 0:
        pytest.skip("only root maps root")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("there is no setpriv(1) here")
    before = (setpriv, "--inh-caps=-all", "--bounding-set=-setfcap")
    told = json.loads(apart(f"{__name__}:say", "{}", str(tmp_path), before=before))
    assert told["tier"] == "landlock"
    assert told["why_not"]["namespace"].startswith("namespaces")


def test_an_ordinary_user_gets_what_root_gets(tmp_path: Path) -> None:
    with ground(tmp_path) as served:
        tier = served.runner.report.tier
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user")
    with own_directory() as own:
        told = json.loads(as_ordinary_user(f"{__name__}:say_as_a_user", str(own)))
    assert told == [tier, "ran\n"]


def say_as_a_user(own: str) -> None:
    with ground(Path(own), interpreter=(system_python(), *ISOLATED)) as served:
        sys.stdout.write(json.dumps([served.runner.report.tier, served.run("echo", "ran")[1]]))


def test_an_interpreter_that_is_none_is_told(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_PATH)
    for interpreter, reason in (
        ((str(tmp_path / "nothing"),), "the warden cannot be started (ENOENT)"),
        (("/bin/true",), "the warden ended"),
    ):
        with pytest.raises(SandboxUnavailable) as refused:
            Runner.start([Allowed(handle)], interpreter=interpreter)
        assert refused.value.facts["reason"] in {reason, "the warden does not answer (EPIPE)"}
    os.close(handle)


def test_a_warden_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.runner.START_S", 0.2)
    handle = os.open(tmp_path, os.O_PATH)
    with pytest.raises(SandboxUnavailable, match="does not answer"):
        Runner.start([Allowed(handle)], interpreter=("/bin/sh", "-c", "sleep 100"))
    os.close(handle)


def test_a_warden_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.runner.END_S", 0.1)
    with ground(tmp_path, Tier.NONE) as served:
        os.kill(served.runner._process.pid, signal.SIGSTOP)
        served.runner.close()
        assert served.runner._process.returncode == -signal.SIGKILL


def test_the_warden_loads_nothing_but_the_standard_library_and_its_own(tmp_path: Path) -> None:
    code = f"""
import sys, types
package = types.ModuleType("sandbox")
package.__path__ = [{str(Path(__file__).parents[3] / "sandbox")!r}]
sys.modules["sandbox"] = package
import sandbox.warden.service
tops = {{name.partition(".")[0] for name in sys.modules}}
ours = {{name.split(".")[1] for name in sys.modules if name.startswith("sandbox.")}}
print(sorted(tops - sys.stdlib_module_names), sorted(ours))
"""
    done = subprocess.run(
        [sys.executable, *ISOLATED, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['__main__', 'sandbox'] ['linux', 'warden']\n"
