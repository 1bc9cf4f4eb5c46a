"""Every sentence a model or a person can be refused with.

One form: `[code] what failed, in the caller's own words. The fact, with numbers. One next step.` The sandbox
raises kinds with facts and no words; `explain` is the only place that gives them words, so a change of wording
never touches the code that decides, and the same question gets the same answer whether or not something exists
outside the roots.
"""

import errno
from collections.abc import Mapping

from sandbox import Code, SandboxError, shown

__all__ = ["Failure", "explain", "failed_io", "quoted"]

LONGEST = 299
"""Characters of a whole refusal. What is too long is shortened in the middle: the next step stands at the end."""

LONGEST_QUOTE = 90
"""Characters of the caller's own words in a refusal; of longer ones, the beginning and the end."""


class Failure(Exception):
    """A refusal that the caller can read, repair or give up on.

    Attributes:
        code: stable; the list stands in `docs/errors.md`.
        what: what was asked and failed, in the caller's words.
        fact: why, with numbers.
        step: the one thing to do next.
    """

    def __init__(self, code: str, what: str, fact: str = "", step: str = "") -> None:
        self.code = code
        self.what = what
        self.fact = fact
        self.step = step
        super().__init__(_told(code, what, fact, step))

    def about(self, subject: str) -> "Failure":
        """Return the same refusal, told of what the caller named: of `subject`, in the caller's words."""
        return Failure(self.code, f"{subject}: {self.what}", self.fact, self.step)


def quoted(text: str) -> str:
    """Return the caller's words between quotes, escaped and not too long."""
    # Shortened before it is escaped too: a caller may send megabytes, and escaping goes character by character.
    return f'"{_ends(shown(_ends(text)))}"'


def explain(refusal: SandboxError, what: str = "") -> Failure:
    """Return what the sandbox refused, in words. `what` was asked; without it, what the refusal is about."""
    fact, step = _BEING_WRITTEN if "writer" in refusal.facts else _WORDS[refusal.code]
    facts = _Facts(refusal.facts)
    what = what or quoted(refusal.subject)
    if "inside" in refusal.facts:  # it is about something in what the caller named
        what = f"{what}, in it {quoted(str(refusal.facts['inside']))}"
    return Failure(refusal.code.value, what, fact.format_map(facts), step.format_map(facts))


def failed_io(what: str, error: OSError) -> Failure:
    """Return what a system call on an open file failed with, in words. The error's own text may hold a host's path."""
    fact, step = _WORDS[Code.IO_ERROR]
    name = errno.errorcode.get(error.errno or 0, "nothing known")
    return Failure(Code.IO_ERROR.value, what, fact.format(errno=name), step)


class _Facts(dict[str, str | int]):
    """The facts of a refusal, escaped for a reader; one that is missing is told as "?"."""

    def __init__(self, facts: Mapping[str, str | int]) -> None:
        super().__init__({key: shown(str(value)) for key, value in facts.items()})

    def __missing__(self, key: str) -> str:
        return "?"


_ROOTS = "list_roots shows the roots and how to write paths"

