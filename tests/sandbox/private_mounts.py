"""Claims about mounts, each made in a process with mounts of its own: `in_private_mounts` starts it."""

import contextlib
import ctypes
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from sandbox import Access, Lane, ProtectedPath, RootSpec, Workspace
from tests.sandbox.backends import RESOLVERS, carry_out_on, opened
from tests.support.corpus import Outcome, attacks, prepare
from tests.support.tree import make_tree

__all__ = ["in_private_mounts"]

REPOSITORY = Path(__file__).parents[2]
CANNOT = 77
"""The status of a child that could not make what it is about."""


def in_private_mounts(function: str, *arguments: str) -> None:
    """Call `module:function` with these words in a child whose mounts are its own; skip where there is no way."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare(1) here")
    alone = [unshare, "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system allows no mounts of one's own")
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.sandbox.private_mounts", function, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode == CANNOT:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


def mount(source: str, target: Path, kind: str, flags: int = 0, options: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode()) != 0:
        print(f"{kind or 'bind'} mount: {os.strerror(ctypes.get_errno())}")  # noqa: T201 # read by the parent
        sys.exit(CANNOT)


def read_through_a_bind_mount(backend: str, base: str) -> None:
    attack = next(attack for attack in attacks() if attack.id == "pfx-004")
    ground = prepare(attack, Path(base))
    (ground.root / "m").mkdir()
    mount(os.fspath(ground.outside), ground.root / "m", "", flags=4096)  # MS_BIND
    with carry_out_on(backend)([os.fspath(ground.root)]) as driver:
        outcome = driver.carry_out({"op": "read", "path": "m/secret"})
        assert outcome == Outcome(content=b"SECRET", told=b"SECRET"), outcome
        assert driver.carry_out({"op": "read", "path": "m/../../outside/secret"}).code == "escapes_root"


def outlive_a_mount_that_hangs(backend: str, base: str) -> None:
    """A FUSE file system whose other end never answers: every lookup in it waits for ever."""
    make_tree(Path(base), ["hanging/m/", "well/f = F"])
    try:
        silent = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        print(f"/dev/fuse: {error}")  # noqa: T201 # read by the parent
        sys.exit(CANNOT)
    mount("silent", Path(base, "hanging/m"), "fuse", options=f"fd={silent},rootmode=40000,user_id=0,group_id=0")
    specs = [RootSpec(name, f"{base}/{name}") for name in ("hanging", "well")]
    with opened(RESOLVERS[backend](), *specs) as workspace:
        anyio.run(_answers_in_time, workspace)
        os._exit(0)  # the thread that hangs would be waited for


async def _answers_in_time(workspace: Workspace) -> None:
    lanes = {root.name: Lane(1) for root in workspace.roots}

    def read(path: str) -> bytes:
        with workspace.at(path, Access.READ).open() as file:
            return file.read_at(0, 9)

    hung = False
    try:
        await lanes["hanging"].run(lambda _: read("hanging/m/x"), timeout_s=0.3)
    except TimeoutError:
        hung = True
    assert hung
    assert await lanes["well"].run(lambda _: read("well/f"), timeout_s=5) == b"F"


def ask_a_folding_directory(backend: str, base: str) -> None:
    mount("folding", Path(base), "tmpfs", options="casefold")
    make_tree(Path(base), ["cf/"])
    subprocess.run(["chattr", "+F", f"{base}/cf"], check=True)
    make_tree(Path(base), ["cf/A = A", "cf/.env = SECRET"])
    with opened(RESOLVERS[backend](), RootSpec("root", base, secret=(".env",))) as workspace:
        with workspace.at("cf/a", Access.READ).open() as file:
            assert file.read_at(0, 9) == b"A"
        for name in (".ENV", ".e\u034fnv", ".e\u200bnv", ".\ufe0fenv", ".\uff45nv"):
            with contextlib.suppress(ProtectedPath):
                workspace.at(f"cf/{name}", Access.READ).open()
                raise AssertionError(name)


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), function)(*sys.argv[2:])


if __name__ == "__main__":
    main()
