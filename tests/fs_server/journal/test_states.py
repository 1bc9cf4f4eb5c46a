"""What stood at a path survives being written down, and nothing malformed is taken for it."""

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_server.journal.states import (
    Absent,
    DirectoryState,
    FileState,
    LinkState,
    OtherState,
    State,
    decoded,
    digests_of,
    encoded,
    manifest_of,
    nodes_of,
    record_of,
    state_of,
)
from tests.fs_server.journal.samples import digest_of, directory_of, file_of

# As a file system gives them: any bytes, decoded as Python decodes names.
NAMES = st.binary(min_size=1, max_size=12).map(lambda name: os.fsdecode(name.replace(b"/", b"-").replace(b"\0", b"0")))
DIGESTS = st.binary(max_size=3).map(digest_of)
NUMBERS = st.integers(0, 2**64)
PAIRS = st.tuples(NUMBERS, NUMBERS)
MODES = st.integers(0, 0o7777)
XATTRS = st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=3).map(tuple)
TIMES = st.integers(-(2**70), 2**70)
FILES = st.builds(
    FileState,
    digest=DIGESTS,
    size=NUMBERS,
    mode=MODES,
    mtime_ns=TIMES,
    owner=PAIRS,
    xattrs=XATTRS,
    identity=PAIRS,
    links=NUMBERS,
)


def directories(tree: st.SearchStrategy[str]) -> st.SearchStrategy[DirectoryState]:
    return st.builds(DirectoryState, mode=MODES, mtime_ns=TIMES, owner=PAIRS, xattrs=XATTRS, identity=PAIRS, tree=tree)


LINKS = st.builds(LinkState, target=NAMES, identity=PAIRS)
OTHERS = st.builds(OtherState, kind=st.sampled_from(["fifo", "socket", "device", "other"]), mode=MODES, identity=PAIRS)
STATES = st.one_of(st.builds(Absent), FILES, directories(st.one_of(st.just(""), DIGESTS)), LINKS, OTHERS)


@given(STATES)
def test_a_state_is_read_back_as_it_was_written(state: State) -> None:
    text = encoded(record_of(state))
    assert text.isascii()
    assert state_of(decoded(text)) == state
    assert decoded(text.encode()) == json.loads(text)


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, State]]:
    nodes: dict[str, State] = {}
    homes = [""]
    for name in draw(st.lists(NAMES.filter(lambda name: name not in {".", ".."}), max_size=12)):
        home = draw(st.sampled_from(homes))
        path = f"{home}/{name}" if home else name
        if path not in nodes:
            nodes[path] = draw(st.one_of(FILES, directories(st.just("")), LINKS, OTHERS))
            homes += [path] if isinstance(nodes[path], DirectoryState) else []
    return list(nodes.items())


@given(trees())
@settings(max_examples=60)
def test_a_manifest_is_read_back_as_it_was_written(nodes: list[tuple[str, State]]) -> None:
    manifest = manifest_of(nodes)
    assert list(nodes_of(manifest)) == nodes
    assert manifest == manifest_of(iter(nodes)), "the same nodes make the same bytes, so that it is kept once"
    assert manifest.count(b"\n") == len(nodes)


RECORD = record_of(file_of(b"x"))


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "files"},
        {"state": None},
        {"state": ["file"]},
        {"state": "absent"},
        {"more": 1},
        {"digest": "ab"},
        {"digest": digest_of(b"x").upper()},
        {"digest": 7},
        {"size": -1},
        {"size": True},
        {"size": 1.0},
        {"size": "1"},
        {"mode": 0o10000},
        {"mtime_ns": None},
        {"owner": [1]},
        {"owner": [1, "2"]},
        {"owner": {"uid": 1}},
        {"identity": "ab"},
        {"xattrs": {}},
        {"xattrs": [["user.a"]]},
        {"xattrs": ["ab"]},
        {"xattrs": [["user.a", "no base64!"]]},
        {"xattrs": [["user.a", "é"]]},
        {"xattrs": [[1, ""]]},
    ],
)
def test_a_record_that_is_damaged_is_refused(damage: dict[str, Any]) -> None:
    assert state_of(RECORD) == file_of(b"x")
    with pytest.raises(ValueError, match=r".+"):
        state_of(RECORD | damage)


@pytest.mark.parametrize(
    "record",
    [
        None,
        7,
        [],
        "file",
        {},
        {"state": "file"},
        {"state": "other", "kind": [], "mode": 0, "identity": [1, 2]},
        {"state": "other", "kind": "door", "mode": 0, "identity": [1, 2]},
        {"state": "link", "target": 7, "identity": [1, 2]},
        record_of(directory_of()) | {"tree": "x"},
        {name: value for name, value in RECORD.items() if name != "links"},
    ],
)
def test_what_is_no_record_is_refused(record: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        state_of(record)


WHATEVER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(WHATEVER)
@settings(max_examples=60)
def test_whatever_stands_in_a_record_nothing_else_is_raised(record: object) -> None:
    for text in (record, RECORD | {"xattrs": record}, {"state": record}):
        try:
            state_of(text)
        except ValueError:
            continue


@pytest.mark.parametrize("text", ["", "{", "nonsense", b"\xff", "[" * 100_000, "1" * 10_000])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decoded(text)


FILE = file_of(b"x")


@pytest.mark.parametrize(
    "nodes",
    [
        [("/a", FILE)],
        [("../a", FILE)],
        [("..", FILE)],
        [(".", FILE)],
        [("", FILE)],
        [("a/", FILE)],
        [("a//b", FILE)],
        [("a/b", FILE)],
        [("a", FILE), ("a/b", FILE)],
        [("a", FILE), ("a", FILE)],
        [("a", directory_of()), ("a/..", FILE)],
        [("a/b", FILE), ("a", directory_of())],
        [("a\0b", FILE)],
        [("a", Absent())],
        [("a", directory_of(digest_of(b"")))],
    ],
)
def test_no_manifest_leads_out_or_tells_a_thing_twice_or_before_its_parent(nodes: list[tuple[str, State]]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        manifest_of(nodes)
    lines = "".join(f"{encoded([path, record_of(state)])}\n" for path, state in nodes)
    with pytest.raises(ValueError, match=r".+"):
        list(nodes_of(lines.encode()))


@pytest.mark.parametrize("manifest", [b"{}\n", b'["a"]\n', b'[7, {"state": "absent"}]\n', b"\xff\n", b"\n"])
def test_what_is_no_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list(nodes_of(manifest))


def test_a_state_names_the_contents_that_it_needs() -> None:
    assert list(digests_of(FILE)) == [FILE.digest]
    assert list(digests_of(directory_of("a" * 64))) == ["a" * 64]
    for state in (Absent(), directory_of(), LinkState("x", (1, 2)), OtherState("fifo", 0o600, (1, 2))):
        assert list(digests_of(state)) == []
