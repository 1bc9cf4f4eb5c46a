"""Questions to the person at the host: the same ones in both eras, and nothing happens before the answer."""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.product import FACTS
from tests.support.tree import make_tree
from tests.support.wire_client import Era, Message, WireClient

SERVER = str(Path(__file__).with_name("asking_server.py"))
FORM: Message = {"elicitation": {}}
YES: Message = {"action": "accept", "content": {"ok": True}}
NO: Message = {"action": "decline"}


@dataclass
class Pending:
    """A call that waits for a person.

    Attributes:
        tool: that was called, with `arguments`.
        question: what the person is shown: `message` and `requestedSchema`.
        call: the id of a 2025 client's call, which is still open.
        asked: the id of the question that it was sent.
        state: what a 2026 client brings back.
    """

    tool: str
    arguments: Message
    question: Message
    call: int
    asked: int = 0
    state: str = ""


class Host(WireClient):
    """A client with a person in front of it, who is asked in the way of the era and answers when told to."""

    def __init__(
        self,
        *arguments: str,
        era: Era = Era.MODERN,
        capabilities: Message = FORM,
        answer_s: float = 120,
        most_open: int = 9,
    ) -> None:
        argv = [sys.executable, SERVER, str(answer_s), str(most_open), *arguments]
        super().__init__(argv, era=era, capabilities=capabilities)
        self.questions = itertools.count(1)
        self.shake_hands()

    def put(self, tool: str, **arguments: object) -> Pending:
        """Call a tool that asks."""
        return self.waiting(Pending(tool, arguments, {}, self.call(tool, **arguments)))

    def waiting(self, pending: Pending) -> Pending:
        """Return a call with the question that it came to."""
        if self.era is Era.LEGACY:
            request = self.asked(number := next(self.questions))[number - 1]
            assert request["method"] == "elicitation/create"
            return Pending(pending.tool, pending.arguments, request["params"], pending.call, asked=request["id"])
        result = self.result(pending.call)
        assert result["resultType"] == "input_required"
        (asked,) = result["inputRequests"].values()
        assert asked["method"] == "elicitation/create"
        return Pending(pending.tool, pending.arguments, asked["params"], pending.call, state=result["requestState"])

    def reply(self, pending: Pending, answer: Message, **others: object) -> Pending:
        """Answer the question. What comes of it has the id `call`."""
        if self.era is Era.LEGACY:
            self.send({"jsonrpc": "2.0", "id": pending.asked, "result": answer})
            return pending
        again: Message = {"name": pending.tool, "arguments": pending.arguments, "requestState": pending.state}
        again |= {"inputResponses": {"confirm": answer}} | others
        return Pending(pending.tool, pending.arguments, {}, self.request("tools/call", again))

    def text(self, pending: Pending) -> str:
        """Return what a call gives that comes to its end."""
        result = self.result(pending.call)
        assert not result.get("isError"), result
        text: str = result["content"][0]["text"]
        return text

    def refusal(self, pending: Pending) -> str:
        """Return the text of a call that is declined."""
        result = self.result(pending.call)
        assert result.get("isError"), result
        assert result["_meta"][FACTS]["code"] == "declined"
        text: str = result["content"][0]["text"]
        assert text.startswith("[declined] ")
        assert len(text) < 300
        return text


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only root."""
    return tmp_path_factory.mktemp("asked")


@pytest.fixture(scope="module")
def hosts(base: Path) -> Iterator[dict[Era, Host]]:
    """One of each era, with few places for calls and a short memory for questions."""
    limits = "--concurrent-calls", "2"
    with Host(str(base), *limits, era=Era.LEGACY) as old, Host(str(base), *limits, most_open=2) as new:
        yield {Era.LEGACY: old, Era.MODERN: new}


@pytest.fixture(params=Era, ids=lambda era: era.name.lower())
def host(request: pytest.FixtureRequest, hosts: dict[Era, Host]) -> Host:
    return hosts[request.param]


@pytest.fixture
def modern(hosts: dict[Era, Host]) -> Host:
    return hosts[Era.MODERN]


@pytest.fixture
def legacy(hosts: dict[Era, Host]) -> Host:
    return hosts[Era.LEGACY]


NUMBERS = itertools.count()


@pytest.fixture
def d(base: Path) -> Path:
    """A directory of two files that only this test uses."""
    return make_tree(base / f"d{next(NUMBERS)}", ["a = A", "b = B"])


def left(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def plain(host: Host) -> str:
    return host.text(Pending("", {}, {}, host.call("plain")))


def test_a_call_goes_on_when_the_person_says_yes_and_has_done_nothing_before(host: Host, d: Path) -> None:
    pending = host.put("empty", path=d.name)
    assert left(d) == ["a", "b"]
    assert host.text(host.reply(pending, YES)) == "removed 2"
    assert left(d) == []


def test_the_person_is_shown_the_same_in_both_eras(hosts: dict[Era, Host], d: Path) -> None:
    shown = []
    for host in hosts.values():
        pending = host.put("empty", path=d.name)
        shown.append(tuple(pending.question[part] for part in ("message", "mode", "requestedSchema")))
        host.refusal(host.reply(pending, NO))
    assert shown[0] == shown[1]
    message, mode, schema = shown[0]
    assert (message, mode) == (f'Remove 2 files from "{d.name}"?', "form")
    assert schema["required"] == ["ok"]
    assert schema["properties"]["ok"]["type"] == "boolean"
    assert schema["properties"]["ok"].keys() >= {"title", "description"}
    assert "default" not in schema["properties"]["ok"], "a form that is sent off unread agrees to nothing"


@pytest.mark.parametrize(
    "answer",
    [
        NO,
        {"action": "cancel"},
        {"action": "decline", "content": {"ok": True}},
        {"action": "accept"},
        {"action": "accept", "content": {}},
        {"action": "accept", "content": {"ok": False}},
        {"action": "accept", "content": {"ok": None}},
        {"action": "accept", "content": {"ok": "true"}},
        {"action": "accept", "content": {"ok": 1}},
        {"action": "accept", "content": {"ok": ["yes"]}},
        {"action": "accept", "content": {"OK": True}},
    ],
)
def test_anything_but_a_plain_yes_declines_the_call(host: Host, d: Path, answer: Message) -> None:
    assert host.refusal(host.reply(host.put("empty", path=d.name), answer)) == (
        f'[declined] Remove 2 files from "{d.name}"? The user did not agree. '
        "Do not repeat it; ask the user what to do instead."
    )
    assert left(d) == ["a", "b"]


def test_a_yes_is_not_good_for_facts_that_changed_in_between(host: Host, d: Path) -> None:
    pending = host.put("empty", path=d.name)
    (d / "a").rename(d / "c")
    again = host.waiting(host.reply(pending, YES))
    assert again.question["message"] == pending.question["message"]
    assert left(d) == ["b", "c"]
    assert host.text(host.reply(again, YES)) == "removed 2"


def test_whether_a_client_can_ask_is_what_it_says_of_forms(host: Host, d: Path) -> None:
    none: list[Message] = [{}, {"sampling": {}}, {"elicitation": {"url": {}}}]
    some: list[Message] = [{"elicitation": {"form": {}}}, {"elicitation": {"form": {}, "url": {}}}, FORM]
    for capabilities in none + some:
        host.capabilities = capabilities
        host.shake_hands()
        if capabilities in some:
            host.refusal(host.reply(host.put("empty", path=d.name), NO))
        else:
            told = host.refusal(Pending("", {}, {}, host.call("empty", path=d.name)))
            assert "needs the user's consent, and this client cannot ask for it. Remove them one by one." in told
    assert left(d) == ["a", "b"]


def test_several_questions_are_put_one_after_the_other_and_not_for_ever(host: Host) -> None:
    for questions in (5, 6):
        pending = host.put("several", questions=questions)
        for number in range(1, 5):
            pending = host.waiting(host.reply(pending, YES))
            assert pending.question["message"] == f"Is it {number}?"
        last = host.reply(pending, YES)
        if questions == 5:
            assert host.text(last) == "5 times yes"
        else:
            assert "answered 5 questions for this call, which is the most. Do less" in host.refusal(last)


def test_a_no_to_the_second_question_is_a_no(host: Host) -> None:
    second = host.waiting(host.reply(host.put("several", questions=2), YES))
    assert "Is it 1? The user did not agree." in host.refusal(host.reply(second, NO))


class TestModern:
    """The answer comes with the call, sent again."""

    def test_a_state_that_was_not_made_here_is_an_error_of_the_protocol(self, modern: Host, d: Path) -> None:
        pending = modern.put("empty", path=d.name)
        for forged in (pending.state[:-8] + "AAAAAAAA", pending.state[:20], "0" * 32, ""):
            assert modern.error(modern.reply(pending, YES, requestState=forged).call)["code"] == -32602
        assert left(d) == ["a", "b"]
        assert modern.text(modern.reply(pending, YES)) == "removed 2"

    def test_an_answer_is_good_for_the_arguments_that_were_asked_about(self, modern: Host, base: Path, d: Path) -> None:
        make_tree(base, ["other/c = C"])
        pending = modern.put("empty", path=d.name)
        changes: list[Message] = [{"arguments": {"path": "other"}}, {"arguments": {}}, {"name": "several"}]
        for change in changes:
            assert modern.error(modern.reply(pending, YES, **change).call)["code"] == -32602
        assert left(base / "other") == ["c"]

    def test_an_answer_that_is_sent_twice_is_asked_for_again(self, modern: Host, d: Path) -> None:
        pending = modern.put("empty", path=d.name)
        assert modern.text(modern.reply(pending, YES)) == "removed 2"
        make_tree(d, ["a = NEW", "b = NEW"])  # the very facts that the yes was about
        again = modern.waiting(modern.reply(pending, YES))
        assert left(d) == ["a", "b"]
        assert again.state != pending.state
        assert modern.text(modern.reply(again, YES)) == "removed 2"

    def test_a_no_cannot_be_turned_into_a_yes_by_answering_again(self, modern: Host, d: Path) -> None:
        pending = modern.put("empty", path=d.name)
        modern.refusal(modern.reply(pending, NO))
        modern.waiting(modern.reply(pending, YES))
        assert left(d) == ["a", "b"]

    @pytest.mark.parametrize("state", [{}, {"requestState": None}])
    def test_an_answer_to_no_question_is_none(self, modern: Host, d: Path, state: Message) -> None:
        arguments: Message = {"path": d.name}
        answered: Message = {"name": "empty", "arguments": arguments, "inputResponses": {"confirm": YES}}
        modern.waiting(Pending("empty", arguments, {}, modern.request("tools/call", answered | state)))
        assert left(d) == ["a", "b"]

    @pytest.mark.parametrize("responses", [None, {}, {"other": YES}])
    def test_a_call_sent_again_without_the_answer_is_asked_again_from_there(
        self, modern: Host, responses: Message | None
    ) -> None:
        second = modern.waiting(modern.reply(modern.put("several", questions=2), YES))
        again = modern.waiting(modern.reply(second, {}, inputResponses=responses))
        assert again.question["message"] == "Is it 1?"
        assert modern.text(modern.reply(again, YES)) == "2 times yes"

    @pytest.mark.parametrize(
        "answer", [{"action": "maybe"}, {}, {"action": "accept", "content": {"ok": {"deep": True}}}, True]
    )
    def test_what_is_no_answer_at_all_is_an_error_of_the_protocol_and_uses_nothing_up(
        self, modern: Host, d: Path, answer: Message
    ) -> None:
        pending = modern.put("empty", path=d.name)
        assert modern.error(modern.reply(pending, answer).call)["code"] == -32602
        assert left(d) == ["a", "b"]
        assert modern.text(modern.reply(pending, YES)) == "removed 2"

    def test_the_answer_to_another_kind_of_question_is_no_yes(self, modern: Host, d: Path) -> None:
        modern.refusal(modern.reply(modern.put("empty", path=d.name), {"roots": []}))
        assert left(d) == ["a", "b"]

    def test_of_too_many_open_questions_the_oldest_is_forgotten_and_put_again(self, modern: Host, d: Path) -> None:
        oldest, _, newest = [modern.put("empty", path=d.name) for _ in range(3)]
        modern.waiting(modern.reply(oldest, YES))
        assert left(d) == ["a", "b"]
        assert modern.text(modern.reply(newest, YES)) == "removed 2"


class TestLegacy:
    """The answer comes while the call waits."""

    def test_a_call_that_is_taken_back_takes_its_question_back(self, legacy: Host, d: Path) -> None:
        pending = legacy.put("empty", path=d.name)
        legacy.notify("notifications/cancelled", requestId=pending.call)
        legacy.wait_for(lambda: pending.asked in taken_back(legacy))
        legacy.reply(pending, YES)
        assert plain(legacy) == "served"
        assert not [
            message for message in legacy.received if message.get("id") == pending.call and "method" not in message
        ]
        assert left(d) == ["a", "b"]

    def test_calls_that_wait_for_a_person_hold_no_place(self, legacy: Host) -> None:
        waiting = [legacy.put("several") for _ in range(40)]
        assert plain(legacy) == "served"
        for pending in reversed(waiting):
            assert legacy.text(legacy.reply(pending, YES)) == "1 times yes"

    @pytest.mark.parametrize(
        "answer",
        [
            {"result": {}},
            {"result": {"action": "maybe"}},
            {"result": {"action": "accept", "content": {"ok": {"deep": True}}}},
            {"result": {"roots": []}},
            {"error": {"code": -32601, "message": "Method not found"}},
        ],
    )
    def test_a_client_that_fails_to_answer_is_told_what_to_do_without(
        self, legacy: Host, d: Path, answer: Message
    ) -> None:
        pending = legacy.put("empty", path=d.name)
        legacy.send({"jsonrpc": "2.0", "id": pending.asked, **answer})
        told = legacy.refusal(pending)
        assert "The client did not answer the question but failed. Remove them one by one." in told
        assert left(d) == ["a", "b"]

    def test_a_client_that_never_answers_is_waited_for_no_longer_than_the_limit(self, base: Path, d: Path) -> None:
        with Host(str(base), era=Era.LEGACY, answer_s=0.2) as host:
            pending = host.put("empty", path=d.name)
            assert "The user did not answer within 0.2 s. Ask the user, then repeat the call." in host.refusal(pending)
            host.wait_for(lambda: taken_back(host) == [pending.asked])
            host.reply(pending, YES)
            assert plain(host) == "served"
            assert left(d) == ["a", "b"]

    def test_a_call_counts_once_in_a_minute_and_a_client_that_leaves_is_not_waited_for(
        self, base: Path, d: Path
    ) -> None:
        """Else a limit of one call would leave no way to go on: the call that was answered would be one too many."""
        with Host(str(base), "--calls-per-minute", "2", era=Era.LEGACY) as host:
            assert host.text(host.reply(host.put("empty", path=d.name), YES)) == "removed 2"
            host.put("several")
            assert host.result(host.call("plain"))["_meta"][FACTS]["code"] == "busy"
            host.close_stdin()
            assert host.exit_status() == 0


def taken_back(host: Host) -> list[int]:
    """Return the questions that the server took back."""
    return [m["params"]["requestId"] for m in host.received if m.get("method") == "notifications/cancelled"]
