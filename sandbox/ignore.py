"""What a project's own .gitignore files leave out, as git reads them.

Source: gitignore(5). Deeper files win over higher ones; a repository inside another begins anew; a .gitignore
that is a link is not read.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.errors import SandboxError
from sandbox.gitignore import Rule, rules_of
from sandbox.open_directory import OpenDirectory

__all__ = ["NOTHING_IGNORED", "Ignored", "ignored_in"]

LONGEST_FILE = 256 * 1024
"""Bytes of a .gitignore that are read. Real ones have a few thousand; the rest of a longer one is not looked at."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The .gitignore files in force in one directory: each with the depth of the directory that holds it."""

    levels: tuple[tuple[int, tuple[Rule, ...]], ...] = ()

    def covers(self, parts: Sequence[str], *, directory: bool) -> bool:
        """Tell whether the thing with these names beneath the root is left out. `.git` always is."""
        if parts[-1] == ".git":
            return True
        names = [os.fsencode(part) for part in parts]
        for depth, rules in reversed(self.levels):
            for rule in reversed(rules):
                if rule.matches(names[depth:], directory=directory):
                    return rule.leaves_out
        return False

    def within(self, directory: OpenDirectory) -> "Ignored":
        """Return what is in force in `directory`, which lies in the one that this is of."""
        levels = () if _begins_repository(directory) else self.levels
        rules = _rules_in(directory)
        return Ignored((*levels, (len(directory.parts), rules))) if rules else Ignored(levels)


NOTHING_IGNORED = Ignored()


def ignored_in(top: OpenDirectory, names: Sequence[str]) -> Ignored:
    """Return what is in force in the directory that `names` lead to from `top`, a root.

    A directory that is itself left out and was asked for by its name is listed as if nothing above it spoke.
    """
    here = NOTHING_IGNORED.within(top)
    directory = top
    try:
        for name in names:
            parts = (*directory.parts, name)
            below = directory.descend(name)
            here = (NOTHING_IGNORED if here.covers(parts, directory=True) else here).within(below)
            if directory is not top:
                directory.close()
            directory = below
    except SandboxError:  # the way there changed while it was read; what was read so far is in force
        return here
    finally:
        if directory is not top:
            directory.close()
    return here


def _begins_repository(directory: OpenDirectory) -> bool:
    try:
        directory.stat(".git")
    except SandboxError:
        return False
    return True


def _rules_in(directory: OpenDirectory) -> tuple[Rule, ...]:
    try:
        with directory.open(".gitignore") as file:
            return tuple(rules_of(file.read_at(0, LONGEST_FILE)))
    except (SandboxError, OSError):  # none, or a directory, a link, unreadable: git goes on without such a file too
        return ()
