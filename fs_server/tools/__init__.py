"""The tools, one file each, named exactly as the tool. Nothing here knows the protocol.

`TOOLS` is the catalogue: the order of `tools/list` and of the README's table. To add one, write its file in the
form of `read_file.py` and put it here.
"""

from fs_server.tools.file_info import file_info
from fs_server.tools.list_directory import list_directory
from fs_server.tools.list_roots import list_roots
from fs_server.tools.read_file import read_file
from fs_server.tools.read_files import read_files
from fs_server.tools.tool import Effect, Tool

__all__ = ["TOOLS", "Effect", "Tool"]

TOOLS: tuple[Tool, ...] = (list_roots, list_directory, file_info, read_file, read_files)
