"""Text of an open file as a reader wants it: a window, the facts about it, and how to go on."""

from dataclasses import dataclass

from fs_server.files.encoding import SAMPLE_BYTES, Binary, Encoding, detect, named
from fs_server.files.eol import eol
from fs_server.files.etag import etag
from fs_server.files.lines import Window, window
from fs_server.files.readable import Readable, Stop

__all__ = ["Reading", "encoding_of", "read_text"]

HASHED_BYTES = 16 << 20
"""Files up to this size come with their etag, which takes about 10 ms at most; `file_info` gives it for any."""

_EOL_NAMES = {"lf": "LF", "crlf": "CRLF", "cr": "CR", "mixed": "mixed line endings", "none": ""}


@dataclass(frozen=True, slots=True)
class Reading:
    """A window of lines for a reader.

    Attributes:
        text: the lines, exactly as stored, or with their numbers in front.
        facts: for programs.
        notes: on the window, for the model, in the order in which they matter.
        stored: how the bytes are stored: encoding and line endings.
    """

    text: str
    facts: dict[str, object]
    notes: tuple[str, ...]
    stored: tuple[str, ...]


def encoding_of(file: Readable, label: str, *, as_text: bool = False) -> Encoding | Binary:
    """Return what the bytes of a file mean: what the caller says, or what its first bytes show.

    `as_text` takes a file that is no text as one: as UTF-8, and what is none of that as U+FFFD.

    Raises:
        Failure: `unsupported_encoding`.
    """
    head = file.read_at(0, SAMPLE_BYTES)
    if label:
        return named(label, head)
    found = detect(head, file.size)
    return named("utf-8", head) if as_text and isinstance(found, Binary) else found


def read_text(
    file: Readable,
    encoding: Encoding,
    *,
    start_line: int,
    line_count: int,
    numbered: bool,
    max_chars: int,
    stop: Stop | None,
) -> Reading:
    """Return lines of `file` from `start_line` on, at most `max_chars` of them in all.

    Raises:
        Failure: the window makes no sense, or the caller has left.
    """
    # Numbers take room too. A first look without them tells how many lines there are to number.
    seen = window(file, encoding, start_line=start_line, line_count=line_count, max_chars=max_chars, stop=stop)
    text = seen.text
    if numbered:
        text = _numbered(seen)
        while len(text) > max_chars and (count := len(seen.lines())) > 1:
            fewer = max(1, min(count - 1, count * max_chars // len(text)))
            seen = window(file, encoding, start_line=start_line, line_count=fewer, max_chars=max_chars, stop=stop)
            text = _numbered(seen)
    facts: dict[str, object] = {
        "encoding": encoding.name,
        "eol": eol(seen.text),
        "start_line": seen.start_line,
        "end_line": seen.end_line,
        "total_lines": seen.total_lines,
        "next_start_line": seen.next_start_line,
        "truncated": seen.next_start_line is not None,
    }
    if file.size <= HASHED_BYTES:
        facts["etag"] = etag(file, stop=stop)
    guessed = "" if encoding.certain else " (guessed; pass encoding to be sure)"
    return Reading(
        text=text,
        facts={key: value for key, value in facts.items() if value is not None},
        notes=_notes(seen),
        stored=(f"{encoding.name}{guessed}", _EOL_NAMES[eol(seen.text)]),
    )


def _numbered(seen: Window) -> str:
    first = seen.start_line
    if first is None:  # the end of a file too large to count: lines are counted from there
        first = -1 - len(seen.lines()) + 1 if seen.next_start_line is None else seen.next_start_line - len(seen.lines())
    return "".join(f"{number:>6}\t{line}" for number, line in enumerate(seen.lines(), first))


def _notes(seen: Window) -> tuple[str, ...]:
    if seen.start_line is not None:
        of = f" of {seen.total_lines}" if seen.total_lines is not None else ""
        lines = f"lines {seen.start_line}-{seen.end_line}{of}"
    elif seen.text:
        lines = f"{len(seen.lines())} lines near the end; the file is too large to count the lines before"
    else:
        lines = f"no lines here; the file has {seen.total_lines}"
    return (
        lines,
        f"{seen.undecodable} undecodable places are shown as U+FFFD" if seen.undecodable else "",
        f"this line has {seen.cut_line_bytes} bytes and was cut" if seen.cut_line_bytes else "",
        f"more: start_line={seen.next_start_line}" if seen.next_start_line is not None else "",
    )
