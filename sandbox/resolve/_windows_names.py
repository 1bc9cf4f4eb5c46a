r"""The name gate for Windows: which texts may become names there, decided on the text alone.

Win32 gives many names a second meaning: `nul.txt` is a device, `f:s` a stream of `f`, `f.` is `f`, `C:f` depends
on a current directory, `\\server\share` sends the user's password hash to a stranger. A name that passes here has
one meaning. The gate is asked before anything is opened; what is opened then goes through the native interface,
which knows none of these second meanings, so that each is refused twice.

Source: "Naming Files, Paths, and Namespaces" and "File path formats on Windows systems" (Microsoft Learn).
"""

import re

from sandbox.errors import InvalidPath, NameTooLong, OutsideRoots

__all__ = ["LONGEST_NAME", "require_plain", "slashed"]

LONGEST_NAME = 255
"""UTF-16 units of one name: the limit of NTFS, ReFS, exFAT and FAT."""

# ¹ ² ³ count as digits in the old tables, and Windows still honours them there. COM0 and LPT0 are devices to
# some versions only. CONIN$ and CONOUT$ take no ending, but refusing `conin$.txt` costs nobody a file.
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}) | {
    port + digit for port in ("COM", "LPT") for digit in "0123456789¹²³"
}
_RESERVED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_DRIVE = re.compile(r"/?([A-Za-z]:)(?=/|\Z)")
_DRIVE_RELATIVE = re.compile(r"[A-Za-z]:[^/]")


def slashed(text: str, subject: str) -> str:
    r"""Return `text` with `/` as its only separator, and before the drive of an absolute path: `C:\a` is `/C:/a`.

    Every name in it has passed `require_plain`; `.`, `..` and empty names stay. The path of a `file:///C:/a` URI
    may be given too. `subject` is what a refusal tells of.

    Raises:
        OutsideRoots: a path that starts at no drive: `\a`, `\\server\share`, `\\?\…`, `\\.\…`, `\??\…`.
        InvalidPath, NameTooLong: `C:a`, or a name that is not plain.
    """
    path = text.replace("\\", "/")
    drive = _DRIVE.match(path)
    if path.startswith("/") and not drive:
        raise OutsideRoots(subject)
    if _DRIVE_RELATIVE.match(path):
        raise InvalidPath(subject, reason="a drive needs a separator behind it, as in C:\\name")
    rest = path[drive.end() :] if drive else path
    for name in rest.split("/"):
        if name not in {"", ".", ".."}:
            require_plain(name, subject)
    return f"/{drive[1].upper()}{rest}" if drive else path


def require_plain(name: str, subject: str = "") -> None:
    """Return if `name` can only be the name of a file or directory that is called so.

    Raises:
        InvalidPath: it is empty, a device, names a stream, or Win32 would take it for another name.
        NameTooLong: it is longer than `LONGEST_NAME`.
    """
    # Characters beyond the sixteen-bit plane take two units; half characters, which Windows permits, one.
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if units > LONGEST_NAME:
        raise NameTooLong(subject, characters=units, limit=LONGEST_NAME)
    found = _RESERVED.search(name)
    if found:
        raise InvalidPath(subject, reason=f"Windows names cannot hold {found[0]!r}")
    if not name or name[-1] in ". ":
        raise InvalidPath(subject, reason="Windows takes away a dot or a space at the end of a name")
    # The device is found behind any ending, and behind spaces before it: "LPT1 .txt".
    stem = name.partition(".")[0].rstrip(" ").upper()
    if stem in _DEVICES:
        raise InvalidPath(subject, reason=f"{stem} is a device on Windows")
