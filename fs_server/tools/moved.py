"""What moving and copying have in common: where the thing goes, and what may give way to it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.journal.operations import Operation, Remove
from fs_server.journal.places import path_of
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import with_directories
from sandbox import InvalidPath, Kind, NotFound, RefusedRoot, Target

__all__ = ["FromTo", "Moved", "making_way", "present", "removable", "told"]


class FromTo(Arguments):
    """What `move_path` and `copy_path` take."""

    source: str = Field(description="File, link or directory")
    destination: str = Field(description="Its new path, name included; missing directories are made")
    overwrite: Annotated[bool, Field(description="Replace a file there; never a directory")] = False


class Moved(BaseModel):
    """The result of `move_path` and `copy_path`."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="Where it is now")
    uri: str
    replaced: bool = Field(description="A file there gave way")
    change_id: str = Field(description="For undo")


def present(target: Target) -> Target:
    """Return a target at which something stands.

    Raises:
        NotFound: nothing does.
    """
    if target.stat is None:
        raise NotFound(target.place.subject)
    return target


def removable(target: Target) -> Target:
    """Return a target at which something stands that may go from there.

    Raises:
        NotFound: nothing does.
        RefusedRoot: another root lies in it.
    """
    names = (*target.root.base, *target.parts)
    for inner in target.root.inner:
        if inner.parts[: len(names)] == names:
            raise RefusedRoot(target.place.subject, root=inner.name)
    return present(target)


def told(destination: Target, change_id: str) -> Answer:
    """Return what was done."""
    data = Moved(
        path=destination.shown, uri=destination.uri, replaced=destination.stat is not None, change_id=change_id
    )
    return Answer(facts=data.model_dump(exclude={"replaced"}), data=data)


def making_way(source: Target, destination: Target, *, overwrite: bool) -> list[Operation]:
    """Return what has to be done before something can stand at `destination`.

    Raises:
        InvalidPath: it ends in a slash, and the source is no directory.
        Failure: `exists`; `invalid_argument`, it is the source itself.
    """
    subject = destination.place.subject
    if destination.stat is None:
        if destination.place.directory and source.kind is not Kind.DIRECTORY:
            raise InvalidPath(subject, reason="it ends in a slash, and the source is no directory; name the file too")
        return with_directories(destination)
    if path_of(source) == path_of(destination):
        raise Failure("invalid_argument", quoted(subject), "Source and destination are the same", "Name another one")
    if destination.kind is Kind.DIRECTORY:
        inside = quoted(f"{subject.rstrip('/')}/{source.parts[-1]}")
        fact = "A directory stands there, and none is ever replaced"
        raise Failure("exists", quoted(subject), fact, f"To put it inside, make destination {inside}")
    if not overwrite:
        fact = f"A {destination.kind} stands there, and nothing is replaced unasked"
        raise Failure("exists", quoted(subject), fact, "Choose another name, or pass overwrite=true to replace it")
    return [Remove(destination)]
