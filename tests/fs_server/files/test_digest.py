"""The digest of a content is the SHA-256 of these bytes, whichever contents were asked about before."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from fs_server.files.digest import LARGE, RECENT, SMALL, digest_of_content


@pytest.mark.parametrize("size", [0, SMALL, SMALL + 1, LARGE, LARGE + 1])
def test_it_is_the_sha_256_at_every_size_the_first_time_and_the_second(size: int) -> None:
    content = b"a" * size
    expected = hashlib.sha256(content).hexdigest()
    assert [digest_of_content(content), digest_of_content(bytes(bytearray(content)))] == [expected, expected]


def test_contents_of_one_size_are_told_apart_also_when_they_come_in_turns() -> None:
    contents = [bytes([number]) + b"." * SMALL for number in range(RECENT + 1)] * 3
    assert [digest_of_content(content) for content in contents] == [
        hashlib.sha256(content).hexdigest() for content in contents
    ]


def test_many_threads_may_ask_at_once() -> None:
    contents = [bytes([number]) * (SMALL + 1) for number in range(8)] * 50
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(digest_of_content, contents)) == [hashlib.sha256(c).hexdigest() for c in contents]
