"""The encoding in which a text is written."""

from fs_server.files.codec_names import canonical_name
from fs_server.files.encoding import Encoding, named

__all__ = ["encoding_for_new"]

_WITH_MARK = {"utf-16": ("utf-16-le", b"\xff\xfe"), "utf-32": ("utf-32-le", b"\xff\xfe\x00\x00")}
"""Names that say no byte order: a mark has to say it."""


def encoding_for_new(label: str, head: bytes = b"") -> Encoding:
    """Return the encoding that a caller asks for; `""` means UTF-8 without a mark.

    A byte order mark that the old content (`head`) has and that agrees with it stays. `utf-16`, `utf-32` and
    `utf-8-sig` get one, because that is what these names say.

    Raises:
        Failure: `unsupported_encoding`.
    """
    found = named(label or "utf-8", head)
    if found.bom or not label:
        return found
    if label.strip().lower().replace("_", "-") == "utf-8-sig":
        return Encoding("utf-8", b"\xef\xbb\xbf", "asked for")
    name, mark = _WITH_MARK.get(canonical_name(label), (found.name, b""))
    return Encoding(name, mark, "asked for")
