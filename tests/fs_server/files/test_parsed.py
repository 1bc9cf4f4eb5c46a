import asyncio
import io
import sys
from pathlib import Path

import pytest

from fs_server.errors import Failure
from fs_server.files.parse import load
from fs_server.files.parsed import parsed
from sandbox.parser_process import ParserLimits
from tests.fs_server.files.disk import DiskFile


def test_a_parser_that_is_not_installed_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fs_server.files.documents.pdf", None)
    facts, body = load("pdf", max_chars=1)(io.BytesIO())
    assert facts["failure"][0] == "binary_file"
    assert 'pip install "fs-server-mcp[documents]"' in facts["failure"][3]
    assert body == b""


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (ParserLimits(wall_s=0.001), "timeout"),
        (ParserLimits(output_bytes=10), "too_large"),
        (ParserLimits(memory_bytes=60 << 20), "too_large"),
    ],
)
def test_a_limit_that_is_met_is_named(tmp_path: Path, limits: ParserLimits, code: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text('{"cells": [], "x": "' + "x" * (20 << 20) + '"}')
    with DiskFile(path) as file, pytest.raises(Failure) as refused:
        asyncio.run(parsed(file, "notebook", limits=limits, max_chars=1000))
    assert refused.value.code == code
    assert "could not be read as notebook" in str(refused.value)
    assert len(str(refused.value)) < 300
