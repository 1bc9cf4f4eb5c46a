"""Files as addressed content: URIs, what is listed, what is read. Nothing here has heard of MCP.

Read in this order: `catalogue.py` (roots, directory pages, completions), `contents.py` (the bytes of one file).
"""

from resources.catalogue import Children, Listed, children, completions, root_entries
from resources.contents import Content, TooLarge, read

__all__ = [
    "Children",
    "Content",
    "Listed",
    "TooLarge",
    "children",
    "completions",
    "read",
    "root_entries",
]
