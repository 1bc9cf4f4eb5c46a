"""What the tests of changing a tree share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import SandboxError, Spot, Workspace
from tests.support.tree import snapshot

__all__ = ["open_descriptors", "pictured", "refused", "spot_of"]


def spot_of(workspace: Workspace, path: str) -> Spot:
    """Return the spot of a path beneath the first root."""
    return Spot.of(workspace.roots[0], tuple(path.split("/")))


def refused(work: Callable[..., object], *arguments: object) -> SandboxError:
    """Return what the sandbox refuses `work` with; fail if it does not."""
    with pytest.raises(SandboxError) as caught:
        work(*arguments)
    return caught.value


def pictured(base: Path) -> dict[str, str]:
    """Return what stands beneath `base`, without the times of directories: what came and went has changed those."""
    return {path: seen.rsplit(" ", 2)[0] if seen.startswith("d") else seen for path, seen in snapshot(base).items()}


def open_descriptors() -> set[str]:
    """Return the numbers of what this process holds open."""
    return {path.name for path in Path("/dev/fd").iterdir()}
