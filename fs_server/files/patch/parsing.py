"""From the text of a patch to what it wants of each file."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from fs_server.errors import Failure, quoted
from fs_server.files.patch.envelope import enveloped, is_envelope
from fs_server.files.patch.file_patch import FilePatch, Hunk
from fs_server.files.patch.source import PatchLines
from fs_server.files.patch.unified import unified_diff

__all__ = ["MOST_BYTES", "MOST_FILES", "MOST_LINES", "parse"]

MOST_BYTES: Final = 8 << 20
"""Bytes of a patch, in UTF-8."""

MOST_LINES: Final = 500_000
"""Each takes some microseconds."""

MOST_FILES: Final = 2_000


def parse(patch: str) -> tuple[FilePatch, ...]:
    """Return what a patch wants of each file, in its order. It is a unified diff, or an envelope.

    No file is in it twice, under the same string. Consecutive updates of one file become one.

    Raises:
        Failure: `patch_failed`, with the line that is wrong; `too_large`; `invalid_argument`, it is empty.
    """
    if not patch.strip("\ufeff \t\r\n"):
        raise Failure("invalid_argument", "patch is empty", step="Send a unified diff, or *** Begin Patch")
    size = len(patch.encode("utf-8", "surrogatepass")) if len(patch) <= MOST_BYTES else len(patch)
    if size > MOST_BYTES:
        raise _too_large(f"It has {size} bytes; the limit is {MOST_BYTES}")
    lines = PatchLines(patch)
    if len(lines) > MOST_LINES:
        raise _too_large(f"It has {len(lines)} lines; the limit is {MOST_LINES}")
    files = _joined(lines, enveloped(lines) if is_envelope(lines) else unified_diff(lines))
    if not files:
        raise Failure(
            "patch_failed",
            f"The patch, {len(lines)} lines that begin with {quoted(lines.text(0))}",
            "It names no file",
            "Begin with --- a/PATH and +++ b/PATH, or with *** Begin Patch and *** Update File: PATH",
        )
    return files


def _joined(lines: PatchLines, found: Iterable[FilePatch]) -> tuple[FilePatch, ...]:
    """Return the files with consecutive updates of one joined."""
    files: list[FilePatch] = []
    hunks: list[list[Hunk]] = []
    first_lines: dict[str, int] = {}
    for file in found:
        if files and _continues(files[-1], file):
            hunks[-1] += file.hunks
            if file.executable is not None:
                files[-1] = replace(files[-1], executable=file.executable)
            continue
        # A copy only reads its source.
        touched = {file.path, file.new_path} if file.kind != "copy" else {file.new_path}
        for path in sorted(path for path in touched if path is not None):
            if path in first_lines:
                raise lines.wrong(
                    file.patch_line - 1,
                    f"{quoted(path)} is in the patch already, from line {first_lines[path]} on",
                    "Put all changes of a file into one place of the patch",
                )
            first_lines[path] = file.patch_line
        files.append(file)
        hunks.append(list(file.hunks))
        if len(files) > MOST_FILES:
            raise _too_large(f"It changes more than {MOST_FILES} files")
    return tuple(replace(file, hunks=tuple(its)) for file, its in zip(files, hunks, strict=True))


def _continues(before: FilePatch, file: FilePatch) -> bool:
    """Tell whether this is one more update of the same file, which moves nowhere else."""
    return (
        file.kind == before.kind == "update" and file.path == before.path and file.new_path in {None, before.new_path}
    )


def _too_large(fact: str) -> Failure:
    return Failure("too_large", "The patch", fact, "Send several patches")
