"""The warden where coverage sees it: started with a site, and otherwise as always."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import runner
from sandbox.errors import SandboxUnavailable
from sandbox.linux import capabilities, landlock, namespaces, processes, seccomp
from sandbox.linux.namespaces import Namespace
from sandbox.linux.numbers import machine
from sandbox.runner import Allowed, Report, Runner, Tier
from sandbox.warden import canaries, probe, protocol, rules, service, start, stub, view
from sandbox.warden.plan import Confinement, Granted, Request
from sandbox.warden.worker import run_program
from tests.sandbox.warden.commands import TIERS, Ground, ground, measured_interpreter
from tests.support.apart import apart, hide, in_a_thread
from tests.support.tree import make_tree


def granted(path: Path, *, writable: bool = True) -> Granted:
    return Granted(str(path), os.open(path, os.O_PATH), writable)


def confinement(
    *roots: Granted, readable: tuple[str, ...] = ("/usr", "/bin"), abi: int = 7, **more: Any
) -> Confinement:
    return Confinement(roots, readable, more.pop("network", False), 1 << 20, abi, os.getpid(), **more)


@pytest.mark.parametrize("tier", TIERS)
def test_a_measured_warden_serves_as_an_isolated_one_does(tier: Tier, tmp_path: Path) -> None:
    with ground(tmp_path, tier, interpreter=measured_interpreter()) as served:
        assert served.run("sh", "-c", "exit 3")[0].exit_code == 3

        async def kill_the_guard() -> None:
            run = await served.start("sleep", "100")
            (first,) = psutil.Process(served.runner._process.pid).children()
            first.kill()
            assert (await run.ended()).why == "lost"
            run.close()
            run = await served.start("sleep", "100")
            served.runner.close()
            assert (await run.ended()).why == "warden"
            run.close()

        asyncio.run(kill_the_guard())


def test_a_fork_that_fails_is_told_to_whoever_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = protocol.pair()
    one = service_of(tmp_path, theirs)

    def full() -> int:
        raise BlockingIOError(errno.EAGAIN, "")

    monkeypatch.setattr(os, "fork", full)
    server, leash = protocol.pair()
    message: protocol.Message = {
        "argv": ["x"],
        "environment": {},
        "limits": {},
        "protected": [],
        "tier": "none",
        "processes": None,
    }
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(4)]
    protocol.send(ours, message, [leash.fileno(), *files])
    leash.close()
    assert one._take_a_request()
    assert protocol.receive(server) == ({"event": "failed", "stage": "fork", "errno": errno.EAGAIN}, [])
    for descriptor in files:
        os.close(descriptor)
    ours.close()
    assert not one._take_a_request()
    server.close()
    theirs.close()


def service_of(root: Path, control: socket.socket | None = None) -> service.Service:
    return service.Service(control or protocol.pair()[0], confinement(granted(root)), {})


def test_a_warden_whose_server_is_gone_before_it_said_anything_ends() -> None:
    apart(f"{__name__}:serve_nobody")


def serve_nobody() -> None:
    ours, theirs = protocol.pair()
    ours.close()
    service.main(theirs.detach())


def test_strangers_are_ended_and_ones_own_are_not(tmp_path: Path) -> None:
    apart(f"{__name__}:end_strangers", str(tmp_path))


def end_strangers(base: str) -> None:
    one = service_of(Path(base))
    with subprocess.Popen(["sleep", "100"]) as own:
        stranger = subprocess.Popen(["sleep", "100"])
        leash = socket.socket()
        one._stubs[own.pid] = leash
        one._end_strangers()
        assert own.poll() is None
        own.kill()
        os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
        one._reap()
        assert one._stubs == {}
        own.returncode = stranger.returncode = -signal.SIGKILL
        one._reap()  # nobody is left
        one._ended(stranger.pid, 0)
    with subprocess.Popen(["sleep", "100"]) as other:
        one._stubs[other.pid] = leash
        one._reap()
        one._stubs.clear()
        other.kill()


@pytest.mark.parametrize(
    ("behaviour", "why_not"),
    [
        ("silent", "its guard ended"),
        ("failing", "landlock: EPERM"),
        ("dead", "its worker ended with status 9"),
        ("holed", "a command could mount; a command could not start a process (EPERM)"),
        ("lasting", "something of a command outlived it by 0.2 s"),
    ],
)
def test_a_tier_whose_trial_goes_wrong_is_not_offered(behaviour: str, why_not: str, tmp_path: Path) -> None:
    apart(f"{__name__}:try_it", behaviour, why_not, str(tmp_path))


def try_it(behaviour: str, why_not: str, base: str) -> None:
    probe.PROBE_S = 0.2  # type: ignore[misc]
    begun: list[int] = []

    def launch(request: Request, _: Callable[[Request], None]) -> int:
        child = os.fork()
        begun.append(child)
        if child:
            return child
        answers: dict[str, protocol.Message] = {
            "failing": {"event": "failed", "stage": "landlock", "errno": errno.EPERM},
            "dead": {"event": "ended", "status": 9},
            "holed": {"event": "ended", "status": 0},
            "lasting": {"event": "ended", "status": 0},
        }
        if behaviour in answers:
            protocol.send(request.leash, answers[behaviour], [0])
        if behaviour == "holed":
            holes = (
                b'{"acts": [["mount", false], ["look at a file outside", false]], "needs": ["start a process (EPERM)"]}'
            )
            os.write(request.stdout, holes)
        if behaviour == "lasting":
            signal.pause()
        os._exit(0)

    verdict = probe.verdict_on(Tier.LANDLOCK, confinement(granted(Path(base))), launch)
    assert (verdict.offered, verdict.why_not) == (False, why_not)
    if behaviour == "lasting":
        os.kill(begun[0], signal.SIGKILL)


def test_without_a_place_outside_there_is_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(dir: str) -> str:  # noqa: A002 - as the real one has it
        raise PermissionError(errno.EACCES, dir)

    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    everything = confinement(granted(Path("/tmp")), granted(tmp_path))
    verdict = probe.verdict_on(Tier.LANDLOCK, everything, lambda *_: 0)
    assert verdict.why_not == "there is no place for a trial (EROFS)"


@pytest.mark.parametrize("network", [False, True])
def test_confined_as_a_command_every_act_that_is_promised_fails(tmp_path: Path, *, network: bool) -> None:
    make_tree(tmp_path, ["outside/f = F", "root/"])
    held = confinement(granted(tmp_path / "root"), network=network, scratch=granted(tmp_path / "root"))
    here = machine()
    assert here is not None
    filters = stub.filters_of(here, held)

    def confined() -> dict[str, bool]:
        capabilities.drop_all()
        processes.gain_nothing_by_exec()
        rules.ruleset(held, own_view=False).restrict()
        seccomp.install(filters[Tier.LANDLOCK])
        acts = canaries.acts(Tier.LANDLOCK, str(tmp_path / "outside"), os.getppid(), held)
        return {name: canaries.refused(act) for name, act in acts}

    if landlock.abi() < 6:
        pytest.skip("this kernel's Landlock knows no signals")
    found = in_a_thread(confined)
    # This thread's own process holds sockets, and it is the server that it would signal.
    assert {name for name, refused in found.items() if not refused} <= {
        *canaries.ALLOWED[Tier.LANDLOCK],
        "use another's descriptor",
        "signal the server",
    }


def test_what_a_command_needs_and_cannot_is_named() -> None:
    apart(f"{__name__}:need_and_lack")


def need_and_lack() -> None:
    assert canaries.failures() == []
    hide({"clone": errno.EPERM})
    assert canaries.failures() == ["start a process (EPERM)"]


def test_unconfined_the_acts_are_possible(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        in_a_thread(have_none)
    assert not canaries.refused(canaries._gain_by_executing)
    assert canaries.refused(canaries._have_a_capability) == (os.geteuid() != 0)
    assert not canaries.refused(canaries._see_another_process)
    with socket.socket():
        assert not canaries.refused(canaries._use_a_descriptor)
    names = {name for name, _ in canaries.acts(Tier.NAMESPACE, str(tmp_path), 1, confinement(granted(tmp_path)))}
    assert "see another process" in names
    apart(f"{__name__}:see_only_ourselves")


def have_none() -> None:
    capabilities.drop_all()
    canaries._have_a_capability()


def see_only_ourselves() -> None:
    listed = os.listdir
    os.listdir = lambda _: ["1", "self", str(os.getpid())]  # type: ignore[assignment]
    assert canaries.refused(canaries._see_another_process)
    os.listdir = listed
    assert canaries.refused(canaries._use_a_descriptor)
    processes.gain_nothing_by_exec()
    assert canaries.refused(canaries._gain_by_executing)


def test_filters_are_for_known_machines_and_name_whom_no_signal_reaches(tmp_path: Path) -> None:
    here = machine()
    scoped, old = confinement(granted(tmp_path)), confinement(granted(tmp_path), abi=2)
    assert stub.filters_of(None, scoped) == {}
    filters, older = stub.filters_of(here, scoped), stub.filters_of(here, old)
    assert len(older[Tier.LANDLOCK]) > len(filters[Tier.LANDLOCK])
    assert len(older[Tier.NAMESPACE]) > len(filters[Tier.NAMESPACE])  # truncate


def test_rules_that_cannot_be_made_leave_no_handle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.DEVICES, "/dev/none of these", rules.READ)
    before = len(os.listdir("/proc/self/fd"))
    root = granted(tmp_path)
    os.close(root.handle)
    with pytest.raises(OSError, match=os.strerror(errno.EBADFD)):
        rules.ruleset(confinement(root), own_view=False)
    rules.ruleset(confinement(), own_view=True).close()
    rules.alone_with_its_own(landlock.abi()).close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_request_that_names_no_program_that_is_there_fails() -> None:
    request = Request(socket.socket(), 0, 1, 2, 3, [b"/no/such"], {}, {}, [], Tier.NONE)
    with pytest.raises(FileNotFoundError):
        run_program(request)
    request.leash.close()
    assert start.__doc__


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's view needs a process of one thread")


@root_only
def test_a_view_holds_what_was_granted_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built in a thread, whose mounts are its own."""
    monkeypatch.setitem(rules.DEVICES, "/dev/none of these", rules.READ)
    make_tree(
        tmp_path,
        [
            "rw/.git/hooks/x = X",
            "rw/.git/config = C",
            "rw/in/f = F",
            "ro/g = G",
            "system/h = H",
            "text = T",
            "far/i = I",
        ],
    )
    (tmp_path / "link").symlink_to("system")
    (tmp_path / "away").symlink_to(tmp_path / "far/i")
    roots = (granted(tmp_path / "ro", writable=False), granted(tmp_path / "rw"))
    inner = granted(tmp_path / "rw/in", writable=False)
    readable = tuple(str(tmp_path / name) for name in ("link", "away", "system", "text", "missing", "system"))
    held = confinement(*roots, inner, readable=readable)
    protected = [str(tmp_path / "rw" / name) for name in (".git/hooks", ".git/config", "none", "in/f/x")]

    def build() -> list[object]:
        namespaces.unshare(Namespace.MOUNTS)
        unprotected = view.build(held, protected)
        with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
            view.reopened(str(tmp_path / "rw"), (0, 0))
        with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
            view._verify(Granted(str(tmp_path / "rw"), roots[1].handle, writable=False))
        found: list[object] = [unprotected, sorted(os.listdir("/")), sorted(os.listdir(tmp_path))]
        (tmp_path / "rw/new").touch()
        for path in ("ro/new", "rw/.git/hooks/new", "rw/.git/config", "rw/in/new", "system/new", "text"):
            with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
                os.close(os.open(tmp_path / path, os.O_WRONLY | os.O_CREAT))
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
            os.rename(tmp_path / "rw/.git", tmp_path / "rw/g")
        return [*found, (tmp_path / "away").read_text(), os.listdir("/dev/shm"), os.readlink("/var/tmp")]

    unprotected, top, beneath, *more = in_a_thread(build)
    assert unprotected == protected[2:]
    assert top == sorted({"dev", "proc", "tmp", "var", tmp_path.parts[1]})
    assert beneath == ["away", "far", "link", "ro", "rw", "system", "text"]
    assert more == ["I", [], "../tmp"]
    assert (tmp_path / "rw/new").exists()


