"""Commands on Linux: the warden, and a directory for temporary files where a command has none of its own."""

# ruff: noqa: E402 - the platform is asserted before anything is imported that only this platform has
import sys
from collections.abc import Sequence

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

from fs_server.commands.scratch import Scratch
from fs_server.commands.seam import LIMITS, Enforcement, Runner, Running, Started
from fs_server.config.settings import Settings
from sandbox import Root
from sandbox.command import Command
from sandbox.runner import SYSTEM, Allowed, Tier
from sandbox.runner import Runner as Warden

__all__ = ["start"]


def start(settings: Settings, roots: Sequence[Root]) -> Started:
    """Start what starts commands, and learn what it can do. Blocks for some ten milliseconds.

    Raises:
        SandboxError, Failure: it cannot be started, or does not answer.
    """
    scratch = Scratch.make(settings.journal / "scratch")
    try:
        runner = Warden.start(
            [Allowed(root.handle, root.rules.writable) for root in roots],
            scratch=Allowed(scratch.handle),
            network=settings.network == "full",
            require=Tier(settings.require),
        )
    except BaseException:
        scratch.remove()
        raise
    report = runner.report
    if report.tier is not Tier.LANDLOCK:  # the only one without a directory for temporary files of its own
        scratch.remove()
    home = {Tier.NAMESPACE: "/tmp", Tier.LANDLOCK: scratch.path}.get(report.tier or Tier.NONE, "")  # noqa: S108 - its own one
    lacking = [f"{tier}: {offer.why_not}" for tier, offer in report.offers.items() if not offer.offered]
    if report.tier is None:
        offered = next((tier.value for tier, offer in report.offers.items() if offer.offered), "none")
        lacking.append(f"{settings.require} is required (setting require), and {offered} is what there is")
    protected = {Tier.NAMESPACE: "enforced", Tier.LANDLOCK: "tripwire"}.get(report.tier or Tier.NONE, "none")
    enforcement = Enforcement(
        tier=None if report.tier is None else report.tier.value,
        why_not="; ".join(lacking),
        landlock_abi=report.landlock_abi,
        network=settings.network,
        tree_kill=report.tree_kill,
        protected_paths=protected,
        limits=tuple(name for name in LIMITS if getattr(settings.limits, name)),
        not_prevented=("reading secret files in roots", *report.not_prevented),
    )
    granted = ["/" + "/".join(names) for root in roots for names in root.spellings]
    within = () if report.tier is Tier.NONE else (*SYSTEM, *granted)
    return Started(_WithScratch(runner, scratch), enforcement, home, within)


class _WithScratch:
    """A runner whose directory for temporary files goes with it."""

    def __init__(self, runner: Runner, scratch: Scratch) -> None:
        self._runner = runner
        self._scratch = scratch

    async def run(self, command: Command) -> Running:
        """Start a command."""
        return await self._runner.run(command)

    def close(self) -> None:
        """End every command, then remove what they left."""
        self._runner.close()
        self._scratch.remove()
