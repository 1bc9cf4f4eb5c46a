"""The tool `edit_file`: text in the place of other text, every other byte as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.files.diff import Diff, diff_of, diff_of_splices
from fs_server.files.digest import digest_of_content
from fs_server.files.editing import Edit, edited
from fs_server.files.etag import DIGITS
from fs_server.files.merge import Overlap, merged
from fs_server.files.text import Splice, text_of, trimmed
from fs_server.journal.operations import Operation, Put
from fs_server.journal.places import path_of
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments, list_from_json
from fs_server.tools.changing import Changing, etag_after
from fs_server.tools.consent import Consent
from fs_server.tools.existing import content_of, is_stale
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Target

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

NOTE_CHARS = 600
"""Room that is kept in a result for the note at its end."""

SIDE_CHARS = 36
"""Characters of a line that a conflict shows, of each side."""

BEFORE_CHARS = 10
"""Of these, those in front of the first difference."""


class OneEdit(BaseModel):
    """One edit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    old_text: str = Field(description="Exactly as in the file, without line numbers")
    new_text: str = Field(description="Comes in its place")
    occurrence: Literal["only", "first", "all"] = Field("only", description="only: refused unless it is unique")


class EditFile(Arguments):
    """What `edit_file` takes."""

    path: str = Field(description="Text file")
    edits: Annotated[
        list[OneEdit], BeforeValidator(list_from_json), Field(min_length=1, description="In order; all or none")
    ]
    if_match: Annotated[
        str, Field(description="etag that you read; what others changed since is merged, or a conflict")
    ] = ""
    dry_run: Annotated[bool, Field(description="Only show the diff")] = False


@tool(title="Edit a file", effect=Effect.DESTROY, core=True)
async def edit_file(asked: EditFile, services: Services, consent: Consent) -> Answer:
    """Replace text in a file; all other bytes, encoding and line ends stay. Gives a diff. Can be undone."""
    what = f"Editing {quoted(asked.path)}"
    changing = Changing(services, consent, "edit_file", what, is_rehearsal=asked.dry_run)
    editing = _Editing(changing, asked)
    if asked.dry_run:
        root = services.at(asked.path, Access.INSPECT).root
        work = await services.run(root, lambda _stop: editing.work(services.journal()), what=what)
        # Of a dry run nothing is true yet but what stands there.
        etag, change_id, notes = work.previous[:DIGITS], "", []
    else:
        done: list[_Work] = []

        def plan(_changing: Changing, journal: "Journal", _stop: object) -> list[Operation]:
            done[:] = [editing.work(journal)]
            return [Put(done[0].target, done[0].content, done[0].previous)]

        carried = await changing.carry_out([asked.path], plan)
        (work,) = done
        etag = etag_after(carried)
        change_id = carried.change.id if carried.change else ""
        notes = [text for _, text in carried.notes]
        services.seen.add(path_of(work.target), work.content)
    return _told(asked, work, etag, change_id, notes)


@dataclass(frozen=True, slots=True)
class _Work:
    """What an edit comes to.

    Attributes:
        target: the file.
        previous: digest of what stands there now.
        content: what will.
        diff: between the two.
        occurrences: that were replaced.
        is_merged: somebody else's changes since are kept.
    """

    target: Target
    previous: str
    content: bytes
    diff: Diff
    occurrences: int
    is_merged: bool


