"""Where commands are started: the server's side of the warden. For Linux; other systems have nothing like it yet.

`Runner.start` is called once, early: before the server confines itself, and before it has threads. It blocks until the
warden has shown what it can do, some 50 ms. Everything behind it waits on the event loop and never blocks it.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from sandbox.command import Command, Ended
from sandbox.errors import CommandNotFound, CommandRefused, SandboxError, SandboxUnavailable
from sandbox.warden import protocol
from sandbox.warden.plan import Tier

__all__ = ["NEWEST_ABI", "SYSTEM", "TIERS", "Allowed", "Offer", "Report", "Run", "Runner", "Tier"]

# fmt: off
_ETC: Final = (
    "alternatives", "bash.bashrc", "ca-certificates", "crypto-policies", "debian_version", "environment", "fonts",
    "gai.conf", "gitconfig", "group", "host.conf", "hosts", "inputrc", "java", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "lsb-release", "magic", "mime.types",
    "nsswitch.conf", "os-release", "passwd", "pki", "profile", "profile.d", "protocols", "python3", "resolv.conf",
    "rpc", "services", "shells", "ssl", "terminfo", "timezone", "vimrc", "xdg",
)
# fmt: on
SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store"),
    *(f"/etc/{name}" for name in _ETC),
)
"""What commands may read and execute besides the roots. Of /etc nothing that is a secret on a usual machine."""

ISOLATED: Final = ("-I", "-S", "-B")
"""For Python: no variable, no directory of the user's, no start-up file of a site says anything; nothing is written."""

TIERS: Final = (Tier.NAMESPACE, Tier.LANDLOCK)
"""Strongest first."""

START_S: Final = 60.0
"""Seconds until a warden has shown what it can do, on a machine however busy."""

END_S: Final = 10.0
"""Seconds that all commands get to die in. They need milliseconds, but for what waits in the kernel for a device."""

_START: Final = Path(__file__).parent / "warden" / "start.py"
NEWEST_ABI: Final = 7
"""The newest Landlock whose rights are known here; of newer ones these are used."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A directory that commands may use.

    Attributes:
        handle: of the directory, held by the caller until the runner has started.
        writable: whether anything in it may be changed.
    """

    handle: int
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tier showed when it was tried.

    Attributes:
        offered: whether commands can run in it.
        why_not: what kept it from being offered; "" if nothing did.
        refused: the acts that were tried in it and failed.
        allowed: the acts that were tried in it and succeeded, though it promises nothing of them.
    """

    offered: bool
    why_not: str
    refused: tuple[str, ...]
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What this machine offers, as it was tried.

    Attributes:
        tier: in which commands run; None where the one that is required is not offered.
        offers: of each tier, the strongest first.
        landlock_abi: the version of Landlock; 0 for none.
        landlock_errata: which corrections of it this kernel has, one bit each.
        tree_kill: by what everything that a command started is ended.
        network: whether commands have any.
        root: whether they run as root, whom the kernel does not hold to a number of processes.
    """

    tier: Tier | None
    offers: Mapping[Tier, Offer]
    landlock_abi: int
    landlock_errata: int
    tree_kill: str
    network: bool
    root: bool

    @property
    def not_prevented(self) -> tuple[str, ...]:
        """What a command can do in spite of all, each in a few words."""
        found = ["total memory of all its processes", "total disk space in writable roots"]
        if self.root:
            found.append("number of processes (root)")
        if self.tier is Tier.NONE:
            return ("anything that the server's user can do", *found)
        if self.tier is Tier.LANDLOCK:
            found = [
                "names, modes, times and attributes of files outside",
                "writes to protected files in roots",
                *found,
            ]
            found += ["writes to a read-only root inside a writable one"]
            if self.tree_kill != _SCOPED:
                found.append("signals to other processes of the user")
        return tuple(found)


_SCOPED: Final = "signal scope"
_TREE_KILL: Final = {
    (Tier.NAMESPACE, True): "namespace of processes",
    (Tier.NAMESPACE, False): "namespace of processes",
    (Tier.LANDLOCK, True): _SCOPED,
}


