"""The tool `replace_in_files`: one text for another in many files, seen before it is done."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Annotated

from pydantic import Field

from fs_server.errors import Failure, quoted
from fs_server.files.changed_lines import ChangedLines, changed_lines
from fs_server.files.digest import digest_of_content
from fs_server.files.globs import Globs
from fs_server.files.occurrences import Query, Replacement, occurrences
from fs_server.files.text import Splice
from fs_server.files.text import Text as FileText
from fs_server.files.text_files import TextFiles
from fs_server.journal.carrying import Carried
from fs_server.journal.operations import Operation, Put
from fs_server.journal.places import joined
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments, Paths
from fs_server.tools.changing import Changing, notes_of
from fs_server.tools.consent import Consent
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Place, Stop, target_of

MOST_FILES = 1_000
"""Files that one call changes."""

MOST_BYTES = 64 << 20
"""Bytes of all new contents of one call, which are held until they are written."""

MOST_GLOBS = 100

NOTE_CHARS = 600
"""Room that is kept in a result for the note at its end."""

SHOWN_CHANGES = 20
"""Changes of one file that are shown, so that the others are seen too."""

SHOWN_LINES = 10
"""Lines of one change that are shown, before and after each."""

LONGEST_LINE = 200
"""Characters of a line that are shown."""

_CONTEXT = 40
"""Characters in front of a change that are shown of a longer line."""


class ReplaceInFiles(Arguments):
    """What `replace_in_files` takes."""

    query: str = Field(description="Exact text, case-sensitive; line ends count as equal")
    replacement: str = Field(description="With regex: $1 and ${name} are groups, $$ is $")
    regex: Annotated[bool, Field(description="RE2 syntax; stays within a line unless it has \\n or (?s)")] = False
    path: Annotated[str, Field(description='File or directory; "" for all roots')] = ""
    include: Paths = Field([], max_length=MOST_GLOBS, description="Globs as in .gitignore: *.py, src/**")
    exclude: Paths = Field([], max_length=MOST_GLOBS, description="Globs; they win")
    expected_count: Annotated[int, Field(ge=0, description="Refuse another number of occurrences; 0: any")] = 0
    dry_run: Annotated[bool, Field(description="Only show what would change")] = True


@tool(title="Replace in files", effect=Effect.DESTROY)
async def replace_in_files(asked: ReplaceInFiles, services: Services, consent: Consent) -> Answer:
    """Replace a text or regex in all text files of a directory, as one change.

    Hidden files too; not what .gitignore leaves out. Look at the dry run first.
    """
    plan = await planned(asked, services)
    if not plan.changes:
        return _answer(plan, "nothing would change")
    if asked.dry_run:
        return _answer(plan, "dry run, nothing is changed", f"dry_run=false, expected_count={plan.occurrences} does it")
    carried = await _write(plan, Changing(services, consent, "replace_in_files", f"Replacing {quoted(asked.query)}"))
    change_id = carried.change.id if carried.change else ""
    answer = _answer(plan, f"change {change_id}" if change_id else "nothing to change", *notes_of(carried))
    return answer.with_facts({"change_id": change_id} if change_id else {})


@dataclass(frozen=True, slots=True)
class Change:
    """One file that gets a new content.

    Attributes:
        place: the file by its real names, to be written.
        digest: SHA-256 of the content that was looked at, in hexadecimal digits.
        content: the new one.
    """

    place: Place
    digest: str
    content: bytes


@dataclass(slots=True)
class Plan:
    """What one call would do, and what of that is shown.

    Attributes:
        room: characters that are left for `shown`.
        may_be_partial: the search may end when its time is over, because nothing will be written.
        changes: of files, in the order of the walk. Files whose new content is the old one are not among them.
        occurrences: in all files.
        searched: files whose text was looked at.
        skipped: how many were not, by reason.
        shown: the changes for a reader, file by file.
        untold: occurrences that are not shown.
        empty: the expression fits the empty text somewhere, where nothing is replaced.
        stopped: why the search ended early, or "".
        bytes: of all new contents.
        looked_at: real paths. A root may lie in another one.
    """

    room: int
    may_be_partial: bool
    changes: list[Change] = field(default_factory=list)
    occurrences: int = 0
    searched: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    untold: int = 0
    empty: bool = False
    stopped: str = ""
    bytes: int = 0
    looked_at: set[str] = field(default_factory=set)

    def has_seen(self, place: Place) -> bool:
        """Tell whether a file was looked at already, and remember it."""
        path = joined(place.root, place.parts)
        if path in self.looked_at:
            return True
        self.looked_at.add(path)
        return False

    def add(self, place: Place, text: FileText, splices: Sequence[Splice]) -> None:
        """Add what is to be done to one file.

        Raises:
            Failure: `too_large`; `unsupported_encoding`, `invalid_argument`, for what comes into the file.
        """
        self.occurrences += len(splices)
        content = text.spliced(splices)
        if content == text.content:
            return
        self.bytes += len(content)
        if len(self.changes) == MOST_FILES or self.bytes > MOST_BYTES:
            raise Failure(
                "too_large",
                "With this file it becomes too much",
                f"One call changes {MOST_FILES} files and writes {MOST_BYTES} bytes at most",
                "Do it in parts, with path or include; each part is a change of its own",
            )
        self.changes.append(Change(place, digest_of_content(text.content), content))
        self.show(place.shown_of(place.parts), text, splices)

    def show(self, path: str, text: FileText, splices: Sequence[Splice]) -> None:
        """Show the changes of one file, as far as there is room."""
        lines = [path]
        told = 0
        for change in islice(changed_lines(text, splices), SHOWN_CHANGES):
            shown = _lines(change)
            size = len(shown) + 1 + (0 if told else len(path) + 2)
            if size > self.room:
                self.room = 0  # what follows is not shown either: one could not tell what is missing between
                break
            self.room -= size
            lines.append(shown)
            told += change.splices
        if told:
            self.shown.append("\n".join(lines))
        self.untold += len(splices) - told


async def _write(plan: Plan, changing: Changing) -> Carried:
    """Carry the changes out."""

    def puts(*_: object) -> list[Operation]:
        targets = [target_of(change.place, follow=False) for change in plan.changes]
        return [
            Put(target, change.content, change.digest) for target, change in zip(targets, plan.changes, strict=True)
        ]

    return await changing.carry_out([], puts, roots=[change.place.root for change in plan.changes])


async def planned(asked: ReplaceInFiles, services: Services) -> Plan:
    """Return what the call would do. Nothing is changed.

    Raises:
        SandboxError, Failure: it makes no sense, cannot be done, or is not what the caller expects.
    """
    query = Query.of(asked.query, regex=asked.regex)
    wanted = _Wanted(query, query.replacement(asked.replacement), Globs.of(asked.include, asked.exclude))
    plan = Plan(room=services.limits.result_chars - NOTE_CHARS, may_be_partial=asked.dry_run)
    for place in _places(asked.path, services):
        await services.run(place.root, partial(_search, place, wanted, plan), what=f"Replacing {quoted(asked.query)}")
        if plan.stopped:
            break
    _require_expected(asked, plan)
    return plan


def _places(path: str, services: Services) -> list[Place]:
    """Return where to look: at the place that is named, or in every root that may be written, in their order."""
    roots = services.workspace.roots
    if path in {"", "."} and len(roots) > 1:
        writable = [root for root in roots if root.rules.writable] or roots[:1]
        return [services.at(root.name, Access.WRITE) for root in writable]
    return [services.at(path or ".", Access.WRITE)]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for, what comes in its place, and in which files."""

    query: Query
    replacement: Replacement
    globs: Globs


