"""What a command printed, as blocks of a result."""

from collections.abc import Sequence

from fs_server.commands import Process, Processes
from fs_server.commands.telling import excerpt
from fs_server.errors import Failure, quoted
from fs_server.services import Services
from fs_server.tools.answer import Text
from sandbox import shown

__all__ = [
    "MOST_FILES",
    "NO_OUTPUT",
    "STDERR",
    "command_line",
    "files_told",
    "last_line",
    "printed",
    "processes_of",
    "split",
]

STDERR = "stderr:\n"
"""Before what was printed there."""

NO_OUTPUT = Text("(no output)")
"""In the place of none: some hosts refuse an empty block."""

ESCAPED = 4
r"""Characters that one byte becomes at most, as \x1b."""

MOST_FILES = 20
"""Changed files that a note names."""

LONGEST_LINE = 120
"""Characters of a command line that are told."""


def processes_of(services: Services) -> Processes:
    """Return the commands of this server.

    Raises:
        Failure: it runs none.
    """
    if services.processes is None:
        raise Failure("unsupported_op", "This call", "This server runs no commands", "Go on without them")
    return services.processes


def split(room: int, out: int, err: int) -> tuple[int, int]:
    """Return how many characters each of two outputs gets that have so many bytes left to tell."""
    out, err = ESCAPED * out, ESCAPED * err
    half = room // 2
    if err <= half:
        return room - err, max(err, 1)
    return (max(out, 1), room - out) if out <= half else (half, room - half)


def printed(process: Process, room: int) -> tuple[list[Text], int]:
    """Return beginning and end of both outputs of a command, and how many bytes they leave out."""
    out_room, err_room = split(room, process.stdout.total, process.stderr.total)
    blocks, left_out = [], 0
    for output, prefix, chars in ((process.stdout, "", out_room), (process.stderr, STDERR, err_room)):
        if output.total:
            found = excerpt(output, chars)
            blocks.append(Text(prefix + found.text))
            left_out += found.left_out
    return blocks, left_out


def last_line(process: Process) -> str:
    """Return the last whole or half line that a command printed and that is not empty, shortened."""
    output = process.stdout if process.stdout.total else process.stderr
    _, end = output.read(max(output.total - 2 * LONGEST_LINE, 0), 2 * LONGEST_LINE)
    lines = [line for line in end.decode("utf-8", "replace").splitlines() if line.strip()]
    return shown(lines[-1].strip())[-LONGEST_LINE:] if lines else ""


def files_told(process: Process) -> str:
    """Return in words which files a command changed."""
    files = process.files
    if not files.count:
        return ""
    more = files.count - min(files.count, MOST_FILES)
    told = ", ".join(files.changed[:MOST_FILES]) + (f" and {more} more" if more else "")
    return f"files changed: {told}" + (f" (undo: {files.change_id})" if files.change_id else "")


def command_line(argv: Sequence[str]) -> str:
    """Return a command for a reader; it is no text for a shell."""
    line = quoted(" ".join(argv))[1:-1]
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
