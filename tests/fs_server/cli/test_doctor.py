"""`doctor` as a person and a program start it, on this machine and on lesser ones."""

import contextlib
import errno
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fs_server.cli import doctor
from fs_server.cli.doctor import commands, files, history, machine
from fs_server.cli.doctor.check import Check, State
from fs_server.cli.doctor.redteam import Tried
from fs_server.config import flags, load
from fs_server.config.settings import Settings
from fs_server.journal.changes import Action, Step
from fs_server.journal.journal import Journal
from fs_server.journal.states import Absent
from sandbox import RootSpec, SandboxUnavailable, Workspace
from tests.fs_server.cli.program import COMMAND, environment, run, run_in_terminal
from tests.fs_server.journal.samples import file_of
from tests.support.as_user import as_ordinary_user, own_directory
from tests.support.tree import snapshot

linux = pytest.mark.skipif(sys.platform != "linux", reason="commands are started on Linux only")
posix = pytest.mark.skipif(sys.platform == "win32", reason="links and modes as POSIX has them")

KEYS = {"id", "subject", "state", "summary", "facts", "acts", "not_prevented", "improve"}
FACTS = {
    "version": {"version", "python", "system", "release", "machine", "verified"},
    "user": {"root"},
    "resolver": {"name", "links_tried"},
    "root": {"path", "there", "writable", "file_system", "case_sensitive", "unnamed_files", "exchange"},
    "journal": {"path", "begun", "private", "bytes", "max_bytes", "max_days", "changes", "waiting"},
    "server": {"confined"},
    "commands": {"wanted", "require", "tier", "network", "limits"},
    "tier": {"offered", "why_not", "landlock_abi", "landlock_errata", "tree_kill"},
    "packages": {"there", "missing"},
}


@pytest.fixture
def root(home: Path) -> Path:
    root = home / "notes"
    root.mkdir()
    (root / "a.md").write_text("a\n")
    return root


def settings_for(*words: str) -> Settings:
    return load.settings(load.choose(flags.parse(["doctor", *words]).layer, {}))


