"""The protocol's methods, in terms of our own world. The only place, beside `protocol/`, that speaks MCP."""
