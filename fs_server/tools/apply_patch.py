"""The tool `apply_patch`: changes of several files, all or none."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from fs_server.errors import Failure, quoted
from fs_server.files.digest import digest_of_content
from fs_server.files.etag import DIGITS
from fs_server.files.patch import FilePatch, added_text, applied, parse, require_whole
from fs_server.files.text import check_writable, text_of
from fs_server.journal.operations import Operation, Put, Remove, holding
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text, note
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import Changing, directories_for, notes_of
from fs_server.tools.consent import Consent
from fs_server.tools.existing import content_of
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Kind, Stop, Target

MOST_BYTES = 64 << 20
"""Of the files of one patch together, before and after."""

SHOWN = 200
"""Files that a result tells of, one line each."""


class ApplyPatch(Arguments):
    """What `apply_patch` takes."""

    patch: str = Field(description="Unified diff, as of git; or *** Begin Patch with Add/Update/Delete File: PATH")
    dry_run: Annotated[bool, Field(description="Only tell what it would do")] = False


@tool(title="Apply a patch", effect=Effect.DESTROY)
async def apply_patch(asked: ApplyPatch, services: Services, consent: Consent) -> Answer:
    """Apply a patch to one or more files: all of it or nothing. Context has to match exactly; line ends stay."""
    # In a thread, because half a million lines take seconds.
    files = await asyncio.to_thread(parse, asked.patch)
    what = f"Applying a patch of {len(files)} files"
    changing = Changing(services, consent, "apply_patch", what, is_rehearsal=asked.dry_run)
    paths = list(dict.fromkeys(path for file in files for path in (file.path, file.new_path) if path))
    patching = _Patching(changing, files)
    if asked.dry_run:
        root = services.at(paths[0], Access.INSPECT).root
        await services.run(root, patching.operations, what=what)
        change_id, notes = "", []
    else:
        carried = await changing.carry_out(paths, lambda _changing, _journal, stop: patching.operations(stop))
        change_id, notes = carried.change.id if carried.change else "", notes_of(carried)
    lines = patching.told
    left = len(patching.done) - len(lines)
    closing = note(
        f"{len(files)} files",
        "dry run: nothing is changed" if asked.dry_run else f"change {change_id}" if change_id else "nothing to change",
        f"{left} more are not shown" if left else "",
        *notes,
    )
    facts: dict[str, object] = {"count": len(files), "truncated": left > 0}
    if change_id:
        facts["change_id"] = change_id
    return Answer((Text("\n".join(lines)), closing), facts)


@dataclass(frozen=True, slots=True)
class _Work:
    """What one file of a patch comes to."""

    sign: Literal["A", "M", "D", "R", "C"]
    target: Target
    content: bytes | None = None
    source: Target | None = None
    expected: str | None = None
    executable: bool | None = None
    read: str = ""
    added: int = 0
    removed: int = 0

    @property
    def told(self) -> str:
        if self.content is None:
            return f"D {self.target.shown}"
        came = f" (was {self.source.shown})" if self.source else ""
        etag = digest_of_content(self.content)[:DIGITS]
        return f"{self.sign} {self.target.shown}{came}  +{self.added} -{self.removed}  etag {etag}"


@dataclass
class _Patching:
    """Works out the operations of a patch from the files as they are now."""

    changing: Changing
    files: Sequence[FilePatch]
    done: list[_Work] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def operations(self, stop: Stop) -> list[Operation]:
        """Return them: first what goes, then the directories, then what comes."""
        self.done = []
        size = 0
        for file in self.files:
            if stop.is_set():
                raise TimeoutError
            for work in self._work(file):
                size += len(work.content or b"")
                if size > MOST_BYTES:
                    what = self.changing.what
                    raise Failure("too_large", what, f"Its files are over {MOST_BYTES} bytes", "Apply it in parts")
                self.done.append(work)
        _require_apart(self.done)
        self.told = [work.told for work in self.done[:SHOWN]]
        goes = [(work.source or work.target, work.read) for work in self.done if work.sign in "DR"]
        freed = {(target.root.name, target.parts) for target, _ in goes}
        puts = [work for work in self.done if work.content is not None]
        for work in puts:
            here = (work.target.root.name, work.target.parts)
            if work.expected is None and work.target.stat is not None and here not in freed:
                raise _is_there(work.target)
        return [
            *(Remove(target, is_meant=holding(digest)) for target, digest in goes),
            *directories_for([work.target for work in puts]),
            *(
                Put(work.target, work.content or b"", work.expected, like=work.source, executable=work.executable)
                for work in puts
            ),
        ]

    def _work(self, file: FilePatch) -> Iterator[_Work]:
        added = sum(line.startswith("+") for hunk in file.hunks for line in hunk.lines)
        removed = sum(line.startswith("-") for hunk in file.hunks for line in hunk.lines)
        subject = quoted(file.path)
        if file.kind == "add":
            added_content = added_text(file.hunks)
            check_writable(added_content, f"The new text of {subject}")
            target = self.changing.target(file.path)
            yield _Work("A", target, added_content.encode(), executable=file.executable, added=added)
            return
        # What goes is the link itself: what it leads to is not asked to go.
        goes = file.kind == "delete" or (file.kind == "update" and file.new_path is not None)
        target = self.changing.target(file.path, follow=not goes)
        if file.kind == "delete":
            read = ""
            if file.hunks:
                old = content_of(target)
                require_whole(text_of(old, subject=subject), file.hunks, subject=subject)
                read = digest_of_content(old)
            elif target.kind not in {Kind.FILE, Kind.LINK}:
                content_of(target)  # says why not
            yield _Work("D", target, read=read)
            return
        old = content_of(target)
        text = text_of(old, subject=subject) if file.hunks else None
        content = old if text is None else text.spliced(applied(text, file.hunks, subject=subject))
        read = digest_of_content(old)
        work = _Work("M", target, content, executable=file.executable, read=read, added=added, removed=removed)
        if file.new_path is None:
            yield replace(work, expected=read)
        else:
            there = self.changing.target(file.new_path)
            yield replace(work, sign="C" if file.kind == "copy" else "R", target=there, source=target)


def _require_apart(done: Sequence[_Work]) -> None:
    """Refuse two changes of one file, which paths can name in several ways, and a file in place of a directory."""
    touched: set[tuple[str, tuple[str, ...]]] = set()
    sources = [work.source for work in done if work.source and work.sign == "R"]
    for target in [*(work.target for work in done), *sources]:
        here = (target.root.name, target.parts)
        if here in touched:
            what = quoted(target.place.subject)
            fact = "The patch changes this file in two places, which name it in different ways"
            raise Failure("patch_failed", what, fact, "Put all changes of a file into one place of the patch")
        touched.add(here)
    for work in done:
        root, parts = work.target.root.name, work.target.parts
        if work.content is not None and any((root, parts[:end]) in touched for end in range(1, len(parts))):
            what = quoted(work.target.place.subject)
            fact = "The patch has a file where this one needs a directory"
            raise Failure("patch_failed", what, fact, "Choose another name for one of them")


def _is_there(target: Target) -> Failure:
    what = quoted(target.place.subject)
    return Failure("exists", what, "It is there already, and the patch adds it", "Let the patch update it instead")
