"""The plan of `tests/architecture.py` holds, and its checker sees what is planted."""

import ast
import re
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from itertools import chain

import pytest

from tests.architecture import CHECKOUT, OURS, OWNERS, faults, imports, sources


def test_every_module_keeps_to_the_plan() -> None:
    found = [fault for file, source in sources().items() for fault in faults(file, source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("file", "source", "told"),
    [
        ("sandbox/place.py", "import resources", "sandbox may import ['sandbox'], not resources"),
        ("sandbox/place.py", "from fs_server.errors import Failure", "not fs_server.errors.Failure"),
        ("resources/contents.py", "import fs_server", "not fs_server"),
        ("resources/contents.py", "def f():\n    import fs_server", "resources/contents.py:2:"),
        ("fs_server/files/lines.py", "from fs_server.tools import TOOLS", "not fs_server.tools.TOOLS"),
        ("fs_server/files/lines.py", "from fs_server import tools", "not fs_server.tools"),
        ("fs_server/tools/read_file.py", "from fs_server import app", "not fs_server.app"),
        ("fs_server/tools/read_file.py", "from mcp.types import Tool", "mcp may be imported by"),
        ("fs_server/protocol/stdio.py", "from fs_server.handlers.tools import ToolHandlers", "fs_server.protocol may"),
        ("fs_server/app.py", "from sandbox.resolve import BACKENDS", "sandbox.resolve.BACKENDS is sandbox's own"),
        ("fs_server/app.py", "import sandbox.resolve._openat2", "it offers what stands in sandbox.__all__"),
        ("fs_server/app.py", "from sandbox import place", "sandbox.place is sandbox's own"),
        ("sandbox/place.py", "from pathspec import GitIgnoreSpec", "pathspec may be imported by"),
        ("sandbox/place.py", "import requests", "requests belongs to nobody yet"),
        ("sandbox/place.py", "import pickle", "pickle may be imported by nobody"),
        ("fs_server/app.py", "import subprocess", "subprocess may be imported by"),
        ("fs_server/tools/read_file.py", "open('a')", "open() reaches past the sandbox"),
        ("fs_server/tools/read_file.py", "Path(p).read_text()", "Path(p).read_text() reaches past"),
        ("fs_server/handlers/tools.py", "os.path.realpath(p)", "os.path.realpath() reaches past"),
        ("fs_server/cli/serve.py", "os.open(name, os.O_RDONLY)", "os.open() reaches past"),
        ("resources/contents.py", "here.parent.resolve()", "resolve() reaches past"),
    ],
)
def test_a_planted_fault_is_told(file: str, source: str, told: str) -> None:
    assert [fault for fault in faults(file, source) if told in fault], list(faults(file, source))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("fs_server/app.py", "from sandbox import Workspace\nfrom fs_server.tools import TOOLS\nimport mcp"),
        ("resources/contents.py", "from sandbox import Place\nplace.open()"),
        ("sandbox/aio.py", "import os, aiofiles\nos.open('a', 0)"),
        ("fs_server/protocol/claim.py", "os.open(os.devnull, os.O_RDWR)"),
    ],
)
def test_what_the_plan_allows_is_no_fault(file: str, source: str) -> None:
    assert list(faults(file, source)) == []


def test_every_permission_to_import_is_used() -> None:
    imported = {
        (file, module.partition(".")[0]) for file, text in sources().items() for _, module in imports(ast.parse(text))
    }
    unused = [
        f"{owner} imports no {package} any more; take it from OWNERS"
        for package, owners in OWNERS.items()
        for owner in owners
        if not any(top == package and fnmatch(file, owner) for file, top in imported)
    ]
    assert not unused, "\n".join(unused)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """Every package costs each user its download, its start-up and its security notices; none is here in advance."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {_canonical(re.split(r"[<>=~!\[ ;]", requirement)[0]) for requirement in requirements}
    tops = {module.partition(".")[0] for text in sources().values() for _, module in imports(ast.parse(text))}
    distributions = packages_distributions()
    imported = {_canonical(distributions[top][0]) for top in tops if top not in sys.stdlib_module_names | {*OURS}}
    # Each is the other half of a package that pins it to the letter.
    imported -= {"mcp-types", "pydantic-core"}
    assert imported == declared


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
