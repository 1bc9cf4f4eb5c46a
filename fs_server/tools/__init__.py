"""The tools, one file each, named exactly as the tool. Nothing here knows the protocol.

`TOOLS` is the catalogue: the order of `tools/list` and of the README's table. To add one, write its file in the
form of `read_file.py` and put it here.
"""

from fs_server.tools import file_info, list_directory, list_roots, read_file, read_files
from fs_server.tools.tool import Effect, Tool

__all__ = ["TOOLS", "Effect", "Tool"]

TOOLS: tuple[Tool, ...] = (
    list_roots.list_roots,
    list_directory.list_directory,
    file_info.file_info,
    read_file.read_file,
    read_files.read_files,
)
