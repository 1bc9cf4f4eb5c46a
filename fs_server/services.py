"""What a tool is given: the open workspace, the settings, and threads to work in. Passed, never global."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fs_server.config.settings import Limits, Settings
from fs_server.errors import Failure
from sandbox import Access, Lane, Place, Root, Stop, Workspace

__all__ = ["Services"]

Result = TypeVar("Result")

LANE_THREADS = 8
"""Threads per root: enough for a disk, few enough that a dead network mount costs little."""


@dataclass
class Services:
    """One per process, made when it starts.

    Attributes:
        settings: frozen.
        opened: every root that the operator configured.
        workspace: what is served now: the same roots, in the order or the selection that the client's roots give.
            It is replaced whole; work in flight keeps the one that it began with.
    """

    settings: Settings
    opened: Workspace
    workspace: Workspace
    _lanes: dict[str, Lane] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """How much a call may take."""
        return self.settings.limits

    def at(self, text: str, access: Access) -> Place:
        """Return the place that a client's text names (see `Workspace.at`)."""
        return self.workspace.at(text, access)

    async def run(self, root: Root, work: Callable[[Stop], Result], *, what: str) -> Result:
        """Return what `work` returns, done in a thread of the root's lane. `what` names it for a refusal.

        Raises:
            Failure: `timeout`.
        """
        lane = self._lanes.setdefault(root.name, Lane(LANE_THREADS))
        seconds = self.limits.call_timeout_s
        try:
            return await lane.run(work, timeout_s=seconds)
        except TimeoutError as error:
            raise Failure(
                "timeout",
                what,
                f"The file system did not answer within {seconds:g} s",
                "Ask for less, or try again later; other calls are not affected",
            ) from error
