"""From what the operator typed for a directory to a named root. Nothing is opened."""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fs_server.config import patterns
from fs_server.config.errors import ConfigError
from fs_server.config.settings import RootSetting
from fs_server.errors import quoted

__all__ = ["RootGiven", "absolute", "guarded", "named", "nearest_directory", "remembering", "valid_name"]

NAME_FORM = "one path component without / \\ : or control characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootGiven:
    """A root as one source gives it.

    Attributes:
        path: absolute.
        name: None where the directory's own name is meant.
        writable: None where nothing was said.
        deny: patterns of this root alone, for reading.
        protect: the same for writing.
        ask: patterns of this root alone, of names that are written only if the person agrees.
    """

    path: Path
    name: str | None = None
    writable: bool | None = None
    deny: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


def absolute(text: str, origin: str, base: Path | None = None) -> Path:
    """Return the absolute form of a path that the operator typed; `~` is the operator's home.

    Relative paths begin at `base`, or at the working directory. Links stay as they are, except where `..`
    stands behind one: there the text alone does not say which directory is meant.

    Raises:
        ConfigError: empty, with a NUL, or with a `~` or a working directory that leads nowhere.
    """
    if not text or "\0" in text:
        raise ConfigError(f"{origin}: {quoted(text)} is not a path.")
    try:
        path = (base or Path()) / Path(text).expanduser()
        path = path.absolute()
    except (RuntimeError, OSError) as error:
        raise ConfigError(f"{origin}: {quoted(text)} cannot be made absolute: {error}.") from error
    return Path(os.path.realpath(path)) if ".." in path.parts else path


def nearest_directory(path: Path) -> Path:
    """Return the directory `path`, or the nearest one above it that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())


def valid_name(name: str, origin: str) -> str:
    """Return a name that the operator chose for a root, or raise `ConfigError`."""
    if not name or name != _tame(name):
        raise ConfigError(f"{origin}: {quoted(name)} cannot be the name of a root. Accepted: {NAME_FORM}.")
    return name


def remembering(given: Iterable[RootGiven], listed: Sequence[RootGiven]) -> tuple[RootGiven, ...]:
    """Return `given` with what the file says of the same directories.

    A directory that is named again on the command line keeps the patterns that the file gives it: naming it must
    not open what was closed. Its name and whether it is writable are taken over only where nothing is said.
    """
    return tuple(_remembering(root, listed) for root in given)


def _remembering(root: RootGiven, listed: Sequence[RootGiven]) -> RootGiven:
    known = next((other for other in listed if _same(root.path, other.path)), None)
    if known is None:
        return root
    writable = known.writable if root.writable is None else root.writable
    return replace(known, path=root.path, name=root.name or known.name, writable=writable)


def named(given: Iterable[RootGiven]) -> tuple[RootSetting, ...]:
    """Return the roots, each with a name of its own: `src`, `src-2` for two directories that are both called src.

    Raises:
        ConfigError: two roots were given the same name.
    """
    given = tuple(given)
    taken: set[str] = set()
    for root in given:
        if root.name in taken:
            raise ConfigError(f"Two roots are called {quoted(root.name)}. Give each a name of its own.")
        taken |= {root.name} if root.name else set()
    roots = []
    for root in given:
        name = root.name or _free(_tame(root.path.name) or "root", taken)
        taken.add(name)
        roots.append(
            RootSetting(
                name=name,
                path=root.path,
                writable=root.writable is not False,
                deny=root.deny,
                protect=root.protect,
                ask=root.ask,
            )
        )
    return tuple(roots)


def guarded(root: RootSetting, *, configuration: Iterable[Path], journal: Path) -> RootSetting:
    """Return the root with what its place in the file system makes necessary.

    A root that holds the home directory gets the patterns for one. A file of our own configuration within the
    root is protected last, so that no pattern takes it back, and nobody is asked about it: whoever writes it
    chooses the roots of the next start. The journal of changes is closed altogether: it holds what files held.

    Raises:
        ConfigError: the root is the journal's directory, or lies in it.
    """
    if _beneath(journal, root.path):
        raise ConfigError(
            f"The root {quoted(str(root.path))} lies in this server's journal of changes, which holds what files held."
            " Serve another directory."
        )
    holds_home = bool(_beneath(root.path, Path.home()))
    closed = dict.fromkeys(_anchored(inner) for inner in _beneath(root.path, journal))
    own = tuple(dict.fromkeys(_anchored(inner) for file in configuration for inner in _beneath(root.path, file)))
    return replace(
        root,
        holds_home=holds_home,
        deny=(*(patterns.HOME_DENY if holds_home else ()), *root.deny, *closed),
        protect=(*(patterns.HOME_PROTECT if holds_home else ()), *root.protect, *own),
        ask=(*root.ask, *(f"!{pattern}" for pattern in own)),
    )


def _tame(name: str) -> str:
    """Return the nearest name that a client can write first in a path and that a person reads as it is.

    Category C is control, format (bidirectional overrides), surrogate (bytes that are not text), unassigned. A
    colon would make `NAME/rest` look like a drive or a URI.
    """
    name = unicodedata.normalize("NFC", name)
    name = "".join("_" if c in "/\\:" or unicodedata.category(c).startswith("C") else c for c in name).strip()
    return "" if name in {".", ".."} else name


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _beneath(root: Path, target: Path) -> list[Path]:
    """Return how `target` is reached from `root`, as spelled and with links followed; empty when it is not."""
    spellings = dict.fromkeys((target, Path(os.path.realpath(target))))
    return [
        spelling.relative_to(place)
        for spelling in spellings
        for place in (spelling, *spelling.parents)
        if _same(root, place)
    ]


def _same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one directory, whatever links, mounts or letter case lie between them."""
    try:
        return one == other or one.samefile(other)
    except OSError:  # one of them does not exist, which the sandbox will say
        return False


def _anchored(inner: Path) -> str:
    """Return the pattern of this one file. The sandbox folds blanks at the ends of names away, so none is escaped."""
    return "/" + re.sub(r"([\\*?\[\]])", r"\\\1", inner.as_posix())
