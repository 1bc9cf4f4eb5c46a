"""Commands in each tier, as root and as an ordinary user: the tools without the protocol, on a real warden."""

import functools
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)

from fs_server.commands import usage  # noqa: F401 - an ordinary user cannot import it later, see `as_ordinary_user`
from fs_server.journal import journal, recovery  # noqa: F401 - as above
from fs_server.tools import list_processes, list_roots, run_command, stop_process  # noqa: F401 - as above
from sandbox import runner
from sandbox.runner import ISOLATED, Runner, Tier
from tests.fs_server.tools.in_process import Called, called
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import make_tree

TIERS = [Tier.NAMESPACE, Tier.LANDLOCK]
OUTSIDE = "KEEP THIS TO YOURSELF"


def run(tools: Called, script: str, **arguments: object) -> tuple[str, dict[str, object]]:
    answer = tools.answer("run_command", argv=["sh", "-c", script], **arguments)
    return answer.blocks[0].text, dict(answer.facts)  # type: ignore[union-attr] # it is text


def everything(own: str, tier: str) -> None:
    """Run commands in this tier, and print what came of them."""
    base = Path(own)
    make_tree(base, ["root/.git/", "root/.git/config = [core]\n", "root/f = F\n", f"outside = {OUTSIDE}"])
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    start = functools.partial(Runner.start, tiers=[Tier(tier)], interpreter=(python, *ISOLATED))
    patch = pytest.MonkeyPatch()
    patch.setattr(runner.Runner, "start", start)
    with patch.context(), called(base / "root", journal=base / "state" / "journal") as tools:
        commands = tools.answer("list_roots").data.model_dump()["commands"]  # type: ignore[union-attr] # it has data
        told, facts = run(tools, f"cat f; cat {base}/outside ../outside 2>/dev/null; id -u; echo x > made")
        temporary, _ = run(tools, 'f=$(mktemp) && echo t > "$f" && cat "$f" && ls -d "$HOME" && python3 -c "print(5)"')
        timed_out = run(tools, "sleep 100 & sleep 100", timeout_s=0.2)[1]["timed_out"]
        scratch = base / "state" / "journal" / "scratch"
        left = len(list(scratch.iterdir()))
    patch.undo()
    after = len(list(scratch.iterdir()))
    sys.stdout.write(
        json.dumps(
            {
                "tier": [commands["tier"], facts["enforcement"]["tier"]],  # type: ignore[index] # a mapping
                "protected": commands["protected_paths"],
                "told": told,
                "made": (base / "root" / "made").read_text(),
                "temporary": temporary.split()[0::2],
                "timed_out": timed_out,
                "scratch": [left, after],
            }
        )
    )


def judge(found: dict[str, object], tier: Tier, user: int) -> None:
    lands = tier is Tier.LANDLOCK
    assert found == {
        "tier": [tier.value, tier.value],
        "protected": "tripwire" if lands else "enforced",
        "told": f"F\n{user}\n",
        "made": "x\n",
        "temporary": ["t", "5"],
        "timed_out": True,
        "scratch": [int(lands), 0],
    }


@pytest.mark.parametrize("tier", TIERS)
def test_commands_run_in_every_tier(tier: Tier, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything(os.fspath(tmp_path), tier.value)
    judge(json.loads(capsys.readouterr().out), tier, os.geteuid())


@pytest.mark.parametrize("tier", TIERS)
def test_commands_of_an_ordinary_user_run_in_every_tier(tier: Tier) -> None:
    with own_directory() as own:
        told = json.loads(as_ordinary_user(f"{__name__}:everything", os.fspath(own), tier.value))
        judge(told, tier, 65_534 if os.geteuid() == 0 else os.geteuid())


@pytest.mark.guarantee("G21")
def test_where_too_little_is_offered_nothing_runs_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(tmp_path, ["root/"])
    start = functools.partial(Runner.start, tiers=[])
    monkeypatch.setattr(runner.Runner, "start", start)
    with called(tmp_path / "root", journal=tmp_path / "journal") as tools:
        refusal = tools.refusal("run_command", argv=["true"])
        assert refusal.code == "sandbox_unavailable"
        assert "only the operator" in refusal.step
        commands = tools.answer("list_roots").data.model_dump()["commands"]  # type: ignore[union-attr] # it has data
        assert (commands["available"], commands["tier"]) == (False, "refused")
        assert "landlock is required (setting require), and none is what there is" in commands["why_not"]


def test_a_warden_that_does_not_start_is_told_and_files_are_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(tmp_path, ["root/f = F"])
    start = functools.partial(Runner.start, interpreter=["/nowhere/python"])
    monkeypatch.setattr(runner.Runner, "start", start)
    with called(tmp_path / "root", journal=tmp_path / "journal") as tools:
        assert tools.refusal("run_command", argv=["true"]).code == "sandbox_unavailable"
        commands = tools.answer("list_roots").data.model_dump()["commands"]  # type: ignore[union-attr] # it has data
        assert (commands["available"], commands["tier"]) == (False, "refused")
        assert tools.blocks("read_file", path="f")[0] == "F"
        assert list((tmp_path / "journal" / "scratch").iterdir()) == []
