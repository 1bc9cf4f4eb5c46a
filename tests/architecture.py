"""Who may import whom, who owns which package, and that nothing reaches past the sandbox to the file system."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OURS = ("fs_server", "resources", "sandbox")

# What of ours each part may import; the longest name that fits counts. Down the staircase only.
MAY_IMPORT = {
    "sandbox": ["sandbox"],
    "resources": ["resources", "sandbox"],
    "fs_server": ["fs_server", "resources", "sandbox"],
    "fs_server.config": ["fs_server.config", "fs_server.errors", "fs_server.__version__", "sandbox"],
    "fs_server.commands": [
        *("fs_server.commands", "fs_server.config.settings", "fs_server.errors", "fs_server.journal"),
        "sandbox",
    ],
    "fs_server.files": ["fs_server.files", "fs_server.errors", "sandbox"],
    "fs_server.journal": ["fs_server.journal", "fs_server.files", "fs_server.errors", "sandbox"],
    "fs_server.protocol": ["fs_server.protocol", "fs_server.errors"],
    "fs_server.tools": [
        *("fs_server.tools", "fs_server.files", "fs_server.errors", "fs_server.services", "fs_server.times"),
        *("fs_server.commands", "fs_server.journal", "resources", "sandbox"),
    ],
}

# A package shows what others may use in its __init__. A second door has a reason.
DOORS = {
    "sandbox.parser_process": "loads asyncio's subprocesses, which only documents and images need",
    "sandbox.command": "what runs commands is there on Linux only, and only where the settings permit commands",
    "sandbox.runner": "as sandbox.command",
}

# The only files that may import a package from outside, or a part of the standard library that leaves Python's
# hands. An empty list: nobody.
OWNERS: dict[str, list[str]] = {
    "PIL": ["fs_server/files/*"],
    "aiofiles": ["sandbox/aio.py"],
    "anyio": ["fs_server/cli/try_session/*"],
    "charset_normalizer": ["fs_server/files/guess.py"],
    "docx": ["fs_server/files/documents/docx.py"],
    "mcp": ["fs_server/app.py", "fs_server/protocol/*", "fs_server/handlers/*", "fs_server/cli/try_session/*"],
    "mcp_types": ["fs_server/app.py", "fs_server/protocol/*", "fs_server/handlers/*", "fs_server/cli/try_session/*"],
    "openpyxl": ["fs_server/files/documents/xlsx.py"],
    "pathspec": ["sandbox/policy.py"],
    "platformdirs": ["fs_server/config/file.py"],
    "psutil": ["sandbox/memory_watch.py", "fs_server/commands/usage.py"],
    "pydantic": ["fs_server/tools/*", "fs_server/protocol/*", "fs_server/handlers/tools.py"],
    "pydantic_core": ["fs_server/tools/*", "fs_server/protocol/*"],
    "pypdf": ["fs_server/files/documents/pdf.py"],
    "re2": ["fs_server/files/expression.py"],
    "rich": ["fs_server/cli/*"],
    "ctypes": [
        *("sandbox/resolve/_openat2.py", "sandbox/resolve/_posix_changes.py", "sandbox/resolve/_windows_calls.py"),
        *("sandbox/linux/calls.py", "sandbox/linux/seccomp.py"),
        "fs_server/protocol/claim.py",
    ],
    # It removes a tree by handles, which is what a tree made by commands needs.
    "shutil": ["fs_server/cli/try_session/*", "fs_server/commands/scratch.py", "sandbox/warden/probe.py"],
    "subprocess": ["fs_server/cli/try_session/*", "fs_server/cli/doctor/redteam/*", "sandbox/runner.py"],
    "tempfile": [
        *("fs_server/cli/try_session/*", "fs_server/cli/doctor/*"),
        *("sandbox/warden/probe.py", "sandbox/warden/protocol.py"),
    ],
    "resource": ["sandbox/parser_child.py", "sandbox/warden/limits.py", "fs_server/cli/doctor/redteam/*"],
    "socket": [
        "fs_server/cli/doctor/redteam/*",
        *("sandbox/runner.py", "sandbox/warden/canaries.py", "sandbox/warden/guard.py", "sandbox/warden/plan.py"),
        *("sandbox/warden/protocol.py", "sandbox/warden/service.py"),
    ],
    "sqlite3": ["fs_server/journal/database.py"],
    **{package: [] for package in ("glob", "multiprocessing", "pickle")},
}

# Calls that reach the file system by a name, wherever it leads.
# fmt: off
AMBIENT = {
    "open", "io.open", "codecs.open", "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell", "os.access", "os.chdir", "os.chmod", "os.chown", "os.fwalk",
    "os.link", "os.listdir", "os.lstat", "os.makedirs", "os.mkdir", "os.mkfifo", "os.open",
    "os.readlink", "os.remove", "os.removedirs", "os.rename", "os.renames", "os.replace", "os.rmdir",
    "os.scandir", "os.stat", "os.symlink", "os.system", "os.truncate", "os.unlink", "os.utime",
    "os.walk", "os.path.exists", "os.path.getmtime", "os.path.getsize", "os.path.isdir",
    "os.path.isfile", "os.path.islink", "os.path.lexists", "os.path.realpath", "os.path.samefile",
}
# fmt: on
# fmt: off
AMBIENT_METHODS = {
    "absolute", "exists", "expanduser", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink",
    "iterdir", "mkdir", "read_bytes", "read_text", "readlink", "rename", "resolve", "rglob", "rmdir",
    "samefile", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}
# fmt: on
# The sandbox is what all others go through; the settings are the operator's own files; `try` plays the host, on the
# other side of the wire; `doctor` tries it all from outside, in directories that it makes itself. The journal's storage
# works in a directory of its own, closed to every root, under names that it makes itself; what touches the tree, beside
# it in the same package, goes through the sandbox.
MAY_REACH = [
    *("sandbox/*", "fs_server/config/*", "fs_server/cli/try_session/*", "fs_server/cli/doctor/*"),
    *(f"fs_server/journal/{module}.py" for module in ("blobs", "database", "directory", "sessions")),
    *(f"fs_server/commands/{module}.py" for module in ("log", "scratch")),
]


def faults(file: str, source: str) -> Iterator[str]:
    """Tell each rule that a module breaks, one sentence for each place."""
    tree = ast.parse(source)
    where = file.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
    for line, module in imports(tree):
        top = module.partition(".")[0]
        if top in OURS:
            yield from (f"{file}:{line}: {fault}" for fault in _direction(where, module))
        elif top in OWNERS or top not in sys.stdlib_module_names:
            owners = OWNERS.get(top)
            if owners is None:
                yield f"{file}:{line}: {top} belongs to nobody yet; name its owner in OWNERS and why we need it"
            elif not any(fnmatch(file, owner) for owner in owners):
                yield f"{file}:{line}: {top} may be imported by {owners or 'nobody'}; use what the owner offers"
    if not any(fnmatch(file, allowed) for allowed in MAY_REACH):
        for line, call in _ambient_calls(tree):
            yield f"{file}:{line}: {call}() reaches past the sandbox; ask a Place, which opens within its root"


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each import as the dotted name of what is bound: `from a import b` is `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def _direction(where: str, module: str) -> Iterator[str]:
    part = max((part for part in MAY_IMPORT if _within(where, part)), key=len)
    allowed = MAY_IMPORT[part]
    if not any(_within(module, one) for one in allowed):
        yield f"{part} may import {allowed}, not {module}"
    package, _, name = module.partition(".")
    foreign = package != where.partition(".")[0] and package != "fs_server"
    if foreign and name not in _shown(package) and not any(_within(module, door) for door in DOORS):
        yield f"{module} is {package}'s own; it offers what stands in {package}.__all__"


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _shown(package: str) -> list[str]:
    tree = ast.parse((CHECKOUT / package / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _ambient_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            # The null device is on no disk and holds nothing.
            if name == "os.open" and ast.unparse(node.args[0]) == "os.devnull":
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in AMBIENT or method in AMBIENT_METHODS:
                yield node.lineno, name


def sources() -> dict[str, str]:
    files = (file for package in OURS for file in sorted((CHECKOUT / package).rglob("*.py")))
    return {file.relative_to(CHECKOUT).as_posix(): file.read_text("utf-8") for file in files}
