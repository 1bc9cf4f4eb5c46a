"""Both eras in one process, decided message by message.

The refusals of the SDK's own loop that these tests stand against were measured on mcp 2.3.0.
"""

from typing import Any

import pytest

from tests.protocol.conftest import Start
from tests.support.wire_client import ENVELOPE, HANDSHAKE, Era, WireClient

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"


def speak(client: WireClient, era: Era, method: str, params: dict[str, Any] | None = None) -> int:
    client.era = era
    return client.request(method, params)


def test_initialize_after_discover_is_accepted_and_both_eras_stay_usable(start_any: Start) -> None:
    client = start_any()
    assert client.result(speak(client, Era.MODERN, "server/discover"))["supportedVersions"] == ["2026-07-28"]
    assert client.result(speak(client, Era.LEGACY, "initialize", HANDSHAKE))["protocolVersion"] == "2025-11-25"
    for era in (Era.MODERN, Era.LEGACY, Era.MODERN):
        result = client.result(speak(client, era, "tools/list"))
        assert result["tools"]
        assert ("resultType" in result) == (era is Era.MODERN)


def test_discover_and_initialize_and_a_list_pipelined_are_all_answered(start_any: Start) -> None:
    client = start_any()
    discover = speak(client, Era.MODERN, "server/discover")
    initialize = speak(client, Era.LEGACY, "initialize", HANDSHAKE)
    tools = speak(client, Era.LEGACY, "tools/list")
    assert client.result(discover)["supportedVersions"]
    assert client.result(initialize)["protocolVersion"]
    assert client.result(tools)["tools"]


def test_a_ping_without_envelope_does_not_close_the_way_to_discover(start_any: Start) -> None:
    client = start_any()
    assert client.result(speak(client, Era.LEGACY, "ping")) == {}
    assert client.result(speak(client, Era.MODERN, "server/discover"))["supportedVersions"]


@pytest.mark.parametrize("method", ["tools/list", "server/discover", "tools/call"])
def test_a_request_with_neither_envelope_nor_handshake_is_told_both_ways(start_any: Start, method: str) -> None:
    client = start_any()
    error = client.error(speak(client, Era.LEGACY, method))
    assert error["code"] == -32602
    assert "initialize" in error["message"]
    assert VERSION_KEY in error["message"]
    assert {"2026-07-28", "2025-11-25", "2024-11-05"} <= set(error["data"]["supported"])


def test_initialized_without_initialize_does_not_count_as_a_handshake(start_any: Start) -> None:
    client = start_any()
    client.notify("notifications/initialized")
    assert client.error(speak(client, Era.LEGACY, "tools/list"))["code"] == -32602


def test_an_unknown_method_before_the_handshake_is_not_found(start_any: Start) -> None:
    """spec: probing clients read -32601."""
    client = start_any()
    assert client.error(speak(client, Era.LEGACY, "no/such"))["code"] == -32601


def test_ping_left_the_protocol_with_the_modern_era(start_any: Start) -> None:
    client = start_any()
    assert client.error(speak(client, Era.MODERN, "ping"))["code"] == -32601


@pytest.mark.parametrize(
    ("asked", "given"), [("2099-01-01", "2025-11-25"), ("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18")]
)
def test_initialize_gets_its_own_version_or_the_newest_of_its_era(start_any: Start, asked: str, given: str) -> None:
    client = start_any()
    answer = client.result(speak(client, Era.LEGACY, "initialize", {**HANDSHAKE, "protocolVersion": asked}))
    assert answer["protocolVersion"] == given


def test_initialize_with_an_envelope_is_still_a_handshake(start_any: Start) -> None:
    client = start_any()
    assert client.result(speak(client, Era.MODERN, "initialize", HANDSHAKE))["protocolVersion"] == "2025-11-25"
    assert client.result(speak(client, Era.LEGACY, "tools/list"))["tools"]


def test_initialize_without_a_version_is_invalid_and_opens_nothing(start_any: Start) -> None:
    client = start_any()
    assert client.error(speak(client, Era.LEGACY, "initialize", {}))["code"] == -32602
    assert client.error(speak(client, Era.LEGACY, "tools/list"))["code"] == -32602


def test_an_envelope_with_an_unknown_version_is_told_the_supported_ones(start_any: Start) -> None:
    client = start_any()
    error = client.error(speak(client, Era.MODERN, "tools/list", {"_meta": {VERSION_KEY: "2027-01-01"}}))
    assert error["code"] == -32022
    assert error["data"] == {"supported": ["2026-07-28"], "requested": "2027-01-01"}


def test_half_an_envelope_is_told_what_it_lacks(start_any: Start) -> None:
    client = start_any(era=Era.LEGACY)
    params = {"_meta": {VERSION_KEY: ENVELOPE[VERSION_KEY]}}
    error = client.error(client.request("tools/list", params))
    assert error["code"] == -32602
    assert "clientCapabilities" in error["message"]


@pytest.mark.parametrize(("era", "method"), [(Era.MODERN, "resources/subscribe"), (Era.LEGACY, "subscriptions/listen")])
def test_a_method_of_the_other_era_is_not_found(start: Start, era: Era, method: str) -> None:
    client = start(era=era)
    client.shake_hands()
    assert client.error(client.request(method, {"uri": "file:///x"}))["code"] == -32601


def test_an_exception_in_a_handler_says_nothing_of_itself(start: Start, era: Era) -> None:
    """ours: the SDK answers 2025 clients with code 0 and the text of the exception."""
    client = start(era=era)
    client.shake_hands()
    error = client.error(client.call("fail"))
    assert error == {"code": -32603, "message": "Internal server error"}
    client.wait_for_log("SECRET of the implementation")


def test_a_cancelled_call_is_interrupted_and_never_answered(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    endless = client.call("wait")
    client.notify("notifications/cancelled", requestId=endless)
    client.wait_for_log("cancelled wait")
    assert client.result(client.call("echo", n=1))
    assert all(message.get("id") != endless for message in client.received)


def test_the_id_of_a_cancelled_call_can_be_used_again(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    endless = client.call("wait")
    client.notify("notifications/cancelled", requestId=endless)
    client.wait_for_log("cancelled wait")
    client.ids = iter([endless])  # type: ignore[assignment] # one id is enough
    assert client.result(client.call("echo", n=1))["structuredContent"] == {"echo": {"n": 1}}


def test_a_thousand_progress_events_arrive_in_order(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    params = {"name": "progress", "arguments": {"steps": 1000}, "_meta": {"progressToken": 0}}
    client.result(client.request("tools/call", params))
    events = [m["params"]["progress"] for m in client.received if m.get("method") == "notifications/progress"]
    assert events == list(range(1, 1001))


def test_each_modern_result_carries_name_and_version_only(start: Start) -> None:
    client = start()
    key = "io.modelcontextprotocol/serverInfo"
    assert client.shake_hands()["result"]["_meta"][key]["icons"]
    for request in (client.request("tools/list"), client.call("echo")):
        assert client.result(request)["_meta"][key] == {"name": "fixture", "version": "1"}


def test_both_introductions_tell_the_extensions(start: Start, era: Era) -> None:
    client = start(era=era)
    capabilities = client.shake_hands()["result"]["capabilities"]
    assert capabilities["extensions"] == {"example.com/extension": {"on": True}}
