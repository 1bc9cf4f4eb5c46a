"""Claims about changes on file systems of their own, each made in a process that `in_private_mounts` starts."""

import os
from pathlib import Path

from fs_server.config.settings import Limits
from tests.fs_server.journal.corpus_driver import changing_on
from tests.fs_server.tools.in_process import called
from tests.sandbox.backends import RESOLVERS
from tests.sandbox.private_mounts import mount
from tests.support.tree import make_tree, snapshot

MIB = 1 << 20


def write_on_a_full_disk(backend: str, base: str) -> None:
    """Every way to write, where there is room for a small file and none for this one."""
    root = Path(base, "root")
    make_tree(Path(base), ["root/"])
    mount("small", root, "tmpfs", options="size=256k")
    make_tree(root, ["f = IN", "d/x = X"])
    large = "x" * MIB
    before = snapshot(root)
    with changing_on(backend)([str(root)]) as driver:
        outcome = driver.carry_out({"op": "write", "path": "f", "data": large})
        assert outcome.code == "disk_full", outcome
        assert snapshot(root).keys() == before.keys()
        assert (root / "f").read_text() == "IN"
        assert driver.carry_out({"op": "write", "path": "f", "data": "NEW"}).ok
    make_tree(Path(base), [f"other/big/{number} = {'y' * 100_000}" for number in range(4)])
    with called(root, Path(base, "other"), journal=Path(base, "journal"), resolver=RESOLVERS[backend]()) as tools:
        before = snapshot(root)
        calls: dict[str, dict[str, object]] = {
            "write_file": {"path": "root/new/deep", "content": large},
            "edit_file": {"path": "root/f", "edits": [{"old_text": "NEW", "new_text": large}]},
            "apply_patch": {"patch": f"*** Begin Patch\n*** Delete File: root/d/x\n*** Add File: root/g\n+{large}\n"},
            "copy_path": {"source": "other/big", "destination": "root/big"},
            "move_path": {"source": "other/big", "destination": "root/moved/big"},
        }
        for name, arguments in calls.items():
            assert tools.refusal(name, **arguments).code == "disk_full", name
            assert without_times(snapshot(root)) == without_times(before), name
        assert len(snapshot(Path(base, "other"))) == 5


def without_times(seen: dict[str, str]) -> dict[str, str]:
    """Return a picture in which a directory may have been changed and changed back."""
    return {path: picture if picture[0] != "d" else picture.split()[0] for path, picture in seen.items()}


def keep_a_history_on_a_full_disk(base: str) -> None:
    """Where what is replaced cannot be kept, nothing is replaced."""
    mount("small", Path(base), "tmpfs", options="size=4m")
    make_tree(Path(base), ["root/", "journal/"])
    mount("full", Path(base, "journal"), "tmpfs", options="size=512k")
    old = "x" * MIB
    make_tree(Path(base, "root"), [f"f = {old}"])
    with called(Path(base, "root"), journal=Path(base, "journal")) as tools:
        before = snapshot(Path(base, "root"))
        for name, arguments in {
            "write_file": {"path": "f", "content": "NEW", "if_exists": "replace"},
            "delete_path": {"path": "f"},
        }.items():
            refusal = tools.refusal(name, **arguments)
            assert refusal.code in {"disk_full", "io_error"}, refusal
            assert snapshot(Path(base, "root")) == before
        tools.answer("write_file", path="small", content="there is room for this")


def move_across_devices(backend: str, base: str) -> None:
    """A bare move is refused; the tool copies, with everything, and removes; both ways, and all of it or nothing."""
    make_tree(
        Path(base), ["root/f = IN", "root/d/e/x = X", "root/d/l -> ../../outside", "root/m/", "outside/secret = SECRET"]
    )
    root = Path(base, "root")
    mount("other", root / "m", "tmpfs")
    os.chmod(root / "d/e/x", 0o640)  # noqa: PTH101 # as a path elsewhere
    os.utime(root / "d/e/x", ns=(10**18, 10**18))
    os.setxattr(root / "d", "user.note", b"N")
    with changing_on(backend)([str(root)]) as driver:
        outcome = driver.carry_out({"op": "move", "src": "f", "dst": "m/f"})
        assert outcome.code == "cross_device", outcome
        assert (root / "f").read_text() == "IN"
        assert list((root / "m").iterdir()) == []
    before = snapshot(root / "d")
    limits = Limits(confirm_delete_files=0)
    with called(root, journal=Path(base, "journal"), limits=limits, resolver=RESOLVERS[backend]()) as tools:
        tools.answer("move_path", source="f", destination="m/f")
        assert (root / "m/f").read_text() == "IN"
        assert not (root / "f").exists()
        tools.answer("move_path", source="d", destination="m/d")
        assert not (root / "d").exists()
        assert without_times(snapshot(root / "m/d")).keys() == before.keys()
        assert (root / "m/d/e/x").stat().st_mtime_ns == 10**18
        assert (root / "m/d/e/x").stat().st_mode & 0o777 == 0o640
        assert os.getxattr(root / "m/d", "user.note") == b"N"
        tools.answer("undo")
        tools.answer("undo")
        assert (root / "f").read_text() == "IN"
        assert (root / "d/e/x").stat().st_mtime_ns == 10**18
        assert os.getxattr(root / "d", "user.note") == b"N"
        assert list((root / "m").iterdir()) == []
        assert tools.refusal("delete_path", path="m", recursive=True).code in {"cross_device", "io_error"}
        assert tools.refusal("move_path", source="m", destination="n").code in {"cross_device", "io_error"}
