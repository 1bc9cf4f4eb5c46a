"""Reading a hunk: `@@` lines, and the lines below them.

The body decides where a hunk ends. The numbers of its header are believed where a hunk of that length ends in a place
where one can end; that tells a removed line `-- x` from the header `--- x` of the next file. Otherwise they are wrong,
as those of models often are, and the hunk goes on as long as lines look like its own.

What looks like part of a hunk and belongs to none is refused: nothing that a patch says is left out in silence.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fs_server.files.patch.file_patch import Hunk
from fs_server.files.patch.source import PatchLines

__all__ = [
    "FENCES",
    "begins_file",
    "ends_envelope_body",
    "ends_mail",
    "ends_unified_body",
    "read_hunk",
    "require_signs",
]

MOST_ANCHORS: Final = 16

FENCES: Final = ("```", "~~~")

_SIGNS: Final = (" ", "+", "-", "\\")
_COUNTED: Final = {" ": (1, 1), "": (1, 1), "-": (1, 0), "+": (0, 1), "\\": (0, 0)}
"""Of how many old and new lines a line is one, by its first character."""
_NUMBER: Final = "([0-9]{1,18})(?:,([0-9]{1,18}))?"
_NUMBERED: Final = re.compile(rf"@@ *-{_NUMBER} +\+{_NUMBER} *(?:@@.*)?", re.DOTALL)
_NO_ANCHOR: Final = "@-+,.…0123456789 \t"
"""What headers are made of that say no place: `@@ ... @@`, and numbers that cannot be read."""

_BETWEEN_FILES: Final = (
    *("@@", "diff ", "Index: ", "index ", "=====", "From ", "Only in ", "Binary files ", "GIT binary patch", "*** "),
    *FENCES,
)

Ends = Callable[[PatchLines, int], bool]


def ends_unified_body(lines: PatchLines, at: int) -> bool:
    """Tell whether a line that is no part of a hunk can follow one in a unified diff."""
    return at >= len(lines) or lines.starts(at, *_BETWEEN_FILES) or begins_file(lines, at)


def ends_envelope_body(lines: PatchLines, at: int) -> bool:
    """Tell whether a line that is no part of a hunk can follow one in an envelope."""
    return at >= len(lines) or lines.starts(at, "@@", "*** ", *FENCES)


def begins_file(lines: PatchLines, at: int) -> bool:
    """Tell whether the two lines from `at` on name a file, by all appearances."""
    return lines.starts(at, "--- ") and lines.starts(at + 1, "+++ ")


def ends_mail(lines: PatchLines, at: int) -> bool:
    """Tell whether this is the `-- ` above the version of git, with which a patch made for mail ends."""
    return lines.text(at).rstrip() == "--" and not lines.starts(at + 1, *_SIGNS)


def read_hunk(lines: PatchLines, at: int, *, ends: Ends, first_line: int | None = None) -> tuple[Hunk, int]:
    """Return the hunk that begins at `at`, and the line behind it.

    Args:
        lines: of the patch.
        at: its first `@@` line, or of its body where it has none.
        ends: tells what may follow a hunk.
        first_line: what the hunk begins with, if it is not the line `at`.

    Raises:
        Failure: `patch_failed`.
    """
    begin = at if first_line is None else first_line
    lines.count_hunk(begin)
    header = _Header()
    while lines.starts(at, "@@"):
        if header.is_numbered:
            raise lines.wrong(at - 1, "The hunk has no lines", "Write its lines below, with a space, - or + in front")
        header = header.with_line(lines, at)
        at += 1
    end = header.end(lines, at) if header.is_numbered else None
    if end is None:
        end = _end_by_looks(lines, at, ends)
    body = _read_body(lines, at, end)
    if not body.lines:
        raise lines.wrong(begin, "The hunk has no lines", "Write its lines below, with a space, - or + in front")
    return replace(body, patch_line=begin + 1, hint=header.hint, anchors=header.anchors), end


def require_signs(lines: PatchLines, hunks: Sequence[Hunk], sign: str, fact: str) -> None:
    """Do nothing, if all lines of `hunks` have this sign.

    Raises:
        Failure: `patch_failed`, with the first that has another, and `fact`.
    """
    for hunk in hunks:
        other = next((line for line in hunk.lines if line[0] != sign), None)
        if other is not None:
            # What the hunk holds is the line of the patch, or a space for a blank one.
            at = hunk.patch_line - 1
            while lines.starts(at, "@@") or (lines.raw[at] != other and not lines.is_blank(at)):
                at += 1
            raise lines.wrong(at, fact, f"Begin each of them with {sign}")


@dataclass(frozen=True, slots=True)
class _Header:
    """What the `@@` lines of a hunk say."""

    hint: int | None = None
    old_count: int = 0
    new_count: int = 0
    anchors: tuple[str, ...] = ()

    @property
    def is_numbered(self) -> bool:
        return self.hint is not None

    def with_line(self, lines: PatchLines, at: int) -> "_Header":
        """Return what is said with the `@@` line `at` too."""
        line = lines.text(at)
        if line.startswith("@@@"):
            raise lines.wrong(at, "Diffs of merges are not taken", "Send the diff against one parent")
        if found := _NUMBERED.fullmatch(line):
            hint, old_count, _, new_count = (1 if number is None else int(number) for number in found.groups())
            return replace(self, hint=hint, old_count=old_count, new_count=new_count)
        anchor = line[2:].strip().removesuffix("@@").strip()
        if not anchor.strip(_NO_ANCHOR):
            return self
        if len(self.anchors) == MOST_ANCHORS:
            raise lines.wrong(at, f"The hunk has more than {MOST_ANCHORS} @@ lines", "Name only the innermost places")
        return replace(self, anchors=(*self.anchors, anchor))

    def end(self, lines: PatchLines, at: int) -> int | None:
        """Return where the body that begins at `at` ends by the numbers; None where they are wrong."""
        old, new = self.old_count, self.new_count
        while old > 0 or new > 0:
            steps = _COUNTED.get(lines.raw[at][:1]) if at < len(lines) else None
            if steps is None:
                return None
            old, new = old - steps[0], new - steps[1]
            at += 1
        if old < 0 or new < 0:
            return None
        if lines.starts(at, "\\"):
            at += 1
        following = lines.behind_blanks(at)
        is_body = lines.starts(following, *_SIGNS) and not begins_file(lines, following)
        return None if is_body and not ends_mail(lines, following) else at


def _end_by_looks(lines: PatchLines, at: int, ends: Ends) -> int:
    """Return where the body that begins at `at` ends by what its lines look like.

    Blank lines at its end are taken for what separates it from the next. Inside of it, they lost their space.
    """
    end = at
    while at < len(lines):
        if line := lines.raw[at]:
            if line[0] not in _SIGNS or (line.startswith("--- ") and ends(lines, at) and lines.starts(at + 2, "@@")):
                break
            end = at + 1
        at += 1
    if not ends(lines, at):
        raise lines.wrong(
            at,
            "A line of a hunk begins with a space, - or +, and this with none of them",
            "Put a space in front if it is context; leave out what is no part of the patch",
        )
    return end


def _read_body(lines: PatchLines, at: int, end: int) -> Hunk:
    """Return the lines from `at` to `end` as a hunk that says nothing about its place."""
    body: list[str] = []
    old_is_bare = new_is_bare = False
    for number, raw in enumerate(lines.raw[at:end], at):
        if raw.startswith("\\"):  # the words behind it are in the language of whoever made the patch
            if not body:
                raise lines.wrong(number, "It stands behind no line", "Put it behind the last line of the file")
            old_is_bare |= body[-1][0] != "+"
            new_is_bare |= body[-1][0] != "-"
            if raw.endswith("\r"):  # a line end of the patch: the file has none here
                body[-1] = body[-1].removesuffix("\r")
            continue
        line = raw or " "
        if (old_is_bare and line[0] != "+") or (new_is_bare and line[0] != "-"):
            raise lines.wrong(
                number,
                'It stands behind "\\ No newline at end of file", so behind the end',
                "Put that mark behind the last line of the file only, or leave it out",
            )
        body.append(line)
    at_end = old_is_bare or new_is_bare
    return Hunk(tuple(body), 0, at_end_of_file=at_end, old_is_bare=old_is_bare, new_is_bare=new_is_bare)
