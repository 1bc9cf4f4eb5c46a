"""Every entry of the attack corpus that changes something, as operations of a change, on every resolver."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fs_server.journal.corpus_driver import changing_on
from tests.fs_server.tools.in_process import called
from tests.sandbox.backends import RESOLVERS
from tests.sandbox.private_mounts import in_private_mounts
from tests.support.corpus import CHANGES, Attack, attacks, play, prepare, table

TABLE = tuple(table(CHANGES))
ENTRIES = {attack.id: attack for attack in attacks()}


@pytest.fixture(params=RESOLVERS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.id)
@pytest.mark.guarantee("G15", "G20")
def test_every_entry_ends_as_the_corpus_says(attack: Attack, backend: str, tmp_path: Path) -> None:
    play(attack, tmp_path, changing_on(backend))


@pytest.mark.corpus("spec-015")
def test_a_file_that_may_not_be_written_is_replaced_and_stays_so(backend: str, tmp_path: Path) -> None:
    """The directory decides, as for every program that replaces files. No setting keeps it from that."""
    attack = ENTRIES["spec-015"]
    play(attack, tmp_path, changing_on(backend))
    facts = (tmp_path / "root/ro").stat()
    assert ((tmp_path / "root/ro").read_text(), facts.st_mode & 0o777) == ("NEW", 0o444)


@contextmanager
def few_descriptors(most: int) -> Iterator[None]:
    """Let this process open so many files at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.corpus("mut-024")
@pytest.mark.timeout(180)  # where every line is counted and the machine is busy
def test_a_tree_of_1200_levels_is_deleted_with_few_descriptors(backend: str, tmp_path: Path) -> None:
    root = prepare(ENTRIES["mut-021"], tmp_path).root
    nested(root, 1200)
    with changing_on(backend)([str(root)]) as driver, few_descriptors(300):
        assert driver.carry_out({"op": "delete", "path": "n", "recursive": True}).ok
    assert not (root / "n").exists()


def test_a_deep_tree_is_put_back(backend: str, tmp_path: Path) -> None:
    nested(tmp_path / "root", 200)
    with called(tmp_path / "root", journal=tmp_path / "journal", resolver=RESOLVERS[backend]()) as tools:
        tools.answer("delete_path", path="n", recursive=True)
        assert depth(tmp_path / "root") == 0
        tools.answer("undo")
    assert depth(tmp_path / "root") == 200


def nested(root: Path, levels: int) -> None:
    root.mkdir(exist_ok=True)
    above = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("n", dir_fd=above)
        below = os.open("n", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)


def depth(root: Path) -> int:
    levels, above = 0, os.open(root, os.O_RDONLY)
    while True:
        try:
            below = os.open("n", os.O_RDONLY, dir_fd=above)
        except FileNotFoundError:
            os.close(above)
            return levels
        os.close(above)
        above, levels = below, levels + 1


@pytest.mark.corpus("mut-026")
@pytest.mark.guarantee("G16")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(backend: str, tmp_path: Path) -> None:
    """The corpus calls it an error of input and output; ours has a name of its own, which says what to do."""
    in_private_mounts("tests.fs_server.journal.mounted:write_on_a_full_disk", backend, str(tmp_path))


@pytest.mark.guarantee("G16")
def test_where_no_history_can_be_kept_nothing_is_changed(tmp_path: Path) -> None:
    in_private_mounts("tests.fs_server.journal.mounted:keep_a_history_on_a_full_disk", str(tmp_path))


@pytest.mark.corpus("mnt-003")
def test_a_bare_move_stays_on_its_device_and_the_tool_copies_and_removes(backend: str, tmp_path: Path) -> None:
    in_private_mounts("tests.fs_server.journal.mounted:move_across_devices", backend, str(tmp_path))
