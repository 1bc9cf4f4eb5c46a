"""What came of one kind of attack."""

from dataclasses import dataclass

__all__ = ["Tried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An act that was tried again and again.

    Attributes:
        where: the tier, or `files` for the tools that work on files.
        kind: what it is about.
        act: what was tried.
        times: how often.
        through: how often it got through.
        promised: whether none of it may get through.
        trouble: why it could not be tried; "" where it could.
    """

    where: str
    kind: str
    act: str
    times: int
    through: int
    promised: bool = True
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Tell whether nothing got through that should not; of what could not be tried nobody knows."""
        return not self.trouble and not (self.promised and self.through)

    def as_json(self) -> dict[str, object]:
        """Return it for programs: every key, always."""
        return {
            "where": self.where,
            "kind": self.kind,
            "act": self.act,
            "times": self.times,
            "through": self.through,
            "promised": self.promised,
            "trouble": self.trouble,
        }
