"""The attack corpus: its entries, the ground that each is played on, and the verdict.

What carries an operation out is a parameter, so that one set-up and one verdict serve the package and the server.
`tests/data/path_attacks.json` documents its form in its first entry.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support.tree import snapshot

__all__ = [
    "CHANGES",
    "NEVER_OFFERED",
    "PLATFORM",
    "WAIT_S",
    "Attack",
    "Driver",
    "Ground",
    "Outcome",
    "StartDriver",
    "attacks",
    "judge",
    "play",
    "prepare",
    "table",
    "within_time",
]

DATA = Path(__file__).parents[1] / "data" / "path_attacks.json"
PLATFORM = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")

WAIT_S = 2.0
"""The longest that one call may take before it counts as hanging: an invariant of the corpus."""

CHANGES = ("write", "append", "mkdir", "move", "copy", "delete")
"""Operations that change something."""

NEVER_OFFERED = ("chmod", "link")
"""Operations that no tool has, so that they are refused by its absence."""

_OUTSIDE_CONTENT = (b"SECRET", b"EVIL")
_TEMPORARY = ".fs-server-"
_CODES = {"PERMISSION": "permission_denied"}  # every other code is our own in capitals


@dataclass(frozen=True)
class Attack:
    """One entry of the corpus."""

    id: str
    setup: tuple[str, ...]
    input: Mapping[str, Any]
    expect: Mapping[str, Any]
    platforms: tuple[str, ...]
    auto: bool
    why: str = ""
    category: str = ""
    nonroot: bool = False
    root: str = "root"
    after: str = ""
    nothing_created: bool = False

    @property
    def op(self) -> str:
        """What is asked: read, list, tree and so on."""
        return str(self.input["op"])

    @property
    def here(self) -> bool:
        """Whether it is about this platform."""
        return PLATFORM in self.platforms

    @property
    def codes(self) -> frozenset[str]:
        """The refusals that are right, as the sandbox names them."""
        return frozenset(_CODES.get(code, code.lower()) for code in self.expect.get("code", ()))


@dataclass(frozen=True)
class Outcome:
    """What an operation came to.

    Attributes:
        code: of the refusal; "" where there was none.
        content: of the file that was read.
        told: every byte that came back, the content among them.
    """

    code: str = ""
    content: bytes = b""
    told: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether it was not refused."""
        return not self.code


class Driver(Protocol):
    """Carries operations out on the roots that it was started with."""

    def carry_out(self, op: Mapping[str, Any]) -> Outcome:
        """Do what `op` says (`op`, `path` …, placeholders filled in). Everything that comes back is in the outcome."""
        ...


StartDriver = Callable[[Sequence[str]], contextlib.AbstractContextManager[Driver]]
"""Opens the roots at these paths and gives the driver. May raise what `Outcome` cannot say: a start refused."""


@dataclass
class Ground:
    """The directories that an entry is played on."""

    base: Path
    untouched: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The workspace's root."""
        return self.base / "root"

    @property
    def outside(self) -> Path:
        """A neighbour of which nothing may ever be told or changed."""
        return self.base / "outside"

    def filled(self, text: str) -> str:
        """Return `text` with the placeholders filled in. `${HOME}` is none: it is an attack."""
        values = {
            "${BASE}": os.fspath(self.base),
            "${ROOT}": os.fspath(self.root),
            "${ROOT_REL}": os.fspath(self.root).lstrip("/"),
            "${OUTSIDE}": os.fspath(self.outside),
        }
        return re.sub(r"\$\{(BASE|ROOT|ROOT_REL|OUTSIDE)\}", lambda found: values[found.group()], text)

    def asked(self, attack: Attack) -> dict[str, Any]:
        """Return what an entry asks for, here."""
        return {key: self.filled(value) if isinstance(value, str) else value for key, value in attack.input.items()}

    def neighbours(self) -> dict[str, str]:
        """Return a picture of everything that lies beside the root."""
        return {
            f"{name}/{path}": seen
            for name in ("outside", "root-evil")
            for path, seen in snapshot(self.base / name).items()
        }

    def inside(self) -> dict[str, str]:
        """Return a picture of the root, if it is there; without the times of directories, which every look changes."""
        if self.root.is_symlink():
            return {}
        seen = snapshot(self.root)
        return {path: picture if picture[0] != "d" else picture.split()[0] for path, picture in seen.items()}


def attacks() -> tuple[Attack, ...]:
    """Return every entry."""
    entries = json.loads(DATA.read_text(encoding="utf-8"))
    return tuple(_attack(entry) for entry in entries if entry["id"] != "_readme")


def _attack(entry: Mapping[str, Any]) -> Attack:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Attack(**fields)


def prepare(attack: Attack, base: Path) -> Ground:
    """Make the ground of an entry beneath `base`, which is empty, and take the picture of its neighbours.

    Raises:
        ValueError: a step of the set-up is prose; such an entry needs a test of its own.
    """
    ground = Ground(base)
    for name, content in {
        "root/f": "IN",
        "root/a/b/c/f": "DEEP",
        "outside/secret": "SECRET",
        "outside/dir/x": "X",
        "root-evil/f": "EVIL",
    }.items():
        place = base / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    for step in attack.setup:
        _set_up(ground, step)
    ground.untouched = ground.neighbours()
    return ground


