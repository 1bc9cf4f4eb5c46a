"""Unified diffs, as git, other programs and models write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from fs_server.errors import quoted
from fs_server.files.patch.file_patch import FilePatch, Hunk, Kind
from fs_server.files.patch.hunks import FENCES, begins_file, ends_mail, ends_unified_body, read_hunk, require_signs
from fs_server.files.patch.names import NOTHING, header_name, plain_name, same_name, without_prefixes
from fs_server.files.patch.source import PatchLines

__all__ = ["begins_section", "unified_diff"]

_GIT: Final = "diff --git "
_TELLING: Final = re.compile(r"diff --git |--- |@@|\*{15}|From |GIT bin|Binary files |```|~~~")
"""What lines begin with that have to be looked at; there may be millions of others."""
_MODE: Final = re.compile("[0-7]{6}")
_REGULAR: Final = 0o100000
_KINDS: Final = {0o120000: "a symbolic link", 0o160000: "a submodule", 0o040000: "a directory"}


def begins_section(lines: PatchLines, at: int) -> bool:
    """Tell whether a file's part of a unified diff begins at the line `at`."""
    return lines.starts(at, _GIT) or begins_file(lines, at)


def unified_diff(lines: PatchLines) -> Iterator[FilePatch]:
    """Yield what a unified diff wants of each file. Words around it are passed over.

    Raises:
        Failure: `patch_failed`, also for a line that looks like part of a hunk and stands in none.
    """
    at = 0
    behind_hunks = False
    while at < len(lines):
        if not _TELLING.match(lines.raw[at]) and not (behind_hunks and lines.starts(at, "+", "-")):
            at += 1
            continue
        if begins_section(lines, at):
            found, at = _section(lines, at)
            behind_hunks = bool(found.hunks)
            yield found
            continue
        _require_words(lines, at, behind_hunks=behind_hunks)
        if lines.starts(at, *FENCES, "From ") or ends_mail(lines, at):
            behind_hunks = False
        at += 1


def _require_words(lines: PatchLines, at: int, *, behind_hunks: bool) -> None:
    """Refuse a line between the files that is meant to change something."""
    if lines.starts(at, "@@"):
        raise lines.wrong(at, "This hunk belongs to no file", "Put --- a/PATH and +++ b/PATH in front of its hunks")
    if lines.starts(at, "***************"):
        raise lines.wrong(at, "This is a context diff", "Send a unified diff (diff -u)")
    if behind_hunks and lines.starts(at, "+", "-") and not ends_mail(lines, at):
        raise lines.wrong(
            at,
            "It looks like part of a hunk, and the hunk has ended above",
            "Put a space in front of every line of context; send no text behind the patch",
        )
    _require_text(lines, at)


def _require_text(lines: PatchLines, at: int) -> None:
    line = lines.text(at)
    if line == "GIT binary patch" or (line.startswith("Binary files ") and line.endswith(" differ")):
        raise lines.wrong(at, "Binary patches are not applied", "Leave this file out; copy_path and move_path take it")


@dataclass(frozen=True, slots=True)
class _Header:
    """What stands above the hunks of a file.

    Attributes:
        first_line: of the patch, from 0.
        old: the name before; None where nothing tells it.
        new: the name afterwards.
        is_new: the file is created.
        is_deleted: it is deleted.
        is_copy: it is copied, not renamed.
        says_rename: that the names differ is meant so.
        executable: the bit afterwards, where that is said.
        has_names: there are lines `---` and `+++`, so there should be hunks.
    """

    first_line: int
    old: str | None = None
    new: str | None = None
    is_new: bool = False
    is_deleted: bool = False
    is_copy: bool = False
    says_rename: bool = False
    executable: bool | None = None
    has_names: bool = False


def _section(lines: PatchLines, at: int) -> tuple[FilePatch, int]:
    """Return what is wanted of the file whose part begins at `at`, and the line behind it."""
    header, at = _git_header(lines, at) if lines.starts(at, _GIT) else (_Header(at), at)
    _require_text(lines, at)
    behind = lines.behind_blanks(at)
    if begins_file(lines, behind):
        header = _named(lines, behind, header)
        at = behind + 2
    hunks: list[Hunk] = []
    while lines.starts(behind := lines.behind_blanks(at), "@@"):
        hunk, at = read_hunk(lines, behind, ends=ends_unified_body)
        hunks.append(hunk)
    is_body = lines.starts(behind, " ", "+", "-") and not begins_section(lines, behind)
    if not hunks and is_body and not ends_mail(lines, behind):
        raise lines.wrong(
            behind, "A hunk begins with a line @@", "Put @@ -1 +1 @@ in front; a wrong number is set right where it can"
        )
    return _meant(lines, header, tuple(hunks)), at


