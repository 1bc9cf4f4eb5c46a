"""However a server dies in the middle of a change, the next one finishes it or takes it back, and history agrees."""

import sys
from collections.abc import Callable, Iterator

import pytest

from tests.fs_server.journal.mortals import (
    Mortals,
    die_at_each,
    die_at_random,
    die_beside_another,
    recover_at_once,
    wait_inside,
)
from tests.fs_server.journal.works import SIMPLE, SOME, WORKS
from tests.sandbox.backends import RESOLVERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and compares what only Linux shows")


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    """Give the process whose children die."""
    mortals = Mortals()
    yield mortals
    mortals.close()


def cases(gate: Callable[[str, str], bool]) -> pytest.MarkDecorator:
    """Return the cases of all works and resolvers; those that are not for the `gate` run at night."""
    return pytest.mark.parametrize(
        ("name", "backend"),
        [
            pytest.param(
                name, backend, id=f"{backend}-{name}", marks=() if gate(name, backend) else pytest.mark.nightly
            )
            for backend in RESOLVERS
            for name in WORKS
        ],
    )


@cases(gate=lambda name, backend: name in SOME if backend == "portable" else backend == "openat2" and name in SIMPLE)
@pytest.mark.corpus("mut-027")
@pytest.mark.guarantee("G16")
def test_a_change_is_whole_or_not_there_when_its_server_dies_before_a_call_that_changes_something(
    name: str, backend: str, mortals: Mortals
) -> None:
    assert mortals.play(die_at_each, name=name, backend=backend) > 5


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["openat2", "portable"])
@pytest.mark.parametrize("name", WORKS)
def test_a_change_is_whole_or_not_there_when_its_server_dies_before_any_call(
    name: str, backend: str, mortals: Mortals
) -> None:
    assert mortals.play(die_at_each, name=name, backend=backend, looks=True) > 20


@pytest.mark.timeout(600)
@cases(gate=lambda name, backend: backend == "portable" and name == "create with parents")
def test_a_change_is_whole_or_not_there_when_the_servers_die_that_put_it_in_order(
    name: str, backend: str, mortals: Mortals
) -> None:
    assert mortals.play(die_at_each, name=name, backend=backend, again=True) > 10


@pytest.mark.parametrize("backend", RESOLVERS)
def test_history_tells_how_the_tree_came_about_after_a_kill_at_any_moment(backend: str, mortals: Mortals) -> None:
    mortals.play(die_at_random, backend=backend, seed=1, runs=40)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backend", RESOLVERS)
def test_history_tells_how_the_tree_came_about_after_thousands_of_kills(backend: str, mortals: Mortals) -> None:
    for seed in range(2, 42):
        mortals.play(die_at_random, backend=backend, seed=seed, runs=100)


@pytest.mark.parametrize("backend", RESOLVERS)
def test_a_server_goes_on_undisturbed_while_others_die_and_start(backend: str, mortals: Mortals) -> None:
    mortals.play(die_beside_another, backend=backend, seed=1, runs=15)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backend", RESOLVERS)
def test_a_server_goes_on_undisturbed_while_thousands_die_and_start(backend: str, mortals: Mortals) -> None:
    for seed in range(2, 22):
        mortals.play(die_beside_another, backend=backend, seed=seed, runs=100)


@pytest.mark.timeout(600)
@cases(gate=lambda name, backend: backend == "openat2" and name == "move over another")
def test_a_recovery_leaves_what_a_living_server_is_in_the_middle_of(name: str, backend: str, mortals: Mortals) -> None:
    assert mortals.play(wait_inside, name=name, backend=backend) > 2


@pytest.mark.parametrize("backend", RESOLVERS)
def test_two_servers_that_start_at_once_put_each_change_in_order_once(backend: str, mortals: Mortals) -> None:
    mortals.play(recover_at_once, backend=backend, runs=1)
