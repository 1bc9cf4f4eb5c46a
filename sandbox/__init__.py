"""From the names that a stranger sends to open things, beneath the roots that the operator chose.

The seam, whole: `Workspace.open` holds the roots, `Workspace.at` turns a client's text into a `Place`, a `Place`
opens, lists and describes. Nothing here has heard of MCP. Nothing here returns a path that was checked: what
comes back is open already, or an entry that was read from an open handle.

Read in this order: `paths.py` (text → root and parts), `policy.py` (what the operator allows, on names alone),
`resolve/` (the kernel or one component at a time), `place.py` (open, describe, list), `workspace.py`.
"""
