"""What kind of content a file holds: by its first bytes, then by its name.

The tables are our own. The `mimetypes` module reads files of the host, which differ from machine to machine and
lie outside every root, and its built-in map differs between versions of Python.
"""

from typing import Final

__all__ = ["MAGIC_BYTES", "OCTETS", "by_magic", "by_name", "media_type"]

MAGIC_BYTES: Final = 4096
"""Bytes from the start of a file that suffice for `by_magic`."""

OCTETS: Final = "application/octet-stream"

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

# (offset, bytes, type).
_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (0, b"8BPS\x00\x01", "image/vnd.adobe.photoshop"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    *((0, b"BZh%d1AY&SY" % level, "application/x-bzip2") for level in range(1, 10)),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (0, b"\x00asm", "application/wasm"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (0, b"\x93NUMPY", "application/x-npy"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"fLaC\x00", "audio/flac"),
    (0, b"OggS\x00", "audio/ogg"),
    (0, b"MThd\x00\x00", "audio/midi"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\x00\x01\x00\x00\x00", "font/ttf"),
    (0, b"OTTO\x00", "font/otf"),
)
_CHANCE: Final = 8
"""Letters that a text may begin with by chance; a longer signature is none."""

_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: Final = {b"M4A ": "audio/mp4", b"avif": "image/avif", b"heic": "image/heic", b"qt  ": "video/quicktime"}
_OFFICE: Final = ((b"word/", DOCX), (b"xl/", XLSX), (b"ppt/", PPTX))

_NAMES: Final = {
    "text/plain": "txt text log conf cfg ini env properties lock gitignore gitattributes editorconfig",
    "text/markdown": "md markdown mdx",
    "text/x-rst": "rst",
    "text/html": "html htm xhtml",
    "text/css": "css",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/javascript": "js mjs cjs jsx",
    "text/x-typescript": "ts tsx mts cts",
    "text/x-python": "py pyi pyw",
    "text/x-c": "c h cc cpp cxx hh hpp hxx",
    "text/x-csharp": "cs",
    "text/x-java": "java",
    "text/x-kotlin": "kt kts",
    "text/x-swift": "swift",
    "text/x-go": "go",
    "text/x-rust": "rs",
    "text/x-ruby": "rb",
    "text/x-perl": "pl pm",
    "text/x-php": "php",
    "text/x-lua": "lua",
    "text/x-tex": "tex sty cls",
    "text/x-diff": "diff patch",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "application/x-sh": "sh bash zsh",
    "application/json": "json jsonc",
    "application/jsonl": "jsonl ndjson",
    "application/toml": "toml",
    "application/yaml": "yaml yml",
    "application/xml": "xml xsd xsl xslt",
    "application/sql": "sql",
    "application/rtf": "rtf",
    "application/x-ipynb+json": "ipynb",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
    DOCX: "docx",
    XLSX: "xlsx",
    PPTX: "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/epub+zip": "epub",
    "application/java-archive": "jar war",
    "application/vnd.android.package-archive": "apk",
    "application/zip": "zip whl",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tif tiff",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg oga opus",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "video/mp4": "mp4 m4v",
    "video/webm": "webm mkv",
    "video/quicktime": "mov",
}
_BY_SUFFIX: Final = {suffix: kind for kind, suffixes in _NAMES.items() for suffix in suffixes.split()}
_TEXT: Final = frozenset(
    "application/" + name for name in ("x-sh", "json", "jsonl", "toml", "yaml", "xml", "sql", "rtf", "x-ipynb+json")
) | {"image/svg+xml"}
# Containers whose first bytes say less than the name does.
_CONTAINERS: Final = {
    "application/zip": ("application/",),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "video/mp4": ("video/", "audio/"),
    "audio/ogg": ("audio/",),
}


def by_magic(head: bytes) -> str | None:
    """Return the type of a binary format that is recognised by its first `MAGIC_BYTES`, or None."""
    for offset, signature, kind in _MAGIC:
        if head.startswith(signature, offset) and (b"\x00" in head or not _could_be_words(signature)):
            return kind
    if head[:4] == b"RIFF" and b"\x00" in head:
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp" and b"\x00" in head:
        return _BRANDS.get(head[8:12], "video/mp4")
    # "BM" begins words too; bytes 6 to 9 of a bitmap are reserved and zero.
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp"
    if head[:2] == b"MZ" and b"\x00" in head[2:64]:
        return "application/vnd.microsoft.portable-executable"
    return _zip_kind(head) if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"} else None


def _could_be_words(signature: bytes) -> bool:
    """Whether a text could begin like that, were it not for zero bytes further on."""
    return (
        len(signature) <= _CHANCE and signature.isascii() and signature.decode().isprintable() and signature != b"%PDF-"
    )


def _zip_kind(head: bytes) -> str:
    """Return what kind of archive this is, from the names of its first members."""
    if head[30:38] == b"mimetype":  # OpenDocument and EPUB begin with a member that says it
        stored = head[38:].split(b"PK", 1)[0].decode("ascii", "replace")
        if stored in _NAMES:
            return stored
    if b"[Content_Types].xml" in head or b"_rels/" in head or b"docProps/" in head:
        for folder, kind in _OFFICE:
            if folder in head:
                return kind
    return "application/zip"


def by_name(name: str) -> str | None:
    """Return the type that the ending of a file's name promises, or None."""
    return _BY_SUFFIX.get(name.rpartition(".")[2].lower()) if "." in name else None


def media_type(name: str, head: bytes, *, text: bool) -> str:
    """Return the type of a file that begins with `head`; `text` says whether it can be read as text.

    The bytes win: a picture named `.txt` is a picture, text named `.png` is text. A name decides among kinds of
    text, and says what is in a container.
    """
    found = by_magic(head)
    promised = by_name(name)
    if found is not None:
        return promised if promised and promised.startswith(_CONTAINERS.get(found, ("\0",))) else found
    if text:
        return promised if promised and (promised.startswith("text/") or promised in _TEXT) else "text/plain"
    return OCTETS