def _search(place: Place, wanted: _Wanted, plan: Plan, stop: Stop) -> None:
    """Add to the plan what is found at a place."""
    files = TextFiles(place, wanted.globs, stop=stop)
    try:
        for where, text in files:
            if plan.has_seen(where):
                continue
            try:
                found = occurrences(text, wanted.query, wanted.replacement, stop=stop)
                plan.empty |= found.empty
                plan.add(where, text, found.splices)
            except Failure as failure:
                raise failure.about(quoted(where.subject)) from failure
    except Failure as failure:
        if failure.code != "cancelled" or not plan.may_be_partial:
            raise
        plan.stopped = "timeout"
    plan.searched += files.searched
    plan.skipped += files.skipped


def _require_expected(asked: ReplaceInFiles, plan: Plan) -> None:
    """Return if what was found is what the caller expects, as far as it is known.

    Raises:
        Failure: `no_match`, `count_mismatch`.
    """
    if plan.stopped:
        return
    what = f"Replacing {quoted(asked.query)}"
    if not plan.occurrences:
        fact = f"It stands in none of {plan.searched} files"
        step = "Mind case and spaces; read_file shows the exact text"
        if plan.empty:
            fact, step = "It fits the empty text only", "Name what is replaced: ^(.) with x$1 puts x before each line"
        elif not plan.searched:
            step = "list_directory shows what is there; look at path, include and exclude"
        raise Failure("no_match", what, f"{fact}{_left_out(plan, '; left out: ')}", step)
    if asked.expected_count not in {0, plan.occurrences}:
        fact = f"There are {plan.occurrences} occurrences in {len(plan.changes)} files, not {asked.expected_count}"
        step = "Look at the dry run without expected_count, then say the number that is right"
        raise Failure("count_mismatch", what, f"{fact}; nothing was changed", step)


def _answer(plan: Plan, *told: str) -> Answer:
    facts: dict[str, object] = {
        "occurrences": plan.occurrences,
        "count": len(plan.changes),
        "skipped": dict(plan.skipped),
        "truncated": plan.untold > 0 or bool(plan.stopped),
    }
    if plan.stopped:
        facts["stopped"] = plan.stopped
    closing = note(
        f"{plan.occurrences} occurrences, {len(plan.changes)} of {plan.searched} files change",
        f"{plan.untold} occurrences are not shown" if plan.untold else "",
        _left_out(plan, "left out: "),
        f"stopped: {plan.stopped}, so there may be more" if plan.stopped else "",
        *told,
    )
    return Answer((Text("\n\n".join(plan.shown)), closing), facts)


def _left_out(plan: Plan, before: str) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(plan.skipped.items()))
    return before + told if told else ""


def _lines(change: ChangedLines) -> str:
    """Return a change of lines: each with its number, those before with a minus, those after with a plus."""
    lines: list[str] = []
    for sign, first, texts in (("-", change.old_line, change.old), ("+", change.new_line, change.new)):
        for number, text in enumerate(texts[:SHOWN_LINES], first):
            lines.append(f"{number}{sign} {_cut(text, change.column if number == first else 0)}")
        if len(texts) > SHOWN_LINES:
            lines.append(f"… {len(texts) - SHOWN_LINES} more")
    return "\n".join(lines)


def _cut(line: str, column: int) -> str:
    """Return a line, or the part of a long one that has the change in it."""
    if len(line) <= LONGEST_LINE:
        return line
    start = max(min(column - _CONTEXT, len(line) - LONGEST_LINE), 0)
    part = line[start : start + LONGEST_LINE]
    return f"{'…' if start else ''}{part}{'…' if start + LONGEST_LINE < len(line) else ''}"
