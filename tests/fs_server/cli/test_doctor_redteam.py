"""The attacks of `doctor --redteam`: that nothing gets through, and that they would tell if something did."""

import errno
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the attacks by commands are Linux's", allow_module_level=True)

from fs_server.cli.doctor import redteam
from fs_server.cli.doctor.redteam import Tried, attacker, battery, escapes, race
from fs_server.cli.doctor.report import printed
from fs_server.config import flags, load
from fs_server.config.settings import Settings
from sandbox import SandboxUnavailable
from sandbox.resolve._stepwise import StepwiseResolver
from sandbox.runner import Runner, Tier
from tests.fs_server.cli.leaky import LeakyResolver
from tests.fs_server.cli.program import COMMAND, environment
from tests.support.apart import hide, in_a_thread

RACE_S = 0.5


@pytest.fixture
def settings() -> Settings:
    return load.settings(load.choose(flags.parse(["doctor"]).layer, {}))


@pytest.mark.parametrize("tier", [Tier.NAMESPACE, Tier.LANDLOCK])
def test_nothing_gets_through_that_a_tier_promises_to_stop(tier: Tier, settings: Settings) -> None:
    found = battery.attack_commands(settings, tiers=[tier], rounds=1)
    if not found:
        pytest.skip(f"{tier} is not offered here")
    assert [one for one in found if not one.good] == []
    assert {one.kind for one in found} == {kind for kind, _ in escapes.GROUPS} | {"daemons", "limits"}
    assert all(one.times > 0 for one in found)
    open_ = {one.act for one in found if one.through}
    assert open_ == (set() if tier is Tier.NAMESPACE else {act for act, _ in escapes.metadata({"outside": "x"})})


def test_outside_of_a_confinement_the_ways_are_open(tmp_path: Path) -> None:
    """Else a table of zeros would be that of a battery that tries nothing."""
    battery._make(tmp_path)
    with battery._others(tmp_path) as (told, victim):
        done = subprocess.run(
            [sys.executable, "-m", escapes.__name__, json.dumps(told | {"times": 1, "seconds": 1})],
            env=environment(),
            cwd=tmp_path / "root",
            capture_output=True,
            timeout=30,
            check=True,
        )
        victim.wait(10)
    kept = {(kind, act) for kind, act, _, through in json.loads(done.stdout) if not through}
    # Signals are seen by the one that they are sent to; what else wants a live one came too late for it. The first
    # bytes in a request for a connection are a setting of the system.
    assert kept <= {
        ("network", "TCP with its first bytes"),
        ("network", "MPTCP"),
        *(("other processes", act) for act in ("end it by a signal", "end it by a handle", "limit it", "slow it down")),
    }


def test_a_program_that_cannot_be_run_is_told_and_is_no_success(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(battery, "_source", lambda name: f"raise SystemExit({name!r})")
    found = battery.attack_commands(settings, tiers=[Tier.LANDLOCK], rounds=1)
    assert {(one.kind, one.good) for one in found} >= {("escapes", False), ("daemons", False)}
    monkeypatch.setattr(battery, "ISOLATED", ("--no-such-option",))
    (only,) = battery.attack_commands(settings, tiers=[Tier.LANDLOCK], rounds=1)
    assert only.trouble == "no Python that a command may execute"


def test_a_tier_that_is_not_offered_is_not_attacked(settings: Settings) -> None:
    def attack() -> list[Tried]:
        hide({"landlock_create_ruleset": errno.ENOSYS})
        return battery.attack_commands(settings)

    assert in_a_thread(attack) == []


def test_a_warden_that_does_not_start_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> Runner:
        raise SandboxUnavailable(reason="the warden ended")

    monkeypatch.setattr(Runner, "start", start)
    (only,) = battery.attack_commands(settings, tiers=[Tier.LANDLOCK])
    assert (only.trouble, only.good) == ("the warden ended", False)


@pytest.mark.parametrize("resolver", [None, StepwiseResolver()])
def test_a_swapped_directory_shows_and_changes_nothing_outside(resolver: StepwiseResolver | None) -> None:
    found = race.path_race(RACE_S, resolver)
    assert [one for one in found if not one.good] == []
    assert {one.act for one in found if one.times} == {one.act for one in found}


def test_the_race_finds_a_resolver_that_loses_it() -> None:
    found = {one.act: one for one in race.path_race(RACE_S, LeakyResolver())}
    assert found[race.READ].through > 0
    assert not found[race.READ].good


def test_a_race_that_cannot_begin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacker, "__name__", "no.such.module")
    (only,) = race.path_race(RACE_S)
    assert only.trouble.startswith("it could not begin")
    assert not only.good


def test_where_links_are_for_some_users_only_there_is_no_race(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", "win32")
        (only,) = redteam.attack(settings)
    assert "some users" in only.trouble


def test_a_person_sees_how_often_what_was_tried_and_what_got_through(capsys: pytest.CaptureFixture[str]) -> None:
    def tried(act: str, through: int = 0, *, promised: bool = True, trouble: str = "") -> Tried:
        return Tried(where="x", kind="read", act=act, times=5, through=through, promised=promised, trouble=trouble)

    printed([], [tried("one"), tried("two", 3), tried("three", 5, promised=False), tried("four", trouble="no way")])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["x", "read:", "3", "acts", "15", "3"] in rows
    assert ["x", "read:", "two", "5", "3"] in rows
    assert ["x", "read:", "three", "5", "5,", "not", "promised"] in rows
    assert ["x", "read:", "four", "-", "no", "way"] in rows
    assert rows[-1] == ["Does", "not", "hold:", "two", "(x),", "four", "(x)"]


@pytest.mark.nightly
@pytest.mark.timeout(180)
def test_the_whole_attack_of_the_real_program_is_bounded_and_tells_by_its_exit_code(home: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [*COMMAND, "doctor", "--json", "--redteam", str(home)],
        env=environment(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert time.monotonic() - began < 60
    document = json.loads(done.stdout)
    assert done.returncode == (0 if document["holds"] else 1)
    assert {one["where"] for one in document["redteam"]} >= {"files"}
    for one in document["redteam"]:
        assert one.keys() == {"where", "kind", "act", "times", "through", "promised", "trouble"}
        assert not one["through"] or not one["promised"]
    assert list(home.iterdir()) == []
