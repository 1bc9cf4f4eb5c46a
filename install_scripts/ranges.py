"""What `pyproject.toml` asks for: the ranges, for a Python or an index that the lock does not fit."""

import re
from typing import Any


def ranges(metadata: dict[str, Any], *, group: str | None) -> list[str]:
    """List the requirements of the project, and of its dependency `group` where one is named.

    A requirement of the group on the project itself stands for the extras that it names.

    Raises:
        KeyError: there is no such group or extra.
    """
    project = metadata["project"]
    requirements = list(project["dependencies"])
    for requirement in [] if group is None else metadata["dependency-groups"][group]:
        itself = re.fullmatch(rf"{re.escape(project['name'])}\[(.*)\]", requirement)
        if itself is None:
            requirements.append(requirement)
        else:
            for extra in itself[1].split(","):
                requirements += project["optional-dependencies"][extra.strip()]
    return requirements
