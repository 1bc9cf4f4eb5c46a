"""The wire: MCP over the process's own standard input and output, both protocol eras at once.

Read in this order: `claim.py` (the wire is taken before anything can print on it), `framing.py` (bytes to
messages), `stdio.py` (reading and writing with back-pressure), `router.py` (which era a message belongs to),
`lifecycle.py` (the one way to stop), `serving.py` (`serve`, which joins them).

`serve` is not re-exported: importing it loads the MCP SDK, and the wire has to be claimed before that.
"""

from fs_server.protocol.claim import Wire, claim_stdio

__all__ = ["Wire", "claim_stdio"]
