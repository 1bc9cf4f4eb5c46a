"""What the operator allows, decided on names alone; no file is looked at.

Two refusals stand on their own: this one cannot see links, and the resolver cannot see rules. So a policy is asked
twice, for names as the client wrote them and for the real ones of what was opened, and both must pass.
"""

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from sandbox.errors import ConfigRefused, ProtectedPath, ReadOnly
from sandbox.names import fold

__all__ = ["Access", "Patterns", "Rules"]


class Access(enum.StrEnum):
    """What a caller wants of a place."""

    READ = "read"
    LIST = "list"
    INSPECT = "inspect"
    WRITE = "write"
    CONFIRMED = "confirmed"
    """Writing what a person was asked about, and agreed to: names that an ask pattern covers are no obstacle."""

    @property
    def writes(self) -> bool:
        """Whether something would be changed."""
        return self in {Access.WRITE, Access.CONFIRMED}


class Patterns:
    """Patterns of names in the syntax of .gitignore, compared folded; one without a leading `/` holds at any depth.

    A pattern covers what it names and everything beneath. The last pattern that matches decides, so `!` makes an
    exception.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile `patterns`.

        Raises:
            ConfigRefused: one of them can match nothing: a rule that protects nothing must not look like one.
        """
        self.texts = tuple(patterns)
        self._last_first = tuple(map(_compiled, reversed(self.texts)))
        self._any = _union([names for _, names, _ in self._last_first])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def rule_for(self, folded: str) -> str | None:
        """Return the pattern that covers the folded names, joined by `/`; None where none does."""
        # Nearly every name is covered by no pattern, and one look at all of them together tells that.
        if self._any.match(folded) is None:
            return None
        # Not asked of a GitIgnoreSpec, which lets an exception for a file win over a later pattern for its directory.
        for text, names, covers in self._last_first:
            if names.match(folded):
                return text if covers else None
        return None


@dataclass(frozen=True)
class Rules:
    """What may be done in one root.

    Attributes:
        secret: never read, described, listed or written.
        protected: never written, but for what `ask` covers.
        ask: written only if a person agrees, whether protected or not.
        writable: whether anything may be written at all.
    """

    secret: Patterns = field(default_factory=lambda: Patterns(()))
    protected: Patterns = field(default_factory=lambda: Patterns(()))
    ask: Patterns = field(default_factory=lambda: Patterns(()))
    writable: bool = True

    def require(self, parts: Sequence[str], access: Access, *, root: str) -> None:
        """Return if `access` to the names `parts` of `root` is allowed.

        Raises:
            ProtectedPath: a pattern covers them. With the fact `ask`, an ask pattern, `Access.CONFIRMED` is allowed.
            ReadOnly: nothing in this root may be written.
        """
        names = _folded(parts)
        rule = self.secret.rule_for(names)
        if rule is not None:
            raise ProtectedPath(rule=rule, access=(Access.WRITE if access.writes else access).value)
        if access.writes:
            if not self.writable:
                raise ReadOnly(root=root)
            self._require_write(names, confirmed=access is Access.CONFIRMED)

    def _require_write(self, names: str, *, confirmed: bool) -> None:
        ask = self.ask.rule_for(names)
        rule = self.protected.rule_for(names)
        if ask is None and rule is not None:
            raise ProtectedPath(rule=rule, access=Access.WRITE.value)
        if ask is not None and not confirmed:
            raise ProtectedPath(rule=rule or ask, access=Access.WRITE.value, ask=ask)

    def marks(self, parts: Sequence[str]) -> bool:
        """Tell whether a listing marks these names as protected: for reading, or for writing."""
        names = _folded(parts)
        return any(patterns.rule_for(names) is not None for patterns in (self.secret, self.protected, self.ask))

    def hides(self, parts: Sequence[str]) -> bool:
        """Tell whether these names are secret: a walk does not enter them and no content of them is shown."""
        return self.secret.rule_for(_folded(parts)) is not None


def _compiled(text: str) -> tuple[str, re.Pattern[str], bool]:
    """Return a pattern, the expression of the names that it matches, and whether it covers them or excepts them."""
    if "[[:" in text:  # a set that pathspec takes for something else
        raise ConfigRefused(text, reason="this pattern names a character class, which is not supported; list a-z")
    try:
        pattern = GitIgnoreSpecPattern(_anywhere(text))
    except (GitIgnorePatternError, re.error) as error:
        raise ConfigRefused(text, reason="this pattern has no meaning in .gitignore syntax") from error
    if pattern.regex is None:
        raise ConfigRefused(text, reason="this pattern can match no name")
    # DOTALL: a directory's name may hold a line's end, and what lies in it is covered all the same.
    return text, re.compile(pattern.regex.pattern, re.DOTALL), bool(pattern.include)


def _union(patterns: Sequence[re.Pattern[str]]) -> re.Pattern[str]:
    """Return an expression that matches whatever one of `patterns` does, and a little more.

    More, because each is tried at any depth: a search for that depth is what costs, and is made once instead of
    once for each. Their named groups go, since a name may stand only once.
    """
    if not patterns:
        return re.compile(r"(?!)")
    bodies = [re.sub(r"\?P<\w+>", "", each.pattern).removeprefix("^").removeprefix("(?:.+/)?") for each in patterns]
    return re.compile(f"(?:.+/)?(?:{'|'.join(bodies)})", re.DOTALL)


def _anywhere(pattern: str) -> str:
    """Return a pattern that holds at any depth and covers the named thing together with all beneath it."""
    sign = "!" if pattern.startswith("!") else ""
    body = pattern[len(sign) :].removesuffix("/**").rstrip("/")
    if body.startswith(("/", "**/")) or "/" not in body:
        return sign + _fold_pattern(body)
    return f"{sign}**/{_fold_pattern(body)}"


def _fold_pattern(pattern: str) -> str:
    """Fold the names in a pattern as the names that it is compared with are folded."""
    return "/".join(fold(part) if part else part for part in pattern.split("/"))


def _folded(parts: Sequence[str]) -> str:
    return "/".join([fold(part) for part in parts if part != ".."])
