import hashlib
import threading
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.files.etag import etag
from fs_server.files.readable import InMemory
from tests.fs_server.files.disk import DiskFile


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * (2 << 20) + b"y"])
def test_the_etag_is_the_beginning_of_sha_256(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with DiskFile(path) as file:
        assert etag(file) == etag(InMemory(content)) == hashlib.sha256(content).hexdigest()[:16]


def test_a_stopped_etag_is_none() -> None:
    stop = threading.Event()
    assert etag(InMemory(b"x"), stop=stop)
    stop.set()
    with pytest.raises(Failure, match=r"^\[cancelled\]"):
        etag(InMemory(b"x"), stop=stop)
