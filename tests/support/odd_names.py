"""Names that are a file's good right."""

__all__ = ["ODD_NAMES"]

ODD_NAMES = (
    b"with space", b" leading", b"trailing ", b"-dash", b"a%b", b"a#b", b"a?b", b"a&b", b"~", b"$HOME", b"*",
    b"back\\slash", b"caf\xc3\xa9", b"caf\xe9", b"\xff\xfe", b"tab\tname", b"line\nbreak", b"esc\x1b[2J", b"quote\"'",
    b"bidi\xe2\x80\xaetxt", b"zero\xe2\x80\x8bwidth", b"...", b"..x", b"a%2e%2e", b"file:x", b"{brace}", b"[note]",
)  # fmt: skip
"""Names that a file may have, as bytes, each of which some program has taken for something else."""
