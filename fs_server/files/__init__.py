"""What the tools do with the bytes of an open file. Nothing here opens a path, and nothing has heard of MCP.

Read in this order: `readable.py` (what an open file can do), `encoding.py` (bytes → which characters), `lines.py`
(a window of lines in flat memory), `images.py` and `documents/` (formats that a child process parses).
"""
