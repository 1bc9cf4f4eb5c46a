"""The name gate is pure: what Windows would make of a text is decided, and tested, on any system."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.errors import InvalidPath, NameTooLong, OutsideRoots, SandboxError
from sandbox.resolve._windows_names import LONGEST_NAME, require_plain, slashed

Attack = dict[str, Any]
DATA = Path(__file__).parents[1] / "data" / "path_attacks.json"
WINDOWS: dict[str, Attack] = {
    attack["id"]: attack for attack in json.loads(DATA.read_text("utf-8")) if attack["category"] == "windows"
}

# What the text alone cannot decide: `..`, links, aliases and case are looked up; see test_windows_resolver.py.
LOOKED_UP = {"win-018", "win-019", "win-021", "win-022", "win-023", "win-024", "win-028"}


def rows(ids: set[str]) -> list[Any]:
    return [pytest.param(WINDOWS[one], id=one, marks=pytest.mark.corpus(one)) for one in sorted(ids)]


@pytest.mark.parametrize("attack", rows(set(WINDOWS) - LOOKED_UP))
def test_gate_refuses_every_name_of_the_corpus_with_its_code(attack: Attack) -> None:
    text = attack["input"]["path"]
    with pytest.raises(SandboxError) as caught:
        slashed(text, text)
    assert [caught.value.code.upper()] == attack["expect"]["code"]
    assert caught.value.subject == text


@pytest.mark.parametrize("attack", rows(LOOKED_UP))
def test_gate_lets_pass_what_only_a_lookup_can_decide(attack: Attack) -> None:
    text = attack["input"]["path"]
    assert slashed(text, text) == text.replace("\\", "/")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        (".", "."),
        ("a", "a"),
        ("a\\b/c\\", "a/b/c/"),
        ("a\\.\\..\\b", "a/./../b"),
        ("C:\\", "/C:/"),
        ("C:", "/C:"),
        ("c:\\Users\\me", "/C:/Users/me"),
        ("C:/Users/me/", "/C:/Users/me/"),
        ("/C:/from/a/uri", "/C:/from/a/uri"),
        (".git\\config", ".git/config"),
        ("a b.txt", "a b.txt"),
        (" leading", " leading"),
        ("console", "console"),
        ("com10", "com10"),
        ("nulls.txt", "nulls.txt"),
        ("my.con", "my.con"),
        ("café\\日本\\😀", "café/日本/😀"),
        ("half \ud800", "half \ud800"),
    ],
)
def test_ordinary_names_pass_with_slashes_between_them(text: str, plain: str) -> None:
    assert slashed(text, text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "\\",
        "/",
        "/f",
        "//server/share",
        "\\/server\\share",
        "/\\server/share",
        "\\\\?\\UNC\\server\\share\\f",
        "\\\\?\\Volume{b75e2c83-0000-0000-0000-602f00000000}\\f",
        "//?/C:/Windows",
        "//./NUL",
        "\\??\\C:\\Windows",
        "\\Device\\HarddiskVolume1\\f",
        "//C:/f",
    ],
)
def test_paths_that_start_at_no_drive_are_outside(text: str) -> None:
    with pytest.raises(OutsideRoots):
        slashed(text, text)


@pytest.mark.parametrize("device", ["CON", "PRN", "AUX", "NUL", "COM0", "COM9", "LPT0", "LPT³", "COM²", "CONOUT$"])
@pytest.mark.parametrize("shape", ["{}", "{}.txt", "{}.tar.gz", "{} .txt", "{}  .x", "a/{}/b", "a\\{}", "C:\\{}\\f"])
@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_devices_are_refused_in_every_shape(device: str, shape: str, case: Any) -> None:
    with pytest.raises(InvalidPath):
        slashed(shape.format(case(device)), "")


@pytest.mark.parametrize("char", [*map(chr, range(32)), *'<>:"|?*'])
def test_reserved_characters_are_refused_wherever_they_stand(char: str) -> None:
    for text in (f"{char}ab", f"a{char}b", f"ab{char}", f"dir/a{char}b/f", f"C:\\a{char}b"):
        with pytest.raises(InvalidPath):
            slashed(text, text)


@pytest.mark.parametrize("name", ["f.", "f ", "f. .", "...", ".. ", " ", ". "])
def test_names_that_win32_would_shorten_are_refused(name: str) -> None:
    for text in (name, f"{name}/f", f"a\\{name}"):
        with pytest.raises(InvalidPath):
            slashed(text, text)


@pytest.mark.parametrize("text", ["C:f", "c:..", "C:f\\g", "z:.", "a/C:f", "a/C:/f", "C:\\C:\\f"])
def test_a_drive_counts_only_alone_and_first(text: str) -> None:
    with pytest.raises(InvalidPath):
        slashed(text, text)


def test_length_is_counted_in_utf16_units() -> None:
    require_plain("n" * LONGEST_NAME)
    require_plain("😀" * (LONGEST_NAME // 2))
    for name in ("n" * (LONGEST_NAME + 1), "😀" * (LONGEST_NAME // 2 + 1)):
        with pytest.raises(NameTooLong) as caught:
            require_plain(name)
        assert caught.value.facts == {"characters": 256, "limit": 255}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b"])
def test_one_name_is_never_empty_a_step_or_two_names(name: str) -> None:
    with pytest.raises(InvalidPath):
        require_plain(name)


@given(st.text(alphabet=st.sampled_from("aC.: /\\?*\x00n u l~1é$"), max_size=12))
@example("C:/a")
def test_what_passes_is_its_own_fixed_point_and_holds_only_plain_names(text: str) -> None:
    try:
        plain = slashed(text, text)
    except SandboxError:
        return
    assert slashed(plain, "") == plain
    names = [name for name in plain.removeprefix("/").split("/") if name not in {"", ".", ".."}]
    for name in names[1:] if plain.startswith("/") else names:
        require_plain(name)
