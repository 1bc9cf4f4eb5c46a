"""What a tool may count on before it changes anything."""

import asyncio
from typing import Any, cast

import pytest

from fs_server.services import Services
from fs_server.tools.answer import Answer, Text
from fs_server.tools.arguments import Arguments
from fs_server.tools.consent import Consent, Question, Unconfirmed
from fs_server.tools.tool import Effect, tool

ASKED = Question("Remove 3 files?", "a/b/c", "Remove one")


def test_nothing_is_agreed_to_before_somebody_was_asked() -> None:
    with pytest.raises(Unconfirmed, match=r"Remove 3 files\?") as raised:
        Consent().require("Remove 3 files?", about="a/b/c", otherwise="Remove one")
    question = raised.value.question
    assert (question.words, question.about, question.otherwise) == ("Remove 3 files?", "a/b/c", "Remove one")


def test_a_yes_is_good_for_the_same_question_about_the_same_facts_and_for_no_other() -> None:
    consent = Consent().and_to(ASKED)
    consent.require("Remove 3 files?", about="a/b/c", otherwise="in other words")
    for words, about in (("Remove 4 files?", "a/b/c"), ("Remove 3 files?", "a/b/d"), ("", "")):
        with pytest.raises(Unconfirmed):
            consent.require(words, about=about, otherwise="Remove one")


def test_each_yes_joins_those_before_it() -> None:
    other = Question("And the directory?", "d", "Leave it")
    consent = Consent().and_to(ASKED).and_to(other).and_to(ASKED)
    assert consent.given == {ASKED, other}
    for question in consent.given:
        consent.require(question.words, about=question.about, otherwise="")


class Nothing(Arguments):
    pass


@tool(title="Two parameters", effect=Effect.READ)
async def two(asked: Nothing, services: Services) -> Answer:
    """Ask nobody."""
    return Answer((Text(f"{asked!r} {services!r}"),))


@tool(title="Three parameters", effect=Effect.WRITE)
async def three(_asked: Nothing, _services: Services, consent: Consent) -> Answer:
    """Ask somebody."""
    consent.require(ASKED.words, about=ASKED.about, otherwise=ASKED.otherwise)
    return Answer((Text("done"),))


def test_a_tool_takes_the_consent_only_if_it_may_ask() -> None:
    nothing, services = Nothing(), cast("Any", "services")
    assert two.arguments is three.arguments is Nothing
    assert asyncio.run(_called(two, nothing, services, Consent())) == Answer((Text("Nothing() 'services'"),))
    assert asyncio.run(_called(three, nothing, services, Consent().and_to(ASKED))) == Answer((Text("done"),))
    with pytest.raises(Unconfirmed):
        asyncio.run(_called(three, nothing, services, Consent()))


async def _called(tool: Any, *given: Any) -> Answer:
    answer: Answer = await tool.call(*given)
    return answer
