"""Somebody saves a file between two calls of its replacement, and again, and again: the last of theirs is there."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fs_server.errors import explain
from fs_server.journal.operations import ANYTHING, Put
from sandbox import Changed
from tests.fs_server.journal.moments import Before, Interferes, named
from tests.fs_server.journal.stage import Stage, staged
from tests.fs_server.journal.worlds import Server, temporaries
from tests.support.race import exchange

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the calls are those of Linux"),
    pytest.mark.guarantee("G18"),
]


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Give a tree where names can be exchanged."""
    with staged("openat2") as stage:
        yield stage


@pytest.fixture
def server(stage: Stage) -> Iterator[Server]:
    with stage.world.server() as server:
        stage.calls.reach(server.workspace.resolver)
        yield server


def before_each_exchange(*works: Callable[[], object]) -> Before:
    """Return what does one thing after the other, each before the next exchange of names."""
    heard: Before | None = None
    for number, work in reversed([*enumerate(works)]):
        # The one behind it hears of the call too before which this one is done.
        heard = Interferes(work, 2 if number else 1, among=named("renameat2"), then=heard)
    assert heard is not None
    return heard


def save(path: Path, content: bytes) -> None:
    other = path.with_name("editors own")
    other.write_bytes(content)
    other.rename(path)


@pytest.mark.parametrize("saves", [1, 2, 3, 4, 7])
def test_whoever_saves_while_theirs_is_put_back_keeps_the_last_of_theirs(
    saves: int, stage: Stage, server: Server
) -> None:
    """What came before the last of theirs, they have replaced themselves; it is beside it all the same."""
    file = stage.root / "d/x"
    works = [lambda content=b"THEIRS %d" % number: save(file, content) for number in range(saves)]
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    with stage.calls.hear(before_each_exchange(*works)), pytest.raises(Changed):
        server.carry_out(plan)
    assert file.read_bytes() == b"THEIRS %d" % (saves - 1)
    assert temporaries(stage.world.picture()) == []
    beside = [path.read_bytes() for path in (stage.root / "d").iterdir() if path != file]
    assert beside == ([] if saves == 1 else [b"THEIRS %d" % (saves - 2)])
    assert server.unfinished() == {}


def test_of_two_things_that_somebody_exchanges_all_the_while_none_is_lost(stage: Stage, server: Server) -> None:
    file, link = stage.root / "d/x", stage.root / "d/theirs"
    old = file.read_bytes()
    link.symlink_to("elsewhere")

    def swap() -> None:
        exchange()(bytes(file), bytes(link))

    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    with stage.calls.hear(before_each_exchange(swap, swap)), pytest.raises(Changed):
        server.carry_out(plan)
    found = [path for path in (stage.root / "d").iterdir() if path.is_symlink()]
    assert [path.readlink() for path in found] == [Path("elsewhere")]
    assert file.read_bytes() == old
    assert temporaries(stage.world.picture()) == []


def test_what_somebody_writes_into_the_new_file_before_the_old_one_is_back_stays(stage: Stage, server: Server) -> None:
    file = stage.root / "d/x"
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    works = before_each_exchange(lambda: save(file, b"THEIRS"), lambda: file.write_bytes(b"THEIRS TOO"))
    with stage.calls.hear(works), pytest.raises(Changed):
        server.carry_out(plan)
    assert file.read_bytes() == b"THEIRS TOO"
    assert [path.read_bytes() for path in (stage.root / "d").iterdir() if path != file] == [b"THEIRS"]


def test_a_file_that_somebody_has_open_for_writing_is_not_replaced(stage: Stage, server: Server) -> None:
    """What they write would go into a file that has no name any more."""
    before = stage.world.picture()
    plan = [Put(server.at("d/x"), b"NEW", ANYTHING)]
    with (stage.root / "d/x").open("ab") as theirs:
        with pytest.raises(Changed) as refused:
            server.carry_out(plan)
        assert "another program has it open for writing" in str(explain(refused.value.about("d/x")))
        assert stage.world.picture() == before
        theirs.write(b", AND MORE")
    assert (stage.root / "d/x").read_bytes() == b"X, AND MORE"
    server.carry_out([Put(server.at("d/x"), b"NEW", ANYTHING)])
    assert (stage.root / "d/x").read_bytes() == b"NEW"


def test_where_every_file_is_said_to_be_open_for_writing_it_says_nothing(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems of a network do."""
    changes = server.workspace.resolver.changes
    monkeypatch.setattr(changes, "is_written_to", lambda _: True)
    server.carry_out([Put(server.at("d/x"), b"NEW", ANYTHING)])
    assert (stage.root / "d/x").read_bytes() == b"NEW"
