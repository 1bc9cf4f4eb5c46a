"""The tool `file_info`: everything that is known of one file, without its content."""

import stat
import sys
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.files.encoding import SAMPLE_BYTES, Encoding, detect
from fs_server.files.eol import Eol, eol
from fs_server.files.etag import etag
from fs_server.files.lines import window
from fs_server.files.media_type import media_type
from fs_server.services import Services
from fs_server.times import moment
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Entry, Kind, OpenFile, PermissionDenied, Place, Stop, shown

TOO_LARGE = "It is too large to be read through"
UNREADABLE = "The server's user may not read it"


class FileInfo(Arguments):
    """What `file_info` takes."""

    path: str = Field(description="File or directory; a link is followed")


class FileFacts(BaseModel):
    """The result of `file_info`. What does not apply is left out."""

    model_config = ConfigDict(frozen=True)

    path: str
    uri: str
    type: Kind
    size: int = Field(description="Bytes")
    modified: str | None = None
    created: str | None = None
    accessed: str | None = None
    mode: str = Field(description='As in "-rw-r--r--"')
    owner: str
    group: str
    hard_links: int
    protected: bool
    link_target: str | None = Field(None, description="Where the path is a link: its text")
    media_type: str | None = None
    encoding: str | None = None
    bom: bool | None = None
    line_ending: Eol | None = None
    total_lines: int | None = Field(None, description="Not counted above 64 MiB")
    etag: str | None = Field(None, description="Fingerprint of the bytes")
    incomplete: str | None = Field(None, description="Why something about the content is missing")


@tool(title="Describe a file", effect=Effect.READ, data=FileFacts)
async def file_info(asked: FileInfo, services: Services) -> Answer:
    """Type, size, times, mode, owner, MIME type, encoding, line ending, line count and etag of one file."""
    place = services.at(asked.path, Access.INSPECT)
    facts = await services.run(place.root, lambda stop: _facts(place, stop), what=f"Describing {quoted(asked.path)}")
    named = ("path", "uri", "etag", "size", "encoding", "total_lines")
    told: dict[str, object] = {name: value for name in named if (value := getattr(facts, name)) is not None}
    if facts.line_ending is not None:
        told["eol"] = facts.line_ending
    if facts.incomplete == TOO_LARGE:
        told["stopped"] = "timeout"
    return Answer(facts=told, data=facts)


def _facts(place: Place, stop: Stop) -> FileFacts:
    entry = place.stat()
    content: _Content = {}
    if entry.kind is Kind.FILE:
        try:
            file = place.open()
        except PermissionDenied:
            content = {"incomplete": UNREADABLE}
        else:
            with file:
                content = _content(file, stop)
                entry = file.entry()
    target = place.link_target()
    return FileFacts(
        path=place.shown_of(entry.parts),
        uri=place.uri_of(entry.parts),
        type=entry.kind,
        size=entry.size,
        modified=moment(entry.stat.st_mtime_ns),
        created=_created(entry),
        accessed=moment(entry.stat.st_atime_ns),
        mode=stat.filemode(entry.stat.st_mode),
        owner=_owner(entry.stat.st_uid),
        group=_group(entry.stat.st_gid),
        hard_links=entry.stat.st_nlink,
        protected=place.root.marks(entry.parts),
        link_target=None if target is None else shown(target),
        **content,
    )


class _Content(TypedDict, total=False):
    """What the bytes of a file tell."""

    etag: str
    media_type: str
    encoding: str
    bom: bool
    line_ending: Eol
    total_lines: int | None
    incomplete: str


def _content(file: OpenFile, stop: Stop) -> _Content:
    """Return what the bytes tell. One pass for the etag; a second for the lines, of files that are not huge."""
    head = file.read_at(0, SAMPLE_BYTES)
    found = detect(head, file.size)
    told = _Content(media_type=media_type(file.parts[-1], head, text=isinstance(found, Encoding)))
    if isinstance(found, Encoding):
        told["encoding"] = found.name
        told["bom"] = bool(found.bom)
        told["line_ending"] = eol(head[len(found.bom) :].decode(found.name, "replace"))
    try:
        told["etag"] = etag(file, stop=stop)
        if isinstance(found, Encoding):
            told["total_lines"] = window(file, found, line_count=1, max_chars=1, stop=stop).total_lines
    except Failure:  # too large to be gone through in time, or in this encoding
        told["incomplete"] = TOO_LARGE
    return told


def _created(entry: Entry) -> str | None:
    """Return when it was made, where the system's stat tells: macOS and Windows. Linux has statx, Python not yet."""
    seconds = getattr(entry.stat, "st_birthtime", None)
    return None if seconds is None else moment(int(seconds * 1_000_000_000))


if sys.platform == "win32":

    def _owner(number: int) -> str:
        return str(number)

    _group = _owner
else:
    import grp
    import pwd

    def _owner(number: int) -> str:
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return str(number)

    def _group(number: int) -> str:
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:
            return str(number)
