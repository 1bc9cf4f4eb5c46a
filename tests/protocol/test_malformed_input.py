"""Whatever a line contains, the server answers what could be a request, and lives."""

import itertools
import json
from typing import Any

import pytest

from tests.protocol.conftest import Start
from tests.support.wire_client import ENVELOPE, Era, Message, WireClient

MEBIBYTE = 1024 * 1024
fresh_ids = (f"id-{n}" for n in itertools.count())


def answers_after(client: WireClient, data: bytes, wanted: int = 1) -> list[Message]:
    """Send bytes, then a request, and give the messages that came up to its answer."""
    before = len(client.received)
    client.send_bytes(data)
    last = client.request("tools/list")
    client.wait_for(lambda: len(client.received) >= before + wanted)
    assert client.result(last)["tools"]
    return [message for message in client.received[before:] if message.get("id") != last]


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        pytest.param(b"not json", -32700, None, id="not JSON"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"meth', -32700, None, id="truncated"),
        pytest.param(b'{"jsonrpc":"2.0","id":"a","method":"tools/list"} x', -32700, None, id="trailing bytes"),
        pytest.param(b'{"jsonrpc":"2.0","id":"a\x01","method":"ping"}', -32700, None, id="control character"),
        pytest.param(b"[]", -32600, None, id="empty batch"),
        pytest.param(b'[{"jsonrpc":"2.0","id":"b1","method":"ping"}]', -32600, "b1", id="batch of one"),
        pytest.param(b'[{"id":"b1"},{"id":"b2"}]', -32600, None, id="batch of two"),
        pytest.param(b"7", -32600, None, id="a number"),
        pytest.param(b"{}", -32600, None, id="empty object"),
        pytest.param(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None, id="id null"),
        pytest.param(b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None, id="id true"),
        pytest.param(b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None, id="id with a fraction"),
        pytest.param(b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, None, id="id object"),
        pytest.param(b'{"jsonrpc":"2.0","id":"s1"}', -32600, "s1", id="no method"),
        pytest.param(b'{"jsonrpc":"2.0","id":"s2","method":4}', -32600, "s2", id="method number"),
        pytest.param(b'{"jsonrpc":"2.0","id":"s3","method":"ping","params":[]}', -32600, "s3", id="params array"),
        pytest.param(b'{"jsonrpc":"1.0","id":"s4","method":"ping"}', -32600, "s4", id="other version"),
        pytest.param(b'{"id":"s5","method":"ping"}', -32600, "s5", id="no version"),
        pytest.param(b'{"jsonrpc":"2.0","method":"ping","params":3}', -32600, None, id="malformed notification"),
        pytest.param(
            b'{"jsonrpc":"2.0","method":"ping","params":{"a":' + b"[" * 9999 + b"]" * 9999 + b'},"id":"deep"}',
            -32600,
            "deep",
            id="nested too deeply",
        ),
    ],
)
@pytest.mark.guarantee("G8")
def test_a_line_that_is_no_message_is_answered_with_an_error(
    survivor: WireClient, line: bytes, code: int, request_id: str | None
) -> None:
    """An error without a known id has no member `id`: strict clients refuse null there."""
    (answer,) = answers_after(survivor, line + b"\n", wanted=2)
    assert answer["error"]["code"] == code
    assert answer.get("id", "absent") == (request_id or "absent")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":"ID","method":"ping"}\n', "byte order mark"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping"}\r\n', "CRLF"),
        (b'\n \r\n{"jsonrpc":"2.0","id":"ID","method":"ping"}\n\n', "empty lines"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","params":null}\n', "params null"),
        ('{"jsonrpc":"2.0","id":"ID","method":"ping","params":{"a":"\u2028\u2029\u0085"}}\n'.encode(), "U+2028"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","params":{"a":"\xff\xfe"}}\n', "invalid UTF-8"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","params":{"a":"\\ud800"}}\n', "half surrogate pair"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","params":{"a":' + b"9" * 5000 + b"}}\n", "huge integer"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","params":{"a":1e999}}\n', "infinite float"),
        (b'{"method":"ping","jsonrpc":"2.0","id":"ID"}\n', "id last"),
        (b'{"jsonrpc":"2.0","id":"x","id":"ID","method":"ping"}\n', "the last of two ids counts"),
        (b'{"jsonrpc":"2.0","id":"ID","method":"ping","extra":{"deep":[[[1]]]}}\n', "unknown member"),
    ],
)
def test_an_odd_line_that_is_a_message_is_served(survivor: WireClient, line: bytes, why: str) -> None:
    request_id = next(fresh_ids)
    (answer,) = answers_after(survivor, line.replace(b"ID", request_id.encode()), wanted=2)
    assert answer == {"jsonrpc": "2.0", "id": request_id, "result": {}}, why


