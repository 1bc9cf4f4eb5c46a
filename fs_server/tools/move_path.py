"""The tool `move_path`: another name or another place."""

from fs_server.errors import Failure, quoted
from fs_server.journal.operations import Copy, Move, Operation, Remove
from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.changing import Changing
from fs_server.tools.consent import Consent
from fs_server.tools.moved import FromTo, Moved, making_way, removable, told
from fs_server.tools.tool import Effect, tool
from sandbox import Code, SandboxError, Target


@tool(title="Move or rename", effect=Effect.DESTROY, data=Moved)
async def move_path(asked: FromTo, services: Services, consent: Consent) -> Answer:
    """Move or rename a file, link or directory, also to another root or disk. Nothing is replaced silently."""
    what = f"Moving {quoted(asked.source)}"
    changing = Changing(services, consent, "move_path", what, asks_for_trees=False)
    ends: list[Target] = []

    def way() -> tuple[Target, Target, list[Operation]]:
        source = removable(changing.target(asked.source, follow=False))
        destination = changing.target(asked.destination, follow=False)
        ends[:] = [source, destination]
        return source, destination, making_way(source, destination, overwrite=asked.overwrite)

    def rename(*_: object) -> list[Operation]:
        source, destination, first = way()
        return [*first, Move(source, destination)]

    def copy_over(*_: object) -> list[Operation]:
        source, destination, first = way()
        return [*first, Copy(source, destination, as_it_was=True), Remove(source)]

    paths = [asked.source, asked.destination]
    try:
        carried = await changing.carry_out(paths, rename)
    except (SandboxError, Failure) as refusal:
        if refusal.code != Code.CROSS_DEVICE:
            raise
        carried = await changing.carry_out(paths, copy_over)
    assert carried.change is not None
    return told(ends[1], carried.change.id)
