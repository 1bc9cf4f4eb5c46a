"""What a command finds in its environment."""

import pytest

from fs_server.commands.environment import PATH, QUIET, environment
from fs_server.errors import Failure


def test_only_what_is_named_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "geheim")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("LD_PRELOAD", "")
    found = environment({}, "/tmp")
    assert not {"API_TOKEN", "LD_PRELOAD"} & found.keys()
    assert (found["LC_TIME"], found["HOME"]) == ("C", "/tmp")
    assert QUIET.items() <= found.items()


def test_the_callers_variables_win_and_a_path_is_never_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH", raising=False)
    assert environment({}, "")["PATH"] == PATH
    assert environment({"PAGER": "less", "X": "\udcff"}, "")["PAGER"] == "less"


def test_programs_are_looked_for_only_where_they_can_be_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that finds itself first in a directory that is closed to it does not start."""
    monkeypatch.setenv("PATH", "/home/me/.local/bin:/usr/local/bin:/usr/bin:/usrs/bin:relative:")
    assert environment({}, "", ["/usr", "/work"])["PATH"] == "/usr/local/bin:/usr/bin"
    assert environment({}, "")["PATH"] == "/home/me/.local/bin:/usr/local/bin:/usr/bin:/usrs/bin:relative:"
    assert environment({}, "", ["/work"])["PATH"] == PATH
    assert environment({"PATH": "/home/me/bin"}, "", ["/usr"])["PATH"] == "/home/me/bin"


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("A=B", "x"), ("A B", ""), ("1A", ""), ("Ä", ""), ("A", "\0")])
def test_what_is_no_name_or_no_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(Failure, match=r"^\[invalid_argument\] env "):
        environment({name: value}, "")
