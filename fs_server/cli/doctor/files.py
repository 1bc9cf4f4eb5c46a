"""The files' side: how names are looked up, and what each root is."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fs_server.cli.doctor.check import Act, Check, Fact, State, done, refused
from fs_server.config.settings import RootSetting, Settings
from fs_server.errors import explain
from sandbox import (
    Access,
    ConfigRefused,
    Resolver,
    Root,
    RootSpec,
    SandboxError,
    Workspace,
    file_system,
)

__all__ = ["Roots", "resolver", "roots"]

SECRET = b"outside"
INSIDE = b"inside"

HOW = {
    "openat2": "the kernel looks each name up beneath the open root, whole (openat2)",
    "stepwise": "one name after the other is opened beneath the open root, no link followed unseen",
    "windows": "one name after the other is opened by handle, no link followed unseen",
}


@dataclass(frozen=True, slots=True)
class Roots:
    """What the roots came to.

    Attributes:
        checks: one for each.
        workspace: all of them, open; None where there is none, or not all can be served.
    """

    checks: tuple[Check, ...]
    workspace: Workspace | None


def resolver(chosen: Resolver | None = None) -> Check:
    """Try to get out of a root made for that. `chosen` takes the place of the one that this machine offers."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name).resolve()
        links = _make(base)
        workspace = Workspace.open([RootSpec("root", str(base / "root"))], resolver=chosen)
        try:
            acts = tuple(_tried(workspace, base, links=links))
        finally:
            workspace.close()
    good = all(act.good for act in acts)
    way = workspace.resolver.name
    better = ("Linux 5.6 has openat2; in a container, let its filter of system calls pass that.",)
    return Check(
        id="resolver",
        state=State.HOLDS if good else State.FAILS,
        summary=HOW.get(way, way) if good else f"a name led out of its root ({way})",
        facts={"name": way, "links_tried": links},
        acts=acts,
        not_prevented=("what a hard link or a mount within a root leads to: it is part of the root",),
        improve=better if sys.platform == "linux" and way == "stepwise" else (),
    )


def roots(settings: Settings) -> Roots:
    """Look at each root, and try what can be done there."""
    if not settings.roots:
        none = Check(
            id="root",
            state=State.KNOWN,
            summary="no directory was named",
            improve=("Name them as for serve, to see what holds there.",),
        )
        return Roots((none,), None)
    specs = [_spec(settings, root) for root in settings.roots]
    checks = tuple(_root(setting, spec) for setting, spec in zip(settings.roots, specs, strict=True))
    try:
        return Roots(checks, Workspace.open(specs))
    except ConfigRefused as refusal:
        if any(check.state is State.FAILS for check in checks):
            return Roots(checks, None)
        return Roots((*checks, Check(id="roots", state=State.FAILS, summary=explain(refusal).fact)), None)


def _spec(settings: Settings, root: RootSetting) -> RootSpec:
    return RootSpec(
        name=root.name,
        path=str(root.path),
        writable=root.writable,
        secret=(*settings.deny, *root.deny),
        protected=(*settings.protect, *root.protect),
        ask=(*settings.ask, *root.ask),
    )


def _make(base: Path) -> bool:
    """Make a root and something outside; tell whether there are links."""
    (base / "root").mkdir()
    (base / "outside").mkdir()
    (base / "outside" / "f").write_bytes(SECRET)
    (base / "root" / "f").write_bytes(INSIDE)
    try:
        (base / "root" / "out").symlink_to(base / "outside")
        (base / "root" / "up").symlink_to("../outside")
    except OSError:  # Windows gives them to some users only
        return False
    return True


def _tried(workspace: Workspace, base: Path, *, links: bool) -> list[Act]:
    acts = [
        done("read a file in the root", came=_is_read(workspace, "f", INSIDE)),
        refused("leave by ..", came=not _is_read(workspace, "../outside/f", SECRET)),
        refused("name a path outside", came=not _is_read(workspace, str(base / "outside" / "f"), SECRET)),
    ]
    if links:
        acts += [
            refused("read by an absolute link out", came=not _is_read(workspace, "out/f", SECRET)),
            refused("read by a relative link out", came=not _is_read(workspace, "up/f", SECRET)),
            refused("leave by .. behind a link", came=not _is_read(workspace, "out/../outside/f", SECRET)),
            refused("list by a link out", came=_fails(lambda: workspace.at("up", Access.LIST).open_directory())),
        ]
    return acts


def _is_read(workspace: Workspace, text: str, content: bytes) -> bool:
    try:
        with workspace.at(text, Access.READ).open() as file:
            return file.read_at(0, len(content)) == content
    except SandboxError:
        return False