def _git_header(lines: PatchLines, at: int) -> tuple[_Header, int]:
    """Return what the lines from `diff --git` on say, and the line behind them."""
    name = same_name(lines, at, lines.text(at).removeprefix(_GIT))
    header = _Header(at, old=name, new=name)
    while True:
        at += 1
        key = next((key for key in _EXTENDED if lines.starts(at, key)), None)
        if key is None:
            return header, at
        header = _EXTENDED[key](lines, at, lines.text(at).removeprefix(key), header)


def _new_file(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    return replace(header, is_new=True, executable=_executable(lines, at, value))


def _deleted_file(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    _executable(lines, at, value)
    return replace(header, is_deleted=True)


def _old_mode(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    _executable(lines, at, value)
    return header


def _new_mode(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    return replace(header, executable=_executable(lines, at, value))


def _index(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    """Take `OLD..NEW MODE`. The mode is there only where it does not change."""
    mode = value.partition(" ")[2]
    if mode:
        _executable(lines, at, mode)
    return header


def _source(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    return replace(header, old=plain_name(lines, at, value), is_copy=lines.starts(at, "copy"), says_rename=True)


def _target(lines: PatchLines, at: int, value: str, header: _Header) -> _Header:
    return replace(header, new=plain_name(lines, at, value), says_rename=True)


def _nothing(_lines: PatchLines, _at: int, _value: str, header: _Header) -> _Header:
    return header


_EXTENDED: Final = {
    "old mode ": _old_mode,
    "new mode ": _new_mode,
    "deleted file mode ": _deleted_file,
    "new file mode ": _new_file,
    "copy from ": _source,
    "copy to ": _target,
    "rename from ": _source,
    "rename to ": _target,
    "similarity index ": _nothing,
    "dissimilarity index ": _nothing,
    "index ": _index,
}


def _executable(lines: PatchLines, at: int, mode: str) -> bool:
    """Return whether a regular file of this mode can be executed.

    Raises:
        Failure: `patch_failed`, it is of another kind.
    """
    bits = int(mode, 8) if _MODE.fullmatch(mode) else 0
    if bits & 0o170000 != _REGULAR:
        kind = _KINDS.get(bits & 0o170000, "no mode that git has")
        raise lines.wrong(at, f"{mode[:10]} is {kind}", "Leave this out; patches are applied to regular files only")
    return bool(bits & 0o100)


def _named(lines: PatchLines, at: int, header: _Header) -> _Header:
    """Return `header` with what the lines `---` and `+++` say, which has to agree with the lines above them."""
    old, new = header_name(lines, at), header_name(lines, at + 1)
    is_new, is_deleted = header.is_new or old == NOTHING, header.is_deleted or new == NOTHING
    plain_old, plain_new = without_prefixes(old, new)
    if plain_new == plain_old.removesuffix(".orig"):
        plain_old = plain_new  # the name of a copy that was kept to make the diff from
    old = _agreed(lines, at, old, header.old) or plain_old
    new = _agreed(lines, at + 1, new, header.new) or plain_new
    return replace(header, old=old, new=new, is_new=is_new, is_deleted=is_deleted, has_names=True)


def _agreed(lines: PatchLines, at: int, name: str, known: str | None) -> str | None:
    """Return the name that is known from above, if `name` is the same but for a prefix, or no name."""
    if known is not None and name not in {known, NOTHING} and (name[1:2] != "/" or name[2:] != known):
        raise lines.wrong(at, f"The lines above it name {quoted(known)}", "Make the names agree")
    return known


def _meant(lines: PatchLines, header: _Header, hunks: tuple[Hunk, ...]) -> FilePatch:
    """Return what header and hunks mean together."""
    begin = header.first_line
    old, new = header.old, header.new
    if old is None or new is None or old == new == NOTHING or (header.is_new and header.is_deleted):
        raise lines.wrong(
            begin, "It does not tell which file is meant", "Put --- a/PATH and +++ b/PATH above the hunks"
        )
    if header.is_new:
        if header.has_names and not hunks:
            raise lines.wrong(begin, "No lines of the created file follow", "Put @@ -0,0 +1 @@ and its + lines below")
        require_signs(lines, hunks, "+", "A created file has lines with + only")
        return FilePatch("add", new, None, hunks, header.executable, begin + 1)
    if header.is_deleted:
        require_signs(lines, hunks, "-", "A deleted file has lines with - only")
        return FilePatch("delete", old, None, hunks, None, begin + 1)
    moves = old != new
    if moves and not header.says_rename:
        raise lines.wrong(
            begin,
            "The two names differ, and nothing says that the file is renamed",
            'Use the same name twice, or "rename from" and "rename to" below a line diff --git',
        )
    if not hunks and (header.has_names or (not moves and header.executable is None)):
        raise lines.wrong(begin, "No change to the file follows", "Put its hunks below, or leave the file out")
    kind: Kind = "copy" if header.is_copy else "update"
    return FilePatch(kind, old, new if moves else None, hunks, header.executable, begin + 1)