def told(*words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what is told to programs."""
    done = run("doctor", "--json", *words)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def found(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [check for check in document["checks"] if check["id"] == kind]


@linux
def test_a_person_is_told_what_holds_by_what_and_with_which_canaries(root: Path) -> None:
    before = snapshot(root)
    done = run("doctor", str(root))
    lines = done.stdout.splitlines()
    assert lines[0].startswith("· version  fs-server ")
    assert any(line.startswith("✓ root notes  writable, ") for line in lines)
    assert any(line.startswith("✓ names  ") for line in lines)
    assert "    was refused: leave by .., name a path outside, read by an absolute link out" in done.stdout
    assert "    not prevented: total memory of all its processes" in done.stdout
    assert "    to improve: " in done.stdout
    assert done.returncode == (0 if lines[-1] == "Everything that the settings require holds." else 1)
    assert "\x1b" not in done.stdout
    assert snapshot(root) == before
    assert sorted(path.name for path in root.parent.iterdir()) == ["notes"], "nothing is left behind, no journal either"


def test_programs_get_one_object_of_a_stable_form(root: Path) -> None:
    code, document = told(str(root))
    assert document.keys() == {"form", "holds", "checks", "redteam"}
    assert (document["form"], document["redteam"]) == (1, None)
    assert document["holds"] == (code == 0)
    for check in document["checks"]:
        assert check.keys() == KEYS
        assert check["facts"].keys() == FACTS[check["id"]]
        assert check["state"] in {"holds", "fails", "absent", "known"}
        assert all(act.keys() == {"act", "due", "came"} for act in check["acts"])
    assert {check["id"] for check in document["checks"]} >= FACTS.keys() - {"tier"}
    (one,) = found(document, "root")
    assert (one["subject"], one["state"]) == ("notes", "holds")
    assert one["facts"]["path"] == str(root)
    (resolver,) = found(document, "resolver")
    assert all(act["due"] == act["came"] for act in resolver["acts"])


def test_a_root_that_is_not_there_ends_with_code_1_and_the_others_are_told_of(root: Path) -> None:
    code, document = told(str(root), str(root / "none"))
    assert code == 1
    assert document["holds"] is False
    here, missing = found(document, "root")
    assert (here["state"], missing["state"]) == ("holds", "fails")
    assert missing["facts"]["there"] is False
    assert "Does not hold: root none" in run("doctor", str(root / "none")).stdout


def test_one_directory_under_two_rules_is_told(root: Path) -> None:
    code, document = told("--root", f"one={root}", "--root-ro", f"two={root}")
    assert code == 1
    assert [check["state"] for check in document["checks"] if check["id"] in {"root", "roots"}] == [
        *("holds", "holds", "fails"),
    ]


def test_without_a_root_the_rest_is_told() -> None:
    code, document = told()
    (none,) = found(document, "root")
    assert (none["state"], none["summary"]) == ("known", "no directory was named")
    assert code == (0 if document["holds"] else 1)


@pytest.mark.parametrize("words", [("--unknown",), ("--root", "x"), ("--json", "--result-chars", "many")])
def test_a_mistake_on_the_command_line_ends_with_code_2(words: tuple[str, ...]) -> None:
    done = run("doctor", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "fs-server-mcp" in done.stderr


@posix
def test_a_closed_standard_output_is_no_accident(root: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "doctor", str(root)],
        env=environment(),
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


@posix
def test_on_a_terminal_it_is_coloured_and_indented(root: Path) -> None:
    status, shown = run_in_terminal("doctor", str(root), columns=60)
    assert status in {0, 1}
    assert b"\x1b[1mresolver\x1b[0m" not in shown
    assert b"\x1b[1mnames\x1b[0m" in shown


def test_a_read_only_root_is_not_touched_and_its_case_is_known_by_what_is_there(root: Path) -> None:
    before = root.stat()
    checks = files.roots(settings_for("--root-ro", f"notes={root}"))
    (check,) = checks.checks
    assert checks.workspace is not None
    checks.workspace.close()
    assert check.state is State.HOLDS
    assert check.facts["writable"] is False
    assert check.facts["case_sensitive"] is not (root / "A.MD").exists()
    assert check.facts["exchange"] is None
    assert root.stat().st_mtime_ns == before.st_mtime_ns
    (root / "a.md").unlink()
    empty = files.roots(settings_for("--root-ro", f"notes={root}"))
    assert empty.checks[0].facts["case_sensitive"] is None
    assert empty.workspace is not None
    empty.workspace.close()


@posix
def test_a_root_that_is_to_be_writable_and_is_not_fails() -> None:
    with own_directory() as own:
        document = json.loads(as_ordinary_user(f"{__name__}:look_at_a_closed_root", str(own)))
    assert document["state"] == "fails"
    assert document["summary"] == "it is to be writable, and nothing can be made in it (permission_denied)"
    assert document["improve"] == ["Let this user write there, or serve it with --root-ro."]


def look_at_a_closed_root(own: str) -> None:
    live_in(own)
    root = Path(own) / "closed"
    root.mkdir(mode=0o500)
    roots = files.roots(settings_for(str(root)))
    assert roots.workspace is not None
    roots.workspace.close()
    sys.stdout.write(json.dumps(roots.checks[0].as_json()))


@linux
def test_a_lesser_resolver_is_told_and_one_that_leads_out_fails() -> None:
    from sandbox.resolve._stepwise import StepwiseResolver  # noqa: PLC0415 - not on every system
    from tests.fs_server.cli.leaky import LeakyResolver  # noqa: PLC0415

    lesser = files.resolver(StepwiseResolver())
    assert (lesser.state, lesser.facts["name"]) == (State.HOLDS, "stepwise")
    assert lesser.improve[0].startswith("Linux 5.6 has openat2")
    leaky = files.resolver(LeakyResolver())
    assert leaky.state is State.FAILS
    assert {act.name for act in leaky.acts if not act.good} >= {"read by an absolute link out", "list by a link out"}


@posix
def test_a_journal_is_told_with_what_waits_in_it(root: Path) -> None:
    settings = settings_for(str(root))
    with Journal.open(settings.journal, max_bytes=1 << 20, max_age_s=1e6) as journal:
        journal.finish(journal.begin([Step(Action.PUT, str(root / "d"), Absent(), file_of(b""))], tool="t"))
        journal.begin([Step(Action.PUT, str(root / "e"), Absent(), file_of(b""))], tool="t")
    settings.journal.chmod(0o755)
    check = history.journal(settings)
    assert check.state is State.HOLDS
    assert (check.facts["begun"], check.facts["private"]) == (True, True)
    assert (check.facts["changes"], check.facts["waiting"]) == (2, 1)
    assert "it had the mode 0755, which opening it has corrected" in check.summary
    assert check.improve == ("Start the server once with the roots that they lie in; it puts them in order.",)
    again = history.journal(settings)
    assert "corrected" not in again.summary
    assert again.facts["waiting"] == 1, "looking puts nothing in order"


@posix
def test_a_journal_that_cannot_be_opened_fails(root: Path) -> None:
    settings = settings_for(str(root))
    settings.journal.parent.mkdir(parents=True)
    settings.journal.touch()
    check = history.journal(settings)
    assert (check.state, check.summary) == (State.FAILS, "it could not be made (Not a directory)")
    settings.journal.unlink()
    Journal.open(settings.journal, max_bytes=1 << 20, max_age_s=1e6).close()
    with contextlib.closing(sqlite3.connect(settings.journal / "journal")) as newer:
        newer.execute("PRAGMA user_version = 99")
    check = history.journal(settings)
    assert (check.state, check.facts["begun"]) == (State.FAILS, True)
    assert check.improve


@posix
def test_a_journal_that_could_not_be_made_fails() -> None:
    with own_directory() as own:
        document = json.loads(as_ordinary_user(f"{__name__}:look_for_a_journal", str(own)))
    assert document["state"] == "fails"
    assert document["improve"] == ["Give this server a state directory of its own (XDG_STATE_HOME)."]


def live_in(own: str) -> None:
    os.environ.update(HOME=own, XDG_CONFIG_HOME=own, XDG_STATE_HOME=own)


def look_for_a_journal(own: str) -> None:
    live_in(own)
    closed = Path(own) / "closed"
    closed.mkdir(mode=0o500)
    settings = replace(settings_for(own), journal=closed / "state" / "journal")
    sys.stdout.write(json.dumps(history.journal(settings).as_json()))


@linux
@pytest.mark.parametrize(
    ("tiers", "most_abi", "require", "state", "tier"),
    [
        (["namespace", "landlock"], 7, "landlock", "holds", "namespace"),
        (["landlock"], 7, "landlock", "holds", "landlock"),
        (["landlock"], 5, "landlock", "holds", "landlock"),
        (["landlock"], 7, "namespace", "fails", None),
        ([], 7, "landlock", "fails", None),
        ([], 7, "none", "holds", "none"),
    ],
)
def test_a_machine_that_offers_less_is_told_so(
    tiers: list[str], most_abi: int, require: str, state: str, tier: str | None
) -> None:
    from fs_server.cli.doctor import tiers as on_linux  # noqa: PLC0415 - not on every system
    from sandbox.runner import TIERS  # noqa: PLC0415 - the same

    chosen = [one for one in TIERS if one in tiers]
    whole, *each = on_linux.commands(wanting(require=require), (), tiers=chosen, most_abi=most_abi)
    if lacking := [check.subject for check in each if check.state is State.ABSENT]:
        pytest.skip(f"this machine lacks {lacking}")
    assert (whole.state.value, whole.facts["tier"]) == (state, tier)
    assert [check.subject for check in each] == tiers
    for check in each:
        assert check.state is State.HOLDS
        assert check.not_prevented
        assert len(check.acts) > 20
        assert all(act.good for act in check.acts)
        if most_abi == 5:
            assert check.improve[0].startswith("Linux 6.12 or newer keeps the signals")


@linux
@pytest.mark.parametrize(
    ("call", "lacking", "told", "improve"),
    [
        ("unshare", ["namespace"], "EPERM", "Let this user make user namespaces"),
        ("landlock_create_ruleset", ["namespace", "landlock"], "EPERM", "A kernel with Landlock"),
    ],
)
def test_a_mechanism_that_is_missing_is_told_with_the_way_to_it(
    call: str, lacking: list[str], told: str, improve: str
) -> None:
    from fs_server.cli.doctor import tiers as on_linux  # noqa: PLC0415 - not on every system
    from tests.support.apart import hide, in_a_thread  # noqa: PLC0415 - the same

    def look() -> list[Check]:
        hide({call: errno.EPERM})
        return on_linux.commands(wanting(), ())

    whole, *each = in_a_thread(look)
    assert {check.subject for check in each if check.state is State.ABSENT} >= {*lacking}
    missing = each[len(lacking) - 1]
    assert missing.summary.startswith("not offered: ")
    assert told in missing.summary
    assert missing.improve[0].startswith(improve)
    assert not missing.not_prevented
    if lacking == ["namespace", "landlock"]:
        assert (whole.state, whole.facts["tier"]) == (State.FAILS, None)
        assert whole.summary == "refused: landlock is required, and none is offered"


@linux
def test_a_warden_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from fs_server.cli.doctor import tiers as on_linux  # noqa: PLC0415 - not on every system
    from sandbox.runner import Runner  # noqa: PLC0415 - the same

    def start(*_: object, **__: object) -> None:
        raise SandboxUnavailable(reason="the warden ended")

    monkeypatch.setattr(Runner, "start", start)
    (whole,) = on_linux.commands(wanting(), ())
    assert (whole.state, whole.summary) == (State.FAILS, "refused: landlock is required, and the warden ended")


@linux
def test_commands_that_are_not_wanted_fail_nothing_and_a_network_is_told() -> None:
    from fs_server.cli.doctor import tiers as on_linux  # noqa: PLC0415 - not on every system

    whole, *_ = on_linux.commands(wanting(commands=False), (), tiers=())
    assert whole.state is State.ABSENT
    whole, *_ = on_linux.commands(settings_for("--read-only", "."), (), tiers=())
    assert whole.state is State.ABSENT
    whole, *each = on_linux.commands(wanting(network="full", require="none"), ())
    assert whole.facts["network"] == "full"
    for check in each:
        assert "open a socket: TCP" not in {act.name for act in check.acts}


def wanting(**chosen: object) -> Settings:
    """Return settings that want this of commands."""
    usual = {"commands": True, "require": "landlock", "network": "none"}
    return cast("Settings", SimpleNamespace(limits=SimpleNamespace(), roots=(), **usual | chosen))


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_told_that_they_have_no_commands_yet(
    platform: str, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    settings = settings_for(str(root))
    workspace = Workspace.open([RootSpec("notes", str(root))])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", platform)
        (check,) = commands.commands(settings, workspace.roots)
    workspace.close()
    assert check.state is State.ABSENT
    assert check.summary.startswith("this version starts commands on Linux only")
    assert check.facts.keys() == FACTS["commands"]


def test_a_windows_user_and_an_ordinary_one_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", "win32")
        assert machine.user().facts == {"root": None}
        assert history.journal(settings_for()).state is State.ABSENT
    if sys.platform != "win32":
        for number, is_root in ((0, True), (1000, False)):
            monkeypatch.setattr(os, "geteuid", lambda number=number: number)
            assert machine.user().facts == {"root": is_root}


def test_packages_that_are_missing_are_told_with_the_way_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.packages().facts["missing"] == []
    monkeypatch.setattr(machine, "DOCUMENTS", {"no_such_package": "PDF"})
    lacking = machine.packages()
    assert (lacking.state, lacking.summary) == (State.ABSENT, "text of PDF is not read")
    assert "fs-server-mcp[documents]" in lacking.improve[0]


def test_what_got_through_or_could_not_be_tried_decides_the_exit_code() -> None:
    fine = [Check(id="user", state=State.KNOWN, summary="")]
    assert doctor.holds(fine, None)
    for times, through, promised, trouble, holds in (
        *((9, 0, True, "", True), (9, 1, True, "", False), (9, 9, False, "", True), (0, 0, True, "why", False)),
    ):
        one = Tried(where="x", kind="k", act="a", times=times, through=through, promised=promised, trouble=trouble)
        assert doctor.holds(fine, [one]) == holds
    assert not doctor.holds([Check(id="user", state=State.FAILS, summary="")], [])
