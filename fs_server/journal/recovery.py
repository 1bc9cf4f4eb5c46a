"""What a server that died left behind: each of its changes is finished or taken back, before anything else is done.

A change is finished if all of its steps were done, and taken back if one of them was not. Which were done is seen by
what stands under their names: the inodes that the journal wrote down before it began.
"""

import logging
from typing import TYPE_CHECKING

from fs_server.errors import Failure
from fs_server.journal.acts import Act, MakeDirectoryAct, MoveAct, Nodes, PutAct, RemoveAct
from fs_server.journal.carrying import settle, take_back
from fs_server.journal.changes import Action, Change, Status, Step
from fs_server.journal.ground import Ground
from fs_server.journal.places import where_of
from fs_server.journal.states import DirectoryState, State, nodes_of
from sandbox import OutsideRoots, SandboxError, Workspace

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["recover"]

log = logging.getLogger(__name__)


def recover(journal: "Journal", workspace: Workspace) -> int:
    """Finish or take back the changes of servers that died, as far as they lie beneath these roots; return how many.

    Safe beside servers that are alive: theirs are left alone, and each dead one's are handled by one server.
    """
    handled = 0
    for holding in journal.unfinished():
        with holding as change:
            # None: another server was faster.
            if change is not None and _put_in_order(journal, change, workspace):
                handled += 1
                log.warning("%s was interrupted by the end of its server, and has been put in order", change.id)
    return handled


def _put_in_order(journal: "Journal", change: Change, workspace: Workspace) -> bool:
    """Finish a change or take it back; tell whether that is done. What fails is left to the next start."""
    try:
        acts = [_act(journal, step, workspace) for step in change.steps]
    except OutsideRoots:  # a server that has all of its roots will come to it
        log.warning("%s was interrupted by the end of its server, and lies beneath other roots too", change.id)
        return False
    try:
        with Ground() as ground:
            if change.status is Status.INTENT:
                if not all(act.is_there(ground) and act.is_done(ground) for act in acts):
                    return take_back(journal, change, acts, ground)
                change = _finish(journal, change, acts, ground)
            return not settle(journal, change, acts, ground).waiting
    except (SandboxError, OSError, Failure):
        log.exception("%s was interrupted, and cannot be looked at; the next start tries again", change.id)
        return False


def _finish(journal: "Journal", change: Change, acts: list[Act], ground: Ground) -> Change:
    """Write down that all of it is done, once the disk has the names: what waits is not let go before."""
    for act in acts:
        act.mark(ground)
    ground.sync()
    return journal.finish(change, waiting=True, durable=True)


def _act(journal: "Journal", step: Step, workspace: Workspace) -> Act:
    where = where_of(workspace, step.path)
    match step.action:
        case Action.PUT:
            return PutAct(step, where, nodes=_nodes(journal, step.after))
        case Action.REMOVE:
            return RemoveAct(step, where, nodes=_nodes(journal, step.before))
        case Action.MAKE_DIRECTORY:
            return MakeDirectoryAct(step, where)
        case _:
            return MoveAct(step, where, where_of(workspace, step.destination))


def _nodes(journal: "Journal", state: State) -> Nodes | None:
    """Return what a directory holds by the journal; None where that is not kept."""
    if not isinstance(state, DirectoryState) or not state.tree:
        return ()
    manifest = journal.content(state.tree)
    return None if manifest is None else tuple(nodes_of(manifest))
