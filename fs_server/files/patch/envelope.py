"""The envelope of OpenAI's models: `*** Begin Patch`, and a line with three stars for each file.

Source: the grammar of `apply_patch` in https://github.com/openai/codex (codex-rs/apply-patch).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from fs_server.files.patch.file_patch import FilePatch, Hunk
from fs_server.files.patch.hunks import FENCES, ends_envelope_body, read_hunk, require_signs
from fs_server.files.patch.source import PatchLines
from fs_server.files.patch.unified import begins_section

__all__ = ["enveloped", "is_envelope"]

_BEGIN: Final = "*** Begin Patch"
_END: Final = "*** End Patch"
_ADD: Final = "*** Add File:"
_UPDATE: Final = "*** Update File:"
_DELETE: Final = "*** Delete File:"
_MOVE: Final = "*** Move to:"
_END_OF_FILE: Final = "*** End of File"


def is_envelope(lines: PatchLines) -> bool:
    """Tell whether a line names a file as envelopes do. No line of a unified diff begins like that."""
    return any(line.startswith((_ADD, _UPDATE, _DELETE)) for line in lines.raw)


def enveloped(lines: PatchLines) -> Iterator[FilePatch]:
    """Yield what an envelope wants of each file. Its first and its last line may be missing.

    Raises:
        Failure: `patch_failed`.
    """
    at = 0
    inside = False
    while at < len(lines):
        line = lines.text(at).rstrip()
        if lines.starts(at, _ADD, _UPDATE, _DELETE):
            inside = True
            found, at = _section(lines, at)
            yield found
            continue
        if line == _BEGIN:
            inside = True
        elif line == _END or lines.starts(at, *FENCES):
            inside = False
        elif begins_section(lines, at):
            raise lines.wrong(at, "This is a unified diff, and other lines are an envelope", "Use one of the two forms")
        elif inside and line:
            raise lines.wrong(at, "No file is named above it", f"Put {_UPDATE} PATH in front, or {_ADD} PATH")
        at += 1


def _section(lines: PatchLines, at: int) -> tuple[FilePatch, int]:
    """Return what is wanted of the file that the line `at` names, and the line behind that."""
    path = _path(lines, at)
    if lines.starts(at, _DELETE):
        return FilePatch("delete", path, None, (), None, at + 1), at + 1
    if lines.starts(at, _ADD):
        return _added(lines, at, path)
    return _updated(lines, at, path)


def _path(lines: PatchLines, at: int) -> str:
    path = lines.text(at).partition(":")[2].strip(" ")
    if not path:
        raise lines.wrong(at, "No path stands there", "Put the path of the file behind the colon")
    return path


def _added(lines: PatchLines, at: int, path: str) -> tuple[FilePatch, int]:
    first_line, at = at, at + 1
    hunks: tuple[Hunk, ...] = ()
    if not ends_envelope_body(lines, lines.behind_blanks(at)):
        hunk, at = read_hunk(lines, at, ends=ends_envelope_body, first_line=first_line)
        require_signs(lines, (hunk,), "+", "An added file has lines with + only")
        hunks = (hunk,)
    elif lines.starts(at, "@@"):
        raise lines.wrong(at, "An added file has lines with + only", "Leave out the @@ line")
    behind = lines.behind_blanks(at)
    return FilePatch("add", path, None, hunks, None, first_line + 1), behind + _says_end_of_file(lines, behind)


def _updated(lines: PatchLines, at: int, path: str) -> tuple[FilePatch, int]:
    first_line, at = at, at + 1
    new_path = None
    if lines.starts(at, _MOVE):
        new_path = _path(lines, at)
        at += 1
    hunks: list[Hunk] = []
    while not _ends_file(lines, behind := lines.behind_blanks(at)):
        hunk, at = read_hunk(lines, behind, ends=ends_envelope_body)
        behind = lines.behind_blanks(at)
        if _says_end_of_file(lines, behind):
            hunk, at = replace(hunk, at_end_of_file=True), behind + 1
        hunks.append(hunk)
    if not hunks and new_path is None:
        raise lines.wrong(first_line, "No change to the file follows", "Put its lines below, or leave the file out")
    moves = new_path not in {None, path}
    return FilePatch("update", path, new_path if moves else None, tuple(hunks), None, first_line + 1), at


def _ends_file(lines: PatchLines, at: int) -> bool:
    return at >= len(lines) or lines.starts(at, "*** ", *FENCES)


def _says_end_of_file(lines: PatchLines, at: int) -> bool:
    return lines.text(at).rstrip() == _END_OF_FILE
