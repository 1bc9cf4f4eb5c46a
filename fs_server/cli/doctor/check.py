"""One thing that was looked at, and what was found. The same for a person and for programs."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Act", "Check", "Fact", "State", "done", "refused"]

Fact = str | int | bool | None | list[str]


class State(enum.StrEnum):
    """What a check came to.

    `HOLDS`: what the settings require is so. `FAILS`: it is not. `ABSENT`: there is no such thing here, and nothing
    requires it. `KNOWN`: a fact, neither good nor bad.
    """

    HOLDS = "holds"
    FAILS = "fails"
    ABSENT = "absent"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was tried: the canary.

    Attributes:
        name: what, as in "a command could …".
        due: what should come of it: `refused`, `done`, or `open` where nothing is promised.
        came: what came of it, `refused` or `done`.
    """

    name: str
    due: str
    came: str

    @property
    def good(self) -> bool:
        """Tell whether it came as it should."""
        return self.due in {"open", self.came}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at.

    Attributes:
        id: what kind of thing; stable.
        subject: which of them, where there are several: the name of a root or a tier.
        state: what it came to.
        summary: by which mechanism it holds, or why it does not.
        facts: for programs; stable names.
        acts: that show it.
        not_prevented: what can be done in spite of all.
        improve: what the operator can do about that.
    """

    id: str
    state: State
    summary: str
    subject: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    not_prevented: tuple[str, ...] = ()
    improve: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it for programs: every key, always."""
        return {
            "id": self.id,
            "subject": self.subject,
            "state": self.state.value,
            "summary": self.summary,
            "facts": dict(self.facts),
            "acts": [{"act": act.name, "due": act.due, "came": act.came} for act in self.acts],
            "not_prevented": list(self.not_prevented),
            "improve": list(self.improve),
        }


def refused(name: str, *, came: bool) -> Act:
    """Return an act that should be refused; `came` tells whether it was."""
    return Act(name, "refused", "refused" if came else "done")


def done(name: str, *, came: bool) -> Act:
    """Return an act that should be possible; `came` tells whether it was."""
    return Act(name, "done", "done" if came else "refused")
