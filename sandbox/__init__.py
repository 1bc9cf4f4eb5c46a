"""From the names that a stranger sends to open things, beneath the roots that the operator chose.

The seam, whole: `Workspace.open` holds the roots, `Workspace.at` turns a client's text into a `Place`, a `Place`
opens, lists and describes. Nothing here has heard of MCP. Nothing here returns a path that was checked: what
comes back is open already, or an entry that was read from an open handle.

Read in this order: `paths.py` (text → names), `policy.py` (what the operator allows, on names alone), `resolve/`
(the kernel or one component at a time), `roots.py` and `workspace.py` (what is held, and the way in), `place.py`,
`open_file.py` and `open_directory.py` (what is opened), `walk.py` and `ignore.py` (bounded traversal), `aio.py` (the
bridge to the event loop), `parser_process.py` (hostile formats, in a child). Commands have a door of their own:
`command.py` and `runner.py`, behind them `warden/` and `linux/`.
"""

from sandbox.aio import Lane, chunks_of
from sandbox.attributes import Attributes
from sandbox.entry import Entry
from sandbox.errors import (
    Changed,
    Code,
    CommandNotFound,
    CommandRefused,
    ConfigRefused,
    CrossDevice,
    DanglingSymlink,
    DiskFull,
    EscapesRoot,
    Exists,
    HardlinkRefused,
    InvalidPath,
    IoFailure,
    IsDirectory,
    NameTooLong,
    NotDirectory,
    NotEmpty,
    NotFound,
    NotRegularFile,
    OutsideRoots,
    PermissionDenied,
    ProtectedPath,
    ReadOnly,
    RefusedRoot,
    RootGone,
    SandboxError,
    SandboxUnavailable,
    SymlinkLoop,
    TooLarge,
    UnsupportedOp,
    UnsupportedUri,
)
from sandbox.file_systems import file_system
from sandbox.gitignore import Rule, rules_of
from sandbox.ignore import Ignored, ignored_in
from sandbox.limits import Stop
from sandbox.names import shown
from sandbox.new_file import NewFile
from sandbox.open_directory import OpenDirectory
from sandbox.open_file import OpenFile
from sandbox.place import Place
from sandbox.policy import Access, Patterns, Rules
from sandbox.resolve import BACKENDS, Kind, Resolver
from sandbox.roots import Root, RootSpec
from sandbox.spot import Spot
from sandbox.target import Target, target_of
from sandbox.tree import downward, upward
from sandbox.uris import uri_of_path
from sandbox.walk import DEEPEST, Key, Order, Walk
from sandbox.workspace import Workspace

__all__ = [
    "BACKENDS",
    "DEEPEST",
    "Access",
    "Attributes",
    "Changed",
    "Code",
    "CommandNotFound",
    "CommandRefused",
    "ConfigRefused",
    "CrossDevice",
    "DanglingSymlink",
    "DiskFull",
    "Entry",
    "EscapesRoot",
    "Exists",
    "HardlinkRefused",
    "Ignored",
    "InvalidPath",
    "IoFailure",
    "IsDirectory",
    "Key",
    "Kind",
    "Lane",
    "NameTooLong",
    "NewFile",
    "NotDirectory",
    "NotEmpty",
    "NotFound",
    "NotRegularFile",
    "OpenDirectory",
    "OpenFile",
    "Order",
    "OutsideRoots",
    "Patterns",
    "PermissionDenied",
    "Place",
    "ProtectedPath",
    "ReadOnly",
    "RefusedRoot",
    "Resolver",
    "Root",
    "RootGone",
    "RootSpec",
    "Rule",
    "Rules",
    "SandboxError",
    "SandboxUnavailable",
    "Spot",
    "Stop",
    "SymlinkLoop",
    "Target",
    "TooLarge",
    "UnsupportedOp",
    "UnsupportedUri",
    "Walk",
    "Workspace",
    "chunks_of",
    "downward",
    "file_system",
    "ignored_in",
    "rules_of",
    "shown",
    "target_of",
    "upward",
    "uri_of_path",
]
