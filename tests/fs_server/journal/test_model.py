"""Any sequence of operations, outside changes and undos leaves what a model in memory says, and a refusal nothing."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fs_server.errors import Failure
from fs_server.files.editing import Edit
from fs_server.journal import operations as do
from fs_server.journal.carrying import carry_out
from sandbox import Access, Kind, SandboxError, Target, target_of
from tests.fs_server.journal import model
from tests.fs_server.journal.model import (
    Directory,
    File,
    Link,
    Model,
    Names,
    Node,
    Patched,
    Planned,
    Refused,
    Step,
    Tree,
)
from tests.fs_server.tools.in_process import called

MEMORY = Path("/dev/shm")
"""Where waiting for the disk costs nothing; a machine waits thousands of times."""

PATHS = ("a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "l/a", "l/b", "e", "e/a", "d/l", "e/l/a")
TEXTS = ("a", "d", "d/e", "../a", "e", "nothing", "..", "../outside", "l", ".")
LINES = ("x\n", "y\n", "z\r\n", "w")
XATTR = "user.note"

paths = st.sampled_from(PATHS)
contents = st.lists(st.sampled_from(LINES), max_size=4).map("".join)
numbers = st.integers(0, 99)
edits = st.builds(
    Edit,
    st.sampled_from(("x", "y\n", "x\ny", "w", "z\n")),
    st.sampled_from(("", "x", "Y", "y\nx\n")),
    st.sampled_from(("only", "first", "all")),
)


def names_of(path: str) -> Names:
    return tuple(path.split("/"))


def on_disk(base: Path) -> Tree:
    """Return what stands beneath a directory."""
    tree = Tree()
    for directory, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = Path(directory, name)
            tree[path.relative_to(base).parts] = _node(path)
    return tree


def _node(path: Path) -> Node:
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return Link(os.fspath(path.readlink()))
    mode = stat.S_IMODE(facts.st_mode)
    xattrs = tuple((name, os.getxattr(path, name)) for name in sorted(os.listxattr(path)))
    if stat.S_ISDIR(facts.st_mode):
        return Directory(mode, xattrs)
    return File(path.read_bytes(), mode, xattrs)


def make(base: Path, tree: Tree) -> None:
    for names in sorted(tree):
        path, node = base.joinpath(*names), tree[names]
        match node:
            case Directory():
                path.mkdir()
            case Link(text):
                path.symlink_to(text)
            case File(content):
                path.write_bytes(content)
        if not isinstance(node, Link):
            path.chmod(node.mode)
            for name, value in node.xattrs:
                os.setxattr(path, name, value)


Pair = tuple[do.Operation, Callable[[Tree], Step | None]]
"""An operation, and what the model does for it."""


@dataclass(frozen=True)
class Asked:
    """One of several operations."""

    what: str
    path: str
    other: str
    content: str
    executable: bool | None


operations = st.builds(
    Asked,
    st.sampled_from(("put", "make", "remove", "move", "copy")),
    paths,
    paths,
    contents,
    st.sampled_from((None, True, False)),
)


def _nested(one: Names, other: Names) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def unified(path: str, what: str, old: bytes | None, new: str, *, executable: bool) -> tuple[Patched, str] | None:
    """Return what a patch makes of a file, and its part of the patch; None where there is no such patch."""
    text = (old or b"").decode()
    head = f"diff --git a/{path} b/{path}\n"
    if "\r" in text or (old is None and what != "write"):
        return None
    match what:
        case "delete":
            return Patched(None), f"{head}deleted file mode 100644\n" + _hunk(path, text, None)
        case "mode":
            modes = (0o100644, 0o100755) if executable else (0o100755, 0o100644)
            return Patched(old, executable), f"{head}old mode {modes[0]:o}\nnew mode {modes[1]:o}\n"
    if old is None:
        return Patched(new.encode(), executable), f"{head}new file mode 100{755 if executable else 644}\n" + _hunk(
            path, None, new
        )
    return None if text == new else (Patched(new.encode()), head + _hunk(path, text, new))


def _hunk(path: str, old: str | None, new: str | None) -> str:
    """Return a patch that replaces the whole of a file."""
    removed, added = (text.splitlines(keepends=True) if text else [] for text in (old, new))
    if not removed and not added:
        return ""
    lines = [
        f"--- {'/dev/null' if old is None else f'a/{path}'}\n",
        f"+++ {'/dev/null' if new is None else f'b/{path}'}\n",
        f"@@ -{bool(removed):d},{len(removed)} +{bool(added):d},{len(added)} @@\n",
    ]
    for sign, line in [*(("-", line) for line in removed), *(("+", line) for line in added)]:
        lines.append(f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n")
    return "".join(lines)


OUTCOMES = {
    *(f"{name} done" for name in ("write_file", "edit_file", "apply_patch", "replace_in_files", "create_directory")),
    *(f"{name} done" for name in ("move_path", "copy_path", "delete_path", "several", "undo")),
    *(f"undo {code}" for code in ("conflict", "nothing_to_undo")),
    "several refused",
}
"""What the examples together have to come to: else they would show little."""

BEGINNING = Tree(
    {
        ("a",): File(b"x\ny\n", 0o640, ((XATTR, b"1"),)),
        ("d",): Directory(0o750),
        ("d", "a"): File(b"x\n", 0o755),
        ("d", "e"): Directory(0o755, ((XATTR, b"2"),)),
        ("d", "e", "a"): File(b""),
        ("l",): Link("d"),
    }
)


@dataclass(frozen=True)
class Came:
    """What a call came to: the code of a refusal, or the number of the change that was made, and its data."""

    code: str = ""
    change: int | None = None
    data: Mapping[str, object] = field(default_factory=dict)


class Machine(RuleBasedStateMachine):
    """Our tools, somebody else, and the model of both."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None)).resolve()
        self.root = self.base / "root"
        self.root.mkdir()
        (self.base / "outside").mkdir()
        (self.base / "outside" / "a").write_text("SECRET")
        self.server = contextlib.ExitStack()
        self.tools = self.server.enter_context(called(self.root, journal=self.base / "journal"))
        self.model = Model(BEGINNING.copy())
        self.alone = True
        make(self.root, self.model.tree)

    def teardown(self) -> None:
        try:
            self.undo_everything()
        finally:
            self.server.close()
            shutil.rmtree(self.base)

    @invariant()
    def the_tree_is_what_the_model_says(self) -> None:
        there = on_disk(self.root)
        assert there == self.model.tree, set(there.items()) ^ set(self.model.tree.items())
        assert on_disk(self.base / "outside") == {("a",): File(b"SECRET")}

    def call(self, name: str, **arguments: object) -> Came:
        came = Came()
        try:
            answer = self.tools.answer(name, **arguments)
        except (SandboxError, Failure) as refusal:
            came = Came(code=str(refusal.code))
        else:
            identifier = answer.facts.get("change_id")
            number = None if identifier is None else int(str(identifier)[1:])
            came = Came(change=number, data={} if answer.data is None else answer.data.model_dump())
        self.seen[f"{name} {came.code or 'done'}"] += 1
        return came

    def does(self, expected: Callable[[], Planned], name: str, **arguments: object) -> None:
        """Call a tool, which has to do or to refuse what the model does."""
        came = self.call(name, **arguments)
        about = f"{name} {arguments}: {came}"
        planned = self.allowed(expected, came, about)
        if planned is None:
            return
        _, steps = planned
        assert (came.change is not None) == bool(steps), about
        if came.change is not None:
            self.model.happened(came.change, planned)

    def allowed(self, expected: Callable[[], Planned], came: Came, about: str) -> Planned | None:
        """Return what the model makes of a call that was allowed; None for one that was refused, as the model does."""
        code, planned = "", None
        try:
            planned = expected()
        except Refused as refused:
            code = refused.code
        assert came.code == code, f"{about}; the model says {code or 'yes'}"
        return planned

    # --- our tools

    @rule(path=paths, content=contents, if_exists=st.sampled_from(("error", "replace", "append")), stale=st.booleans())
    def write(self, *, path: str, content: str, if_exists: str, stale: bool) -> None:
        if_match = model.etag_of(b"never") if stale else ""
        self.does(
            lambda: self.model.write(names_of(path), content.encode(), if_exists=if_exists, if_match=if_match),
            "write_file", path=path, content=content, if_exists=if_exists, if_match=if_match,
        )  # fmt: skip

    @rule(path=paths, edits=st.lists(edits, min_size=1, max_size=2))
    def edit(self, *, path: str, edits: Sequence[Edit]) -> None:
        self._edit(path, edits, "")

    @precondition(lambda self: self.model.known)
    @rule(which=numbers, read=numbers, other=st.booleans(), at=numbers, length=st.integers(1, 4), new=contents)
    def edit_what_was_read_before(self, *, which: int, read: int, other: bool, at: int, length: int, new: str) -> None:
        """Edit a file by a content that it had, or that another one had."""
        names, etag = sorted(self.model.known)[read % len(self.model.known)]
        text = self.model.known[names, etag].decode() or "x"
        if other:
            names, _ = self._picked(which, (File,))
        assume((names, etag) not in self.model.copied - self.model.known.keys())
        start = at % len(text)
        self._edit("/".join(names), [Edit(text[start : start + length], new, "first")], etag)

    def _edit(self, path: str, edits: Sequence[Edit], if_match: str) -> None:
        asked = [
            {"old_text": each.old_text, "new_text": each.new_text, "occurrence": each.occurrence} for each in edits
        ]
        self.does(
            lambda: self.model.edit(names_of(path), edits, if_match=if_match),
            "edit_file", path=path, edits=asked, if_match=if_match,
        )  # fmt: skip

    @rule(path=paths)
    def make_directory(self, *, path: str) -> None:
        self.does(lambda: self.model.make_directory(names_of(path)), "create_directory", path=path)

    @rule(tool=st.sampled_from(("move", "copy")), source=paths, destination=paths, overwrite=st.booleans())
    def move_or_copy(self, *, tool: str, source: str, destination: str, overwrite: bool) -> None:
        work = self.model.move if tool == "move" else self.model.copy
        self.does(
            lambda: work(names_of(source), names_of(destination), overwrite=overwrite),
            f"{tool}_path", source=source, destination=destination, overwrite=overwrite,
        )  # fmt: skip

    @rule(path=paths, recursive=st.booleans())
    def delete(self, *, path: str, recursive: bool) -> None:
        self.does(
            lambda: self.model.delete(names_of(path), recursive=recursive),
            "delete_path", path=path, recursive=recursive,
        )  # fmt: skip

    @rule(
        picks=st.dictionaries(
            paths,
            st.tuples(st.sampled_from(("write", "delete", "mode")), contents, st.booleans()),
            min_size=1,
            max_size=3,
        )
    )
    def patch(self, *, picks: Mapping[str, tuple[str, str, bool]]) -> None:
        files: dict[str, Patched] = {}
        texts: list[str] = []
        real: list[Names] = []
        for path, (what, content, executable) in picks.items():
            try:
                names = self.model.tree.target(names_of(path), follow=what != "delete").names
            except Refused:
                continue
            old = self.model.tree.get(names)
            if any(_nested(names, other) for other in real) or isinstance(old, Directory | Link):
                continue
            text = unified(
                path, what, None if old is None else old.content, content.replace("\r", ""), executable=executable
            )
            if text is None:
                continue
            real.append(names)
            files[path], diff = text
            texts.append(diff)
        if files:
            self.does(
                lambda: self.model.patch({names_of(path): patched for path, patched in files.items()}),
                "apply_patch", patch="".join(texts),
            )  # fmt: skip

    @rule(path=st.sampled_from(("", *PATHS)), old=st.sampled_from("xyw"), new=st.sampled_from(("", "x", "w")))
    def replace_in_files(self, *, path: str, old: str, new: str) -> None:
        names = names_of(path) if path else ()
        self.does(
            lambda: self.model.replace(names, old.encode(), new.encode()),
            "replace_in_files", path=path, query=old, replacement=new, dry_run=False,
        )  # fmt: skip

    @rule(operations=st.lists(operations, min_size=2, max_size=3))
    def several_at_once(self, *, operations: Sequence[Asked]) -> None:
        """Do as one change what no tool does: it may be refused, but then nothing of it is done."""
        pairs = [pair for asked in operations if (pair := self._pair(asked)) is not None]
        try:
            planned: Planned | None = self.model.several([expected for _, expected in pairs])
        except Refused:
            planned = None
        journal = self.tools.services.journal()
        try:
            carried = carry_out(journal, [operation for operation, _ in pairs], tool="several", keep_bytes=1 << 20)
        except (SandboxError, Failure):
            self.seen["several refused"] += 1
            return
        self.seen["several done"] += 1
        assert planned is not None, f"{operations}: the model refuses it"
        if carried.change is not None:
            self.model.happened(carried.change.number, planned, one_thing=False)
            self.alone = False

    def _pair(self, asked: Asked) -> Pair | None:
        """Return an operation and what the model does for it; None where its place is refused."""
        try:
            one, two = (self._target(path, follow=asked.what == "put") for path in (asked.path, asked.other))
        except SandboxError:
            return None
        names, other, content = one.parts, two.parts, asked.content.encode()
        pairs: dict[str, Pair] = {
            "put": (
                do.Put(one, content, do.ANYTHING, executable=asked.executable),
                partial(model.put, names=names, content=content, executable=asked.executable),
            ),
            "make": (do.MakeDirectory(one), partial(model.make_directory, names=names)),
            "remove": (do.Remove(one), partial(model.remove, names=names)),
            "move": (do.Move(one, two), partial(model.move, names=names, to=other)),
            "copy": (do.Copy(one, two), partial(model.copy, names=names, to=other)),
        }
        # That links are not copied themselves is the tool's part.
        return None if asked.what == "copy" and one.kind is Kind.LINK else pairs[asked.what]

    def _target(self, path: str, *, follow: bool) -> Target:
        return target_of(self.tools.services.at(path, Access.WRITE), follow=follow)

    # --- undoing

    @rule()
    def undo_the_last(self) -> None:
        self.undo(None)

    @precondition(lambda self: self.model.changes)
    @rule(which=numbers)
    def undo_any(self, *, which: int) -> None:
        numbers = sorted(self.model.changes)
        self.undo(numbers[which % len(numbers)])

    def undo(self, number: int | None) -> str:
        """Undo a change, and return the code of the refusal if it was refused."""
        came = self.call("undo", change_id="" if number is None else f"c{number}")
        about = f"undo {number}: {came}"
        meant = self.model.to_undo(number)
        one_thing = meant is None or self.model.changes[meant].one_thing
        if came.code == "conflict" and not one_thing:
            return came.code
        planned = self.allowed(lambda: self.model.undo(meant), came, about)
        if planned is not None:
            assert came.data["undone"] == f"c{meant}", about
            assert came.change is not None, about
            self.model.happened(came.change, planned, undoes=meant, one_thing=one_thing)
        return came.code

    def undo_everything(self) -> None:
        """Undo all that was done, the newest first: where nobody else was here, that leads back to the beginning."""
        for number in sorted(self.model.changes, reverse=True):
            if self.model.changes[number].undone_by is None:
                refused = self.undo(number)
                assert not (refused and self.alone), (number, refused)
                self.the_tree_is_what_the_model_says()
        if self.alone:
            assert self.model.tree == BEGINNING

    # --- somebody else

    def outside(self, tree: Tree) -> None:
        self.model.tree, self.alone = tree, False

    def _picked(self, which: int, kinds: tuple[type[Node], ...] = (File, Directory, Link)) -> tuple[Names, Path]:
        there = sorted(names for names, node in self.model.tree.items() if isinstance(node, kinds))
        assume(there)
        names = there[which % len(there)]
        return names, self.root.joinpath(*names)

    def _free(self, path: str) -> tuple[Names, Path]:
        names = names_of(path)
        assume(names not in self.model.tree and self.model.tree.holds_directory(names[:-1]))
        return names, self.root.joinpath(*names)

    @rule(which=numbers, content=contents, in_place=st.booleans())
    def somebody_saves(self, *, which: int, content: str, in_place: bool) -> None:
        names, path = self._picked(which, (File,))
        tree = self.model.tree.copy()
        old = tree[names]
        assert isinstance(old, File)
        if in_place:
            path.write_bytes(content.encode())
            tree[names] = replace(old, content=content.encode())
        else:
            (self.base / "saved").write_bytes(content.encode())
            (self.base / "saved").rename(path)
            tree[names] = File(content.encode())
        self.outside(tree)

    @rule(path=paths, what=st.one_of(contents, st.sampled_from(TEXTS).map(Link), st.just(Directory())))
    def somebody_makes(self, *, path: str, what: str | Link | Directory) -> None:
        names, _ = self._free(path)
        node = File(what.encode()) if isinstance(what, str) else what
        if isinstance(node, Directory):
            node = self.model.tree.new_directory(names)
        make(self.root, Tree({names: node}))
        self.outside(Tree({**self.model.tree, names: node}))

    @rule(which=numbers)
    def somebody_removes(self, *, which: int) -> None:
        names, path = self._picked(which)
        if isinstance(self.model.tree[names], Directory):
            shutil.rmtree(path)
        else:
            path.unlink()
        tree = self.model.tree.copy()
        tree.take(names)
        self.outside(tree)

    @rule(which=numbers, path=paths)
    def somebody_renames(self, *, which: int, path: str) -> None:
        names, place = self._picked(which)
        to, there = self._free(path)
        assume(to[: len(names)] != names)
        place.rename(there)
        tree = self.model.tree.copy()
        tree.place(to, tree.take(names))
        self.outside(tree)

    @rule(which=numbers, mode=st.sampled_from((0o600, 0o2755, 0o1644)), note=st.sampled_from((b"", b"n")))
    def somebody_dresses(self, *, which: int, mode: int, note: bytes) -> None:
        names, path = self._picked(which, (File, Directory))
        node = self.model.tree[names]
        assert not isinstance(node, Link)
        mode = mode | 0o700 if isinstance(node, Directory) else mode & 0o1777
        path.chmod(mode)
        os.setxattr(path, XATTR, note)
        self.outside(Tree({**self.model.tree, names: replace(node, mode=mode, xattrs=((XATTR, note),))}))


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(30, 25, id="short"),
        pytest.param(2_000, 60, id="long", marks=[pytest.mark.nightly, pytest.mark.timeout(3_600)]),
    ],
)
def test_the_tools_do_what_the_model_says(examples: int, steps: int) -> None:
    Machine.seen.clear()
    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=steps))
    assert Machine.seen.keys() >= OUTCOMES, Machine.seen
