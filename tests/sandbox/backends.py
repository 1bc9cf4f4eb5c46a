"""The resolvers that every claim is made of, and the driver that carries the corpus out on the package."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox import BACKENDS, DEEPEST, Access, Entry, Resolver, RootSpec, SandboxError, Walk, Workspace
from sandbox.resolve._stepwise import StepwiseResolver
from tests.support.corpus import Driver, Outcome

__all__ = ["RESOLVERS", "carry_out_on", "opened"]

RESOLVERS: dict[str, Callable[[], Resolver]] = {
    **BACKENDS,
    # The form for systems without O_PATH or /proc. It is the same code there as here.
    "portable": partial(StepwiseResolver, path_handles=False),
}


@contextlib.contextmanager
def opened(resolver: Resolver, *specs: RootSpec) -> Iterator[Workspace]:
    """Open a workspace, and close it."""
    workspace = Workspace.open(specs, resolver=resolver)
    try:
        yield workspace
    finally:
        workspace.close()


@dataclass
class PackageDriver:
    """Carries operations out on a workspace; refuses to pass for another resolver than the one that it names."""

    workspace: Workspace

    def carry_out(self, op: Mapping[str, Any]) -> Outcome:
        """Read, list, walk or describe."""
        try:
            return self._carried_out(op)
        except SandboxError as refusal:
            return Outcome(code=refusal.code, told=repr((refusal.facts, str(refusal.__cause__))).encode())

    def _carried_out(self, op: Mapping[str, Any]) -> Outcome:
        match op["op"]:
            case "read":
                with self.workspace.at(op["path"], Access.READ).open() as file:
                    content = b"".join(file.chunks())
                return Outcome(content=content, told=content)
            case "list" | "tree":
                with self.workspace.at(op["path"], Access.LIST).open_directory() as directory:
                    walk = Walk(directory, depth=DEEPEST if op["op"] == "tree" else 1)
                    return Outcome(told=b"\n".join(map(_told, walk)))
            case "stat":
                return Outcome(told=_told(self.workspace.at(op["path"], Access.INSPECT).stat()))
            case "roots":
                return Outcome(told="\n".join(root.path for root in self.workspace.roots).encode())
            case _:
                raise ValueError(op)


def _told(entry: Entry) -> bytes:
    # A link's own text is the root's: what stands there was put into the root.
    return os.fsencode(f"{'/'.join(entry.parts)} {entry.kind} {entry.stat.st_ino} {entry.size}")


def carry_out_on(backend: str) -> Callable[[Sequence[str]], contextlib.AbstractContextManager[Driver]]:
    """Return what starts a driver on this backend."""

    @contextlib.contextmanager
    def start(paths: Sequence[str]) -> Iterator[Driver]:
        resolver = RESOLVERS[backend]()
        assert (resolver.name, getattr(resolver, "path_handles", None)) == {
            "openat2": ("openat2", True),
            "stepwise": ("stepwise", True),
            "portable": ("stepwise", False),
        }[backend]
        specs = [RootSpec(f"root{number}" if number else "root", path) for number, path in enumerate(paths)]
        with opened(resolver, *specs) as workspace:
            yield PackageDriver(workspace)

    return start
