"""What the tests of the sandbox share."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Resolver, RootSpec, Workspace

if sys.platform == "win32":
    collect_ignore_glob = ["test_[!w]*.py"]  # these make links, FIFOs and users as POSIX has them
else:
    from tests.sandbox.backends import RESOLVERS, opened

    @pytest.fixture(params=RESOLVERS)
    def backend(request: pytest.FixtureRequest) -> str:
        """Name each resolver in turn."""
        return str(request.param)

    @pytest.fixture
    def resolver(backend: str) -> Resolver:
        """Give each resolver in turn."""
        return RESOLVERS[backend]()

    @pytest.fixture
    def root(tmp_path: Path) -> Path:
        """Make an empty directory that `workspace` has as its only root, beside a file that is outside."""
        path = tmp_path / "root"
        path.mkdir()
        (tmp_path / "secret").write_text("SECRET")
        return path

    @pytest.fixture
    def workspace(root: Path, resolver: Resolver) -> Iterator[Workspace]:
        """Open `root` on each resolver in turn."""
        with opened(resolver, RootSpec("root", str(root))) as workspace:
            yield workspace

    Open = Callable[..., Workspace]

    @pytest.fixture
    def open_roots(resolver: Resolver) -> Iterator[Open]:
        """Open workspaces of given roots on each resolver in turn; they are closed after the test."""
        taken: list[Workspace] = []

        def begin(*specs: RootSpec) -> Workspace:
            taken.append(Workspace.open(specs, resolver=resolver))
            return taken[-1]

        yield begin
        for workspace in taken:
            workspace.close()
