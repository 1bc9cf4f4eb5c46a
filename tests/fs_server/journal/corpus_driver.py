"""What carries operations of the attack corpus out as changes: planned, written down and done, without the tools."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fs_server.config.patterns import DENY, PROTECT
from fs_server.errors import Failure
from fs_server.journal.carrying import carry_out
from fs_server.journal.journal import Journal
from fs_server.journal.operations import ANYTHING, Copy, MakeDirectory, Move, Operation, Put, Remove
from sandbox import Access, Kind, NotEmpty, RootSpec, SandboxError, Target, Workspace, target_of
from tests.sandbox.backends import RESOLVERS, opened
from tests.support.corpus import Driver, Outcome

__all__ = ["changing_on"]


@dataclass
class ChangeDriver:
    """Carries one operation out as a change."""

    workspace: Workspace
    journal: Journal

    def carry_out(self, op: Mapping[str, Any]) -> Outcome:
        """Write, make, move, copy or delete."""
        try:
            carry_out(self.journal, self._operations(op), tool="corpus", keep_bytes=1 << 28)
        except (SandboxError, Failure) as refusal:
            return Outcome(code=str(refusal.code), told=repr((str(refusal), vars(refusal))).encode())
        return Outcome()

    def _operations(self, op: Mapping[str, Any]) -> list[Operation]:
        match op["op"]:
            case "write":
                return [Put(self._target(op["path"]), op["data"].encode(), ANYTHING)]
            case "mkdir":
                target = self._target(op["path"])
                above = target.directories_to_make() if op.get("parents") else ()
                return [MakeDirectory(each) for each in (*above, target)]
            case "delete":
                target = self._target(op["path"], follow=False)
                if target.kind is Kind.DIRECTORY and not op.get("recursive"):
                    raise NotEmpty  # whether it is meant is the tool's part
                return [Remove(target)]
            case "move":
                return [Move(self._target(op["src"], follow=False), self._target(op["dst"], follow=False))]
            case "copy":
                source = target_of(self.workspace.at(op["src"], Access.READ))
                return [Copy(source, self._target(op["dst"]))]
            case _:
                raise ValueError(op)

    def _target(self, path: str, *, follow: bool = True) -> Target:
        return target_of(self.workspace.at(path, Access.WRITE), follow=follow)


def changing_on(backend: str) -> Callable[[Sequence[str]], contextlib.AbstractContextManager[Driver]]:
    """Return what starts a driver on this backend; its journal lies beside the roots."""

    @contextlib.contextmanager
    def start(paths: Sequence[str]) -> Iterator[Driver]:
        specs = [RootSpec(Path(path).name, path, secret=DENY, protected=PROTECT) for path in paths]
        state = Path(paths[0]).parent / "state"
        with (
            opened(RESOLVERS[backend](), *specs) as workspace,
            Journal.open(state, max_bytes=1 << 30, max_age_s=1e6) as journal,
        ):
            yield ChangeDriver(workspace, journal)

    return start
