"""Asking the person at the host, in the way of each era, and knowing which answers are still good.

2026 clients get the question as the result of their call, and send the call again with the answer. 2025 clients are
asked while their call waits. A client that can do neither is told what to do without.

Source: specification 2026-07-28, multi-round-trip requests; 2025-06-18 and later, client/elicitation.
"""

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from fs_server.errors import Failure
from fs_server.handlers.eras import is_modern
from fs_server.tools.consent import Consent, Question

__all__ = ["ANSWER_S", "MOST_OPEN", "MOST_QUESTIONS", "Questions"]

ANSWER_S = 120.0
"""Seconds that a person has while a 2025 client's call waits. Some clients never answer."""

MOST_QUESTIONS = 5
"""Questions that one call may put. Facts that change faster than a person answers would go on for ever."""

MOST_OPEN = 1_000
"""Questions to 2026 clients that are remembered. The oldest is forgotten first, and put again if it is answered."""

_KEY = "confirm"
_OK = "ok"
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        _OK: {
            "type": "boolean",
            "title": "Yes, do it",
            "description": "Without this nothing is changed.",
        }
    },
    "required": [_OK],
}


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that a 2026 client was sent away with, and what was agreed to before it."""

    question: Question
    before: Consent


class Questions:
    """Puts the questions of tools, and takes each answer once.

    `RequestStateBoundary` stands before it: the state that comes here was made here, for the same tool and the same
    arguments. It could still be sent twice, so it is no more than a number that is known until it is used.
    """

    def __init__(self, *, answer_s: float = ANSWER_S, most_open: int = MOST_OPEN) -> None:
        """Give a 2025 client's person `answer_s` seconds, and remember `most_open` questions to 2026 clients."""
        self._answer_s = answer_s
        self._most_open = most_open
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def answered(self, params: t.CallToolRequestParams) -> Consent:
        """Return what a person has agreed to with this call, and before it. Asked twice, it is nothing.

        Raises:
            Failure: `declined`: the person said no.
        """
        asked = self._open.pop(params.request_state or "", None)
        if asked is None:
            return Consent()
        answer = (params.input_responses or {}).get(_KEY)
        if answer is None:  # sent again before anybody answered
            return asked.before
        _require_yes(answer, asked.question)
        return asked.before.and_to(asked.question)

    async def put(
        self, ctx: ServerRequestContext[Any, Any], question: Question, before: Consent
    ) -> Consent | t.InputRequiredResult:
        """Return what was agreed to with the answer, or what a 2026 client has to be answered to get one.

        Raises:
            Failure: `declined`: the person said no, or nothing, or cannot be asked.
        """
        if not _can_be_asked(ctx):
            fact = "This needs the user's consent, and this client cannot ask for it"
            raise Failure("declined", question.words, fact, question.otherwise)
        if len(before.given) >= MOST_QUESTIONS:
            fact = f"The user has answered {MOST_QUESTIONS} questions for this call, which is the most"
            raise Failure("declined", question.words, fact, "Do less in one call")
        if is_modern(ctx):
            return self._sent_away(question, before)
        _require_yes(await self._answer(ctx, question), question)
        return before.and_to(question)

    def _sent_away(self, question: Question, before: Consent) -> t.InputRequiredResult:
        state = secrets.token_hex(16)
        self._open[state] = _Open(question, before)
        if len(self._open) > self._most_open:
            self._open.popitem(last=False)
        form = t.ElicitRequestFormParams(message=question.words, requested_schema=_FORM)
        return t.InputRequiredResult(input_requests={_KEY: t.ElicitRequest(params=form)}, request_state=state)

    async def _answer(self, ctx: ServerRequestContext[Any, Any], question: Question) -> t.ElicitResult:
        try:
            async with asyncio.timeout(self._answer_s):
                return await ctx.session.elicit_form(question.words, _FORM, related_request_id=ctx.request_id)
        except TimeoutError as error:
            fact = f"The user did not answer within {self._answer_s:g} s"
            raise Failure("declined", question.words, fact, "Ask the user, then repeat the call") from error
        except (MCPError, ValueError) as error:  # an error, or what is no answer to a form
            fact = "The client did not answer the question but failed"
            raise Failure("declined", question.words, fact, question.otherwise) from error


def _can_be_asked(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = None if capabilities is None else capabilities.elicitation
    if elicitation is None:
        return False
    # One that says neither has forms: they were all that there was when the capability was an empty object.
    return elicitation.form is not None or elicitation.url is None


def _require_yes(answer: t.InputResponse, question: Question) -> None:
    """Return if the answer is a plain yes. Anything else is a no, whatever a client makes of a person's words."""
    content = answer.content if isinstance(answer, t.ElicitResult) and answer.action == "accept" else None
    if content is None or content.get(_OK) is not True:
        step = "Do not repeat it; ask the user what to do instead"
        raise Failure("declined", question.words, "The user did not agree", step)
