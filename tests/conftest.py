"""What every test gets: which of them run, and how hypothesis chooses its examples."""

import os

import pytest
from hypothesis import settings

from tests.support import nursery

pytest_plugins = ["tests.support.installation"]

# The gate must say the same thing twice: the same examples each time, and no verdict on a slow machine's clock.
settings.register_profile("gate", derandomize=True, database=None, deadline=None, print_blob=True)
# At night the examples are new each time; a failure prints how to get it again.
settings.register_profile("nightly", max_examples=5_000, deadline=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the long forms too, on new random examples")
    parser.addoption("--update-snapshots", action="store_true", help="write what the tools show now as what is right")


def pytest_configure(config: pytest.Config) -> None:
    nightly = config.getoption("--nightly")
    settings.load_profile("nightly" if nightly else "gate")
    nursery.allow(forking=not nightly)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--nightly"):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    if nightly:
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]


@pytest.fixture(scope="session", autouse=True)
def nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The settings of the person who runs the tests would change what every started server does."""
    for name in [name for name in os.environ if name.startswith("FS_SERVER_")]:
        del os.environ[name]
    os.environ["XDG_CONFIG_HOME"] = os.environ["APPDATA"] = str(tmp_path_factory.mktemp("configuration"))
    os.environ["XDG_STATE_HOME"] = os.environ["LOCALAPPDATA"] = str(tmp_path_factory.mktemp("state"))
