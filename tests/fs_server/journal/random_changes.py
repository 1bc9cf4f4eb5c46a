"""Random changes to a tree and to a model of it: what comes next depends on the seed and on what stands there."""

import random
import stat
from collections.abc import Callable, Iterator

from fs_server.journal.operations import ANYTHING, Copy, MakeDirectory, Move, Operation, Put, Remove
from tests.fs_server.journal.worlds import Picture, Server

__all__ = ["Model", "Tree", "tree_of"]

Tree = dict[str, bytes | None]
"""Paths and contents; None for a directory."""

Step = tuple[str, str, str | bytes]
"""What is done, a path, and the content or the destination."""

NAMES = "abcde"
DEPTH = 3
MOST = 25
"""Things in a tree before something of it has to go."""

SIZES = (0, 1, 200, 20_000, 70_000)


class Model:
    """What a server makes of a directory of its own, one change after the other.

    Attributes:
        tree: what has to stand there.
        count: of the changes that were made so far.
        top: the directory, a path without a slash at its end.
    """

    def __init__(self, seed: object, top: str) -> None:
        """Begin with nothing beneath `top`, which is there."""
        self.tree: Tree = {}
        self._before: Tree | None = None
        self._seed = seed
        self.top = top
        self.count = 0

    def carry_out(self, server: Server) -> None:
        """Make the next change, in the tree only."""
        steps = self._chosen()
        if steps:
            carried = server.carry_out([_operation(server, self.top, step) for step in steps])
        else:
            here = f"{server.workspace.roots[0].path}/{self.top}"
            (last,) = server.journal.feed(beneath=[here], limit=1).changes
            carried = server.carry_out(server.undoing(last.number), undoes=last.number)
        assert carried.change is not None, steps

    def go_on(self) -> None:
        """Make the next change, in the model only."""
        steps = self._chosen()
        if steps:
            before, self.tree = self.tree, dict(self.tree)
            for step in steps:
                _apply(self.tree, step)
        else:
            assert self._before is not None
            before, self.tree = self.tree, self._before
        self._before = before
        self.count += 1

    def _chosen(self) -> list[Step]:
        """Return the next change; nothing for one that takes the last one back."""
        dice = random.Random(f"{self._seed} {self.count}")  # noqa: S311 # no secret
        choice = Choice(dice, self.tree, f"{self._seed} {self.count} ".encode())
        while True:
            kind = dice.choice(KINDS) if len(self.tree) < MOST else Choice.remove
            if kind is None:
                if self._before is not None:
                    return []
                continue
            steps = kind(choice)
            if steps:
                return steps


class Choice:
    """One roll of the dice over what stands there. What cannot be done there is an empty list."""

    def __init__(self, dice: random.Random, tree: Tree, content: bytes) -> None:
        self._dice = dice
        self._tree = tree
        self._content = content

    def create(self) -> list[Step]:
        return [("put", path, self._new()) for path in self._free()]

    def replace(self) -> list[Step]:
        return [("put", path, self._new()) for path in self._files(1)]

    def several(self) -> list[Step]:
        replaced, gone = self._files(2)[:1], self._files(2)[1:]
        return [
            *(("put", path, self._new()) for path in replaced),
            *(("remove", path, b"") for path in gone if path not in replaced),
            *self.deep(),
        ]

    def deep(self) -> list[Step]:
        return [step for path in self._free() for step in self._nested(path)]

    def _nested(self, path: str) -> Iterator[Step]:
        yield "make", path, b""
        yield "put", f"{path}/a", self._new()
        yield "put", f"{path}/b", self._new()

    def make(self) -> list[Step]:
        return [("make", path, b"") for path in self._free()]

    def move(self) -> list[Step]:
        return [("move", source, there) for source in self._some() for there in self._free() if _apart(source, there)]

    def over(self) -> list[Step]:
        ways = [(source, there) for source in self._some() for there in self._files(1) if _apart(source, there)]
        return [step for source, there in ways for step in (("remove", there, b""), ("move", source, there))]

    def copy(self) -> list[Step]:
        return [("copy", source, there) for source in self._some() for there in self._free() if _apart(source, there)]

    def remove(self) -> list[Step]:
        return [("remove", path, b"") for path in self._some()]

    def _new(self) -> bytes:
        """Return a content that no file had before."""
        start = self._content + self._dice.randbytes(4)
        return start + b"." * self._dice.choice(SIZES)

    def _some(self) -> list[str]:
        return self._dice.sample(sorted(self._tree), min(1, len(self._tree)))

    def _files(self, count: int) -> list[str]:
        files = sorted(path for path, content in self._tree.items() if content is not None)
        return self._dice.sample(files, min(count, len(files)))

    def _free(self) -> list[str]:
        """Return one path at which nothing stands, if the place that was chosen has one."""
        directories = ["", *(p for p, content in self._tree.items() if content is None and p.count("/") < DEPTH - 1)]
        directory = self._dice.choice(sorted(directories))
        path = f"{directory}/{self._dice.choice(NAMES)}".lstrip("/")
        return [] if path in self._tree else [path]


KINDS: list[Callable[[Choice], list[Step]] | None] = [
    *(Choice.create, Choice.create, Choice.replace, Choice.several, Choice.deep, Choice.make),
    *(Choice.move, Choice.over, Choice.copy, Choice.remove, None, None),
]


def tree_of(picture: Picture) -> Tree:
    """Return what a picture tells, as a model has it."""
    return {path: None if stat.S_ISDIR(seen.kind) else seen.content for path, seen in picture.items()}


def _operation(server: Server, top: str, step: Step) -> Operation:
    kind, path, more = step
    target = server.at(f"{top}/{path}")
    match kind:
        case "put":
            assert isinstance(more, bytes)
            return Put(target, more, ANYTHING)
        case "make":
            return MakeDirectory(target)
        case "remove":
            return Remove(target)
        case "move":
            return Move(target, server.at(f"{top}/{more!s}"))
        case _:
            return Copy(target, server.at(f"{top}/{more!s}"))


def _apply(tree: Tree, step: Step) -> None:
    kind, path, more = step
    taken = {inner: content for inner, content in tree.items() if f"{inner}/".startswith(f"{path}/")}
    match kind:
        case "put":
            assert isinstance(more, bytes)
            tree[path] = more
        case "make":
            tree[path] = None
        case "remove" | "move":
            for inner in taken:
                del tree[inner]
    if kind in {"move", "copy"}:
        tree.update({f"{more!s}{inner[len(path) :]}": content for inner, content in taken.items()})


def _apart(source: str, destination: str) -> bool:
    """Tell whether neither lies in the other."""
    return not f"{destination}/".startswith(f"{source}/") and not f"{source}/".startswith(f"{destination}/")
