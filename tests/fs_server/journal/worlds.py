"""A root with something of everything in it, the journal beside it, and what must be true of both at any time."""

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fs_server.journal.capture import NOT_HASHED
from fs_server.journal.carrying import Carried, carry_out
from fs_server.journal.changes import Action, Author, Change, Status
from fs_server.journal.journal import Journal
from fs_server.journal.operations import Operation
from fs_server.journal.places import TEMPORARY
from fs_server.journal.recovery import recover
from fs_server.journal.states import Absent, DirectoryState, FileState, State, nodes_of
from fs_server.journal.undoing import Undoing
from sandbox import Access, RootSpec, Target, Workspace, target_of, uri_of_path
from tests.sandbox.backends import RESOLVERS
from tests.support.tree import make_tree

__all__ = [
    "BIG",
    "KEEP",
    "Picture",
    "Server",
    "World",
    "difference",
    "in_memory",
    "pictured",
    "temporaries",
    "untouched",
]

WAITS = TEMPORARY.encode()

KEEP = 1 << 28
"""Bytes that one change may replace."""

BIG = b"0123456789abcdef" * 4_500
"""More than the database takes itself, and more than one write of `calls.py` takes."""

TREE = [
    "f = IN",
    "g = GONE",
    "h = HERE",
    "twin => f",
    "link -> f",
    "pipe|",
    "d/x = X",
    "tree/a = A",
    "tree/b = ",
    "tree/sub/deep/c = C",
    "tree/sub/link -> ../a",
    "tree/sub/out -> ../../../secret",
    "tree/pipe|",
    "tree/empty/",
]


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing in a tree. What is its very own, inode and time, is told apart from what it is."""

    kind: int
    mode: int
    owner: tuple[int, int]
    xattrs: tuple[tuple[str, bytes], ...]
    content: bytes
    own: tuple[int, int, int] = field(compare=False, default=(0, 0, 0))


Picture = dict[str, Seen]
"""Paths beneath a root, and what stands there."""


def pictured(root: Path, *, hidden: bool = True) -> Picture:
    """Return what stands beneath `root`; without `hidden` not what waits beside a change."""
    seen: Picture = {}
    left = [(os.fsencode(root), "")]
    while left:
        directory, path = left.pop()
        for name in os.listdir(directory):  # noqa: PTH208 # a path of bytes
            if hidden or not name.startswith(WAITS):
                place, inner = directory + b"/" + name, path + os.fsdecode(name)
                seen[inner] = _seen(place)
                if stat.S_ISDIR(seen[inner].kind):
                    left.append((place, inner + "/"))
    return seen


def _seen(path: bytes) -> Seen:
    facts = os.lstat(path)
    kind = stat.S_IFMT(facts.st_mode)
    content = b""
    xattrs: list[tuple[str, bytes]] = []
    if kind == stat.S_IFLNK:
        content = os.readlink(path)  # noqa: PTH115 # a path of bytes
    elif kind == stat.S_IFREG:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 # a path of bytes
            content = file.read()
    if sys.platform == "linux" and kind in {stat.S_IFREG, stat.S_IFDIR}:
        with contextlib.suppress(OSError):  # the file system has none
            xattrs = [(name, os.getxattr(path, name)) for name in sorted(os.listxattr(path))]
    return Seen(
        kind=kind,
        mode=stat.S_IMODE(facts.st_mode),
        owner=(facts.st_uid, facts.st_gid),
        xattrs=tuple(xattrs),
        content=content,
        # A directory's time, and how many it holds, change with what waits in it for a moment.
        own=(facts.st_ino, *((0, 0) if kind == stat.S_IFDIR else (facts.st_mtime_ns, facts.st_nlink))),
    )


def temporaries(picture: Picture) -> list[str]:
    """Return the paths that wait beside a change."""
    return [path for path in picture if f"/{path}".rpartition("/")[2].startswith(TEMPORARY)]


def difference(right: Picture, now: Picture) -> dict[str, tuple[Seen | None, Seen | None]]:
    """Return what is not as it should be: what should be there, and what is."""
    return {
        path: (right.get(path), now.get(path))
        for path in sorted(right.keys() | now.keys())
        if right.get(path) != now.get(path)
    }


def untouched(right: Picture, now: Picture) -> bool:
    """Tell whether it is the very same tree: inodes, times and second names too."""
    return right == now and all(right[path].own == now[path].own for path in right)


@dataclass
class Server:
    """A workspace and a journal, as one process has them. Closing it is its death: what it began is left."""

    workspace: Workspace
    journal: Journal

    def at(self, path: str, *, follow: bool = True) -> Target:
        """Return where a change of this path goes."""
        return target_of(self.workspace.at(path, Access.WRITE), follow=follow)

    def source(self, path: str) -> Target:
        """Return what may be copied."""
        return target_of(self.workspace.at(path, Access.READ), follow=False)

    def carry_out(
        self, operations: Sequence[Operation], *, undoes: int | None = None, keep_bytes: int = KEEP
    ) -> Carried:
        """Do them as one change."""
        return carry_out(self.journal, operations, tool="t", keep_bytes=keep_bytes, undoes=undoes)

    def undoing(self, number: int) -> list[Operation]:
        """Return what takes a change back."""
        change = self.journal.change(number)
        assert change is not None

        def target(path: str) -> Target:
            return target_of(self.workspace.at(uri_of_path(path), Access.WRITE), follow=False)

        return Undoing(self.journal, change, target=target).operations()

    def recover(self) -> int:
        """Do what a server does when it starts."""
        return recover(self.journal, self.workspace)

    def unfinished(self) -> dict[str, Status]:
        """Return how far changes are that are not finished, taken back or cleared up, by the server that began them."""
        select = "SELECT session, status FROM changes WHERE position IS NULL OR waiting"
        rows = self.journal._database.rows(select)
        return {session: Status(status) for session, status in rows}

    def done(self, session: str | None = None) -> int:
        """Return how many changes servers have finished, or one of them has."""
        row = self.journal._database.row(
            "SELECT count(*) FROM changes WHERE position IS NOT NULL AND author = 'server'"
            " AND (?1 IS NULL OR session = ?1)",
            (session,),
        )
        assert row is not None
        return int(row[0])

    def require_consistent(self) -> None:
        """Claim that the journal agrees with itself, and keeps all that an undo of the last change would need."""
        assert self.journal._database.rows("PRAGMA foreign_key_check") == []
        row = self.journal._database.row(
            "SELECT bytes, (SELECT coalesce(sum(bytes), 0) FROM changes)"
            " + (SELECT coalesce(sum(size), 0) FROM blobs) FROM totals"
        )
        assert row is not None
        assert row[0] == row[1]
        for change in self.journal.feed(limit=1).changes:
            assert change.status is Status.DONE, change.id
            if change.author == Author.SERVER:  # what somebody else replaced was not ours to keep
                require_kept(self.journal, change)
            if change.undoes is not None:
                undone = self.journal.change(change.undoes)
                assert undone is not None
                assert (undone.status, undone.undone_by) == (Status.UNDONE, change.number)

    def close(self) -> None:
        """Leave without a word."""
        self.journal.close()
        self.workspace.close()


@dataclass
class World:
    """A root, a journal, and the servers that come and go.

    Attributes:
        base: of all of it.
        backend: the resolver that servers use.
    """

    base: Path
    backend: str = "openat2"

    @property
    def root(self) -> Path:
        """What servers serve."""
        return self.base / "root"

    @property
    def state(self) -> Path:
        """Where their journal is."""
        return self.base / "state"

    def build(self) -> None:
        """Make the tree anew. Root and journal stay the same."""
        self.root.mkdir(exist_ok=True)
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        make_tree(self.root, TREE)
        (self.base / "secret").write_text("SECRET")
        (self.root / "big").write_bytes(BIG)
        (self.root / "f").chmod(0o640)
        (self.root / "tree/b").chmod(0o755)
        (self.root / "tree/sub").chmod(0o750)
        with contextlib.suppress(OSError):  # a file system may not hold any
            for name in ("f", "tree/a", "tree/sub"):
                os.setxattr(self.root / name, "user.note", name.encode())
        with contextlib.suppress(OSError):  # only root can give away
            os.chown(self.root / "tree/a", 1234, 1234)

    def open(self, *specs: RootSpec) -> Server:
        """Start a server; it has not recovered anything yet."""
        roots = specs or (RootSpec("root", str(self.root)),)
        workspace = Workspace.open(roots, resolver=RESOLVERS[self.backend]())
        return Server(workspace, Journal.open(self.state, max_bytes=1 << 30, max_age_s=1e9))

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        """Start a server, and let it end."""
        server = self.open()
        try:
            yield server
        finally:
            server.close()

    def picture(self, *, hidden: bool = True) -> Picture:
        """Return what stands in the root now."""
        return pictured(self.root, hidden=hidden)


def require_kept(journal: Journal, change: Change) -> None:
    """Claim that what an undo of this change would put back is kept, and what it would compare with."""
    for step in change.steps:
        states: list[State] = [step.before] if step.action in {Action.PUT, Action.REMOVE} else []
        for state in (step.before, step.after):
            if isinstance(state, DirectoryState) and state.tree:
                manifest = journal.content(state.tree)
                assert manifest is not None, (change.id, step)
                if step.action is Action.REMOVE:
                    states += [node for _, node in nodes_of(manifest)]
        for state in states:
            if isinstance(state, FileState) and state.digest != NOT_HASHED:
                assert journal.content(state.digest) is not None, (change.id, step.path, state)
        assert not (isinstance(step.before, Absent) and isinstance(step.after, Absent)), change.id


@contextlib.contextmanager
def in_memory() -> Iterator[Path]:
    """Give a directory that is removed afterwards: in memory where the system has such a place, because it is quick."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory).resolve()
