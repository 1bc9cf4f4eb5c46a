"""Every refusal in one form that a model can act on."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sandbox
from fs_server.errors import Failure, explain, quoted
from sandbox import Code, SandboxError

KINDS = [kind for kind in vars(sandbox).values() if isinstance(kind, type) and issubclass(kind, SandboxError)]
KINDS.remove(SandboxError)

# What each kind is raised with: values as long as an operator or a file system can make them.
FACTS: dict[str, str | int] = {
    "root": "r" * 255,
    "reason": "because " * 60,
    "rule": "*.pem" * 200,
    "access": "inspect",
    "kind": "fifo",
    "errno": "EIO",
    "characters": 10**9,
    "limit": 65_536,
}


def test_every_code_of_the_sandbox_has_a_class_and_words() -> None:
    assert {kind.code for kind in KINDS} == set(Code)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("subject", ["a/b", "p" * 65_536, "\x1b[2J\u202e\udcff" * 10_000, '"quote"', "{braces}", ""])
def test_a_refusal_has_a_code_and_a_step_and_fewer_than_300_characters(kind: type[SandboxError], subject: str) -> None:
    failure = explain(kind(subject, **FACTS))
    text = str(failure)
    assert text.startswith(f'[{kind.code}] "')
    assert len(text) < 300
    assert text.endswith(f"{failure.step}.")
    assert text.isprintable()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_without_its_facts_is_told_all_the_same(kind: type[SandboxError]) -> None:
    assert str(explain(kind("x"))).startswith(f"[{kind.code}] ")


def test_the_three_sentences_stand_in_order() -> None:
    assert str(Failure("code", "What", "Fact", "Step")) == "[code] What. Fact. Step."
    assert str(Failure("code", "What?", step="Step!")) == "[code] What? Step!"


@given(st.text(max_size=600), st.text(max_size=600), st.text(max_size=150))
def test_the_step_survives_whatever_stands_before_it(what: str, fact: str, step: str) -> None:
    text = str(Failure("invalid_argument", what, fact, step))
    assert len(text) < 300
    assert text.rstrip(".").endswith(step.rstrip("."))


def test_a_step_that_is_too_long_by_itself_is_cut() -> None:
    assert len(str(Failure("code", "what", "fact", "s" * 1_000))) < 300


@given(st.text(st.characters(), max_size=400))
def test_a_quotation_is_short_harmless_and_keeps_both_ends(text: str) -> None:
    told = quoted(text)
    assert len(told) <= 92
    assert not {unicodedata.category(char) for char in told} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if text.isascii() and text.isprintable():
        assert told[1:-1].startswith(text[:44])
        assert told[1:-1].endswith(text[-44:])


def test_megabytes_are_quoted_without_being_escaped_whole() -> None:
    """A client may send 32 MB of anything, and a quotation is made on the event loop."""

    class Counted(str):
        __slots__ = ("seen",)

        def __iter__(self) -> None:  # type: ignore[override]
            raise AssertionError("it was gone through character by character")

    assert len(quoted(Counted("é" * 1_000_000))) <= 92
