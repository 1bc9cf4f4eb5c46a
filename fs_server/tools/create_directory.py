"""The tool `create_directory`: a directory, and those that lead to it."""

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import Failure, quoted
from fs_server.journal.operations import MakeDirectory, Operation
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import Changing, with_directories
from fs_server.tools.consent import Consent
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Kind, RefusedRoot, Target


class CreateDirectory(Arguments):
    """What `create_directory` takes."""

    path: str = Field(description="Directory; missing ones above it are made too")


class DirectoryCreated(BaseModel):
    """The result of `create_directory`."""

    model_config = ConfigDict(frozen=True)

    path: str
    uri: str
    created: bool
    change_id: str | None = None


@tool(title="Create a directory", effect=Effect.WRITE, data=DirectoryCreated)
async def create_directory(asked: CreateDirectory, services: Services, consent: Consent) -> Answer:
    """Make a directory, parents too. One that exists is fine."""
    changing = Changing(services, consent, "create_directory", f"Making {quoted(asked.path)}")
    found: list[Target] = []

    def plan(*_: object) -> list[Operation]:
        target = changing.target(asked.path)
        found[:] = [target]
        if target.kind is Kind.DIRECTORY:
            return []
        if target.kind is not None:
            raise Failure(
                "exists", quoted(asked.path), f"A {target.kind} stands there, and no directory", "Choose another name"
            )
        return [*with_directories(target), MakeDirectory(target)]

    try:
        carried = await changing.carry_out([asked.path], plan)
    except RefusedRoot:  # it exists, and that is fine
        root = services.at(asked.path, Access.INSPECT)
        data = DirectoryCreated(path=root.shown_of(()), uri=root.uri_of(()), created=False)
        return Answer(facts=data.model_dump(exclude_none=True), data=data)
    change = carried.change
    data = DirectoryCreated(
        path=found[0].shown, uri=found[0].uri, created=change is not None, change_id=change.id if change else None
    )
    return Answer(facts=data.model_dump(exclude_none=True), data=data)
