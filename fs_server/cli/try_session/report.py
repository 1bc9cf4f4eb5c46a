"""What a person is shown. Everything that came from the server is escaped, and nothing of it is markup."""

import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from json import dumps

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from fs_server.cli.try_session.hosts import entries, shell
from fs_server.cli.try_session.step import Group, Outcome
from fs_server.cli.try_session.steps import GROUPS
from fs_server.cli.try_session.visit import Visited
from sandbox import shown

__all__ = ["Report"]

MOST_LINES = 6
LOG_LINES = 12
TAB = 4
INDENT = "  "


class Report:
    """Prints on standard output: colours on a terminal only, as wide as that is, plain elsewhere."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a code page has no characters for what files contain
        self._console = _Console(highlight=False, emoji=False, markup=False)
        unicode = self._console.encoding.lower().startswith("utf")
        self._good, self._bad, self._none = ("✓", "✗", "-") if unicode else ("ok", "FAILED", "-")
        self._bar = "│" if unicode else "|"
        self._groups = {step.name: group for group in GROUPS for step in group.steps}
        self._group: Group | None = None

    def begin(self, directory: str, command: Sequence[str]) -> None:
        """Say what is about to happen."""
        first = Text.assemble("Starting the server on ", (shown(directory), "bold"), " as a host would.")
        self._console.print(first, soft_wrap=True)
        self._console.print(Text(f"$ {shown(shell(command))}", "dim"), soft_wrap=True)

    def step(self, outcome: Outcome) -> None:
        """Tell what came of one step."""
        group = self._groups.get(outcome.step.name)
        if group is not None and group is not self._group:
            self._group = group
            self._heading(group.title)
        name, seen = outcome.step.name, outcome.seen
        if seen is None:
            self._wrapped(self._without_answer(outcome), first="")
            return
        asked = outcome.step.asks or name
        came = f"  {_plain(seen.came)}" if seen.came else ""
        self._cut(Text.assemble(self._mark(outcome), " ", (asked, "bold"), *_arguments(seen.asked), came))
        for line in seen.quoted[:MOST_LINES]:
            self._quote(line)
        if (left := len(seen.quoted) - MOST_LINES) > 0:
            self._print(Text(f"{INDENT}{self._bar} … {left} more lines", "dim"))
        for sentence in seen.said:
            self._wrapped(Text(_plain(sentence), "yellow" if seen.refused else "dim"))

    def end(self, visits: Sequence[Visited], command: Sequence[str]) -> bool:
        """Compare the eras, say how to register the server, and return whether all was well."""
        if visits[0].connected:
            self._heading("Once more as an older host: both eras of the protocol side by side")
            self._compare(visits[0], visits[-1])
            self._failures(visits)
        for visited in visits:
            self._log(visited)
        if any(visited.trouble for visited in visits):
            return False
        self._heading("All is well. To give this to a host")
        for where, text in entries(command):
            self._print(Text(where, "bold"))
            self._console.print(Text(text), soft_wrap=True)  # to be copied, so no line break of ours in it
        return True

    def _compare(self, first: Visited, second: Visited) -> None:
        """Print a row for each step: how long it took in either era, and what came, of both where that differs."""
        then = {outcome.step.name: outcome for outcome in second.outcomes}
        rows = [(outcome, then.get(outcome.step.name)) for outcome in first.outcomes if not outcome.left_out]
        width = max(len(outcome.step.name) for outcome, _ in rows)
        self._cut(Text(f"{'step':{width}}  {first.era.version:12}{second.era.version:12}came", "dim"))
        for outcome, other in rows:
            self._cut(
                Text.assemble(
                    f"{outcome.step.name:{width}}  ", self._cell(outcome), self._cell(other), _came(outcome, other)
                )
            )

    def _cell(self, outcome: Outcome | None) -> Text:
        if outcome is None or outcome.left_out:
            return Text(f"{self._none:12}", "dim")
        return Text.assemble(self._mark(outcome), f"{_duration(outcome.seconds):>8}   ")

    def _failures(self, visits: Sequence[Visited]) -> None:
        """Tell again what failed, where a person will look last: each step once, with the eras that it failed in."""
        failed: dict[str, list[tuple[Visited, Outcome]]] = {}
        for visited in visits:
            for outcome in visited.outcomes:
                if outcome.trouble:
                    failed.setdefault(outcome.step.name, []).append((visited, outcome))
        if failed:
            self._heading(f"{len(failed)} failed")
        for times in failed.values():
            eras = " and ".join(visited.era.version for visited, _ in times)
            self._wrapped(Text.assemble(self._without_answer(times[0][1]), (f"  ({eras})", "dim")), first="")

    def _log(self, visited: Visited) -> None:
        """Show what the server wrote on standard error, as hosts do in their logs."""
        if visited.log:
            self._heading(f"What the server wrote on standard error ({visited.era.version})")
        for line in visited.log.splitlines()[-LOG_LINES:]:
            self._wrapped(Text(_plain(line)))

    def _without_answer(self, outcome: Outcome) -> Text:
        if outcome.left_out:
            return Text(f"{self._none} {outcome.step.name}: {outcome.left_out}", "dim")
        return Text.assemble(self._mark(outcome), " ", (outcome.step.name, "bold"), ": ", _plain(outcome.trouble))

    def _mark(self, outcome: Outcome) -> Text:
        if outcome.left_out:
            return Text(self._none, "dim")
        return Text(self._bad, "bold red") if outcome.trouble else Text(self._good, "green")

    def _heading(self, title: str) -> None:
        self._print(Text())
        self._print(Rule(Text(title, "bold cyan"), align="left", style="cyan"))

    def _quote(self, line: str) -> None:
        """Print a line as it came, escaped."""
        self._cut(Text.assemble(INDENT, (self._bar, "dim"), f" {_plain(line)}" if line.strip() else ""))

    def _cut(self, line: Text) -> None:
        """Print on one line, whatever does not fit left out."""
        self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _wrapped(self, sentence: Text, *, first: str = INDENT) -> None:
        """Print indented, with no blanks at the ends of lines: the output may be kept in a file."""
        for number, line in enumerate(sentence.wrap(self._console, max(self._console.width - len(INDENT), 1))):
            line.rstrip()
            self._print(Text.assemble(INDENT if number else first, line))

    def _print(self, what: Text | Rule) -> None:
        self._console.print(what)


class _Console(Console):
    """A console whose reader may leave, as `head` does. rich would raise SystemExit, in the middle of a visit."""

    def on_broken_pipe(self) -> None:
        """Say no more; the steps are still taken, and the exit code tells what came of them."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _arguments(asked: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(f" {name}={_plain(dumps(value, ensure_ascii=False))}", "cyan") for name, value in asked.items()]


def _came(outcome: Outcome, other: Outcome | None) -> tuple[str, str]:
    told = outcome.seen.told if outcome.seen else ""
    differs = other is not None and other.seen is not None and other.seen.told != told
    if differs and other is not None and other.seen is not None:
        return f"{_plain(told)}, then {_plain(other.seen.told)}", "yellow"
    return _plain(told), "dim"


def _plain(text: str) -> str:
    return shown(text.expandtabs(TAB))


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
