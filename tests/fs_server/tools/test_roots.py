"""Several roots: their names, one inside another, and a root that goes away while the server runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.product import Files
from tests.support.tree import make_tree

CONFIG = """\
[roots.outer]
path = "{base}/outer"
deny = ["/hidden.txt"]

[roots.inner]
path = "{base}/outer/inner"
writable = false
deny = ["closed/**", "*.secret"]

[roots.other]
path = "{base}/other"
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("several").resolve()
    make_tree(
        base,
        [
            "outer/f = OUTER", "outer/hidden.txt = HIDDEN", "outer/x.secret = allowed here", "outer/inner/f = INNER",
            "outer/inner/x.secret = INSIDE", "outer/inner/closed/f = INSIDE", "outer/link -> inner/x.secret",
            "outer/way -> inner/closed", "other/f = OTHER", "other/outer/f = OTHER'S OUTER", "other/file:x = ODD",
        ],
    )  # fmt: skip
    return base


@pytest.fixture(scope="module")
def several(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.write_text(CONFIG.format(base=base))
    with Files("--config", os.fspath(config)) as client:
        yield client


def test_the_roots_are_what_nothing_and_a_dot_name(several: Files) -> None:
    for path in ("", "."):
        assert several.names(path=path) == ["outer/", "inner/", "other/"]
    assert [root["writable"] for root in several.data("list_roots")["roots"]] == [True, False, True]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("outer/f", "OUTER"), ("inner/f", "INNER"), ("outer/inner/f", "INNER"), ("other/f", "OTHER"),
        ("other/outer/f", "OTHER'S OUTER"), ("outer/x.secret", "allowed here"), ("./outer//./f", "OUTER"),
        ("other/file:x", "ODD"),
    ],
)  # fmt: skip
def test_a_path_begins_with_a_root_s_name_and_comes_back_so(several: Files, path: str, content: str) -> None:
    assert several.blocks("read_file", path=path)[0] == content
    facts = several.facts("read_file", path=path)
    for way in (facts["path"], facts["uri"]):
        assert several.blocks("read_file", path=way)[0] == content


def test_an_absolute_path_belongs_to_the_innermost_root(several: Files, base: Path) -> None:
    assert several.facts("read_file", path=str(base / "outer/inner/f"))["path"] == "inner/f"
    assert several.facts("read_file", path=str(base / "outer/f"))["path"] == "outer/f"


@pytest.mark.parametrize("path", ["f", "gone/f", "~/f", "Outer/f", "outerf", "../other/f", "/", "/etc"])
def test_what_names_no_root_is_refused(several: Files, path: str) -> None:
    assert several.code("read_file", path=path) == "outside_roots"


@pytest.mark.parametrize(
    "path",
    [
        "outer/hidden.txt", "inner/x.secret", "outer/inner/x.secret", "outer/link", "outer/inner/closed/f",
        "outer/way/f", "{base}/outer/inner/x.secret", "inner/closed", "outer/way", "outer/inner/CLOSED/../closed/f",
    ],
)  # fmt: skip
def test_the_rules_of_every_root_on_the_way_hold(several: Files, base: Path, path: str) -> None:
    path = path.format(base=base)
    for tool, name in (("read_file", "path"), ("file_info", "path"), ("list_directory", "path")):
        assert several.code(tool, **{name: path}) in {"protected_path", "not_found"}


def test_a_tree_from_the_outer_root_does_not_enter_what_the_inner_one_hides(several: Files) -> None:
    listing, note = several.blocks("list_directory", path="outer", depth=9)
    assert "closed/ [protected]" in listing
    assert listing.count("[protected]") == 3
    assert "left out: 1 protected_path" in note


@pytest.mark.parametrize("path", ["outer/../other/f", "outer/../../x", "other/../outer/f"])
def test_one_root_does_not_lead_to_another(several: Files, path: str) -> None:
    assert several.code("read_file", path=path) == "escapes_root"


def test_a_path_without_a_root_is_told_to_begin_with_one(several: Files) -> None:
    assert "begin with the name of one" in several.failure("file_info", path=".")


@pytest.mark.parametrize("again", [False, True], ids=["removed", "made anew"])
def test_a_root_that_goes_away_is_said_to_be_gone_and_the_others_stay(tmp_path: Path, again: bool) -> None:  # noqa: FBT001
    make_tree(tmp_path, ["one/f = 1", "two/f = 2", "new/f = IMPOSTOR"])
    with Files(str(tmp_path / "one"), str(tmp_path / "two")) as files:
        assert files.blocks("read_file", path="one/f")[0] == "1"
        shutil.rmtree(tmp_path / "one")
        if again:
            (tmp_path / "new").rename(tmp_path / "one")
        for tool in ("read_file", "file_info"):
            assert files.code(tool, path="one/f") == "root_gone"
        assert files.code("list_directory", path="one") == "root_gone"
        uri = (tmp_path / "one/f").as_uri()
        assert files.error(files.request("resources/read", {"uri": uri}))["data"]["code"] == "root_gone"
        assert files.blocks("read_file", path="two/f")[0] == "2"


def test_a_root_that_is_renamed_is_still_the_one_that_was_chosen(tmp_path: Path) -> None:
    make_tree(tmp_path, ["one/f = 1", "outside/f = OUTSIDE"])
    with Files(str(tmp_path / "one")) as files:
        (tmp_path / "one").rename(tmp_path / "moved")
        (tmp_path / "one").symlink_to("outside")
        assert files.blocks("read_file", path="f")[0] == "1"
        assert files.blocks("read_file", path=str(tmp_path / "one/f"))[0] == "1"


def test_a_file_system_that_hangs_costs_its_own_root_and_no_other(tmp_path: Path) -> None:
    """The stuck root's threads wait in open(2); when somebody opens the other end they come back."""
    make_tree(tmp_path, ["dead/f = 1", "dead/stuck|", "alive/f = 2"])
    with Files(
        str(tmp_path / "dead"), str(tmp_path / "alive"), "--call-timeout-s", "0.3", resolver="misbehaving"
    ) as files:
        assert files.data("list_roots")["resolver"] == "misbehaving"
        calls = [files.call("read_file", path="dead/stuck") for _ in range(20)]
        read = files.request("resources/read", {"uri": (tmp_path / "dead/stuck").as_uri()})
        assert files.blocks("read_file", path="alive/f")[0] == "2"
        for call in calls:
            assert files.result(call)["content"][0]["text"].startswith('[timeout] Reading "dead/stuck". ')
        assert files.error(read)["data"]["code"] == "timeout"
        assert files.code("read_file", path="dead/f") == "timeout", "all threads of this root are stuck"
        assert files.blocks("read_file", path="alive/f")[0] == "2"
        assert threads_of(files) < 30
        until_free(files, tmp_path / "dead/stuck")
        assert files.blocks("read_file", path="dead/f")[0] == "1"


def threads_of(files: Files) -> int:
    return len(list(Path(f"/proc/{files.process.pid}/task").iterdir()))


def until_free(files: Files, fifo: Path) -> None:
    """Let go of whoever waits for the FIFO, until a thread is free again."""
    for _ in range(100):
        os.close(os.open(fifo, os.O_RDWR))
        if not files.ask("read_file", path="dead/f")["isError"]:
            return
    raise AssertionError
