"""`completion/complete`: how a path can go on, and nothing about what a client may not see."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fs_server.conftest import OUTSIDE, Here
from tests.support.product import Files
from tests.support.tree import make_tree


def complete(files: Files, root: Path, typed: str, argument: str = "path") -> dict[str, Any]:
    params = {
        "ref": {"type": "ref/resource", "uri": root.as_uri() + "/{+path}"},
        "argument": {"name": argument, "value": typed},
    }
    completion: dict[str, Any] = files.result(files.request("completion/complete", params))["completion"]
    return completion


def test_a_path_goes_on_with_what_is_there(files: Files, ground: Path, here: Here) -> None:
    make_tree(here.path, ["alpha", "alps/x", "beta", "link -> beta"])
    assert complete(files, ground, here.named("al")) == {
        "values": [here.named("alpha"), here.named("alps/")], "total": 2, "hasMore": False,
    }  # fmt: skip
    assert complete(files, ground, here.named("alps/"))["values"] == [here.named("alps/x")]
    assert here.spoken + "/" in complete(files, ground, here.spoken[:-1])["values"]


def test_what_is_secret_or_needs_an_escape_is_not_offered(files: Files, ground: Path, here: Here) -> None:
    make_tree(here.path, [f".env = {OUTSIDE}", ".envy", "x.pem", "id_rsa/x", "f", "new\nline"])
    (here / os.fsdecode(b"\xff")).touch()
    assert complete(files, ground, here.named(""))["values"] == [here.named(".envy"), here.named("f")]
    assert complete(files, ground, here.named("id_rsa/"))["values"] == []


def test_many_are_cut_and_said_to_be_more(files: Files, ground: Path, here: Here) -> None:
    for number in range(150):
        (here / f"{number:03}").touch()
    completion = complete(files, ground, here.named(""))
    assert completion["values"] == [here.named(f"{number:03}") for number in range(100)]
    assert completion["hasMore"] is True
    assert "total" not in completion


@pytest.mark.parametrize(
    "typed",
    ["../", "../out", "/etc/", "gone/", "\0", "%2e%2e/", "a" * 70_000, "../../", "~/", "file:///etc/", "\ud800/"],
)
def test_nothing_outside_is_offered(files: Files, ground: Path, typed: str) -> None:
    assert complete(files, ground, typed) == {"values": [], "total": 0, "hasMore": False}


def test_other_templates_and_arguments_have_no_completions(files: Files, ground: Path) -> None:
    assert complete(files, ground, "", argument="name")["values"] == []
    assert complete(files, ground.parent, "")["values"] == []
    params = {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "path", "value": ""}}
    assert files.result(files.request("completion/complete", params))["completion"]["values"] == []


@pytest.fixture
def nested(tmp_path: Path) -> Iterator[Files]:
    make_tree(tmp_path, ["outer/inner/closed", "outer/inner/open", "outer/f"])
    config = tmp_path / "config.toml"
    outer, inner = (
        f"[roots.{path.name}]\npath = '{path}'\n" for path in (tmp_path / "outer", tmp_path / "outer/inner")
    )
    config.write_text(f"{outer}{inner}deny = ['/closed']\n")
    with Files("--config", os.fspath(config)) as client:
        yield client


def test_the_rules_of_a_root_inside_another_hold_for_completions(nested: Files, tmp_path: Path) -> None:
    assert complete(nested, tmp_path / "outer", "inner/")["values"] == ["inner/open"]
    assert complete(nested, tmp_path / "outer/inner", "")["values"] == ["open"]