def _set_up(ground: Ground, step: str) -> None:
    """Carry out one step of a set-up."""
    if step == "symlinks root/s0..s45 chained: s0->s1->...->s45->f":
        for number in range(46):
            (ground.root / f"s{number}").symlink_to("f" if number == 45 else f"s{number + 1}")
        return
    verb, _, rest = ground.filled(step.replace("\\n", "\n")).partition(" ")
    if verb in {"after", "config"}:  # `Attack.after` and `Attack.root` say the same to a program
        return
    name, _, value = rest.partition(" ")
    place = ground.base / name
    place.parent.mkdir(parents=True, exist_ok=True)
    target = value.removeprefix("-> ")
    match verb:
        case "symlink":
            place.symlink_to(target)
        case "hardlink":
            place.hardlink_to(ground.base / target)
        case "dir":
            place.mkdir(exist_ok=True)
        case "file":
            place.write_text(value)
        case "chmod":
            place.chmod(int(value, 8))
        case _:
            _set_up_odd(place, verb, value)


def _set_up_odd(place: Path, verb: str, value: str) -> None:
    match verb:
        case "fifo":
            os.mkfifo(place)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(place.parent):
                listener.bind(place.name)  # by a short name: the address of a socket holds 108 bytes
        case "sparse":
            place.touch()
            os.truncate(place, int(value))
        case "chardev":
            major, _, minor = value.split(" ", maxsplit=1)[0].partition(":")
            os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(int(major), int(minor)))
        case _:
            raise ValueError(f"{verb} {place} {value}")


def _afterwards(ground: Ground, what: str) -> None:
    """Do what the operator or an attacker does after the start."""
    match what:
        case "":
            return
        case "swap_root":
            ground.root.rename(ground.base / "root2")
            ground.root.symlink_to("/")
        case "rm_root":
            shutil.rmtree(ground.root)
        case "recreate_root":
            # The new one must not get the number of the old one, or the test would prove nothing.
            (ground.base / "new").mkdir()
            shutil.rmtree(ground.root)
            (ground.base / "new").rename(ground.root)
        case _:
            raise ValueError(what)


def play(attack: Attack, base: Path, start: StartDriver) -> Outcome:
    """Set an entry up beneath `base`, carry it out by what `start` gives, and judge what came of it."""
    ground = prepare(attack, base)
    with start([os.fspath(base / attack.root)]) as driver:
        _afterwards(ground, attack.after)
        ground.before = ground.inside() if attack.op in CHANGES else {}
        outcome = within_time(lambda: driver.carry_out(ground.asked(attack)))
    judge(attack, ground, outcome)
    return outcome


def judge(attack: Attack, ground: Ground, outcome: Outcome) -> None:
    """Fail unless `outcome` is what the entry expects, and nothing outside was told or touched."""
    about = f"{attack.id} ({attack.why or attack.input}): {outcome}"
    for content in _OUTSIDE_CONTENT:
        assert content not in outcome.told + outcome.content, about
    assert _others(attack, ground.neighbours()) == _others(attack, ground.untouched), about
    if attack.op in CHANGES:
        _judge_tree(attack, ground, outcome, about)
    if attack.expect["ok"]:
        assert outcome.ok, about
        if "content" in attack.expect:
            assert outcome.content == attack.expect["content"].encode(), about
    else:
        assert outcome.code in attack.codes, about


def _others(attack: Attack, neighbours: dict[str, str]) -> dict[str, str]:
    """Return the neighbours as they have to stay: a file that has a name in the root may lose that one name."""
    if not any(step.startswith("hardlink ") for step in attack.setup):
        return neighbours
    return {path: re.sub(r"^(\S+) \d+ ", r"\1 ", picture) for path, picture in neighbours.items()}


def _judge_tree(attack: Attack, ground: Ground, outcome: Outcome, about: str) -> None:
    """Fail unless the root is what the entry expects: as it was, where the operation was refused."""
    inside = ground.inside()
    assert not [path for path in inside if _TEMPORARY in path], about
    if not outcome.ok or attack.nothing_created:
        assert inside == ground.before, about
        return
    changed = {path for path in inside.keys() | ground.before.keys() if inside.get(path) != ground.before.get(path)}
    assert changed, about
    expected = dict(attack.expect.get("then", {}))
    if attack.op == "write" and not expected:
        expected = {f"root/{attack.input['path']}": attack.input["data"]}
    for name, state in expected.items():
        assert _stands(ground.base / name) == state, about
        if state is not None:
            mode = (ground.base / name).lstat().st_mode
            assert not mode & attack.expect.get("mode_mask_clear", 0), about


def _stands(path: Path) -> str | None:
    """Return what `then` says of a path: the content of a file, `->` and the text of a link, None of nothing."""
    if path.is_symlink():
        return f"->{path.readlink()}"
    return path.read_text() if path.exists() else None


def within_time(work: Callable[[], Outcome], seconds: float = WAIT_S) -> Outcome:
    """Return what `work` returns; fail if it is still at it after `seconds`."""
    done: list[Outcome] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 # raised again, in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"no answer within {seconds} s"
    if failed:
        raise failed[0]
    return done[0]


def table(ops: Sequence[str]) -> Iterator[Attack]:
    """Yield the entries of these operations that run on this platform without more than their set-up."""
    return (attack for attack in attacks() if attack.auto and attack.here and attack.op in ops)
