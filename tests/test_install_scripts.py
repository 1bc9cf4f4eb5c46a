"""The environment of a checkout: made in several ways, once, by one at a time, and told plainly when it cannot be.

Real environments, made by the real pip and uv; only what they install is ours: wheels of a few lines in a local
folder, so nothing is downloaded.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from install_scripts import pip_wheel
from install_scripts.lock import pinned
from install_scripts.ranges import ranges

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(CHECKOUT.glob("install_scripts/[ct]*.py"))

# Prepares an environment; the names that follow are modules that this Python does not have today.
PREPARE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from install_scripts import environment, installers
has = installers._has
installers._has = lambda name: name not in sys.argv[4:] and has(name)
try:
    print(environment.prepare(Path(sys.argv[2]), group=sys.argv[3] or None))
except installers.CannotInstall as failure:
    sys.exit(str(failure))
"""
FROM_OUTSIDE = ("ensurepip", "virtualenv")
"""The quickest way without uv: what is missing makes pip fill the environment from outside."""


@dataclass(frozen=True)
class Sapling:
    """A small checkout that needs the package `leaf`, and `twig` to be developed; both lie in `wheels`."""

    folder: Path
    wheels: Path

    def start(self, *missing: str, group: str = "", uv: str | None = None) -> "subprocess.Popen[str]":
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull}
        offline |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(self.wheels), "UV_OFFLINE": "1"}
        offline |= {"PIP_INDEX_URL": self.wheels.as_uri(), "PATH": os.environ["PATH"] if uv else str(self.wheels)}
        return subprocess.Popen(
            [sys.executable, "-c", PREPARE, str(CHECKOUT), str(self.folder), group, *missing],
            env={**os.environ, **offline},
            cwd=self.wheels,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def prepare(self, *missing: str, group: str = "", uv: str | None = None) -> Path:
        started = self.start(*missing, group=group, uv=uv)
        output, errors = started.communicate()
        assert started.returncode == 0, errors
        return Path(output.strip())

    def refusal(self, *missing: str, uv: str | None = None) -> str:
        started = self.start(*missing, uv=uv)
        _, errors = started.communicate()
        assert started.returncode == 1
        return errors

    def lock(self, leaf: str = "1.0") -> None:
        (self.folder / "uv.lock").write_text(
            f"""
            [[package]]
            name = "tree"
            source = {{ editable = "." }}
            dependencies = [{{ name = "leaf" }}]
            [package.dev-dependencies]
            dev = [{{ name = "twig" }}]
            [[package]]
            name = "leaf"
            version = "{leaf}"
            wheels = [{{ hash = "sha256:{self.wheel("leaf", leaf)}" }}]
            [[package]]
            name = "twig"
            version = "1.0"
            wheels = [{{ hash = "sha256:{self.wheel("twig", "1.0")}" }}]
            """,
            "utf-8",
        )

    def wheel(self, name: str, version: str) -> str:
        """Write a wheel and return its SHA-256."""
        info = f"{name}-{version}.dist-info"
        file = self.wheels / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(f"{name}.py", f"version = {version!r}\n")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def sapling(tmp_path: Path) -> Sapling:
    folder, wheels = tmp_path / "a checkout", tmp_path / "wheels"
    folder.mkdir()
    wheels.mkdir()
    (folder / "tree.py").write_text("height = 3\n", "utf-8")
    (folder / "pyproject.toml").write_text(
        """
        project = { name = "tree", dependencies = ["leaf>=1"] }
        dependency-groups = { dev = ["twig"] }
        """,
        "utf-8",
    )
    made = Sapling(folder, wheels)
    made.lock()
    return made


def _says(python: Path, code: str) -> str:
    return subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("missing", [("virtualenv",), FROM_OUTSIDE], ids=["venv", "pip from outside"])
def test_without_uv_an_environment_holds_the_needs_and_finds_the_checkout(
    sapling: Sapling, missing: tuple[str, ...]
) -> None:
    python = sapling.prepare(*missing)
    assert _says(python, "import leaf, tree; print(leaf.version, tree.height)") == "1.0 3"
    assert sapling.folder in python.parents
    assert _says(python, "import leaf; print(leaf.__cached__)").endswith(".pyc")


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_fills_an_environment_where_it_is_on_the_path(sapling: Sapling) -> None:
    python = sapling.prepare("venv", *FROM_OUTSIDE, uv=shutil.which("uv"))
    assert _says(python, "import leaf, tree; print(leaf.version, tree.height)") == "1.0 3"


def test_a_dependency_group_is_installed_only_when_it_is_named(sapling: Sapling) -> None:
    has_twig = "import importlib.util; print(importlib.util.find_spec('twig') is not None)"
    assert _says(sapling.prepare(*FROM_OUTSIDE), has_twig) == "False"
    assert _says(sapling.prepare(*FROM_OUTSIDE, group="dev"), has_twig) == "True"


def test_a_second_run_changes_nothing(sapling: Sapling) -> None:
    python = sapling.prepare(*FROM_OUTSIDE)
    made = python.lstat()
    shutil.rmtree(sapling.wheels)
    sapling.wheels.mkdir()
    assert sapling.prepare(*FROM_OUTSIDE) == python
    assert python.lstat() == made


def test_other_needs_make_a_new_environment(sapling: Sapling) -> None:
    sapling.prepare(*FROM_OUTSIDE)
    sapling.lock(leaf="1.1")
    assert _says(sapling.prepare(*FROM_OUTSIDE), "import leaf; print(leaf.version)") == "1.1"


def test_an_interrupted_run_is_made_good(sapling: Sapling) -> None:
    python = sapling.prepare(*FROM_OUTSIDE)
    (python.parents[2] / "stamp").unlink()  # it is written last
    python.unlink()
    assert _says(sapling.prepare(*FROM_OUTSIDE), "import leaf; print(leaf.version)") == "1.0"


def test_of_several_runs_at_once_one_builds_and_the_others_wait_for_it(sapling: Sapling) -> None:
    runs = [sapling.start(*FROM_OUTSIDE) for _ in range(4)]
    said = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0, 0], said
    assert len({output for output, _ in said}) == 1
    assert sum("(once;" in errors for _, errors in said) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows may write despite the mode")
