"""What is left of the roots when a client names its own directories."""

from pathlib import Path

import pytest

from sandbox import Access, ProtectedPath, RootSpec, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("code/app/deep", "code/lib", "notes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "code/app/.env").write_text("SECRET", encoding="utf-8")
    return Workspace.open(
        [
            RootSpec("code", str(tmp_path / "code"), secret=("/app/.env", "lib")),
            RootSpec("notes", str(tmp_path / "notes")),
        ]
    )


def names(workspace: Workspace) -> list[str]:
    return [root.name for root in workspace.roots]


def test_of_two_nested_directories_the_deeper_one_is_left(workspace: Workspace, tmp_path: Path) -> None:
    assert names(workspace.within([str(tmp_path / "code/app")])) == ["app"]
    assert names(workspace.within([str(tmp_path)])) == ["code", "notes"]
    assert names(workspace.within([str(tmp_path / "elsewhere")])) == []
    assert names(workspace.within([])) == []


def test_what_is_no_directory_of_ours_narrows_to_nothing(workspace: Workspace, tmp_path: Path) -> None:
    secret = str(tmp_path / "code/lib")
    missing = str(tmp_path / "code/missing")
    for stranger in ("relative", "http://x/y", f"{tmp_path}/code/../notes", "file://host/x", secret, missing, "a\0b"):
        assert names(workspace.within([stranger])) == [], stranger


def test_the_rules_of_the_whole_root_hold_in_a_part_of_it(workspace: Workspace, tmp_path: Path) -> None:
    part = workspace.within([(tmp_path / "code/app").as_uri()])
    with pytest.raises(ProtectedPath):
        part.at(".env", Access.READ).open()
    with part.at("", Access.LIST).open_directory() as directory:
        assert {name: directory.entry(name).secret for name, _ in directory.names()} == {".env": True, "deep": False}


def test_two_parts_of_one_name_are_told_apart(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes/app").mkdir()
    both = workspace.within([str(tmp_path / "code/app"), str(tmp_path / "notes/app"), str(tmp_path / "code/app")])
    assert names(both) == ["app", "app-2"]
    assert len({root.identity for root in both.roots}) == len(both.roots)


def test_a_preference_orders_the_roots_and_keeps_them_all(workspace: Workspace, tmp_path: Path) -> None:
    assert names(workspace.preferring([str(tmp_path / "notes/sub")])) == ["notes", "code"]
    assert names(workspace.preferring([str(tmp_path / "elsewhere")])) == ["code", "notes"]
