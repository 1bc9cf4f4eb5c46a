"""The tools, one file each, named exactly as the tool. Nothing here knows the protocol.

`TOOLS` is the catalogue: the order of `tools/list` and of the README's table. To add one, write its file in the
form of `read_file.py` and put it here.
"""

from fs_server.tools import (
    apply_patch,
    copy_path,
    create_directory,
    delete_path,
    edit_file,
    file_info,
    history,
    list_directory,
    list_processes,
    list_roots,
    move_path,
    read_file,
    read_files,
    read_output,
    replace_in_files,
    run_command,
    send_input,
    stop_process,
    undo,
    write_file,
)
from fs_server.tools.tool import Effect, Tool

__all__ = ["TOOLS", "Effect", "Tool"]

TOOLS: tuple[Tool, ...] = (
    list_roots.list_roots,
    list_directory.list_directory,
    file_info.file_info,
    read_file.read_file,
    read_files.read_files,
    history.history,
    list_processes.list_processes,
    read_output.read_output,
    write_file.write_file,
    edit_file.edit_file,
    apply_patch.apply_patch,
    replace_in_files.replace_in_files,
    create_directory.create_directory,
    move_path.move_path,
    copy_path.copy_path,
    delete_path.delete_path,
    undo.undo,
    run_command.run_command,
    send_input.send_input,
    stop_process.stop_process,
)
