"""How what was found is told: to a person, and to programs."""

import json
import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fs_server.cli.doctor.check import Act, Check, State
from fs_server.cli.doctor.redteam.tried import Tried
from sandbox import shown

__all__ = ["as_json", "printed"]

FORM = 1
"""Of the JSON. It grows when a key goes away or means something else; new keys may come at any time."""

TITLES = {
    "version": "version",
    "user": "running as",
    "resolver": "names",
    "root": "root",
    "roots": "roots",
    "journal": "journal",
    "server": "server",
    "commands": "commands",
    "tier": "tier",
    "packages": "extra",
}
INDENT = 4


def as_json(checks: Sequence[Check], tried: Sequence[Tried] | None) -> str:
    """Return one JSON object. `redteam` is null where nothing was attacked."""
    holds = all(check.state is not State.FAILS for check in checks) and all(one.good for one in tried or ())
    document = {
        "form": FORM,
        "holds": holds,
        "checks": [check.as_json() for check in checks],
        "redteam": None if tried is None else [one.as_json() for one in tried],
    }
    return json.dumps(document, indent=2) + "\n"


def printed(checks: Sequence[Check], tried: Sequence[Tried] | None) -> None:
    """Print on standard output, in colour on a terminal."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a code page has no characters for what names contain
    console = Console(highlight=False, emoji=False, markup=False)
    unicode = console.encoding.lower().startswith("utf")
    marks = _MARKS if unicode else _PLAIN_MARKS
    for check in checks:
        console.print(_first(check, marks), soft_wrap=not console.is_terminal)
        for line in _details(check):
            console.print(
                Padding(line, (0, 0, 0, INDENT)) if console.is_terminal else Text(" " * INDENT) + line,
                soft_wrap=not console.is_terminal,
            )
    if tried is not None:
        console.print()
        console.print(_table(tried))
    console.print()
    console.print(_verdict(checks, tried), soft_wrap=not console.is_terminal)


_MARKS = {
    State.HOLDS: ("✓", "green"),
    State.FAILS: ("✗", "bold red"),
    State.ABSENT: ("-", "dim"),
    State.KNOWN: ("·", "dim"),
}
_PLAIN_MARKS = {**_MARKS, State.HOLDS: ("ok", "green"), State.FAILS: ("FAILS", "bold red"), State.KNOWN: (".", "dim")}


def _first(check: Check, marks: dict[State, tuple[str, str]]) -> Text:
    name = f"{TITLES[check.id]} {shown(check.subject)}".rstrip()
    return Text.assemble(marks[check.state], " ", (name, "bold"), f"  {shown(check.summary)}")


def _details(check: Check) -> Iterator[Text]:
    if "path" in check.facts:
        yield Text(shown(str(check.facts["path"])), "dim")
    for title, acts, style in (
        ("was refused", [act for act in check.acts if act.good and act.came == "refused"], "dim"),
        ("is possible", [act for act in check.acts if act.good and act.came == "done" and act.due == "done"], "dim"),
        ("was possible, and not promised otherwise", [act for act in check.acts if act.due == "open"], "yellow"),
        ("came otherwise than it should", [act for act in check.acts if not act.good], "red"),
    ):
        if acts:
            yield Text(f"{title}: {_listed(acts)}", style)
    if check.not_prevented:
        yield Text(f"not prevented: {'; '.join(check.not_prevented)}", "yellow")
    for way in check.improve:
        yield Text(f"to improve: {way}", "cyan")


def _listed(acts: Sequence[Act]) -> str:
    return ", ".join(shown(act.name) for act in acts)


def _table(tried: Sequence[Tried]) -> Table:
    """Return a row for each kind of attack, and one for each act that got through or could not be tried."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("where", "left"),
        ("what was tried", "left"),
        ("times", "right"),
        ("got through", "right"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for where, kind in dict.fromkeys((one.where, one.kind) for one in tried):
        group = [one for one in tried if (one.where, one.kind) == (where, kind) and one.promised]
        if group:
            acts = f"{kind}: {group[0].act}" if len(group) == 1 else f"{kind}: {len(group)} acts"
            through = sum(one.through for one in group)
            table.add_row(
                where, acts, str(sum(one.times for one in group)), Text(str(through), "red" if through else "green")
            )
    for one in tried:
        if one.trouble:
            table.add_row(one.where, f"{one.kind}: {one.act}", "-", Text(one.trouble, "red"))
        elif one.through:
            words = Text(str(one.through), "red") if one.promised else Text(f"{one.through}, not promised", "yellow")
            table.add_row(one.where, f"  {one.kind}: {one.act}", str(one.times), words)
    return table


def _verdict(checks: Sequence[Check], tried: Sequence[Tried] | None) -> Text:
    failed = [f"{TITLES[check.id]} {shown(check.subject)}".rstrip() for check in checks if check.state is State.FAILS]
    failed += [f"{one.act} ({one.where})" for one in tried or () if not one.good]
    if failed:
        return Text(f"Does not hold: {', '.join(failed)}", "bold red")
    return Text("Everything that the settings require holds.", "bold green")
