"""The journal: what was changed beneath the roots, by whom, and how to put it back. Nothing here has heard of MCP.

Every change is written down before it is made, with what it replaces, in the operator's state directory and never in
a root. So a crash at any point can be finished or taken back, and every change can be undone.

Read in this order: `states.py` (what stood at a path), `changes.py` (steps that belong together), `journal.py` (what
all others use of the storage), then what it is made of: `records.py` (changes), `contents.py` (what they replaced)
over `database.py` and `blobs.py`, `sessions.py` (which servers are alive), `retention.py` (what is forgotten).

`journal.py` is imported where a journal is opened, and not here: it loads SQLite, which a server that only reads never
needs.
"""

from fs_server.journal.changes import Action, Author, Change, Status, Step, number_of
from fs_server.journal.states import Absent, DirectoryState, FileState, LinkState, OtherState, State

__all__ = [
    "Absent",
    "Action",
    "Author",
    "Change",
    "DirectoryState",
    "FileState",
    "LinkState",
    "OtherState",
    "State",
    "Status",
    "Step",
    "number_of",
]
