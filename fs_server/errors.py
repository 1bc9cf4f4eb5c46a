"""Every sentence a model or a person can be refused with.

One form: `[code] what failed, in the caller's own words. The fact, with numbers. One next step.` The sandbox
raises kinds with facts and no words; `explain` is the only place that gives them words, so a change of wording
never touches the code that decides, and the same question gets the same answer whether or not something exists
outside the roots.
"""

__all__ = ["Failure"]

LONGEST = 300
"""Characters of a whole refusal. Clients cut long errors in the middle, and the next step stands at the end."""


class Failure(Exception):  # noqa: N818 - "Failure" is the word the results use; it is raised, never a defect
    """A refusal that the caller can read, repair or give up on.

    Attributes:
        code: stable, from the list in `docs/errors.md`.
        what: what was asked and failed, in the caller's words.
        fact: why, with numbers.
        step: the one thing to do next.
    """

    def __init__(self, code: str, what: str, fact: str = "", step: str = "") -> None:
        self.code = code
        self.what = what
        self.fact = fact
        self.step = step
        sentences = " ".join(_sentence(part) for part in (what, fact, step) if part)
        super().__init__(f"[{code}] {sentences}"[:LONGEST])


def _sentence(part: str) -> str:
    return part if part.endswith((".", "?", "!")) else f"{part}."
