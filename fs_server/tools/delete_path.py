"""The tool `delete_path`: away, until somebody undoes it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fs_server.errors import quoted
from fs_server.journal.capture import Captured
from fs_server.journal.operations import Operation, Remove
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.changing import Changing
from fs_server.tools.consent import Consent
from fs_server.tools.moved import removable
from fs_server.tools.tool import Effect, tool
from sandbox import Kind, NotEmpty, Target


def is_bare(captured: Captured) -> bool:
    """Tell whether it is no directory, or an empty one."""
    return not captured.nodes


class DeletePath(Arguments):
    """What `delete_path` takes."""

    path: str = Field(description="File, link or directory; of a link, the link itself")
    recursive: Annotated[bool, Field(description="A directory with all that it holds")] = False


class Deleted(BaseModel):
    """The result of `delete_path`."""

    model_config = ConfigDict(frozen=True)

    path: str
    count: int = Field(description="Files and links removed")
    change_id: str = Field(description="For undo")


@tool(title="Delete", effect=Effect.DESTROY, data=Deleted)
async def delete_path(asked: DeletePath, services: Services, consent: Consent) -> Answer:
    """Delete a file, a link or a directory; can be undone. The user is asked about large trees."""
    changing = Changing(services, consent, "delete_path", f"Deleting {quoted(asked.path)}")
    targets: list[Target] = []

    def plan(*_: object) -> list[Operation]:
        target = removable(changing.target(asked.path, follow=False))
        targets[:] = [target]
        if target.kind is Kind.DIRECTORY and not asked.recursive:
            with target.spot() as spot, spot.open_directory() as directory:
                if next(directory.names(), None) is not None:
                    raise NotEmpty(asked.path)
        return [Remove(target, is_meant=is_bare if target.kind is Kind.DIRECTORY and not asked.recursive else None)]

    carried = await changing.carry_out([asked.path], plan)
    assert carried.change is not None
    data = Deleted(path=targets[0].shown, count=changing.files, change_id=carried.change.id)
    return Answer(facts=data.model_dump(), data=data)
