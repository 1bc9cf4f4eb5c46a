"""Measure everything and print the table: `python -m benchmarks [--where DIR] [ROW ...]`."""

import argparse
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from benchmarks import corpus, peers
from benchmarks.rows import ROWS


def main() -> None:
    """Run the rows whose names hold one of the words given, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", help="words in the names of the rows to measure")
    parser.add_argument("--where", type=Path, default=user_cache_path("fs-server") / "benchmarks")
    chosen = parser.parse_args()
    root = corpus.make(chosen.where)
    servers = peers.installed(root, chosen.where)
    table = Table("work", *(peer.name for peer in servers), "floor", "ratio", "target")
    for row in ROWS:
        if chosen.rows and not any(word in row.name for word in chosen.rows):
            continue
        figures = [row.measure(peer) for peer in servers]
        cells = ["cannot" if figure is None else f"{figure:.2f} {row.unit}" for figure in figures]
        ours, theirs = figures[0], figures[1] if len(figures) > 1 else None
        floor = None if row.floor is None else row.floor(root / "written")
        cells.append("" if floor is None else f"{floor:.2f} {row.unit}")
        ratio = f"{ours / compared:.2f}" if ours and (compared := floor or theirs) else ""
        table.add_row(row.name, *cells, ratio, "" if row.target is None else f"≤ {row.target:g}")
        print(f"{row.name}: {' | '.join(cells)} {ratio}", flush=True)
    Console().print(table)


if __name__ == "__main__":
    main()
