"""The wheel as a user gets it, built by the real backend and installed by pip into a new environment.

Only the dependencies come from the environment of the tests, so nothing is downloaded.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Installed", "installed", "wheel"]

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """A new environment that holds the wheel."""

    python: str
    console: str


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=os.name != "nt")
    places = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    suffix = ".exe" if os.name == "nt" else ""
    python = str(Path(places["scripts"], f"python{suffix}"))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], cwd=folder, check=True, capture_output=True)
    Path(places["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib"), "locale")
    return Installed(python=python, console=str(Path(places["scripts"], f"fs-server-mcp{suffix}")))
