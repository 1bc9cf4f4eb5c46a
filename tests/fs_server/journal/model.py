"""A workspace as it should be, in memory: a tree, what each operation makes of it, and what undoing means.

Nothing here looks at a disk. A refusal is an exception with the code that the tool has to answer, and changes nothing.
"""

import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fs_server.errors import Failure
from fs_server.files.editing import Edit, edited
from fs_server.files.etag import DIGITS
from fs_server.files.merge import Overlap, merged
from fs_server.files.text import text_of

__all__ = [
    "Directory",
    "File",
    "Link",
    "Model",
    "Names",
    "Node",
    "Patched",
    "Planned",
    "Refused",
    "Step",
    "Tree",
    "copy",
    "etag_of",
    "make_directory",
    "move",
    "put",
    "remove",
]

Names = tuple[str, ...]
Xattrs = tuple[tuple[str, bytes], ...]

MOST_LINKS = 40
EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = 0o644
    xattrs: Xattrs = ()


@dataclass(frozen=True, slots=True)
class Directory:
    mode: int = 0o755
    xattrs: Xattrs = ()


@dataclass(frozen=True, slots=True)
class Link:
    text: str


Node = File | Directory | Link
Nodes = Mapping[Names, Node]
"""Something with all that it holds, by the names beneath it; it is itself what stands at no names."""


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def etag_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _same(one: Nodes, other: Nodes) -> bool:
    """Tell whether two things hold the same, whatever their modes are."""
    return {names: _bare(node) for names, node in one.items()} == {names: _bare(node) for names, node in other.items()}


def _bare(node: Node) -> Node:
    return node if isinstance(node, Link) else replace(node, mode=0, xattrs=())


@dataclass(frozen=True)
class Patched:
    """What a patch makes of a file: no content for a file that goes, None for a mode that stays."""

    content: bytes | None
    executable: bool | None = None


@dataclass(frozen=True)
class Target:
    """Where a change goes: `missing` is how many of the names at the end do not exist."""

    names: Names
    missing: int = 0

    @property
    def directories(self) -> Iterator[Names]:
        """Those above it that have to be made."""
        return (self.names[:end] for end in range(len(self.names) - self.missing + 1, len(self.names)))


class Tree(dict[Names, Node]):
    """What stands beneath the root, by its real names."""

    def copy(self) -> "Tree":
        return Tree(self)

    def beneath(self, names: Names) -> dict[Names, Node]:
        return {key[len(names) :]: node for key, node in self.items() if key[: len(names)] == names}

    def take(self, names: Names) -> dict[Names, Node]:
        taken = self.beneath(names)
        for key in taken:
            del self[names + key]
        return taken

    def place(self, names: Names, nodes: Nodes) -> None:
        self.update({names + key: node for key, node in nodes.items()})

    def holds_directory(self, names: Names) -> bool:
        return not names or isinstance(self.get(names), Directory)

    def new_directory(self, names: Names) -> Directory:
        """Return what the system makes there: it inherits the set-group-id bit."""
        above = self.get(names[:-1])
        return Directory(0o755 | (above.mode & stat.S_ISGID if isinstance(above, Directory) else 0))

    def real(self, names: Names) -> Names:
        """Return where names lead through all links."""
        here: list[str] = []
        left, links = list(reversed(names)), 0
        while left:
            name = left.pop()
            if name == ".":
                continue
            if name == "..":
                if not here:
                    raise Refused("escapes_root")
                here.pop()
                continue
            node = self.get((*here, name))
            match node:
                case None:
                    raise Refused("not_found")
                case Link(text):
                    links += 1
                    if links > MOST_LINKS:
                        raise Refused("symlink_loop")
                    left += reversed(text.split("/"))
                case File() if left:
                    raise Refused("not_directory")
                case _:
                    here.append(name)
        return tuple(here)

    def target(self, names: Names, *, follow: bool = True) -> Target:
        """Return where a change of `names` goes."""
        target = (self.existing(names) if follow else None) or self._in_its_directory(names, follow=follow)
        if not target.names:
            raise Refused("refused_root")
        return target

    def existing(self, names: Names) -> Target | None:
        try:
            return Target(self.real(names))
        except Refused as refused:
            if refused.code != "not_found":
                raise
            return None

    def _in_its_directory(self, names: Names, *, follow: bool) -> Target:
        for missing in range(1, len(names) + 1):
            above = self.existing(names[:-missing])
            if above is None:
                continue
            if not self.holds_directory(above.names):
                raise Refused("not_directory")
            place = (*above.names, *names[-missing:])
            there = self.get(place[: len(above.names) + 1])
            if there is None:
                return Target(place, missing)
            if missing > 1 or follow:
                raise Refused("dangling_symlink")
            return Target(place)
        raise AssertionError("the root is always there")


