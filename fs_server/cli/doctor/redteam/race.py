"""A directory is swapped for a link out while files are read and written: nothing outside is seen or changed."""

import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fs_server.cli.doctor.redteam.attacker import begin
from fs_server.cli.doctor.redteam.tried import Tried
from fs_server.errors import Failure
from fs_server.journal.carrying import carry_out
from fs_server.journal.journal import Journal
from fs_server.journal.operations import ANYTHING, Put
from sandbox import Access, Kind, Resolver, RootSpec, SandboxError, Workspace, target_of

__all__ = ["path_race", "seen"]

RACE_S = 4.0
LEAST_CHANGES = 100
"""Of names, during the race: with fewer it would show nothing."""

INSIDE, SECRET, NEW = b"inside", b"outside", b"new"
KIND = "race of paths"
FOR_EVER_S = 1e9

READ, LIST, MAKE, SAVE = "read a file", "list a directory", "make, rename and remove a file", "save a file"


def path_race(seconds: float = RACE_S, resolver: Resolver | None = None) -> list[Tried]:
    """Race for so long, with the resolver of this machine unless one is given."""
    if sys.platform == "win32":
        return [_not_tried("links are for some users only on this system")]
    with tempfile.TemporaryDirectory() as name:
        base = Path(name).resolve()
        _make(base)
        before = seen(base / "outside")
        workspace = Workspace.open([RootSpec("root", str(base / "root"))], resolver=resolver)
        try:
            with Journal.open(base / "journal", max_bytes=sys.maxsize, max_age_s=FOR_EVER_S) as journal:
                times, through = _race(workspace, journal, base, seconds)
        except (OSError, Failure) as error:
            return [_not_tried(f"it could not begin ({error})")]
        finally:
            workspace.close()
        changed = seen(base / "outside") != before
    told = [
        Tried(where="files", kind=KIND, act=act, times=times[act], through=through[act])
        for act in (READ, LIST, MAKE, SAVE)
    ]
    return [*told, Tried(where="files", kind=KIND, act="change anything outside", times=1, through=int(changed))]


def _not_tried(why: str) -> Tried:
    return Tried(where="files", kind=KIND, act=READ, times=0, through=0, promised=sys.platform != "win32", trouble=why)


def _make(base: Path) -> None:
    for directory in ("root/t/d", "outside"):
        (base / directory).mkdir(parents=True)
    (base / "root/t/d/f").write_bytes(INSIDE)
    (base / "root/t/d/only-inside").touch()
    (base / "outside/f").write_bytes(SECRET)
    (base / "outside/only-outside").touch()
    (base / "root/t/evil").symlink_to("../../outside")


def _race(workspace: Workspace, journal: Journal, base: Path, seconds: float) -> tuple[Counter[str], Counter[str]]:
    times, through = Counter[str](), Counter[str]()
    with begin(os.fspath(base / "root/t"), "d", "evil") as changes:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for name, often, act in _acts(workspace, journal):
                for _ in range(often):
                    times[name] += 1
                    try:
                        through[name] += act()
                    except (SandboxError, Failure):  # refused, as it should be at such a moment
                        continue
    if sum(changes) < LEAST_CHANGES:
        raise OSError("the attacker was too slow")
    return times, through


def _acts(workspace: Workspace, journal: Journal) -> list[tuple[str, int, Callable[[], bool]]]:
    """Return what is done, how often in a turn, and how; each tells whether it saw something outside."""
    return [
        (READ, 100, lambda: _reads_outside(workspace)),
        (LIST, 20, lambda: _lists_outside(workspace)),
        (MAKE, 20, lambda: _makes(workspace)),
        (SAVE, 1, lambda: _saves(workspace, journal)),
    ]


def _reads_outside(workspace: Workspace) -> bool:
    with workspace.at("t/d/f", Access.READ).open() as file:
        return file.read_at(0, len(SECRET)) == SECRET


def _lists_outside(workspace: Workspace) -> bool:
    with workspace.at("t/d", Access.LIST).open_directory() as directory:
        return "only-outside" in {name for name, _ in workspace.resolver.names(directory.handle)}


def _makes(workspace: Workspace) -> bool:
    """Make a file, give it another name, and remove it. Whether that happened outside is seen at the end."""
    with target_of(workspace.at("t/d/new", Access.WRITE)).spot() as spot:
        other = spot.beside("newer")
        with spot.create() as file:
            file.write([NEW])
        spot.move_to(other)
        other.remove(Kind.FILE)
    return False


def _saves(workspace: Workspace, journal: Journal) -> bool:
    """Write a file whole, as the tools do it. Whether that happened outside is seen at the end."""
    put = Put(target_of(workspace.at("t/d/g", Access.WRITE)), NEW, ANYTHING)
    carry_out(journal, [put], tool="doctor", keep_bytes=1 << 20)
    return False


def seen(directory: Path, *, facts: bool = True) -> list[tuple[str, int, int, str]]:
    """Return what is there: names and contents, and with `facts` modes and times too, the directory's own first."""
    found = [_seen(".", directory, facts=facts)]
    return found + [_seen(place.name, place, facts=facts) for place in sorted(directory.rglob("*"))]


def _seen(name: str, place: Path, *, facts: bool) -> tuple[str, int, int, str]:
    stat = place.lstat()
    held = hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else ""
    return name, stat.st_mode if facts else 0, stat.st_mtime_ns if facts else 0, held