class Run:
    """A command that runs. Whoever has it waits for `ended`, and closes it; closing it first ends the command.

    Attributes:
        pid: the number of its program on this machine; 0 where the kernel does not tell.
        unprotected: the protected paths that nothing protects: in the tier `namespace` those where nothing stood at
            the start, or a link; in the others all.
    """

    def __init__(self, leash: socket.socket) -> None:
        leash.setblocking(False)  # noqa: FBT003 - its only parameter
        self.pid = 0
        self.unprotected: tuple[str, ...] = ()
        self._leash = leash
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[Ended] = self._loop.create_future()
        self._loop.add_reader(leash.fileno(), self._hear)

    async def ended(self) -> Ended:
        """Return how it ended. When this returns, the program and all that it started are dead.

        A caller that is cancelled takes nothing away: the command goes on, and may be waited for again.
        """
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        """Send a signal to the program and its process group. Of one that has ended nothing happens."""
        with contextlib.suppress(OSError):  # its guard has ended
            protocol.send(self._leash, {"signal": signal.Signals(number).value})

    def kill(self) -> None:
        """End the program and all that it started, at once. `ended` tells when they are dead."""
        with contextlib.suppress(OSError):
            # The guard reads the end of what we say; we still hear what it says.
            self._leash.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of it; whatever still runs is ended. A second call does nothing."""
        if self._leash.fileno() >= 0:
            self._loop.remove_reader(self._leash.fileno())
            self._leash.close()
            self._lose()

    async def begun(self, subject: str) -> None:
        """Return when the program has started.

        Raises:
            CommandNotFound, CommandRefused: there is none of that name, or it cannot be executed.
            SandboxUnavailable: it could not be confined.
        """
        try:
            await self._begun
        except SandboxError as refusal:
            raise refusal.about(subject) from None

    def _hear(self) -> None:
        try:
            while (received := protocol.receive(self._leash)) is not None:
                self._take(*received)
        except BlockingIOError:
            return
        self._loop.remove_reader(self._leash.fileno())
        self._lose()

    def _take(self, message: protocol.Message, files: list[int]) -> None:
        if message["event"] == "started":
            self.unprotected = tuple(message["unprotected"])
            self.pid = sum(map(_number_of, files))
            _settle(self._begun, None)
        elif message["event"] == "failed":
            self._begun.set_exception(_refusal(message["stage"], message["errno"]))
        else:
            self._ended.set_result(_ended(message))
        for descriptor in files:
            os.close(descriptor)

    def _lose(self) -> None:
        if not self._begun.done():
            self._begun.set_exception(SandboxUnavailable(reason="its guard ended"))
            self._begun.exception()  # nobody may wait for it, and that is no error
        if not self._ended.done():
            self._ended.set_result(Ended(None, None, why="lost"))


class Runner:
    """Starts commands, each confined.

    Attributes:
        report: what this machine offers, and in which tier commands run.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, report: Report, scratch: str) -> None:
        control.setblocking(False)  # noqa: FBT003 - its only parameter
        self.report = report
        self._process = process
        self._control = control
        self._turn = asyncio.Lock()
        # Where its own /tmp is, a command finds room for what is temporary.
        self._temporary = "/tmp" if report.tier is Tier.NAMESPACE else scratch  # noqa: S108 - its own one

    @classmethod
    def start(
        cls,
        roots: Sequence[Allowed],
        *,
        readable: Sequence[str] = SYSTEM,
        scratch: Allowed | None = None,
        network: bool = False,
        require: Tier = Tier.LANDLOCK,
        tiers: Sequence[Tier] = TIERS,
        private_bytes: int = 1 << 30,
        interpreter: Sequence[str] = (sys.executable, *ISOLATED),
        most_abi: int = NEWEST_ABI,
    ) -> "Runner":
        """Start the warden, and learn what it can do.

        `readable` are paths of the system that commands may read and execute. `tiers` are tried, and the first that
        holds is taken; below `require` nothing runs. `scratch` is a private directory for
        temporary files in the tier without a /tmp of its own. `private_bytes` is what that /tmp may hold. `most_abi`
        takes this kernel for one with an older Landlock.

        Raises:
            SandboxUnavailable: the warden cannot be started, or does not answer. A machine that offers too little is
                no error: `report` says so, and `run` refuses.
        """
        granted = [*roots, *filter(None, [scratch])]
        try:
            paths = [os.readlink(f"/proc/self/fd/{one.handle}") for one in granted]
        except OSError as error:
            raise SandboxUnavailable(reason=f"the path of a root is not known ({_name(error.errno)})") from error
        ours, wardens = protocol.pair()
        with wardens:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own program
                    [*interpreter, os.fspath(_START), str(wardens.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[wardens.fileno()],
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise SandboxUnavailable(reason=f"the warden cannot be started ({_name(error.errno)})") from error
        message = {
            "granted": [(path, one.writable) for path, one in zip(paths, granted, strict=True)],
            "scratch": scratch is not None,
            "readable": list(readable),
            "network": network,
            "private_bytes": private_bytes,
            "tiers": list(tiers),
            "most_abi": most_abi,
            "server": os.getpid(),
        }
        try:
            ours.settimeout(START_S)
            protocol.send(ours, message, [one.handle for one in granted])
            received = protocol.receive(ours)
        except OSError as error:
            received = None
            reason = f"the warden does not answer ({_name(error.errno)})"
        else:
            reason = "the warden ended"
        if received is None:
            ours.close()
            process.kill()
            process.wait()
            raise SandboxUnavailable(reason=reason)
        report = _report(received[0], require, network=network)
        return cls(process, ours, report, paths[-1] if scratch else "")

    async def run(self, command: Command) -> Run:
        """Start a command; return when its program has started. The caller closes what comes back.

        Raises:
            CommandRefused, CommandNotFound: it cannot be a command, or there is no such program.
            SandboxUnavailable: nothing may run on this machine, or it could not be confined.
        """
        command.check()
        subject = command.argv[0]
        if self.report.tier is None:
            raise SandboxUnavailable(subject, reason=_why_none(self.report))
        ours, guards = protocol.pair()
        run = Run(ours)
        try:
            with guards:
                files = [guards.fileno(), command.stdin, command.stdout, command.stderr, command.cwd]
                await self._send(self._message(command, self.report.tier), files)
            await run.begun(subject)
        except BaseException:
            run.close()
            raise
        return run

    def close(self) -> None:
        """End every command and the warden; return when all are dead. It may block for some milliseconds."""
        self._control.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:  # a process that the kernel cannot end holds its guard up
            self._process.kill()
            self._process.wait()

    def _message(self, command: Command, tier: Tier) -> protocol.Message:
        limits = {field.name: getattr(command.limits, field.name) for field in fields(command.limits)}
        processes = limits.pop("processes")
        temporary = {"TMPDIR": self._temporary} if self._temporary else {}
        return {
            "argv": list(command.argv),
            "environment": {**temporary, **command.environment},
            "limits": {"core_bytes": 0, **{name: most for name, most in limits.items() if most is not None}},
            "processes": processes,
            "protected": list(command.protected),
            "tier": tier.value,
        }

    async def _send(self, message: protocol.Message, files: Sequence[int]) -> None:
        async with self._turn:  # one waits for room at a time, and the first comes first
            try:
                while True:
                    try:
                        return protocol.send(self._control, message, files)
                    except BlockingIOError:
                        await _room(self._control)
            except OSError as error:
                raise SandboxUnavailable(reason=f"the warden has ended ({_name(error.errno)})") from error


async def _room(end: socket.socket) -> None:
    """Return when something can be sent."""
    loop = asyncio.get_running_loop()
    there_is: asyncio.Future[None] = loop.create_future()
    loop.add_writer(end.fileno(), _settle, there_is, None)
    try:
        await there_is
    finally:
        loop.remove_writer(end.fileno())


def _settle(future: "asyncio.Future[None]", value: None) -> None:
    if not future.done():
        future.set_result(value)


def _report(message: protocol.Message, require: Tier, *, network: bool) -> Report:
    offers = {
        Tier(name): Offer(offered, why_not, tuple(refused), tuple(allowed))
        for name, (offered, why_not, refused, allowed) in message["tiers"].items()
    }
    tier = next((tier for tier, offer in offers.items() if offer.offered), Tier.NONE)
    if tier.is_below(require):
        return _report_of(None, offers, message, network=network)
    return _report_of(tier, offers, message, network=network)


def _report_of(tier: Tier | None, offers: Mapping[Tier, Offer], message: protocol.Message, *, network: bool) -> Report:
    return Report(
        tier,
        offers,
        landlock_abi=message["abi"],
        landlock_errata=message["errata"],
        tree_kill=_TREE_KILL.get((tier or Tier.NONE, message["scoped"]), "parent of orphans"),
        network=network,
        root=os.geteuid() == 0,
    )


def _why_none(report: Report) -> str:
    return "; ".join(f"{tier}: {offer.why_not}" for tier, offer in report.offers.items() if not offer.offered)


def _refusal(stage: str, number: int) -> SandboxError:
    if stage != "program":
        return SandboxUnavailable(reason=f"{stage} ({_name(number)})")
    if number == errno.ENOENT:
        return CommandNotFound()
    return CommandRefused(reason=_REASONS.get(number, f"the system answered {_name(number)}"))


_REASONS: Final = {
    errno.EACCES: "it cannot be executed, or lies where commands may not read",
    errno.ENOEXEC: "it is no program: it has no first line that names one",
    errno.E2BIG: "its arguments or its environment are too long",
    errno.ENOTDIR: "something in its path is no directory",
    errno.ELOOP: "its links lead in a circle",
    errno.ENAMETOOLONG: "its path is too long",
    errno.ETXTBSY: "it is open for writing",
}


def _ended(message: protocol.Message) -> Ended:
    status = message["status"]
    known = status is not None
    return Ended(
        os.WEXITSTATUS(status) if known and os.WIFEXITED(status) else None,
        os.WTERMSIG(status) if known and os.WIFSIGNALED(status) else None,
        *(message[name] for name in ("why", "killed", "user_s", "system_s", "max_rss_bytes")),
    )


def _number_of(handle: int) -> int:
    """Return the number of the process behind a handle, as this process would see it; 0 where /proc does not say."""
    try:
        with open(f"/proc/self/fdinfo/{handle}", "rb") as file:
            found = dict(line.rstrip().split(b":\t", 1) for line in file)
    except OSError:
        return 0
    return max(0, int(found.get(b"Pid", b"0")))


def _name(number: int | None) -> str:
    return errno.errorcode.get(number or 0, str(number or 0))
