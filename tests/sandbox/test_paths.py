"""A client's text becomes names, by its letters alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import NameTooLong, SandboxError
from sandbox.paths import LONGEST_TEXT, Spoken, parse


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("", Spoken(absolute=False, parts=(), directory=False)),
        (".", Spoken(absolute=False, parts=(), directory=False)),
        ("./", Spoken(absolute=False, parts=(), directory=True)),
        ("/", Spoken(absolute=True, parts=(), directory=True)),
        ("a", Spoken(absolute=False, parts=("a",), directory=False)),
        ("a/", Spoken(absolute=False, parts=("a",), directory=True)),
        ("a/.", Spoken(absolute=False, parts=("a",), directory=True)),
        ("a/..", Spoken(absolute=False, parts=("a", ".."), directory=False)),
        ("//a//./b", Spoken(absolute=True, parts=("a", "b"), directory=False)),
        ("file:///a/", Spoken(absolute=True, parts=("a",), directory=True)),
    ],
)
def test_only_slashes_and_single_dots_mean_something(text: str, spoken: Spoken) -> None:
    assert parse(text) == spoken


@pytest.mark.parametrize("name", ["~", "$HOME", "*", "%2e%2e", " a ", "a\\b", "...", "a:b", "\n", "-rf"])
def test_everything_else_is_a_letter_of_a_name(name: str) -> None:
    assert parse(f"x/{name}") == Spoken(absolute=False, parts=("x", name), directory=False)


@pytest.mark.parametrize("text", ["\0", "a\0b", "file:///a%00", "\ud800", "a/\udcff"])
def test_what_no_file_can_be_called_is_refused(text: str) -> None:
    with pytest.raises(SandboxError) as refused:
        parse(text)
    assert (refused.value.code, refused.value.subject) == ("invalid_path", text)


def test_a_text_without_end_is_refused_before_it_is_looked_at() -> None:
    parse("a" * LONGEST_TEXT)
    with pytest.raises(NameTooLong) as refused:
        parse("a" * (LONGEST_TEXT + 1))
    assert refused.value.facts == {"characters": 65_537, "limit": 65_536}


@given(st.text())
def test_every_text_is_names_or_a_refusal(text: str) -> None:
    try:
        spoken = parse(text)
    except SandboxError as refusal:
        assert refusal.subject == text  # noqa: PT017 # either is right
        return
    for part in spoken.parts:
        assert part not in {"", "."}
        assert "/" not in part
        assert os.fsencode(part)


def test_a_letter_that_the_file_systems_encoding_lacks_is_refused_and_not_a_crash() -> None:
    program = "import sandbox.paths as p\ntry: p.parse('caf\\u00e9')\nexcept p.InvalidPath as e: print(e.code)"
    told = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "invalid_path\n"
