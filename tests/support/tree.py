"""A tree of files from a few words, and a picture of one to compare with."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["make_tree", "snapshot"]


def make_tree(base: Path, lines: Iterable[str]) -> Path:
    """Make what each line says beneath `base`, parents included, and return `base`.

    `d/` a directory, `f = text` a file, `f` an empty one, `link -> target` a link (the target as it stands),
    `twin => d/f` a hard link to a path beneath `base`, `p|` a FIFO.
    """
    for line in lines:
        name, sign, rest = _parsed(line)
        place = base / name
        place.parent.mkdir(parents=True, exist_ok=True)
        match sign:
            case "->":
                place.symlink_to(rest)
            case "=>":
                place.hardlink_to(base / rest)
            case "/":
                place.mkdir(parents=True, exist_ok=True)
            case "|":
                os.mkfifo(place)
            case _:
                place.write_text(rest, encoding="utf-8")
    return base


def _parsed(line: str) -> tuple[str, str, str]:
    for sign in ("->", "=>", "="):
        name, found, rest = line.partition(f" {sign} ")
        if found:
            return name, sign, rest
    return (line[:-1], line[-1], "") if line[-1] in "/|" else (line, "", "")


def snapshot(base: Path) -> dict[str, str]:
    """Return what stands beneath `base`: of each path its kind, mode, links and content, never followed."""
    seen: dict[str, str] = {}
    for directory, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = Path(directory, name)
            seen[os.fspath(path.relative_to(base))] = _pictured(path)
    return seen


def _pictured(path: Path) -> str:
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        content = os.fspath(path.readlink())
    elif stat.S_ISREG(facts.st_mode):
        content = path.read_bytes().hex()
    else:
        content = ""
    return f"{stat.filemode(facts.st_mode)} {facts.st_nlink} {facts.st_mtime_ns} {content}"
