"""The servers that the battery runs against, and clients of both eras."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.wire_client import Era, WireClient

collect_ignore = ["test_descriptors.py"] if sys.platform == "win32" else []

FIXTURE = str(Path(__file__).with_name("fixture_server.py"))

Start = Callable[..., WireClient]


def fixture_server(_: Path) -> list[str]:
    return [sys.executable, FIXTURE]


def product(root: Path) -> list[str]:
    return [sys.executable, "-m", "fs_server", str(root)]


SERVERS: dict[str, Callable[[Path], list[str]]] = {"fixture": fixture_server, "product": product}
"""Command lines by name. Tests that need no special tools run against each of them."""

EACH = [pytest.param("fixture", marks=pytest.mark.nightly), "product"]
"""Starting a server is most of such a test, so the gate asks the one that is delivered."""


@pytest.fixture(params=Era, ids=lambda era: era.name.lower())
def era(request: pytest.FixtureRequest) -> Era:
    """Each era in turn."""
    chosen: Era = request.param
    return chosen


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the fixture server with flags; its pipes are closed after the test."""
    with ExitStack() as stack:

        def begin(*flags: str, **options: object) -> WireClient:
            return stack.enter_context(WireClient([sys.executable, FIXTURE, *flags], **options))  # type: ignore[arg-type] # passed on

        yield begin


@pytest.fixture(params=EACH)
def start_any(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start each server in turn."""
    argv = SERVERS[request.param](tmp_path)
    with ExitStack() as stack:

        def begin(**options: object) -> WireClient:
            return stack.enter_context(WireClient(argv, **options))  # type: ignore[arg-type] # passed on

        yield begin


@pytest.fixture(scope="module", params=EACH)
def survivor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireClient]:
    """One server for all the tests of a module: whatever one of them sends, the next one finds it alive."""
    argv = SERVERS[request.param](tmp_path_factory.mktemp("root"))
    with WireClient(argv, era=Era.LEGACY) as client:
        client.shake_hands()
        yield client
    assert client.process.returncode == 0