def test_a_checkout_that_cannot_be_written_gets_its_environment_in_the_cache(
    sapling: Sapling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sapling.folder.chmod(0o500)
    python = sapling.prepare(*FROM_OUTSIDE)
    assert _says(python, "import tree; print(tree.height)") == "3"
    assert sapling.folder not in python.parents


def test_an_index_without_the_locked_version_serves_one_in_the_range(sapling: Sapling) -> None:
    (sapling.wheels / "leaf-1.0-py3-none-any.whl").unlink()
    sapling.wheel("leaf", "1.5")
    assert _says(sapling.prepare(*FROM_OUTSIDE), "import leaf; print(leaf.version)") == "1.5"


@pytest.mark.parametrize("uv", [None, shutil.which("uv")], ids=["pip", "uv"])
def test_other_bytes_than_the_lock_says_end_it_all(sapling: Sapling, uv: str | None) -> None:
    """Neither the next way nor the ranges are tried: they would install what the lock refuses."""
    sapling.lock(leaf="1.0")
    with zipfile.ZipFile(sapling.wheels / "leaf-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("more.py", "")
    told = sapling.refusal(*FROM_OUTSIDE, uv=uv)
    assert "bytes are not those of uv.lock" in told
    assert "leaf" in told


def test_a_package_that_would_have_to_be_compiled_is_told_with_what_to_install(sapling: Sapling) -> None:
    (sapling.wheels / "leaf-1.0-py3-none-any.whl").unlink()
    source = sapling.wheels / "leaf-1.0.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("leaf-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n")
        archive.writestr("leaf-1.0/pyproject.toml", '[build-system]\nrequires = ["a-compiler"]\n')
    told = sapling.refusal(*FROM_OUTSIDE)
    assert "a-compiler" in told
    assert "install a compiler" in told


def test_a_python_that_cannot_make_environments_is_told_what_to_install(sapling: Sapling) -> None:
    told = sapling.refusal("venv", *FROM_OUTSIDE)
    assert sys.executable in told
    assert "sudo apt install python3-venv" in told


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_an_older_python_gets_one_sentence_and_exit_status_2(script: Path) -> None:
    ast.parse(script.read_text("utf-8"), feature_version=(3, 6))
    older = "import runpy, sys; sys.version_info = (3, 8, 18); runpy.run_path(sys.argv[1], run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", older, script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("fs-server needs Python 3.11 or newer, and this is ")
    assert run.stderr.count("\n") == 1


def test_pip_is_taken_only_with_the_bytes_that_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "pip"
    index.mkdir()
    page, wheel = index / "index.html", index / pip_wheel.NAME
    monkeypatch.setattr(pip_wheel, "_get", lambda url: (page if url.endswith("/pip/") else wheel).read_bytes())
    page.write_text("<a href='pip-1.0.tar.gz'>", "utf-8")
    with pytest.raises(OSError, match="offers no pip-"):
        pip_wheel.fetch(tmp_path)
    page.write_text(f'<a href="{pip_wheel.NAME}#sha256={pip_wheel.SHA256}">', "utf-8")
    wheel.write_bytes(b"something else")
    with pytest.raises(OSError, match="another SHA-256"):
        pip_wheel.fetch(tmp_path)


def test_the_lock_pins_everything_with_markers_and_hashes() -> None:
    """The same list as `uv export` gives: a package is needed where any way that leads to it is open."""
    metadata = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    lines = pinned(CHECKOUT / "uv.lock", metadata["project"]["name"], group="dev")
    names = {line.partition("==")[0] for line in lines}
    asked = {requirement.split(">")[0].lower() for requirement in ranges(metadata, group="dev")}
    assert asked <= names
    assert all(" --hash=sha256:" in line for line in lines)
    assert [line.partition(" --hash")[0] for line in lines if line.startswith("pywin32==")] == [
        next(line for line in lines if line.startswith("pywin32==")).partition(" ;")[0] + " ; (sys_platform == 'win32')"
    ]


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
@pytest.mark.parametrize("group", [None, "dev"])
def test_the_lock_is_read_as_uv_reads_it(group: str | None) -> None:
    options = ["--no-dev"] if group is None else ["--group", group]
    export = ["uv", "export", "--frozen", "--no-emit-project", "--no-header", "--no-annotate", "--no-hashes"]
    exported = subprocess.run([*export, *options], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    ours = [line.partition(" --hash")[0] for line in pinned(CHECKOUT / "uv.lock", "fs-server-mcp", group=group)]
    assert [line.translate(str.maketrans("", "", "()")) for line in ours] == exported.splitlines()


def test_the_lock_names_only_the_public_index() -> None:
    packages = tomllib.loads((CHECKOUT / "uv.lock").read_text("utf-8"))["package"]
    files = [file for package in packages for file in [*package.get("wheels", []), package.get("sdist")] if file]
    assert {package["source"].get("registry") for package in packages} == {None, "https://pypi.org/simple"}
    assert all(file["url"].startswith("https://files.pythonhosted.org/packages/") for file in files)
