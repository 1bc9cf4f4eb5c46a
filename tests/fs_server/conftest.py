"""Real servers for the tests of the tools and of the resources, each started once and asked many times."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.product import Files

OUTSIDE = "KEEP THIS TO YOURSELF"


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only root of `files`."""
    return tmp_path_factory.mktemp("only") / "ground"


@pytest.fixture(scope="session")
def files(ground: Path) -> Iterator[Files]:
    """A server with one root; every test makes a directory of its own in it."""
    ground.mkdir()
    (ground.parent / "outside.txt").write_text(OUTSIDE)
    with Files(os.fspath(ground)) as client:
        yield client
        waiting = [
            name for _, *names in os.walk(ground) for name in itertools.chain(*names) if name.startswith(".fs-server-")
        ]
        assert not waiting, "nothing waits beside the files that were changed"
    assert client.process.returncode == 0, "whatever was asked, the server lived and left in order"


@dataclass(frozen=True)
class Here:
    """A fresh directory in a root, and how a client names things in it."""

    path: Path
    spoken: str

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def named(self, name: str) -> str:
        return f"{self.spoken}/{name}"

    def uri(self, name: str = "") -> str:
        return (self.path / name).as_uri()


@pytest.fixture
def here(ground: Path, files: Files, request: pytest.FixtureRequest) -> Here:  # noqa: ARG001 - it makes the root
    """A directory in the root of `files` that only this test uses."""
    for number in range(10_000):
        path = ground / f"{request.node.originalname[:60]}-{number}"
        if not path.exists():
            path.mkdir()
            return Here(path, path.name)
    raise AssertionError
