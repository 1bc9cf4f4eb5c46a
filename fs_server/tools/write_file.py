"""The tool `write_file`: a whole file, or more at the end of one."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.files.digest import digest_of, digest_of_content
from fs_server.files.encoding import SAMPLE_BYTES, Binary, Encoding, detect
from fs_server.files.etag import DIGITS
from fs_server.files.new_encoding import encoding_for_new
from fs_server.files.text import Splice, check_writable, encoded, text_of
from fs_server.journal.operations import ANYTHING, Operation, Put
from fs_server.journal.states import FileState
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import Changing, etag_after, with_directories
from fs_server.tools.consent import Consent
from fs_server.tools.existing import is_stale, whole
from fs_server.tools.tool import Effect, tool
from sandbox import HardlinkRefused, Kind, OpenFile, Target


class WriteFile(Arguments):
    """What `write_file` takes."""

    path: str = Field(description="File; missing directories are made")
    content: str = Field(description="Written exactly as given")
    if_exists: Annotated[Literal["error", "replace", "append"], Field(description="If there is such a file")] = "error"
    if_match: Annotated[str, Field(description="etag that you read; refused if the file changed since")] = ""
    encoding: Annotated[str, Field(description='"": the file\'s own, utf-8 for a new one')] = ""


class Written(BaseModel):
    """The result of `write_file`."""

    model_config = ConfigDict(frozen=True)

    path: str
    uri: str
    size: int = Field(description="Bytes")
    etag: str
    previous_etag: str | None = None
    created: bool
    encoding: str
    change_id: str | None = Field(None, description="For undo; missing where nothing changed")
    notes: list[str] = Field(description="What could not be kept")


@tool(title="Write a file", effect=Effect.DESTROY, data=Written, core=True)
async def write_file(asked: WriteFile, services: Services, consent: Consent) -> Answer:
    """Create a file, replace a whole one, or append to it. Atomic, on the disk when it returns, can be undone.

    For changes within a file use edit_file.
    """
    check_writable(asked.content, f"content of {quoted(asked.path)}")
    changing = Changing(services, consent, "write_file", f"Writing {quoted(asked.path)}")
    prepared: list[_Prepared] = []

    def plan(*_: object) -> list[Operation]:
        found = _prepare(changing.target(asked.path), asked)
        prepared[:] = [found]
        return [*with_directories(found.target), Put(found.target, found.content, found.expected)]

    carried = await changing.carry_out([asked.path], plan)
    (made,) = prepared
    before = carried.steps[-1].before
    previous = before.digest[:DIGITS] if isinstance(before, FileState) else None
    data = Written(
        path=made.target.shown,
        uri=made.target.uri,
        size=len(made.content),
        etag=etag_after(carried),
        previous_etag=previous,
        created=previous is None,
        encoding=made.encoding.name,
        change_id=carried.change.id if carried.change else None,
        notes=[note for _, note in carried.notes],
    )
    return Answer(facts=data.model_dump(exclude_none=True, exclude={"notes"}), data=data)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is written, and on what that was decided."""

    target: Target
    content: bytes
    encoding: Encoding
    expected: str | None


def _prepare(target: Target, asked: WriteFile) -> _Prepared:
    if target.stat is None or target.kind is not Kind.FILE:
        if asked.if_match and target.kind is None:
            raise Failure("conflict", quoted(asked.path), "There is no such file any more", "Leave if_match out")
        encoding = encoding_for_new(asked.encoding)
        expected = None if target.kind is None else ANYTHING
        return _Prepared(target, _encoded(asked, encoding), encoding, expected)
    if asked.if_exists == "error":
        fact = f"It exists with {target.stat.st_size} bytes, and nothing is replaced unasked"
        step = 'Change it with edit_file, or pass if_exists="replace" or "append"'
        raise Failure("exists", quoted(asked.path), fact, step)
    with target.spot() as spot, spot.open() as file:
        if asked.if_exists == "replace":
            encoding = _encoding_of(file, asked.encoding)
            expected = asked.if_match or ANYTHING
            if asked.if_match and is_stale(asked.if_match, digest_of(file.chunks())[0]):
                raise _stale(asked)
            return _Prepared(target, _encoded(asked, encoding), encoding, expected)
        if file.stat.st_nlink > 1:
            raise HardlinkRefused(asked.path, links=file.stat.st_nlink)
        old = whole(file, asked.path)
    digest = digest_of_content(old)
    if is_stale(asked.if_match, digest):
        raise _stale(asked)
    if not old:  # in which nothing says an encoding
        encoding = encoding_for_new(asked.encoding)
        return _Prepared(target, _encoded(asked, encoding), encoding, digest)
    text = text_of(old, subject=quoted(asked.path), label=asked.encoding)
    end = len(text.text)
    return _Prepared(target, text.spliced([Splice(end, end, asked.content)]), text.encoding, digest)


def _stale(asked: WriteFile) -> Failure:
    return Failure(
        "conflict",
        f"Writing {quoted(asked.path)}",
        f"Its content is no longer the one with the etag {asked.if_match}; nothing is changed",
        "Read it again, then decide anew",
    )


def _encoding_of(file: OpenFile, label: str) -> Encoding:
    """Return the encoding to go on in: what was asked for, the file's own, or that of new files where it is no text."""
    head = file.read_at(0, SAMPLE_BYTES)
    if label:
        return encoding_for_new(label, head)
    found = detect(head, file.size)
    return encoding_for_new("") if isinstance(found, Binary) else found


def _encoded(asked: WriteFile, encoding: Encoding) -> bytes:
    return encoding.bom + encoded(asked.content, encoding.name)
