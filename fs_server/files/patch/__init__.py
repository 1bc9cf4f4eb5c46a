"""Patches as models and git write them: what they say, and what that makes of a file's text.

Nothing here opens a file. `parse` tells what a patch wants of which file; its paths are strings of a stranger, for
the sandbox to judge. `applied` finds the places in a text and gives the splices, all or none.

Read in this order: `file_patch.py` (what a patch says, in either form), `parsing.py` (limits, and which form it is),
`unified.py` and `envelope.py` (the two forms) with `hunks.py` and `names.py`, then `apply.py` (hunks to splices) with
`line_table.py` and `placing.py` (where a hunk belongs), and `misses.py` (why it belongs nowhere).
"""

from fs_server.files.patch.apply import added_text, applied, require_whole
from fs_server.files.patch.file_patch import FilePatch, Hunk
from fs_server.files.patch.parsing import parse

__all__ = ["FilePatch", "Hunk", "added_text", "applied", "parse", "require_whole"]