@dataclass(frozen=True)
class Put:
    """Something came, in the place of a file or of nothing. Of a copy the journal keeps no contents."""

    names: Names
    before: File | None
    after: Nodes
    is_copy: bool = False


@dataclass(frozen=True)
class Removed:
    names: Names
    nodes: Nodes


@dataclass(frozen=True)
class Made:
    names: Names


@dataclass(frozen=True)
class Moved:
    names: Names
    to: Names
    kind: type[Node]


Step = Put | Removed | Made | Moved


@dataclass
class Change:
    """One change that was made.

    Attributes:
        undoes: the number of the change that it takes back.
        undone_by: the number of the change that took it back.
        one_thing: made by one call of a tool that does one thing, so that an undo can always work it out.
    """

    number: int
    steps: Sequence[Step]
    undoes: int | None = None
    undone_by: int | None = None
    one_thing: bool = True


Planned = tuple[Tree, Sequence[Step]]
"""The tree as it becomes, and the steps that lead there; no steps where everything is as it should be."""


@dataclass
class Model:
    """The workspace and its history.

    Attributes:
        tree: as it is now.
        changes: by their numbers.
        known: contents that a file had and that can be merged with, by its names and their etags.
        copied: those of which the journal knows that a file had them, but perhaps not what they were.
    """

    tree: Tree = field(default_factory=Tree)
    changes: dict[int, Change] = field(default_factory=dict)
    known: dict[tuple[Names, str], bytes] = field(default_factory=dict)
    copied: set[tuple[Names, str]] = field(default_factory=set)

    def happened(self, number: int, planned: Planned, *, undoes: int | None = None, one_thing: bool = True) -> None:
        """Take over what a call has done."""
        self.tree, steps = planned
        self.changes[number] = Change(number, steps, undoes=undoes, one_thing=one_thing)
        self._mark_undone(number, undoes)
        for step in steps:
            if isinstance(step, Put):
                self._know(step.names, step.before, step.after[()], is_copy=step.is_copy)
            elif isinstance(step, Removed):
                self._know(step.names, step.nodes[()])

    def _know(self, names: Names, *nodes: Node | None, is_copy: bool = False) -> None:
        for node in nodes:
            if isinstance(node, File) and is_copy:
                self.copied.add((names, etag_of(node.content)))
            elif isinstance(node, File):
                self.known[names, etag_of(node.content)] = node.content

    def _mark_undone(self, above: int, below: int | None) -> None:
        undone = True
        while below is not None:
            self.changes[below].undone_by = above if undone else None
            above, below, undone = below, self.changes[below].undoes, not undone

    # --- what the tools do

    def write(self, names: Names, content: bytes, *, if_exists: str = "error", if_match: str = "") -> Planned:
        target = self.tree.target(names)
        node = self.tree.get(target.names)
        if isinstance(node, Directory):
            raise Refused("is_directory")
        if not isinstance(node, File):
            if if_match:
                raise Refused("conflict")
            return self._steps(lambda tree: [*_directories(tree, target), put(tree, target.names, content)])
        if if_exists == "error":
            raise Refused("exists")
        if if_match not in {"", etag_of(node.content)}:
            raise Refused("conflict")
        new = node.content + content if if_exists == "append" else content
        return self._steps(lambda tree: [put(tree, target.names, new)])

    def edit(self, names: Names, edits: Sequence[Edit], *, if_match: str = "") -> Planned:
        target = self.tree.target(names)
        node = self.tree.get(target.names)
        if node is None:
            raise Refused("not_found")
        if not isinstance(node, File):
            raise Refused("is_directory")
        if if_match in {"", etag_of(node.content)}:
            content = _edited(node.content, edits)
        else:
            base = self.known.get((target.names, if_match))
            if base is None:
                raise Refused("conflict")
            both = merged(base, _edited(base, edits), node.content)
            if isinstance(both, Overlap):
                raise Refused("conflict")
            content = both.content
        self._know(target.names, File(content))
        return self._steps(lambda tree: [put(tree, target.names, content)])

    def make_directory(self, names: Names) -> Planned:
        there = self.tree.existing(names)
        if there is not None and self.tree.holds_directory(there.names):
            return self.tree, ()
        target = self.tree.target(names)
        node = self.tree.get(target.names)
        if node is not None:
            raise Refused("exists")
        return self._steps(lambda tree: [*_directories(tree, target), make_directory(tree, target.names)])

    def move(self, source: Names, destination: Names, *, overwrite: bool) -> Planned:
        from_ = self._present(self.tree.target(source, follow=False))
        to = self.tree.target(destination, follow=False)
        way = self._way(from_, to, overwrite=overwrite)
        return self._steps(lambda tree: [*way(tree), move(tree, from_.names, to.names)])

    def copy(self, source: Names, destination: Names, *, overwrite: bool) -> Planned:
        from_ = self._present(self.tree.target(source))
        to = self.tree.target(destination)
        way = self._way(from_, to, overwrite=overwrite)
        return self._steps(lambda tree: [*way(tree), copy(tree, from_.names, to.names)])

    def delete(self, names: Names, *, recursive: bool) -> Planned:
        target = self._present(self.tree.target(names, follow=False))
        if not recursive and len(self.tree.beneath(target.names)) > 1:
            raise Refused("not_empty")
        return self._steps(lambda tree: [remove(tree, target.names)])

    def patch(self, files: Mapping[Names, Patched]) -> Planned:
        """Apply a patch of files that have nothing to do with each other: what goes, goes first."""
        goes = [names for names, patched in files.items() if patched.content is None]
        comes = {self.tree.target(names): files[names] for names in files if names not in goes}
        directories = {names: None for target in comes for names in target.directories}

        def steps(tree: Tree) -> Iterator[Step | None]:
            yield from (remove(tree, self.tree.target(names, follow=False).names) for names in goes)
            yield from (make_directory(tree, names) for names in directories)
            for target, patched in comes.items():
                yield put(tree, target.names, patched.content or b"", executable=patched.executable)

        return self._steps(steps)

    def replace(self, names: Names, old: bytes, new: bytes) -> Planned:
        """Replace a text in every file beneath a directory; links in it are not followed."""
        top = self.tree.real(names)

        def steps(tree: Tree) -> Iterator[Step | None]:
            for below, node in sorted(self.tree.beneath(top).items()):
                if isinstance(node, File):
                    yield put(tree, top + below, node.content.replace(old, new))

        if not any(isinstance(node, File) and old in node.content for node in self.tree.beneath(top).values()):
            raise Refused("no_match")
        return self._steps(steps)

    def several(self, operations: Sequence[Callable[[Tree], Step | None]]) -> Planned:
        """Do operations one after the other."""
        return self._steps(lambda tree: (operation(tree) for operation in operations))

    def _present(self, target: Target) -> Target:
        if target.missing:
            raise Refused("not_found")
        return target

    def _way(self, source: Target, to: Target, *, overwrite: bool) -> Callable[[Tree], list[Step | None]]:
        """Return what makes room for something at `to`."""
        if to.missing:
            if to.names[: len(source.names)] == source.names:
                raise Refused("invalid_path")
            return lambda tree: _directories(tree, to)
        if source.names == to.names:
            raise Refused("invalid_argument")
        if not overwrite or isinstance(self.tree[to.names], Directory):
            raise Refused("exists")
        return lambda tree: [remove(tree, to.names)]

    def _steps(self, work: Callable[[Tree], Iterable[Step | None]]) -> Planned:
        tree = self.tree.copy()
        steps = tuple(step for step in work(tree) if step is not None)
        return tree, steps

    # --- undoing

    def to_undo(self, number: int | None = None) -> int | None:
        """Return the number of the change that an undo means, None of the last one; None where there is no such."""
        done = {change.number: change.undoes for change in self.changes.values() if change.undone_by is None}
        if number is None:
            return max((number for number, undoes in done.items() if undoes is None), default=None)
        return number if number in done else None

    def undo(self, number: int | None) -> Planned:
        """Take a change back, the last of its steps first."""
        if number is None:
            raise Refused("nothing_to_undo")
        change = self.changes[number]
        return self._steps(lambda tree: (self._inverse(tree, step, change) for step in reversed(change.steps)))

    def _inverse(self, tree: Tree, step: Step, change: Change) -> Step | None:
        match step:
            case Made(names):
                if tree.beneath(names).keys() != {()} or not tree.holds_directory(names):
                    raise Refused("conflict")
                return remove(tree, names)
            case Put(names, None, after):
                if not _same(tree.beneath(names), after):
                    raise Refused("conflict")
                return remove(tree, names)
            case Put(names, File() as before, after):
                return _put_back(tree, names, before, after[()])
            case Removed(names, nodes):
                self._require_room(tree, names)
                tree.place(names, nodes)
                return Put(names, None, nodes)
            case Moved(names, to, kind):
                if not isinstance(tree.get(to), kind) or self._removed_since(to, change):
                    raise Refused("conflict")
                self._require_room(tree, names)
                return move(tree, to, names)
        raise AssertionError(step)

    def _require_room(self, tree: Tree, names: Names) -> None:
        if names in tree or not tree.holds_directory(names[:-1]):
            raise Refused("conflict")

    def _removed_since(self, names: Names, change: Change) -> bool:
        later = (each for each in self.changes.values() if each.number > change.number and each.undone_by is None)
        return any(
            isinstance(step, Removed | Moved) and names[: len(step.names)] == step.names
            for each in later
            if each.undoes is None or each.undoes < change.number
            for step in each.steps
        )


