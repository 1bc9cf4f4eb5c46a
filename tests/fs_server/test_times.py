"""Times for readers: in UTC, and never an error, whatever a file system has stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_server.times import minute, moment

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0, "1970-01-01T00:00:00Z", "1970-01-01 00:00"),
        (1_795_246_299, "2026-11-21T07:31:39Z", "2026-11-21 07:31"),
        (-1, "1969-12-31T23:59:59Z", "1969-12-31 23:59"),
        (253_402_300_799, "9999-12-31T23:59:59Z", "9999-12-31 23:59"),
        (-62_135_596_800, "0001-01-01T00:00:00Z", "0001-01-01 00:00"),
        (253_402_300_800, None, "?"),
        (-62_135_596_801, None, "?"),
        (2**63 // SECOND_NS, "2262-04-11T23:47:16Z", "2262-04-11 23:47"),
    ],
)
def test_a_time_is_told_in_utc(seconds: int, long: str | None, short: str) -> None:
    assert moment(seconds * SECOND_NS) == long
    assert moment(seconds * SECOND_NS + SECOND_NS - 1) == long
    assert minute(seconds * SECOND_NS) == short


@given(st.integers(-(2**80), 2**80))
def test_any_number_is_a_time_or_none(time_ns: int) -> None:
    told = minute(time_ns)
    assert len(told) == 16 or told == "?"
    assert (moment(time_ns) is None) is (told == "?")
