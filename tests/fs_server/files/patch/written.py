"""Files of lines, and a writer of unified diffs that shares no code with what reads them."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["File", "Line", "changed", "is_bare", "opcodes", "unified"]

NO_NEWLINE = "\\ No newline at end of file"

Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    ending: str


File = tuple[Line, ...]


def is_bare(file: File) -> bool:
    return bool(file) and not file[-1].ending


def opcodes(before: File, after: Sequence[str], *, after_is_bare: bool, marks: bool) -> list[Opcode]:
    """Return what changes. With `marks`, a last line without an end is another line than one with it."""
    old = [(line.text, marks and not line.ending) for line in before]
    new = [(text, marks and after_is_bare and number == len(after) - 1) for number, text in enumerate(after)]
    return list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def changed(
    before: File, after: Sequence[str], codes: Sequence[Opcode], *, after_is_bare: bool, marks: bool, ending: str = "\n"
) -> File:
    """Return what a file becomes whose lines become `after`: what stays keeps its end, and what comes gets one.

    That is `ending`, if there is none in the file.
    """
    lines: list[Line] = []
    for tag, i1, i2, j1, j2 in codes:
        if tag == "equal":
            lines += before[i1:i2]
            continue
        near = [before[i].ending for i in (i2 - 1, i2, i2 - 2) if 0 <= i < len(before) and before[i].ending]
        around = near[0] if near else ending
        if j1 < j2 and lines and not lines[-1].ending:  # it was the last one
            lines[-1] = Line(lines[-1].text, around)
        for place, text in enumerate(after[j1:j2], i1):
            own = before[place].ending if place < i2 else ""
            lines.append(Line(text, own or around))
        if i2 == len(before) and j1 < j2 and (after_is_bare if marks else is_bare(before)):
            lines[-1] = Line(lines[-1].text, "")
    return tuple(lines)


def hunks(codes: Sequence[Opcode], context: int) -> Iterator[list[Opcode]]:
    """Yield what changes with so many lines of context around it; what is near stands together."""
    group: list[Opcode] = []
    for tag, i1, i2, j1, j2 in codes:
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        size = i2 - i1
        is_near = group and i2 != codes[-1][2] and size <= 2 * context
        if is_near:
            group.append((tag, i1, i2, j1, j2))
            continue
        if group:
            kept = min(context, size)
            yield [*group, (tag, i1, i1 + kept, j1, j1 + kept)]
        kept = min(context, size)
        group = [(tag, i2 - kept, i2, j2 - kept, j2)]
    if any(tag != "equal" for tag, *_ in group):
        yield group


def unified(
    before: File,
    after: Sequence[str],
    codes: Sequence[Opcode],
    *,
    context: int = 3,
    after_is_bare: bool,
    marks: bool,
    shift: int = 0,
    count_off: int = 0,
    numbers: bool = True,
) -> str:
    """Return the hunks of a diff, each line ended by a newline."""

    def body(group: Sequence[Opcode]) -> Iterator[str]:
        for tag, i1, i2, j1, j2 in group:
            for i in range(i1, i2):
                yield (" " if tag == "equal" else "-") + before[i].text
                if marks and i == len(before) - 1 and is_bare(before):
                    yield NO_NEWLINE
            for j in range(j1, j2) if tag != "equal" else ():
                yield "+" + after[j]
                if marks and j == len(after) - 1 and after_is_bare:
                    yield NO_NEWLINE

    out: list[str] = []
    for group in hunks(codes, context):
        olds, news = group[-1][2] - group[0][1], group[-1][4] - group[0][3]
        old, new = group[0][1] + bool(olds) - shift, group[0][3] + bool(news) - shift
        out.append(f"@@ -{old},{olds + count_off} +{new},{news + count_off} @@" if numbers else "@@ ... @@")
        out += body(group)
    return "".join(f"{line}\n" for line in out)