def _put_back(tree: Tree, names: Names, before: File, after: Node) -> Step | None:
    node = tree.get(names)
    if not isinstance(node, File) or not isinstance(after, File):
        raise Refused("conflict")
    content = before.content
    if node.content != after.content:
        both = merged(after.content, content, node.content)
        if isinstance(both, Overlap):
            raise Refused("conflict")
        content = both.content
    mode = before.mode if node.mode == after.mode and (before.mode ^ after.mode) & EXECUTABLE else node.mode
    new = replace(node, content=content, mode=mode)
    if new == node:
        return None
    tree[names] = new
    return Put(names, node, {(): new})


def _edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    try:
        return edited(text_of(content, subject=""), edits, subject="").content
    except Failure as failure:
        raise Refused(failure.code) from failure


# --- operations: each changes the tree, and gives the step for the history, or refuses


def _directories(tree: Tree, target: Target) -> list[Step | None]:
    return [make_directory(tree, names) for names in target.directories]


def _require_free(tree: Tree, names: Names) -> None:
    if not tree.holds_directory(names[:-1]):
        raise Refused("not_found")
    if names in tree:
        raise Refused("exists")


def make_directory(tree: Tree, names: Names) -> Step:
    _require_free(tree, names)
    tree[names] = tree.new_directory(names)
    return Made(names)


