"""The tool `copy_path`: the same once more."""

from fs_server.errors import quoted
from fs_server.journal.operations import Copy, Operation
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.changing import Changing
from fs_server.tools.consent import Consent
from fs_server.tools.moved import FromTo, Moved, making_way, present, told
from fs_server.tools.tool import Effect, tool
from sandbox import Access, Kind, NotRegularFile, Target, target_of


@tool(title="Copy", effect=Effect.DESTROY, data=Moved)
async def copy_path(asked: FromTo, services: Services, consent: Consent) -> Answer:
    """Copy a file or a whole directory, also to another root. Nothing is replaced silently; links stay links."""
    changing = Changing(services, consent, "copy_path", f"Copying {quoted(asked.source)}")
    destinations: list[Target] = []

    def plan(*_: object) -> list[Operation]:
        source = present(target_of(services.at(asked.source, Access.READ)))
        if source.kind not in {Kind.FILE, Kind.DIRECTORY}:
            raise NotRegularFile(asked.source, kind=str(source.kind))
        destination = changing.target(asked.destination)
        destinations[:] = [destination]
        return [*making_way(source, destination, overwrite=asked.overwrite), Copy(source, destination)]

    carried = await changing.carry_out([asked.source, asked.destination], plan)
    assert carried.change is not None
    return told(destinations[0], carried.change.id)
