"""Contents that a client has seen: found by file and etag, bounded in size, the least recently seen forgotten first."""

import hashlib
import threading

import pytest

from fs_server.files import seen
from fs_server.files.readable import InMemory
from fs_server.files.seen import ALL, LARGEST, Seen

F = "/root/f"


def etag_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.mark.parametrize("digits", [16, 17, 64])
def test_a_content_is_found_by_the_beginning_of_its_digest(digits: int) -> None:
    contents = Seen()
    for content in (b"", b"one", b"two"):
        contents.add(F, content)
    for content in (b"", b"one", b"two"):
        assert contents.content(F, hashlib.sha256(content).hexdigest()[:digits]) == content
    assert contents.content(F, etag_of(b"three")) is None


def test_an_etag_is_no_key_to_what_another_file_held() -> None:
    contents = Seen()
    contents.add(F, b"one")
    contents.add("/root/g", b"two")
    assert contents.content("/root/g", etag_of(b"one")) is None
    assert contents.content(F, etag_of(b"two")) is None
    contents.add("/root/g", b"one")
    assert contents.content("/root/g", etag_of(b"one")) == contents.content(F, etag_of(b"one")) == b"one"


def test_a_large_content_is_not_remembered() -> None:
    contents = Seen()
    contents.add(F, bytes(LARGEST))
    contents.add(F, bytes(LARGEST + 1))
    assert contents.content(F, etag_of(bytes(LARGEST))) is not None
    assert contents.content(F, etag_of(bytes(LARGEST + 1))) is None


def test_an_open_file_is_remembered_whole_unless_it_is_large() -> None:
    contents = Seen()
    contents.add_file(F, InMemory(b"small"))
    contents.add_file(F, InMemory(bytes(LARGEST + 1)))
    assert contents.content(F, etag_of(b"small")) == b"small"
    assert contents.content(F, etag_of(bytes(LARGEST + 1))) is None


def test_what_was_seen_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "ALL", 30)
    contents = Seen()
    for letter in (b"a", b"b", b"c"):
        contents.add(F, letter * 10)
    contents.add(F, b"a" * 10)  # once more: it is no longer the oldest, and takes no more room
    contents.add(F, b"d" * 10)
    found = [letter for letter in (b"a", b"b", b"c", b"d") if contents.content(F, etag_of(letter * 10))]
    assert found == [b"a", b"c", b"d"]
    contents.add(F, b"e" * 25)
    assert contents.content(F, etag_of(b"e" * 25)) == b"e" * 25
    assert contents.content(F, etag_of(b"d" * 10)) is None


def test_the_room_of_all_together_is_bounded() -> None:
    contents = Seen()
    many = [number.to_bytes(4, "big") * (LARGEST // 4) for number in range(ALL // LARGEST + 3)]
    for content in many:
        contents.add(F, content)
    kept = [content for content in many if contents.content(F, etag_of(content)) is not None]
    assert kept == many[3:]


def test_several_threads_may_add_and_look_at_the_same_time() -> None:
    contents = Seen()
    failed: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 300):
                contents.add(F, b"%d" % number)
                assert contents.content(F, etag_of(b"%d" % number)) == b"%d" % number
        except BaseException as error:  # noqa: BLE001 # told by the main thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 150, 1_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
