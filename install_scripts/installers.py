"""The ways in which an environment can be made and filled, from the quickest to the last resort.

1. uv, where it is on the path.
2. `venv` with the pip that Python brings (`ensurepip`).
3. `venv` without pip, filled from outside by a pip that is installed beside Python (Debian moves `ensurepip` to
   the package python3-venv).
4. `virtualenv`, which brings its own pip.
5. `venv` without pip, filled by a pip that is fetched for the purpose.

Each way first installs the versions of the lock, as wheels only, by hash. Where that fails (a Python newer than
the lock, an index that lacks a file) it tries the ranges of `pyproject.toml`, which may have to compile something;
but other bytes than the lock's end it all.
Settings of pip and uv, proxies and certificates are the user's and stay as they are.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from install_scripts import pip_wheel

ADVICE = """\
  No network, or a proxy? pip and uv read HTTPS_PROXY, PIP_INDEX_URL, UV_DEFAULT_INDEX and SSL_CERT_FILE.
  No module venv, ensurepip or pip? Debian, Ubuntu: sudo apt install python3-venv; elsewhere a Python from
    https://www.python.org/downloads/, or uv: https://docs.astral.sh/uv/
  A package that had to be compiled? Use a CPython for which it has a wheel (3.11 to 3.14), or install a compiler
    (Debian, Ubuntu: sudo apt install build-essential python3-dev)."""


class CannotInstall(Exception):
    """No way worked. The text is for a person: what was tried, what it answered, what to install."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What to install: the lines of a requirements file, exact with hashes, and the ranges that they came from."""

    locked: list[str]
    ranges: list[str]


@dataclass(frozen=True, slots=True)
class Way:
    """`make` creates the environment; `fill` begins the command that installs into it."""

    name: str
    make: list[str]
    fill: Callable[[], list[str]]


def install(needs: Needs, environment: Path, python: Path, *, folder: Path, held: int) -> None:
    """Make `environment`, whose interpreter will be `python`, and fill it. `folder` is for what is needed meanwhile.

    Raises:
        CannotInstall: every way that exists here failed, or an index gave other bytes than the lock's.
    """
    failures: list[str] = []
    for way in _ways(environment, python):
        shutil.rmtree(environment, ignore_errors=True)
        try:
            _run(way.make, folder, held)
            fill = way.fill()
        except (OSError, _Failed) as failure:
            failures.append(f"{way.name}: {failure}")
            continue
        for kind, lines, options in (
            ("the versions of uv.lock, as wheels", needs.locked, ["--no-deps", "--only-binary", ":all:"]),
            ("the ranges of pyproject.toml", needs.ranges, []),
        ):
            requirements = folder / "requirements.txt"
            requirements.write_text("\n".join(lines) + "\n", "utf-8")
            try:
                _run([*fill, *options, "--requirement", str(requirements)], folder, held)
            except _OtherBytes as failure:
                message = f"refused to install with {way.name}, because bytes are not those of uv.lock:\n{failure}"
                raise CannotInstall(message) from failure
            except _Failed as failure:
                failures.append(f"{way.name}, {kind}: {failure}")
                print(f"install_scripts: {way.name} could not install {kind}", file=sys.stderr, flush=True)
            else:
                return
    tried = "\n".join(failures) or "found neither uv, nor the modules venv or virtualenv"
    message = f"cannot set up an environment with {sys.executable} ({sys.version.split()[0]}):\n{tried}\n{ADVICE}"
    raise CannotInstall(message)


def _ways(environment: Path, python: Path) -> Iterator[Way]:
    # -I for a Python that we made; -P elsewhere, where the user's own site-packages may hold the only pip.
    ours = [str(python), "-I", "-m", "pip", "install", "--quiet", "--no-user"]
    base = [sys.executable, "-P", "-m"]
    target = str(environment)
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, target]
        fill = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        yield Way("uv", make, lambda: fill)
    has_venv = _has("venv")
    if has_venv and _has("ensurepip"):
        yield Way("venv", [*base, "venv", target], lambda: ours)
    if has_venv and _has("pip"):
        outside = [*base, "pip", "--python", str(python), "install", "--quiet", "--no-user"]
        yield Way("venv, pip from outside", [*base, "venv", "--without-pip", target], lambda: outside)
    if _has("virtualenv"):
        yield Way("virtualenv", [*base, "virtualenv", "--quiet", target], lambda: ours)
    if has_venv:

        def fetched() -> list[str]:
            wheel = pip_wheel.fetch(environment)
            return [str(python), "-I", str(wheel / "pip"), *ours[4:]]

        yield Way("venv, pip fetched", [*base, "venv", "--without-pip", target], fetched)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class _Failed(Exception):
    """A command failed; the text is the part of its output that says why."""


class _OtherBytes(_Failed):
    """An index gave a file under a name of the lock with other content. Another way must not hide that."""


def _run(command: list[str], folder: Path, held: int) -> None:
    """Run quietly in `folder`: nothing there can be taken for a module or for settings of pip or uv."""
    descriptors = () if sys.platform == "win32" else (held,)
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        pass_fds=descriptors,
        text=True,
        errors="replace",
    )
    if done.returncode:
        # What pip and uv say when a file does not have the hash that was asked for.
        tampered = re.search("do not match the hashes|hash mismatch", done.stdout, re.IGNORECASE)
        kind = _OtherBytes if tampered else _Failed
        raise kind(_reason(done.stdout) or f"exit status {done.returncode}")


def _reason(output: str) -> str:
    """Keep the lines from the first error on, at most twelve: pip and uv say why there, and advertise after it."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    errors = [at for at, line in enumerate(lines) if re.match(r"\s*(ERROR|error|Error|\u00d7)", line)]
    return "\n    ".join(lines[errors[0] :][:12] if errors else lines[-12:])
