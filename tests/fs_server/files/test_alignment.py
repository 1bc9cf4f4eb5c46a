import random
import time
from collections.abc import Hashable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.files import alignment
from fs_server.files.alignment import Change, _Alignment, changes

FEW = st.lists(st.sampled_from("abcd"), max_size=14)
MANY = st.lists(st.integers(0, 40), max_size=60)


def rebuilt(before: Sequence[Hashable], after: Sequence[Hashable], found: list[Change]) -> list[Hashable]:
    """Return `after`, made of `before` and what the changes say."""
    made: list[Hashable] = []
    at = 0
    for change in found:
        made += [*before[at : change.start], *after[change.other_start : change.other_end]]
        at = change.end
    return [*made, *before[at:]]


def longest_common(before: Sequence[Hashable], after: Sequence[Hashable]) -> int:
    lengths = [0] * (len(after) + 1)
    for item in before:
        row = [0]
        for at, other in enumerate(after):
            row.append(lengths[at] + 1 if item == other else max(row[at], lengths[at + 1]))
        lengths = row
    return lengths[-1]


@given(FEW | MANY, FEW | MANY)
def test_the_changes_make_the_one_sequence_of_the_other(before: list[Hashable], after: list[Hashable]) -> None:
    found = changes(before, after)
    assert rebuilt(before, after, found) == after
    for one, other in pairwise(found):
        assert one.end < other.start
        assert one.other_end < other.other_start
        assert before[one.end : other.start] == after[one.other_end : other.other_start]


@given(FEW, FEW)
def test_between_the_anchors_as_many_items_as_possible_are_paired(before: list[str], after: list[str]) -> None:
    pairs = _Alignment(before, after)._common(Change(0, len(before), 0, len(after)))
    assert len(pairs) == longest_common(before, after)
    assert all(before[one] == after[other] for one, other in pairs)
    assert pairs == sorted(set(pairs))
    assert len({other for _, other in pairs}) == len({one for one, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("", "ab", [Change(0, 0, 0, 2)]),
        ("ab", "", [Change(0, 2, 0, 0)]),
        ("abc", "axc", [Change(1, 2, 1, 2)]),
        ("abcdef", "bcxef", [Change(0, 1, 0, 0), Change(3, 4, 2, 3)]),
        ("aXbbYc", "aZbbVc", [Change(1, 2, 1, 2), Change(4, 5, 4, 5)]),
    ],
)
def test_what_differs_is_found(before: str, after: str, found: list[Change]) -> None:
    assert changes(before, after) == found


def test_texts_without_anything_in_common_are_one_change() -> None:
    assert changes(["a"] * 1_000, ["b"] * 800) == [Change(0, 1_000, 0, 800)]


def test_what_takes_too_long_to_compare_counts_as_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "_MOST_STEPS", 30)
    assert changes("abababab", "bbaabbaa") == [Change(0, 8, 0, 8)]
    monkeypatch.setattr(alignment, "_MOST_STEPS", 1_000_000)
    monkeypatch.setattr(alignment, "_PASSES", 0)
    assert rebuilt("xaybzc", "aybzcd", changes("xaybzc", "aybzcd")) == list("aybzcd")


@pytest.mark.parametrize("kind", ["two kinds", "few kinds", "shuffled", "all one"])
def test_the_cost_is_bounded_whatever_the_lines_are(kind: str) -> None:
    chance = random.Random(1)  # noqa: S311 - a test case, the same each time
    size = 6_000
    before: list[int] = {
        "two kinds": [chance.randrange(2) for _ in range(size)],
        "few kinds": [chance.randrange(50) for _ in range(size)],
        "shuffled": chance.sample(range(size), size),
        "all one": [1] * size,
    }[kind]
    after = [*before[: size // 2], -1] if kind == "all one" else chance.sample(before, size)
    begun = time.process_time()
    found = changes(before, after)
    assert rebuilt(before, after, found) == after
    assert time.process_time() - begun < 10  # a quadratic comparison takes minutes