def test_invalid_bytes_and_half_pairs_reach_the_tool_as_replacement_characters(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    meta = json.dumps(ENVELOPE if era is Era.MODERN else {}).encode()
    line = (
        b'{"jsonrpc":"2.0","id":"r","method":"tools/call","params":{"name":"echo","_meta":%s,"arguments":{"a":"%s"}}}'
    )
    client.send_bytes(line % (meta, b"\xff-\\udcff-\\ud83d\\ude00") + b"\n")
    assert client.result("r")["structuredContent"]["echo"] == {"a": "\ufffd-\ufffd-\U0001f600"}


def test_an_integer_id_written_as_a_float_is_answered_as_the_integer(survivor: WireClient) -> None:
    survivor.send_bytes(b'{"jsonrpc":"2.0","id":900001.0,"method":"ping"}\n')
    assert survivor.result(900001) == {}


def test_a_huge_integer_id_is_echoed_exactly(survivor: WireClient) -> None:
    survivor.send_bytes(b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % 10**100)
    assert survivor.result(10**100) == {}


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":77,"result":{}}',
        b'{"jsonrpc":"2.0","id":77,"error":{"code":1,"message":"no"}}',
        b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"no id"}}',
        b'{"jsonrpc":"2.0","id":77,"result":4}',
    ],
)
def test_an_answer_to_nothing_is_never_answered(survivor: WireClient, line: bytes) -> None:
    """ours: two peers that answer each other's errors would never stop."""
    assert answers_after(survivor, line + b"\n") == []


def test_a_message_in_pieces_of_one_byte_is_one_message(survivor: WireClient) -> None:
    request_id = next(fresh_ids)
    for byte in json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "ping"}).encode() + b"\n":
        survivor.send_bytes(bytes([byte]))
    assert survivor.result(request_id) == {}


def test_a_last_line_without_its_end_is_served(start_any: Start) -> None:
    client = start_any()
    client.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    client.close_stdin()
    assert client.result(1) == {}


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (b'{"jsonrpc":"2.0","id":"ID","method":"m","params":{"id":"other","text":"%s"}}', "first"),
        (b'{"method":"m","params":{"text":"%s","id":"other"},"jsonrpc":"2.0","id":"ID"}', "last"),
        (
            b'{"method":"m","params":{"text":"%s \\\\","k":"\\"id\\":3}"},"id":"ID" , "jsonrpc":"2.0" }\r',
            "near the end",
        ),
    ],
)
@pytest.mark.guarantee("G8")
def test_the_id_of_a_line_over_the_limit_is_found_at_either_end(survivor: WireClient, line: bytes, where: str) -> None:
    """A caller whose id stood last waited until its timeout."""
    request_id = next(fresh_ids)
    whole = line.replace(b"ID", request_id.encode()).replace(b"%s", b"x" * (33 * MEBIBYTE))
    survivor.send_bytes(whole + b"\n")
    error = survivor.error(request_id)
    assert error["code"] == -32600, where
    assert str(len(whole)) in error["message"]
    assert str(32 * MEBIBYTE) in error["message"]


def test_a_line_over_the_limit_without_an_id_is_answered_without_one(survivor: WireClient) -> None:
    (answer,) = answers_after(survivor, b"x" * (33 * MEBIBYTE) + b"\n", wanted=2)
    assert answer["error"]["code"] == -32600
    assert "id" not in answer


def test_two_requests_with_one_id_get_one_answer_and_one_refusal(start: Start, era: Era) -> None:
    """The first goes on, and can still be cancelled by its id: it was not replaced by the second."""
    client = start(era=era)
    client.shake_hands()
    first = client.call("wait")
    client.ids = iter([first])  # type: ignore[assignment] # one id is enough
    client.call("echo")
    assert client.error(first)["code"] == -32600
    client.notify("notifications/cancelled", requestId=first)
    client.wait_for_log("cancelled wait")


def test_an_id_as_text_is_the_same_id_as_its_number(start: Start) -> None:
    """The SDK correlates cancellations that way, so "7" would take the place of 7."""
    client = start(era=Era.LEGACY)
    client.shake_hands()
    first = client.call("wait")
    client.send({"jsonrpc": "2.0", "id": str(first), "method": "ping"})
    assert client.error(str(first))["code"] == -32600


def test_an_answered_id_can_be_used_again(survivor: WireClient) -> None:
    ping: dict[str, Any] = {"jsonrpc": "2.0", "id": next(fresh_ids), "method": "ping"}
    for count in (1, 2, 3):
        survivor.send(ping)
        survivor.wait_for(lambda c=count: sum(m.get("id") == ping["id"] for m in survivor.received) == c)  # type: ignore[misc]


def test_requests_beyond_what_can_be_held_are_refused_with_their_id(start: Start, era: Era) -> None:
    client = start("--requests", "3", era=era)
    client.shake_hands()
    waiting = [client.call("wait") for _ in range(3)]
    error = client.error(client.call("echo"))
    assert error["code"] == -32010
    assert "3 requests" in error["message"]
    client.notify("notifications/cancelled", requestId=waiting[0])
    client.wait_for_log("cancelled wait")
    assert client.result(client.call("echo"))
