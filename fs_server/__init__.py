"""The MCP server: reads settings, builds the sandbox and the resources, speaks the protocol.

Read in this order: `app.py` (how it is put together), `tools/read_file.py` (one tool, whole),
`errors.py` (every sentence a model can be refused with), `protocol/` (the wire).
"""

__version__ = "0.1.0"
