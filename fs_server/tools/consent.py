"""What a tool may not decide for the person at the host: it asks, and nothing has happened before the answer.

A tool asks when it knows what it would do and has done nothing yet. The answer comes in a call that begins anew, so a
tool has no state in which it waits: it plans again, asks the same question, and this time is let through. Where the
facts have changed in between, the question is another one, and is put again.
"""

from dataclasses import dataclass, field

__all__ = ["Consent", "Question", "Unconfirmed"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question for a person.

    Attributes:
        words: one sentence that a yes answers. Names in it are `quoted`: a stranger may have chosen them.
        about: what would be done and to what, as a short text that differs where anything of it differs, such as a
            digest. It is shown to nobody.
        otherwise: the next step where the client cannot ask: the setting, or what is small enough to need no answer.
    """

    words: str
    about: str
    otherwise: str = field(compare=False)


class Unconfirmed(Exception):
    """A person has to answer before the call can go on. Not a failure: nothing was refused yet."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.words)
        self.question = question


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person has agreed to in one call.

    Attributes:
        given: the questions that were answered with yes.
    """

    given: frozenset[Question] = frozenset()

    def require(self, words: str, *, about: str, otherwise: str) -> None:
        """Return if a person agreed to this very question. Call it after planning and before any change.

        Several questions in one call are put one after the other; see `Question` for the arguments.

        Raises:
            Unconfirmed: nobody has agreed yet. A tool lets it pass.
        """
        question = Question(words, about, otherwise)
        if question not in self.given:
            raise Unconfirmed(question)

    def and_to(self, question: Question) -> "Consent":
        """Return this consent with one more question answered with yes."""
        return Consent(self.given | {question})
