"""What `uv.lock` pins, as a requirements file that pip of any age and uv read alike.

pip reads no `uv.lock`, and an old pip knows no dependency groups either. A list that holds every package at its
exact version with its hashes needs neither: nothing is left to resolve, and the same bytes arrive with or
without uv.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Package = dict[str, Any]
Alternatives = set[frozenset[str]]
"""Under which markers a package is needed: one set of markers or another; the empty set means always."""


def pinned(lock: Path, project: str, *, group: str | None) -> list[str]:
    """List every package that `project` needs at run time, and for `group` where one is named.

    The lines are sorted by name; each holds the version, the markers under which it is needed, and the hashes of
    the wheels and of the source.

    Raises:
        KeyError: the lock holds no such project or group.
    """
    packages = {package["name"]: package for package in tomllib.loads(lock.read_text("utf-8"))["package"]}
    wanted = [*packages[project]["dependencies"]]
    if group is not None:
        wanted += packages[project]["dev-dependencies"][group]
    needed = _needed(packages, wanted)
    needed.pop(project, None)
    return [_line(packages[name], needed[name]) for name in sorted(needed)]


def _needed(packages: dict[str, Package], wanted: list[Package]) -> dict[str, Alternatives]:
    """Follow the edges of the lock until no package gains another way in which it is needed."""
    needed: dict[str, Alternatives] = {}
    seen: set[tuple[str, str, frozenset[str]]] = set()
    waiting = [(edge, frozenset[str]()) for edge in wanted]
    while waiting:
        edge, above = waiting.pop()
        markers = above | {edge["marker"]} if "marker" in edge else above
        package = packages[edge["name"]]
        for part, edges in _parts(package, edge):
            if (edge["name"], part, markers) not in seen:
                seen.add((edge["name"], part, markers))
                waiting += [(following, markers) for following in edges]
        needed.setdefault(edge["name"], set()).add(markers)
    return needed


def _parts(package: Package, edge: Package) -> Iterator[tuple[str, list[Package]]]:
    yield "", package.get("dependencies", [])
    for extra in edge.get("extra", []):
        yield extra, package["optional-dependencies"][extra]


def _line(package: Package, alternatives: Alternatives) -> str:
    least = [one for one in alternatives if not any(other < one for other in alternatives)]
    ways = sorted(" and ".join(f"({marker})" for marker in sorted(one)) for one in least)
    condition = "" if "" in ways else f" ; {' or '.join(ways)}"
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    hashes = "".join(f" --hash={file['hash']}" for file in files)
    return f"{package['name']}=={package['version']}{condition}{hashes}"
