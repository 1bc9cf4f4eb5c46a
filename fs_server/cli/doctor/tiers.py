"""Commands on Linux: each tier is made and tried, just as the server does it at its start."""

# ruff: noqa: E402 - the platform is asserted before anything is imported that only this platform has
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from fs_server.cli.doctor.check import Act, Check, State, refused
from fs_server.commands.seam import LIMITS
from fs_server.config.settings import Settings
from sandbox import Root, SandboxError
from sandbox.runner import NEWEST_ABI, TIERS, Allowed, Offer, Report, Runner, Tier

__all__ = ["commands", "wanted"]

SCOPED_ABI: Final = 6

HOW: Final = {
    Tier.NAMESPACE: "namespaces of its own for files, processes and network; Landlock and a filter of system calls",
    Tier.LANDLOCK: "Landlock and a filter of system calls, among the processes of the machine",
}
BETTER: Final = {
    Tier.NAMESPACE: (
        "Let this user make user namespaces: kernel.unprivileged_userns_clone=1 where there is that setting,"
        " user.max_user_namespaces above 0, and no AppArmor rule against it. In a container, a filter of system calls"
        " that lets unshare, mount and pivot_root pass."
    ),
    Tier.LANDLOCK: (
        "A kernel with Landlock: Linux 5.13, better 6.12, with landlock in its list of security modules (lsm=). In a"
        " container, a filter of system calls that lets landlock_* pass."
    ),
}


def commands(
    settings: Settings, roots: Sequence[Root], *, tiers: Sequence[Tier] = TIERS, most_abi: int = NEWEST_ABI
) -> list[Check]:
    """Try each tier in these roots, or in one made for that. `tiers` and `most_abi` make less of this machine."""
    with _granted(roots) as granted:
        try:
            reports = {tier: _report(tier, granted, settings, most_abi=most_abi) for tier in tiers}
        except SandboxError as refusal:
            return [_whole(settings, None, str(refusal.facts.get("reason", "the warden cannot be started")))]
    checks = [_tier(tier, report, report.offers[tier]) for tier, report in reports.items()]
    offered = next((tier for tier, report in reports.items() if report.offers[tier].offered), Tier.NONE)
    if offered.is_below(Tier(settings.require)):
        best = "none is offered" if offered is Tier.NONE else f"{offered} is the best that is offered"
        return [_whole(settings, None, best, offered), *checks]
    return [_whole(settings, offered, "", offered), *checks]


def wanted(settings: Settings) -> bool:
    """Tell whether the settings permit commands; where nothing may be written, none is."""
    writable = not settings.roots or any(root.writable for root in settings.roots)
    return writable and settings.commands


@contextlib.contextmanager
def _granted(roots: Sequence[Root]) -> Iterator[list[Allowed]]:
    if roots:
        yield [Allowed(root.handle, root.rules.writable) for root in roots]
        return
    with tempfile.TemporaryDirectory() as name:
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield [Allowed(handle)]
        finally:
            os.close(handle)


def _report(tier: Tier, granted: Sequence[Allowed], settings: Settings, *, most_abi: int) -> Report:
    runner = Runner.start(
        granted, network=settings.network == "full", require=Tier.NONE, tiers=(tier,), most_abi=most_abi
    )
    try:
        return runner.report
    finally:
        runner.close()


def _whole(settings: Settings, tier: Tier | None, trouble: str, offered: Tier = Tier.NONE) -> Check:
    require, network = Tier(settings.require), settings.network
    limits = [name for name in LIMITS if getattr(settings.limits, name, 0)]
    facts = {
        "wanted": wanted(settings),
        "require": require.value,
        "tier": None if tier is None else tier.value,
        "network": network,
        "limits": limits,
    }
    if not wanted(settings):
        summary = f"the settings permit none; {offered} would be the tier"
        return Check(id="commands", state=State.ABSENT, summary=summary, facts=facts)
    if tier is None:
        return Check(
            id="commands",
            state=State.FAILS,
            summary=f"refused: {require} is required, and {trouble}",
            facts=facts,
            improve=("See what each tier lacks, below. Or go on without commands (--no-commands).",),
        )
    if tier is Tier.NONE:
        return Check(
            id="commands",
            state=State.HOLDS,
            summary="not confined at all, as the settings allow (require = none)",
            facts=facts,
            not_prevented=("anything that the server's user can do",),
            improve=("See what each tier lacks, below.",),
        )
    limited = f"; each process limited in {', '.join(limits)}" if limits else ""
    return Check(
        id="commands",
        state=State.HOLDS,
        summary=f"run in the tier {tier}, network: {network}{limited}",
        facts=facts,
        improve=() if tier is Tier.NAMESPACE else ("See what the tier above lacks, below.",),
    )


def _tier(tier: Tier, report: Report, offer: Offer) -> Check:
    scoped = report.landlock_abi >= SCOPED_ABI
    improve: tuple[str, ...] = ()
    if not offer.offered:
        improve = (BETTER[tier],)
    elif tier is Tier.LANDLOCK and not scoped:
        improve = ("Linux 6.12 or newer keeps the signals of a command within (Landlock ABI 6).",)
    if offer.offered:
        improve += (
            "Total memory: start the server in a scope of its own (systemd-run --user --scope -p MemoryMax=4G).",
            "Disk space: keep roots on a file system of their own, or under a quota.",
        )
    return Check(
        id="tier",
        subject=tier.value,
        state=State.HOLDS if offer.offered else State.ABSENT,
        summary=f"{HOW[tier]}; ended by: {report.tree_kill}" if offer.offered else f"not offered: {offer.why_not}",
        facts={
            "offered": offer.offered,
            "why_not": offer.why_not,
            "landlock_abi": report.landlock_abi,
            "landlock_errata": report.landlock_errata,
            "tree_kill": report.tree_kill if offer.offered else None,
        },
        acts=(
            *(refused(name, came=True) for name in offer.refused),
            *(_allowed(name, offer) for name in offer.allowed),
        ),
        not_prevented=report.not_prevented if offer.offered else (),
        improve=improve,
    )


def _allowed(name: str, offer: Offer) -> Act:
    """Return an act that succeeded: one that the tier promises nothing of, or one for which it is not offered."""
    return Act(name, "refused" if f"a command could {name}" in offer.why_not else "open", "done")
