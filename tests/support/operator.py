"""An operator with a home of their own, so that no test reads the settings of whoever runs it."""

import os
from pathlib import Path

import pytest

__all__ = ["move_in"]


def move_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `home` the home directory of this process and its children, with no settings, and work there."""
    home.mkdir()
    for variable in [name for name in os.environ if name.startswith("FS_SERVER_")]:
        monkeypatch.delenv(variable)
    for variable, place in (
        ("HOME", home),
        ("USERPROFILE", home),
        ("XDG_CONFIG_HOME", home / ".config"),
        ("XDG_STATE_HOME", home / ".local" / "state"),
        ("LOCALAPPDATA", home / "AppData" / "Local"),
    ):
        monkeypatch.setenv(variable, str(place))
    monkeypatch.chdir(home)
    return home
