"""Places on the host, as the journal writes them down, and back to a root and names; and what waits beside them."""

from dataclasses import dataclass

from sandbox import OutsideRoots, Root, Target, Workspace

__all__ = ["TEMPORARY", "Where", "joined", "path_of", "where_of"]

TEMPORARY = ".fs-server-"
"""What the name of everything begins with that waits beside a change."""


@dataclass(frozen=True, slots=True)
class Where:
    """A real place: a root and the names beneath it."""

    root: Root
    parts: tuple[str, ...]


def joined(root: Root, parts: tuple[str, ...]) -> str:
    """Return the absolute real path of names beneath a root: two servers with different roots mean the same by it."""
    return "/" + "/".join((*root.spellings[-1], *parts))


def path_of(target: Target) -> str:
    """Return the absolute real path of a target."""
    return joined(target.root, target.parts)


def where_of(workspace: Workspace, path: str) -> Where:
    """Return where an absolute path of the journal lies today, whatever the policy says of it: for what is ours.

    Raises:
        OutsideRoots: beneath none of the roots that may be written.
    """
    names = tuple(path.split("/")[1:])
    best: Where | None = None
    for root in workspace.roots:
        base = root.spellings[-1]
        if root.rules.writable and len(base) < len(names) and names[: len(base)] == base:
            found = Where(root, names[len(base) :])
            if best is None or len(found.parts) < len(best.parts):
                best = found
    if best is None:
        raise OutsideRoots(path)
    return best
