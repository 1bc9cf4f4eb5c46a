"""`history`: what was changed, for a person: a line for each change, its paths, and on request the differences."""

import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from fs_server import cli
from fs_server.cli.journal import opened
from fs_server.config.flags import Invocation
from fs_server.errors import Failure
from fs_server.journal.changes import Author, Change
from fs_server.journal.journal import Journal
from fs_server.journal.telling import StepTold, diff_of_step, told
from fs_server.times import minute
from sandbox import shown

__all__ = ["run"]

DIFF_CHARS = 100_000
"""Characters of the difference in one file."""

_COLOURS = {"A": "green", "M": "yellow", "D": "red", "R": "cyan"}


def run(invocation: Invocation) -> int:
    """Print, in colour on a terminal, and return the exit code.

    Raises:
        ConfigError: the settings cannot be used.
    """
    looking = invocation.looking
    assert looking is not None
    # Sixteen thousand columns: what is too long for a terminal is broken by the terminal, and a pipe gets it whole.
    console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 16_000)
    try:
        with opened() as journal:
            beneath = list(map(str, looking.directories)) or None
            feed = journal.feed(beneath=beneath, limit=looking.limit)
            for change in feed.changes:
                for line in _change(journal, change, diff=looking.diff):
                    console.print(line)
            console.print(_closing(journal, len(feed.changes)), style="dim")
    except Failure as failure:
        cli.complain(str(failure))
        return cli.FAILED
    return 0


def _closing(journal: Journal, count: int) -> str:
    usage = journal.usage()
    if not count:
        return "Nothing was changed there, or it is forgotten."
    return f"{count} of {usage.changes} changes; the journal takes {usage.bytes:,} bytes. Take one back: undo ID"


def _change(journal: Journal, change: Change, *, diff: bool) -> Iterator[Text]:
    line = Text(f"{change.id:<7}", style="bold")
    line.append(f"{minute(change.time_ns)}  ", style="dim")
    line.append(shown(change.tool), style="not bold")
    if change.undoes is not None:
        line.append(f" of c{change.undoes}", style="not bold")
    if change.author != Author.SERVER:
        line.append(f" by {'you' if change.author == Author.PERSON else shown(change.author)}", style="not bold")
    if change.undone_by is not None:
        line.append(f"  undone by c{change.undone_by}", style="dim")
    yield line
    for number, step in enumerate(told(journal, change)):
        yield _step(step)
        if diff:
            found = diff_of_step(journal, change.steps[number], name=shown(step.path).lstrip("/"), max_chars=DIFF_CHARS)
            yield from _coloured(found.text.splitlines() if found else ())


def _step(step: StepTold) -> Text:
    line = Text(f"       {step.sign} ", style=_COLOURS[step.sign])
    line.append(shown(step.path) + "/" * step.is_directory, style="default")
    if step.destination:
        line.append(f" -> {shown(step.destination)}", style="default")
    if step.added is not None:
        line.append(f"  +{step.added}", style="green")
        line.append(f" -{step.removed}", style="red")
    return line


def _coloured(lines: Iterable[str]) -> Iterator[Text]:
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "default")
        # The content of a file may hold what a terminal obeys.
        yield Text(f"         {shown(line)}", style="bold" if line.startswith(("+++", "---")) else style)
