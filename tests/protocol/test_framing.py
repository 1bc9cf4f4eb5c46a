"""Lines and messages, without a process: any bytes, cut anywhere."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from fs_server.protocol.framing import ENDS_BYTES, REPAIRED, LineSplitter, Oversize, Rejection, read_line
from fs_server.protocol.salvage import find_id
from fs_server.protocol.serialise import line_of, line_of_rejection

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ids = st.integers() | st.text()


def split(data: bytes, cuts: list[int], max_bytes: int) -> list[bytes | Oversize]:
    """Feed `data` in pieces that end at `cuts`."""
    splitter = LineSplitter(max_bytes)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    lines = [line for a, b in pairwise(edges) for line in splitter.feed(data[a:b])]
    return lines + splitter.finish()


@given(data=st.binary() | st.text(alphabet='{}[]",:\n\r\\ a1').map(str.encode), cuts=st.lists(st.integers(min_value=0)))
def test_where_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    assert split(data, cuts, 10) == split(data, [], 10)


@given(data=st.binary(), cuts=st.lists(st.integers(min_value=0)))
def test_lines_within_the_limit_are_the_bytes_between_newlines(data: bytes, cuts: list[int]) -> None:
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert split(data, cuts, len(data)) == expected


@given(lines=st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), cuts=st.lists(st.integers(0)))
def test_a_line_over_the_limit_costs_no_other_line(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    for given_line, line in zip(lines, split(data, cuts, 20), strict=True):
        if len(given_line) <= 20:
            assert line == given_line
        else:
            assert line == Oversize(len(given_line), 20, given_line, given_line)


@given(size=st.integers(1, 400_000), limit=st.integers(1, 300_000), step=st.integers(1_000, 100_000))
def test_no_more_is_held_than_the_limit_and_one_chunk(size: int, limit: int, step: int) -> None:
    splitter = LineSplitter(limit)
    for start in range(0, size, step):
        splitter.feed(b"x" * min(step, size - start))
        assert len(splitter._held) <= max(limit, ENDS_BYTES) + step
    (line,) = splitter.feed(b"\n")
    if isinstance(line, Oversize):
        assert line.size == size > limit
        assert len(line.head) == len(line.tail) == min(size, ENDS_BYTES)
    else:
        assert len(line) == size <= limit


@given(line=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_line_has_one_outcome(line: bytes) -> None:
    outcome = read_line(line)
    assert outcome is None or isinstance(outcome, SessionMessage | Rejection)
    if outcome is None:
        blank = not line.strip()
        assert blank or {"result", "error"} & json.loads(line).keys()


@given(
    request_id=ids,
    members=st.dictionaries(st.sampled_from(["jsonrpc", "method", "params", "extra"]), json_values),
    good=st.booleans(),
)
@pytest.mark.guarantee("G8")
def test_an_object_with_a_usable_id_is_served_or_refused_under_that_id(
    *, request_id: int | str, members: dict[str, Any], good: bool
) -> None:
    if good:
        members |= {"jsonrpc": "2.0", "method": "m", "params": {"p": members.get("params")}}
    outcome = read_line(json.dumps({**members, "id": request_id}).encode())
    if isinstance(outcome, SessionMessage):
        assert isinstance(outcome.message, JSONRPCRequest)
        assert outcome.message.id == request_id
    else:
        assert not good
        assert outcome is not None
        assert outcome.id == request_id


@given(
    request_id=ids,
    params=json_values,
    size=st.integers(0, 3 * ENDS_BYTES),
    last=st.booleans(),
    space=st.sampled_from(["", " ", "\t \r"]),
)
def test_the_id_is_found_at_either_end_of_any_object(
    *, request_id: int | str, params: object, size: int, last: bool, space: str
) -> None:
    rest = {"jsonrpc": "2.0", "method": "m", "params": {"id": "not this", "p": params, "filler": "\\" * size}}
    whole = {**rest, "id": request_id} if last else {"id": request_id, **rest}
    line = json.dumps(whole, separators=("," + space, ":" + space)).encode() + space.encode()
    assert find_id(line[:ENDS_BYTES], line[-ENDS_BYTES:]) == request_id


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b'{"params":{"id":1}}',
        b'{"text":"\\"id\\":1,"}',
        b'{"id":true}',
        b'{"id":null,"a":1}',
        b'{"id":{"id":1}}',
        b'[{"id":1}]',
        b'"id":1',
        b'{"method":"id","params":1}',
        b'{"id":"cut off',
        b'{"id":nonsense}',
    ],
)
def test_no_id_is_made_up(line: bytes) -> None:
    assert find_id(line, line) is None


def test_a_number_cut_off_by_the_window_is_not_taken_for_the_id() -> None:
    assert find_id(b'{"id":12', b"") is None


def test_each_kind_of_message_is_told_apart() -> None:
    kinds = {
        b'{"jsonrpc":"2.0","id":1,"method":"m"}': JSONRPCRequest,
        b'{"jsonrpc":"2.0","method":"m","params":{}}': JSONRPCNotification,
        b'{"jsonrpc":"2.0","id":1,"result":{}}': JSONRPCResponse,
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}': JSONRPCError,
    }
    for line, kind in kinds.items():
        outcome = read_line(line)
        assert isinstance(outcome, SessionMessage)
        assert type(outcome.message) is kind


@pytest.mark.parametrize(
    ("text", "is_repaired"),
    [
        (b"plain", False),
        ("größe 😀 \ufffd".encode(), False),
        (b"\\ud83d\\ude00 \\ufffd", False),
        (b"\\ud83d", True),
        (b"\\ude00\\ud83d", True),
        (b"\xff", True),
        (b"\xed\xa0\x80", True),
    ],
)
def test_a_message_whose_text_had_to_be_repaired_says_so(text: bytes, is_repaired: bool) -> None:  # noqa: FBT001
    outcome = read_line(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"%s"}}' % text)
    assert isinstance(outcome, SessionMessage)
    found = getattr(outcome.metadata, "request_context", None)
    assert found == (REPAIRED if is_repaired else None)


@given(value=json_values, name=st.text(alphabet=st.characters(), max_size=5) | st.just("\udcff\ud83d\ude00\u2028"))
def test_any_result_is_one_line_of_json_in_utf_8(value: object, name: str) -> None:
    line = line_of(JSONRPCResponse(jsonrpc="2.0", id=1, result={"value": value, "name": name}))
    assert line.endswith(b"\n")
    assert len(line.decode().splitlines()) == 1
    clean = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert json.loads(line)["result"]["name"] == clean


@pytest.mark.parametrize("request_id", [None, 7, "\u2028\ud800"])
def test_a_rejection_has_an_id_only_if_one_is_known(request_id: int | str | None) -> None:
    line = line_of_rejection(Rejection(-32600, "no", request_id))
    message = json.loads(line)
    assert ("id" in message) == (request_id is not None)
    assert len(line.decode().splitlines()) == 1


def test_a_message_without_a_json_form_is_replaced_by_an_error_with_its_id() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    message = JSONRPCResponse.model_construct(jsonrpc="2.0", id=5, result=loop)
    assert json.loads(line_of(message))["error"]["code"] == -32603
    assert json.loads(line_of(message))["id"] == 5


@pytest.mark.parametrize("odd", [b"", b"\xff"], ids=["for the fast parser", "for the forgiving one"])
@pytest.mark.parametrize(("depth", "served"), [(100, True), (300, False), (5000, False), (200_000, False)])
def test_nesting_is_limited_alike_for_both_parsers(odd: bytes, depth: int, served: bool) -> None:  # noqa: FBT001
    nested = b"[" * depth + b"]" * depth
    outcome = read_line(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"%s","n":%s}}' % (odd, nested))
    assert isinstance(outcome, SessionMessage if served else Rejection)
    if isinstance(outcome, Rejection):
        assert (outcome.code, outcome.id) == (-32600, 1)