def _fails(act: Callable[[], contextlib.AbstractContextManager[object]]) -> bool:
    try:
        with act():
            return False
    except SandboxError:
        return True


def _root(setting: RootSetting, spec: RootSpec) -> Check:
    facts: dict[str, Fact] = {
        "path": str(setting.path),
        "there": False,
        "writable": setting.writable,
        "file_system": None,
        "case_sensitive": None,
        "unnamed_files": None,
        "exchange": None,
    }
    try:
        workspace = Workspace.open([spec])
    except ConfigRefused as refusal:
        told = explain(refusal)
        return Check(id="root", subject=setting.name, state=State.FAILS, summary=told.fact, facts=facts)
    try:
        return _opened(setting, workspace.roots[0], facts)
    finally:
        workspace.close()


def _opened(setting: RootSetting, root: Root, facts: dict[str, Fact]) -> Check:
    facts |= {"there": True, "file_system": file_system(root.handle) or None}
    not_prevented = ("what is secret only by its place: this root holds your home directory",) * setting.holds_home
    improve = ("Serve the directories that you mean instead of your home.",) * setting.holds_home
    trouble = ""
    if not setting.writable:
        facts["case_sensitive"] = _case_by_what_is_there(root)
    elif root.resolver.changes is None:
        facts["writable"] = False
        not_prevented += ("writing is not offered on this system yet, so the root is read-only",)
    else:
        trouble = _tried_in(root, facts)
    if trouble:
        return Check(
            id="root",
            subject=setting.name,
            state=State.FAILS,
            summary=f"it is to be writable, and nothing can be made in it ({trouble})",
            facts=facts | {"writable": False},
            improve=("Let this user write there, or serve it with --root-ro.",),
        )
    return Check(
        id="root",
        subject=setting.name,
        state=State.HOLDS,
        summary=_told(facts),
        facts=facts,
        not_prevented=not_prevented,
        improve=improve,
    )


def _told(facts: dict[str, Fact]) -> str:
    words = ["writable" if facts["writable"] else "read-only"]
    words += [str(facts["file_system"])] if facts["file_system"] else []
    for name, yes, no in (
        ("case_sensitive", "names differ by case", "names do not differ by case"),
        ("unnamed_files", "new files have no name until they are whole", "no files without a name: new ones have one"),
        ("exchange", "two names are exchanged at once", "no exchange of names: a replacement takes two steps"),
    ):
        if facts[name] is not None:
            words.append(yes if facts[name] else no)
    return ", ".join(words)


def _tried_in(root: Root, facts: dict[str, Fact]) -> str:
    """Try in a directory made for that, which is removed; return why none can be made, or nothing."""
    changes = root.resolver.changes
    assert changes is not None
    name = f".fs-server-doctor-{os.urandom(8).hex()}"
    try:
        changes.make_directory(root.handle, name, 0o700)
    except SandboxError as refusal:
        return refusal.code.value
    try:
        directory = root.resolver.open_directory(root.handle, name)
        try:
            for made in ("a", "b"):
                os.close(changes.create(directory, made, 0o600))
            facts["exchange"] = _succeeds(lambda: changes.exchange(directory, "a", directory, "b"))
            facts["case_sensitive"] = not _succeeds(lambda: root.resolver.stat_child(directory, "A"))
            facts["unnamed_files"] = _makes_unnamed(root, directory)
        finally:
            for made in ("a", "b", "c"):
                with contextlib.suppress(SandboxError):
                    changes.unlink(directory, made)
            root.resolver.close(directory)
    except SandboxError as refusal:
        return refusal.code.value
    finally:
        with contextlib.suppress(SandboxError):
            changes.remove_directory(root.handle, name)
    return ""


def _makes_unnamed(root: Root, directory: int) -> bool:
    changes = root.resolver.changes
    assert changes is not None
    descriptor = changes.create_unnamed(directory, 0o600)
    if descriptor is None:
        return False
    try:
        return _succeeds(lambda: changes.give_name(descriptor, directory, "c"))
    finally:
        os.close(descriptor)


def _case_by_what_is_there(root: Root) -> bool | None:
    """Tell whether names differ by case, by asking for one that is there in the other case; None where none is."""
    names: Sequence[str] = ()
    with (
        contextlib.suppress(SandboxError),
        Workspace((root,), root.resolver).at("", Access.LIST).open_directory() as top,
    ):
        names = [name for name, _ in root.resolver.names(top.handle)]
        for name in names:
            other = name.swapcase()
            if other != name and other not in names:
                return not _succeeds(lambda other=other: root.resolver.stat_child(top.handle, other))  # type: ignore[misc]
    return None


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except SandboxError:
        return False
    return True