@dataclass(frozen=True, slots=True)
class _Editing:
    changing: Changing
    asked: EditFile

    @property
    def _subject(self) -> str:
        return quoted(self.asked.path)

    @property
    def _edits(self) -> list[Edit]:
        return [Edit(edit.old_text, edit.new_text, edit.occurrence) for edit in self.asked.edits]

    def work(self, journal: "Journal") -> _Work:
        """Read the file, and work out what it becomes."""
        target = self.changing.target(self.asked.path)
        current = content_of(target)
        digest = digest_of_content(current)
        if is_stale(self.asked.if_match, digest):
            return self._merged(target, current, digest, self._base(journal, path_of(target)))
        text = text_of(current, subject=self._subject)
        result = edited(text, self._edits, subject=self._subject)
        diff = diff_of_splices(text.text, result.splices, path=target.shown, max_chars=self._max_chars)
        return _Work(target, digest, result.content, diff, result.occurrences, is_merged=False)

    def _base(self, journal: "Journal", path: str) -> bytes:
        """Return the content of this very file that the caller has seen.

        Raises:
            Failure: `conflict`, nobody has it any more.
        """
        etag = self.asked.if_match
        content = self.changing.services.seen.content(path, etag) or journal.content_at(path, etag)
        if content is None:
            fact = f"It was changed since {etag}, and that content is not kept, so the changes cannot be merged"
            raise Failure("conflict", f"Editing {self._subject}", fact, "Read it again, then repeat the edit")
        return content

    def _merged(self, target: Target, current: bytes, digest: str, base: bytes) -> _Work:
        """Edit what the caller has seen, and bring it together with what somebody else has made of it."""
        result = edited(text_of(base, subject=self._subject), self._edits, subject=self._subject)
        both = merged(base, result.content, current)
        if isinstance(both, Overlap):
            raise self._overlap(both)
        diff = diff_of(
            text_of(current, subject=self._subject).text,
            text_of(both.content, subject=self._subject).text,
            path=target.shown,
            max_chars=self._max_chars,
        )
        return _Work(target, digest, both.content, diff, result.occurrences, is_merged=True)

    @property
    def _max_chars(self) -> int:
        return self.changing.services.limits.result_chars - NOTE_CHARS

    def _overlap(self, overlap: Overlap) -> Failure:
        fact = f"It was changed since you read it, and cannot be merged: {overlap.reason}"
        if overlap.lines:
            first = f"Line {overlap.lines[0]}"
            if len(overlap.lines) > 1:
                first += f" (the first of {len(overlap.lines)})"
            fact = f"{first} was {_both_sides(overlap.theirs, overlap.mine)}"
        return Failure("conflict", f"Editing {self._subject}", fact, "Read it again, then repeat the edit")


def _both_sides(theirs: str | None, mine: str | None) -> str:
    """Return what became of a line on both sides; None is a line that is gone."""
    if theirs is None:
        return f"removed since; your edit makes it {_shown_side(mine or '', 0)}"
    if mine is None:
        return f"changed since to {_shown_side(theirs, 0)}; your edit removes it"
    differs = trimmed(theirs, Splice(0, len(theirs), mine)).start
    return f"changed since to {_shown_side(theirs, differs)}; your edit makes it {_shown_side(mine, differs)}"


def _shown_side(line: str, differs: int) -> str:
    """Return a line, or of a long one the part where it differs, between quotes."""
    start = max(min(differs - BEFORE_CHARS, len(line) - SIDE_CHARS), 0)
    end = start + SIDE_CHARS
    return quoted(f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}")


def _told(asked: EditFile, work: _Work, etag: str, change_id: str, notes: Sequence[str]) -> Answer:
    diff = work.diff
    closing = note(
        f"{quoted(work.target.shown)}: +{diff.added} -{diff.removed} lines, {work.occurrences} places",
        "merged with changes that somebody else made since" if work.is_merged else "",
        "dry run: nothing is changed" if asked.dry_run else f"change {change_id}" if change_id else "nothing to change",
        f"etag {etag}",
        f"{diff.left_out} changed lines are not shown" if diff.left_out else "",
        *notes,
    )
    facts: dict[str, object] = {
        "path": work.target.shown,
        "uri": work.target.uri,
        "etag": etag,
        "occurrences": work.occurrences,
        "truncated": diff.left_out > 0,
    }
    if not asked.dry_run:
        facts |= {"previous_etag": work.previous[:DIGITS], "size": len(work.content)}
    if change_id:
        facts["change_id"] = change_id
    return Answer((Text(diff.text), closing), facts)
