"""The directory for temporary files, and what a server leaves that was killed."""

import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("commands run on Linux only", allow_module_level=True)

from fs_server.commands.scratch import Scratch


def test_it_is_the_users_alone_and_goes_with_all_that_it_holds(tmp_path: Path) -> None:
    scratch = Scratch.make(tmp_path / "scratch")
    own = Path(scratch.path)
    assert own.stat().st_mode & 0o777 == 0o700
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("F")
    (own / "d").mkdir()
    (own / "d" / "way").symlink_to(tmp_path / "outside")
    scratch.remove()
    scratch.remove()
    assert list((tmp_path / "scratch").iterdir()) == []
    assert (tmp_path / "outside" / "f").read_text() == "F", "a link in it leads nowhere"


def test_what_a_dead_server_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    living = Scratch.make(tmp_path)
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "f").write_text("")
    (tmp_path / "file").write_text("")
    other = Scratch.make(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["file", Path(living.path).name, Path(other.path).name]
    )
    living.remove()
    other.remove()
