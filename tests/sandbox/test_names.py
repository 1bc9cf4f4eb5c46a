"""How names are compared for refusing, and how they are shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.names import fold, shown

NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20)


@pytest.mark.parametrize(
    "spelling",
    [
        ".git",
        ".GIT",
        ".Git",
        ".git.",
        ".git ",
        ".git. . ",
        ".g\u200cit",  # HFS+ (CVE-2014-9390)
        ".gi\ufefft",
        ".\u2066git",
        ".g\u034fit",  # ext4 with casefold skips it, and it is no format character
        ".git\ufe0f",
        ".g\u3164it",
        ".git\U000e0041",
        ".\uff47it",
        "\uff0e\uff47\uff49\uff54",
        ".g\u0131t".replace("\u0131", "\u2170"),  # a roman numeral one
        "git~1",
        "GIT~1",
        "GIT~27",
        ".git\u00a0",
        ".git\u2026",
    ],
)
def test_spellings_that_some_system_takes_for_one_name_are_one(spelling: str) -> None:
    assert fold(spelling) == ".git"


@pytest.mark.parametrize("name", [".gitignore", "git", ".gi", "git~", "git~x", "agit~1", ".g it", "..git"])
def test_other_names_stay_apart_from_git(name: str) -> None:
    assert fold(name) != ".git"


@pytest.mark.parametrize(("name", "folded"), [("...", "..."), (" ", " "), (".", "."), ("ÀB", "àb"), ("\u212a", "k")])
def test_a_name_never_folds_to_nothing_that_it_was_not(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(NAMES)
def test_folding_ignores_case_width_and_invisible_letters(name: str) -> None:
    assert fold(name + "\u200d") == fold(name)
    assert fold("\u2060" + name) == fold(name)
    assert fold(unicodedata.normalize("NFD", name)) == fold(unicodedata.normalize("NFC", name))


@given(st.text(st.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=12))
def test_folding_ascii_is_lower_case_without_the_end_that_windows_strips(name: str) -> None:
    assert fold(name) == fold(name.upper()) == fold(fold(name)) == fold(f"{fold(name)}. ")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("plain name.txt", "plain name.txt"),
        ("café €", "café €"),
        ("a\nb", r"a\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x7f", r"\x7f"),
        ("\x85", r"\x85"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028par\u2029", r"line\u2028par\u2029"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\udcff\udc80", r"\xff\x80"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_could_mislead_a_reader_is_escaped(name: str, seen: str) -> None:
    assert shown(name) == seen


@given(st.text())
def test_what_is_shown_is_printed_on_one_line_in_its_own_order(text: str) -> None:
    seen = shown(text)
    assert len(seen.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in seen} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert seen.encode("utf-8").decode() == seen
