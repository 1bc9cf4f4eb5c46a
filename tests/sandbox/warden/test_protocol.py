import errno
import os
import resource
import socket

import pytest

from sandbox.warden import protocol
from tests.support.apart import apart, hide, in_a_thread


def exchanged(message: protocol.Message, files: list[int]) -> tuple[protocol.Message, list[int]]:
    one, other = protocol.pair()
    with one, other:
        protocol.send(one, message, files)
        received = protocol.receive(other)
    assert received is not None
    return received


@pytest.mark.parametrize("size", [0, 1000, 40_000, 5_000_000])
def test_a_message_of_any_size_arrives_with_its_files_in_order(size: int) -> None:
    names = ["/dev/null", "/dev/zero", "/"]
    sent = [os.open(name, os.O_RDONLY) for name in names]
    message, files = exchanged({"text": "ü\udcff" * size}, sent)
    assert message == {"text": "ü\udcff" * size}
    for file, name in zip(files, names, strict=True):
        assert os.path.samestat(os.fstat(file), os.stat(name))
    assert not any(os.get_inheritable(file) for file in files)
    for file in (*sent, *files):
        os.close(file)


def test_without_files_in_memory_a_large_message_goes_through_one_without_a_name() -> None:
    def without() -> protocol.Message:
        hide({"memfd_create": errno.ENOSYS})
        return exchanged({"text": "x" * 100_000}, [])[0]

    assert in_a_thread(without) == {"text": "x" * 100_000}


def test_a_large_message_whose_file_is_cut_off_is_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "f"
    path.write_bytes(b"{")
    with pytest.raises(ValueError, match="Expecting"):
        protocol._read(os.open(path, os.O_RDONLY), 100)


def test_nothing_comes_from_an_end_that_is_closed_or_was_closed_with_something_unread() -> None:
    one, other = protocol.pair()
    protocol.send(other, {"never": "read"})
    other.close()
    assert protocol.receive(one) == ({"never": "read"}, [])
    assert protocol.receive(one) is None
    with pytest.raises(BrokenPipeError):
        protocol.send(one, {})
    one.close()


def test_what_was_said_last_is_heard_although_its_speaker_did_not_listen() -> None:
    """A signal that is sent in the moment in which a program ends must not cost the news of its end."""
    one, other = protocol.pair()
    protocol.send(one, {"never": "read"})
    protocol.send(other, {"last": "words"})
    other.close()
    assert protocol.receive(one) == ({"last": "words"}, [])
    assert protocol.receive(one) is None
    one.close()


def test_of_a_process_that_may_open_no_more_files_they_are_lost_and_the_message_is_not() -> None:
    apart(f"{__name__}:receive_without_room")


def receive_without_room() -> None:
    one, other = protocol.pair()
    protocol.send(one, {"small": 1}, [0, 1])
    protocol.send(one, {"large": "x" * 100_000})
    highest = max(one.fileno(), other.fileno())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, highest + 1))
    assert protocol.receive(other) == ({"small": 1}, [])
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        protocol.receive(other)
    one.close()
    other.close()


def test_other_things_that_come_beside_a_message_are_no_files() -> None:
    one, other = protocol.pair()
    with one, other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        protocol.send(one, {"a": 1})
        assert protocol.receive(other) == ({"a": 1}, [])