_WORDS: Mapping[Code, tuple[str, str]] = {
    Code.OUTSIDE_ROOTS: ("The path lies beneath none of the roots", f"Give a path inside a root; {_ROOTS}"),
    Code.ESCAPES_ROOT: (
        "The path leads out of its root, by .. or by a link; absolute links count as leading out",
        "Give a path that stays inside",
    ),
    Code.INVALID_PATH: ("This cannot be a path here: {reason}", f"Write it another way; {_ROOTS}"),
    Code.UNSUPPORTED_URI: (
        "This URI is not served here: {reason}",
        "Give a path, or file:///absolute/path with bytes percent-encoded",
    ),
    Code.NOT_FOUND: ("Nothing is there", "list_directory on its parent shows what is; names are case-sensitive"),
    Code.NOT_DIRECTORY: ("A directory is needed here, and this is none", "Use read_file or file_info for a file"),
    Code.IS_DIRECTORY: ("This is a directory", "Use list_directory, or name a file in it"),
    Code.NOT_REGULAR_FILE: ("This is no regular file but a {kind}, which is never opened", "Choose a regular file"),
    Code.SYMLINK_LOOP: ("Its links lead in a circle, or through more than 40 hops", "Name the file itself"),
    Code.DANGLING_SYMLINK: ("This link leads to nothing", "Name the file itself, not the link"),
    Code.NAME_TOO_LONG: ("A name in it, or the whole, is longer than the system takes", "Use a shorter path"),
    Code.PROTECTED_PATH: (
        "The rule {rule} of this server's settings keeps it from access ({access})",
        "Only the operator can change that; go on without this file",
    ),
    Code.READ_ONLY: ("The root {root} is read-only", "Only the operator can change that"),
    Code.CROSS_DEVICE: (
        "Something in it lies on another file system (a mount)",
        "Work on what lies on each file system by itself",
    ),
    Code.PERMISSION_DENIED: (
        "The operating system does not let the server's user do this",
        "Ask the user to change the permissions",
    ),
    Code.ROOT_GONE: (
        "The directory of the root {root} was removed or replaced since the server started",
        "Ask the user to restart the server",
    ),
    Code.CONFIG_REFUSED: ("{reason}", "Change the server's settings"),
    Code.IO_ERROR: ("The system answered {errno}", "Try once more; if it stays, ask the user to look at the disk"),
    Code.EXISTS: (
        "Something stands there already, and nothing is replaced unasked",
        "Choose another name, or ask for replacing (if_exists, overwrite)",
    ),
    Code.NOT_EMPTY: ("The directory is not empty", "Pass recursive=true to remove it with all that it holds"),
    Code.REFUSED_ROOT: ("This is the root {root}, or holds it", "Name something inside of the root"),
    Code.HARDLINK_REFUSED: (
        "The file has {links} names (hard links), and what is added would be seen under this one only",
        "Ask the user; edit_file and if_exists=replace make it a file of its own, and say so",
    ),
    Code.CONFLICT: (
        "Somebody else changed it meanwhile; nothing of theirs was replaced, and nothing is changed",
        "Read it again, then repeat the change",
    ),
    Code.DISK_FULL: ("No room is left on the disk or in the user's quota; nothing is changed", "Ask the user for room"),
    Code.TOO_LARGE: ("These are {count} {what}; the limit is {limit}", "Do it in smaller parts"),
    Code.UNSUPPORTED_OP: ("This cannot be done here: {reason}", "Go on without it, or ask the user to do it"),
    Code.COMMAND_NOT_FOUND: (
        "No program of this name is there, or not where commands may read",
        "Name another program, or one in a root by a path with a slash",
    ),
    Code.COMMAND_REFUSED: ("This cannot be executed: {reason}", "Change the command"),
    Code.SANDBOX_UNAVAILABLE: (
        "Commands cannot be confined as the operator requires: {reason}",
        "Go on without commands; only the operator can allow a weaker confinement",
    ),
}


_BEING_WRITTEN = (
    "Just now {writer} has it open for writing, and what that writes would be lost; nothing is changed",
    "Repeat it when that is done, or ask the user to close the file there",
)
"""A conflict that has not happened yet."""


def _told(code: str, what: str, fact: str, step: str) -> str:
    """Return the sentences, at most `LONGEST` characters: the fact gives way first, then what was asked."""
    last = _sentence(step)
    room = LONGEST - len(f"[{code}]   ..{last}")
    fact = _cut(fact, max(room - len(what), room // 2))
    what = _cut(what, room - len(fact))
    sentences = " ".join(part for part in (_sentence(what), _sentence(fact), last) if part)
    return f"[{code}] {sentences}"[:LONGEST]


def _ends(text: str) -> str:
    """Return the beginning and the end of a text that is longer than a quotation may be."""
    if len(text) <= LONGEST_QUOTE:
        return text
    half = (LONGEST_QUOTE - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"


def _sentence(part: str) -> str:
    return part if not part or part.endswith((".", "?", "!", "…")) else f"{part}."
