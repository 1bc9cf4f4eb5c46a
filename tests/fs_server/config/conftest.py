from pathlib import Path

import pytest

from tests.support.operator import move_in


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's home, empty; the tests' working directory."""
    return move_in(tmp_path / "home", monkeypatch)