@root_only
def test_a_view_with_a_root_that_moved_is_not_built(tmp_path: Path) -> None:
    make_tree(tmp_path, ["one/", "other/"])
    wrong = Granted(str(tmp_path / "one"), os.open(tmp_path / "other", os.O_PATH), writable=True)

    def build() -> None:
        namespaces.unshare(Namespace.MOUNTS)
        view.build(confinement(wrong), [])

    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        in_a_thread(build)


@root_only
def test_a_failure_to_look_at_what_is_protected_is_no_licence(tmp_path: Path) -> None:
    make_tree(tmp_path, ["d/f = F"])
    held = os.open("/", os.O_PATH)

    def look() -> None:
        hide({"openat2": errno.EIO})
        view._protect(held, str(tmp_path / "d/f"), [], set())

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        in_a_thread(look)
    os.close(held)


def test_a_command_whose_number_nobody_knows_has_none() -> None:
    assert runner._number_of(-7) == 0


def test_where_nothing_runs_nothing_more_is_said_to_be_possible() -> None:
    report = Report(None, {}, 0, 0, "parent of orphans", network=False, root=False)
    assert report.not_prevented == ("total memory of all its processes", "total disk space in writable roots")


def test_an_answer_that_comes_late_changes_nothing() -> None:
    async def test() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        runner._settle(future, None)
        assert future.cancelled()

    asyncio.run(test())


def test_a_room_that_is_asked_for_by_one_who_leaves_is_nobodys(tmp_path: Path) -> None:
    async def test(served: Ground) -> None:
        os.kill(served.runner._process.pid, signal.SIGSTOP)
        starting = [asyncio.ensure_future(served.start("true")) for _ in range(400)]
        for _ in range(5):
            await asyncio.sleep(0)
        for one in starting:
            one.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        os.kill(served.runner._process.pid, signal.SIGCONT)
        assert (await served.to_the_end("true"))[0].exit_code == 0

    with ground(tmp_path, Tier.NONE) as served:
        asyncio.run(test(served))


def test_a_runner_for_no_root_at_all_has_no_tier() -> None:
    with pytest.raises(SandboxUnavailable):
        Runner.start([], require=Tier.LANDLOCK)
    Runner.start([], tiers=[], require=Tier.NONE).close()
    assert Allowed(3).writable
