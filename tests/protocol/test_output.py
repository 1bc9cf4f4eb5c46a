"""What leaves the server is one line of valid JSON per message, and nothing else."""

import json

from tests.protocol.conftest import Start
from tests.support.wire_client import Era


def test_a_name_that_is_not_utf_8_becomes_a_replacement_character(start: Start, era: Era) -> None:
    """bug: the SDK's own transport dies of PydanticSerializationError."""
    client = start(era=era)
    client.shake_hands()
    assert client.result(client.call("surrogate"))["structuredContent"] == {"name": "caf\ufffd"}
    assert client.result(client.call("echo", n=1))


def test_a_message_is_one_line_by_every_definition_of_a_line(start: Start, era: Era) -> None:
    """Node's readline and Python's splitlines also split at U+2028, U+2029 and U+0085."""
    client = start(era=era)
    client.shake_hands()
    request = client.call("separators")
    assert client.result(request)["content"][0]["text"] == "a\u2028b\u2029c\u0085d\re\nf"
    line = next(line for line in client.lines if json.loads(line).get("id") == request)
    assert len(line.decode().splitlines()) == 1


def test_a_result_without_a_json_form_is_an_internal_error(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    assert client.error(client.call("cyclic"))["code"] == -32603
    assert client.result(client.call("echo", n=1))


def test_what_is_printed_by_anyone_goes_to_standard_error(start: Start, era: Era) -> None:
    client = start(era=era)
    client.shake_hands()
    assert client.result(client.call("pollute"))["content"][0]["text"] == "quiet"
    for words in ("noise from print", "noise from a descriptor", "noise from a child"):
        client.wait_for_log(words)


def test_whoever_reads_standard_input_finds_its_end(start: Start) -> None:
    client = start()
    assert client.result(client.call("read_stdin"))["content"][0]["text"] == "b''"
