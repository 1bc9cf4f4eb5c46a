"""The escape battery: every way out that is known, from each tier, as root and as an ordinary user.

What comes of each is data (`tests/data/escapes.json`): a way that is closed where it was open fails too, so that the
documents that list what is not prevented stay true.
"""

import ctypes
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.runner import ISOLATED, Tier
from tests.sandbox.warden.commands import TIERS, ground, system_python
from tests.support.as_user import as_ordinary_user, own_directory

EXPECTED = Path(__file__).parents[2] / "data" / "escapes.json"
BATTERY = Path(__file__).with_name("escapes.py")
ABI_OF_THE_TABLE = 7


@pytest.mark.parametrize("tier", TIERS)
def test_every_way_out_ends_as_the_table_says(tier: Tier, tmp_path: Path) -> None:
    compare(tier, "root" if os.geteuid() == 0 else "user", tried(tier, tmp_path))


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the tests anyway")
def test_every_way_out_ends_as_the_table_says_for_an_ordinary_user(tier: Tier) -> None:
    system_python()
    with own_directory() as own:
        compare(tier, "user", json.loads(as_ordinary_user(f"{__name__}:try_as_a_user", tier, str(own))))


def test_outside_of_a_confinement_the_ways_are_open(tmp_path: Path) -> None:
    """Else the table would be true of a battery that tries nothing."""
    found = tried(Tier.NONE, tmp_path)
    open_ = {way for way, came in found.items() if came == "done"}
    expected = json.loads(EXPECTED.read_text())
    for_certain = {way for way in expected if expected[way].get("unconfined") == "done"}
    assert for_certain - open_ == set()
    assert len(for_certain) > 50


def try_as_a_user(tier: str, own: str) -> None:
    sys.stdout.write(json.dumps(tried(Tier(tier), Path(own), interpreter=(system_python(), *ISOLATED))))


def compare(tier: Tier, user: str, found: dict[str, str]) -> None:
    expected = {way: cells[f"{tier} {user}"] for way, cells in json.loads(EXPECTED.read_text()).items()}
    assert found == expected


def tried(tier: Tier, base: Path, **options: Any) -> dict[str, str]:
    """Return what came of every way, with everything outside that a way could lead to."""
    root, outside = base / "root", base / "outside"
    (outside / "empty").mkdir(parents=True)
    (outside / "hollow").mkdir()
    (outside / "empty/f").touch()
    root.mkdir()
    (outside / "secret").write_text("SECRET")
    (outside / "link").symlink_to("nowhere")
    shutil.copy(BATTERY, root)
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1600)
    shared = Path("/dev/shm/fs-server-escape")
    shared.touch()
    os.environ["SECRET_OF_THE_SERVER"] = "1"  # noqa: S105 - it is none
    try:
        with (
            tempfile.NamedTemporaryFile(dir="/tmp") as in_tmp,
            socket.create_server(("127.0.0.1", 0)) as tcp,
            socket.socket(socket.AF_UNIX) as unix,
            socket.socket(socket.AF_UNIX) as abstract,
            ground(root, tier, **options) as served,
        ):
            if served.runner.report.landlock_abi != ABI_OF_THE_TABLE:
                pytest.skip("the table is of another Landlock")
            name = f"fs-server-escape-{os.getpid()}"
            unix.bind(str(outside / "socket"))
            unix.listen()
            abstract.bind("\0" + name)
            abstract.listen()
            told = {
                "outside": str(outside),
                "server": os.getpid(),
                "warden": served.runner._process.pid,
                "shm": segment,
                "port": tcp.getsockname()[1],
                "unix": str(outside / "socket"),
                "abstract": name,
                "in_tmp": in_tmp.name,
                "confined": tier is not Tier.NONE,
                # What this process has already, so that a way that is open changes nothing.
                "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
                "processors": sorted(os.sched_getaffinity(0)),
                "priority": os.getpriority(os.PRIO_PROCESS, 0),
            }
            ended, printed = served.run(system_python(), "escapes.py", json.dumps(told))
            assert ended.exit_code == 0, (ended, printed)
            found: dict[str, str] = json.loads(printed)
            Path(in_tmp.name).touch()  # where a way led there, its end would fail
            return found
    finally:
        del os.environ["SECRET_OF_THE_SERVER"]
        libc.shmctl(segment, 0, None)
        shared.unlink(missing_ok=True)
