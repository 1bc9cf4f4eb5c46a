"""A path of the journal, as a client may write it."""

from collections.abc import Sequence

from fs_server.journal.places import joined
from sandbox import Root, shown

__all__ = ["BENEATH_NONE", "HIDDEN", "told_path"]

BENEATH_NONE = "(beneath no root)"
HIDDEN = "(a secret name)"

MOST_CHARS = 300
"""Characters of a path that are told; of a longer one, the beginning and the end."""


def told_path(path: str, roots: Sequence[Root]) -> str:
    """Return an absolute path for a reader; what lies beneath none of the roots, or is secret there, is not named."""
    for root in sorted(roots, key=lambda root: -len(root.spellings[-1])):
        base = joined(root, ())
        if path == base or path.startswith(f"{base}/"):
            rest = path[len(base) + 1 :]
            if rest and root.hides(rest.split("/")):
                return HIDDEN
            names = [rest] if len(roots) == 1 else [root.name, rest]
            text = "/".join(name for name in names if name) or "."
            # A file may be called "file:notes", which would be read as a URI.
            return _shortened(shown(f"./{text}" if ":" in text.partition("/")[0] else text))
    return BENEATH_NONE


def _shortened(text: str) -> str:
    half = MOST_CHARS // 2
    return text if len(text) <= MOST_CHARS else f"{text[:half]}…{text[-half:]}"
