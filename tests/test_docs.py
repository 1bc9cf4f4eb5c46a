"""The documents say what is so: links lead somewhere, files and tests that are named exist, made parts are fresh."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fs_server.config import file, flags
from sandbox import Code
from tests.generated import CHECKOUT, PARTS, own_codes, refreshed

DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)

LONGEST_DECISION = 40
"""Lines. What takes longer belongs into the design page, or was not decided."""


@pytest.mark.parametrize("name", sorted({name for name, _ in PARTS.values()}))
def test_the_parts_that_are_made_from_the_code_are_fresh(name: str) -> None:
    text = (CHECKOUT / name).read_text("utf-8")
    assert refreshed(name, text) == text, f"{name} is stale: run python -m tests.generated"


@pytest.mark.parametrize("name", sorted({name for name, _ in PARTS.values()}))
def test_a_document_that_lost_a_part_is_told_of(name: str) -> None:
    with pytest.raises(ValueError, match="0 times"):
        refreshed(name, "no comments that name a part")


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(document)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), target
        assert not anchor or anchor in _anchors(place), target


@each_document
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(
        r"`((?:fs_server|sandbox|resources|tests|install_scripts|docs|benchmarks)/(?:[\w./-]*(?:/|\.\w+))?)`",
        _prose(document),
    )
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


@each_document
def test_every_test_that_is_named_exists(document: Path) -> None:
    for name, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", _prose(document)):
        assert re.search(rf"^def {test}\(", (CHECKOUT / name).read_text("utf-8"), re.MULTILINE), f"{name}::{test}"


@each_document
def test_every_command_line_of_ours_is_one_that_is_understood(document: Path) -> None:
    for block in _blocks(document, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if "fs-server-mcp" in words:
                flags.parse(words[words.index("fs-server-mcp") + 1 :])
            elif words[:1] == ["python3"] and words[1].endswith(".py"):
                assert (CHECKOUT / words[1]).is_file(), line


@each_document
def test_every_configuration_that_is_shown_can_be_read(document: Path, tmp_path: Path) -> None:
    for block in _blocks(document, "toml"):
        settings = tmp_path / "config.toml"
        settings.write_text(block, "utf-8")
        assert file.read(settings)["roots"].value


def test_every_code_stands_in_the_page_of_errors_and_no_other_does() -> None:
    text = (CHECKOUT / "docs/errors.md").read_text("utf-8")
    assert {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)} == own_codes() | {code.value for code in Code}


def test_decisions_are_numbered_without_gaps_and_short() -> None:
    decisions = sorted((CHECKOUT / "docs/decisions").iterdir())
    assert [decision.name[:5] for decision in decisions] == [f"{number:04}-" for number in range(1, len(decisions) + 1)]
    for decision in decisions:
        lines = decision.read_text("utf-8").splitlines()
        assert lines[0].startswith(f"# {decision.name[:4]}: ")
        assert len(lines) <= LONGEST_DECISION, decision.name


def _prose(document: Path) -> str:
    """Return the text without its blocks of code, in which brackets and backticks mean something else."""
    return re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def _blocks(document: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def _anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", _prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
