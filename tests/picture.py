"""Make the README's picture of what `try` really prints: `python -m tests.picture PYTHON DIRECTORY`.

PYTHON is the interpreter of an environment in which the package is installed. Both paths are seen in the picture, so
choose ones that mean something to a reader. POSIX only: colours need a terminal, and a pseudo terminal is one.
"""

import argparse
import os
import re
import shlex
import subprocess
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "try.svg"
COLUMNS = 100
UNTIL = "The same as resources"
"""The heading at which the picture ends: what comes then is long, and much the same."""


def main() -> None:
    """Run the command and write what it prints at first."""
    parser = argparse.ArgumentParser(prog="python -m tests.picture", description=__doc__)
    parser.add_argument("python")
    parser.add_argument("directory")
    chosen = parser.parse_args()
    command = [chosen.python, "-I", "-m", "fs_server", "try", chosen.directory]
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in printed(command).partition(UNTIL)[0].rstrip().splitlines()[:-1]:
        console.print(Text.from_ansi(line), soft_wrap=True)
    # Without the fonts that rich would fetch from a stranger: readers of a page should not be counted by one.
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    PICTURE.write_text(
        console.export_svg(title=shlex.join(["fs-server-mcp", "try", chosen.directory]), code_format=form), "utf-8"
    )


def printed(command: list[str]) -> str:
    """Return what the command prints on a terminal."""
    ours, theirs = os.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as child:
        os.close(theirs)
        output = bytearray()
        try:
            while piece := os.read(ours, 1 << 16):
                output += piece
        except OSError:  # EIO: nobody holds the other end any more (pty(7))
            pass
        finally:
            os.close(ours)
    if child.returncode:
        raise SystemExit(output.decode(errors="replace"))
    return output.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