def put(tree: Tree, names: Names, content: bytes, *, executable: bool | None = None) -> Step | None:
    old = tree.get(names)
    if old is None:
        _require_free(tree, names)
    elif not isinstance(old, File):
        raise Refused("is_directory")
    new = File(content) if old is None else replace(old, content=content)
    if executable is not None and (old is None or bool(old.mode & 0o100) != executable or old.content != content):
        new = replace(new, mode=new.mode | (new.mode & 0o444) >> 2 if executable else new.mode & ~EXECUTABLE)
    if new == old:
        return None
    tree[names] = new
    return Put(names, old, {(): new})


def remove(tree: Tree, names: Names) -> Step:
    if names not in tree:
        raise Refused("not_found")
    return Removed(names, tree.take(names))


def move(tree: Tree, names: Names, to: Names) -> Step:
    if names not in tree:
        raise Refused("not_found")
    if to[: len(names)] == names:
        raise Refused("invalid_path")
    _require_free(tree, to)
    kind = type(tree[names])
    tree.place(to, tree.take(names))
    return Moved(names, to, kind)


def copy(tree: Tree, names: Names, to: Names) -> Step:
    if names not in tree:
        raise Refused("not_found")
    if to[: len(names)] == names:
        raise Refused("invalid_path")
    _require_free(tree, to)
    nodes = tree.beneath(names)
    tree.place(to, nodes)
    return Put(to, None, nodes, is_copy=True)
