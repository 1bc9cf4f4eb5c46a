"""A private virtual environment for this checkout, made once and used again.

It stands in the checkout as `.env-…` (ignored by git, gone when the checkout is deleted), or in the user's cache
directory where the checkout cannot be written. Each Python and each purpose has its own. Inside are `lock` (who
may build), `stamp` (what was installed, written last) and `venv`. A stamp that does not fit, or none because an
earlier run was interrupted, means that `venv` is made again from nothing.

The checkout itself is not copied: a `.pth` file puts it on the path. So an edit needs no second run, nothing has
to be built, and a pip that knows nothing of editable installs will do.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from install_scripts import installers
from install_scripts.exclusive import exclusive
from install_scripts.lock import pinned
from install_scripts.ranges import ranges

CHECKOUT = Path(__file__).resolve().parent.parent


def prepare(checkout: Path = CHECKOUT, *, group: str | None = None) -> Path:
    """Return the Python of an environment that holds what `checkout` needs, and its dependency `group` if named.

    A second call returns at once unless the needs or the Python changed. Calls at the same time wait for one
    another.

    Raises:
        installers.CannotInstall: no way of making it worked; the text says what to install.
        OSError: no place for it could be written.
    """
    checkout = checkout.resolve()
    folder = _place(checkout, group)
    environment = folder / "venv"
    python = _inside(environment, "scripts") / ("python.exe" if os.name == "nt" else "python")
    needs = _needs(checkout, group)
    stamp = folder / "stamp"
    contents = _digest([sys.version, sys.executable, str(environment), str(checkout), *needs.locked, *needs.ranges])
    with exclusive(folder / "lock", waiting="another run is setting up the environment; waiting for it") as lock:
        if not (python.exists() and stamp.exists() and stamp.read_text("utf-8") == contents):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(environment, ignore_errors=True)
            say(f"setting up {environment} (once; it takes a minute)")
            installers.install(needs, environment, python, folder=folder, held=lock)
            # Python reads .pth files in the locale's encoding before 3.13, and falls back to it since.
            names = _inside(environment, "purelib") / "fs_server_checkout.pth"
            names.write_text(f"{checkout}\n", "locale")
            stamp.write_text(contents, "utf-8")
    return python


def say(text: str) -> None:
    """Tell the person what happens. Standard output belongs to what is started in the end."""
    print(f"install_scripts: {text}", file=sys.stderr, flush=True)


def become(python: Path, arguments: Sequence[str], *, folder: Path | None = None) -> NoReturn:
    """Go on as `python` with `arguments`; its exit status is ours, and so are the signals that it gets."""
    argv = [str(python), *arguments]
    if folder is not None:
        os.chdir(folder)
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execv(python, argv)  # noqa: S606 - an argument list, no shell
    # Windows has no exec that keeps the console and the exit status.
    with subprocess.Popen(argv) as child:
        while True:
            with suppress(KeyboardInterrupt):  # the child got it too, and decides
                sys.exit(child.wait())


def _needs(checkout: Path, group: str | None) -> installers.Needs:
    metadata = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    project = metadata["project"]["name"]
    return installers.Needs(
        locked=pinned(checkout / "uv.lock", project, group=group), ranges=ranges(metadata, group=group)
    )


def _place(checkout: Path, group: str | None) -> Path:
    name = f".env-{group or 'run'}-{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    if os.access(checkout, os.W_OK):
        folder = checkout / name
    else:
        folder = _cache() / "fs-server" / f"{_digest([str(checkout)])[:16]}{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _cache() -> Path:
    """Where each system wants what can be made again; the same places as `platformdirs`, which is not here yet."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _inside(environment: Path, kind: str) -> Path:
    base = {"base": str(environment), "platbase": str(environment)}
    return Path(sysconfig.get_path(kind, "venv", base))


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
