"""One .gitignore file as rules: what each line leaves out, byte by byte as git reads it.

A repository is a stranger's work, and so are its patterns. A line that means nothing to git means nothing here, and
matching takes time in proportion to the name: pathspec's regular expressions, which serve the operator's own
patterns, need 19 s for `**/a/**/a/**/a/**/a/**/a/**/b` on a hundred directories `a`, and nothing else runs meanwhile.

Two oddities of git are not followed: `a**/b`, which it takes for `a` and `**/b` although its page says that this is
`a*/b`, and a `/` inside of brackets, which cannot match anything.

Source: gitignore(5); dir.c and wildmatch.c of git 2.39 for what the page leaves open.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Rule", "rules_of"]

_SPECIAL = re.compile(rb"[*?\[\\]")
_ESCAPED_SLASH = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\/"
)  # an odd number of backslashes: the last one belongs to the slash
_ANY = re.compile(b".*", re.DOTALL)
_CLASSES = {
    name: re.compile(members)
    for name, members in {
        b"alnum": rb"[0-9A-Za-z]",
        b"alpha": rb"[A-Za-z]",
        b"blank": rb"[ \t]",
        b"cntrl": rb"[\x00-\x1f\x7f]",
        b"digit": rb"[0-9]",
        b"graph": rb"[!-~]",
        b"lower": rb"[a-z]",
        b"print": rb"[ -~]",
        b"punct": rb"[!-/:-@\[-`{-~]",
        b"space": rb"[ \t\n\r]",  # git's own idea of it: no vertical tab, no form feed
        b"upper": rb"[A-Z]",
        b"xdigit": rb"[0-9A-Fa-f]",
    }.items()
}

Segment = bytes | re.Pattern[bytes] | None
"""What one name has to be: these bytes, or this expression; None is `**`, any number of names."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line.

    Attributes:
        segments: what the names beneath the file's own directory have to be, one by one.
        leaves_out: or takes back, with `!`.
        directories_only: the pattern ended in `/`.
    """

    segments: tuple[Segment, ...]
    leaves_out: bool
    directories_only: bool

    def matches(self, names: Sequence[bytes], *, directory: bool) -> bool:
        """Tell whether the rule speaks of these names. Of several `**`, going back to the last one is enough."""
        if self.directories_only and not directory:
            return False
        segments = self.segments
        at = name = 0
        back_to: tuple[int, int] | None = None
        while name < len(names):
            if at < len(segments) and segments[at] is None:
                at += 1
                back_to = at, name
            elif at < len(segments) and _fits(segments[at], names[name]):
                at += 1
                name += 1
            elif back_to is not None:
                at, name = back_to[0], back_to[1] + 1
                back_to = at, name
            else:
                return False
        return at == len(segments)


def _fits(segment: Segment, name: bytes) -> bool:
    if isinstance(segment, re.Pattern):
        return segment.fullmatch(name) is not None
    return segment == name


def rules_of(text: bytes) -> Iterator[Rule]:
    """Yield the rules of a file, in its order; the last that matches decides."""
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.startswith(b"#"):
            rule = _rule(_trimmed(line.removesuffix(b"\r").partition(b"\0")[0]))
            if rule is not None:
                yield rule


def _trimmed(line: bytes) -> bytes:
    """Return the line without the spaces at its end, but for one that a backslash keeps."""
    kept = line.rstrip(b" ")
    escapes = len(kept) - len(kept.rstrip(b"\\"))
    return line[: len(kept) + escapes % 2]


def _rule(line: bytes) -> Rule | None:
    pattern = line.removeprefix(b"!")
    path = pattern.removesuffix(b"/")
    if not path:
        return None
    try:
        plain = _ESCAPED_SLASH.sub(rb"\1/", path.removeprefix(b"/"))
        segments = [_segment(part) for part in plain.split(b"/")]
    except _MatchesNothing:
        return None
    if b"/" not in path:
        segments.insert(0, None)
    if segments[-1] is None:  # a/** is everything in a, and not a itself
        segments.append(_ANY)
    return Rule(tuple(segments), leaves_out=pattern == line, directories_only=path != pattern)


class _MatchesNothing(Exception):
    """The pattern is broken: git takes it and never matches it."""


def _segment(part: bytes) -> Segment:
    if len(part) > 1 and not part.strip(b"*"):  # three stars and more mean the same as two
        return None
    if not _SPECIAL.search(part):
        return part
    first, *others = _between_stars(part)
    if not others:
        return re.compile(first, re.DOTALL)
    # The first place where a piece fits is as good as any later one, so none is ever taken back: (?>…).
    middle = b"".join(b"(?>.*?%b)" % piece for piece in others[:-1])
    return re.compile(first + middle + b".*" + others[-1], re.DOTALL)


def _between_stars(part: bytes) -> list[bytes]:
    """Return the expressions between the stars of a segment; each matches a fixed number of bytes."""
    pieces = [b""]
    at = 0
    while at < len(part):
        char = part[at : at + 1]
        at += 1
        if char == b"*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append(b"")
        elif char == b"?":
            pieces[-1] += b"."
        elif char == b"[":
            members, at = _class(part, at)
            pieces[-1] += members
        else:
            if char == b"\\":
                char = part[at : at + 1]
                at += 1
            if not char:
                raise _MatchesNothing
            pieces[-1] += re.escape(char)
    return pieces


def _class(part: bytes, at: int) -> tuple[bytes, int]:
    """Return the expression of the bracket whose inside begins at `at`, and where the pattern goes on."""
    negated = part[at : at + 1] in {b"!", b"^"}
    at += negated
    members: set[int] = set()
    previous: int | None = None
    first = True
    while first or part[at : at + 1] != b"]":
        first = False
        if part[at : at + 2] == b"[:" and (end := part.find(b"]", at + 2)) > at + 2 and part[end - 1 : end] == b":":
            members |= _named_class(part[at + 2 : end - 1])
            previous, at = None, end + 1
        elif part[at : at + 1] == b"-" and previous is not None and part[at + 1 : at + 2] not in {b"", b"]"}:
            last, at = _member(part, at + 1)
            members |= set(range(previous, last + 1))
            previous = None
        else:
            previous, at = _member(part, at)
            members.add(previous)
    if negated:
        members = set(range(256)) - members
    return b"[%b]" % b"".join(rb"\x%02x" % member for member in sorted(members)), at + 1


def _member(part: bytes, at: int) -> tuple[int, int]:
    at += part[at : at + 1] == b"\\"
    if at >= len(part):
        raise _MatchesNothing
    return part[at], at + 1


def _named_class(name: bytes) -> set[int]:
    if name not in _CLASSES:
        raise _MatchesNothing
    return {byte for byte in range(256) if _CLASSES[name].fullmatch(bytes([byte]))}
