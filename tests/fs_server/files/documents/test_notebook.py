import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fs_server.files.documents import document_text
from tests.fs_server.files.disk import DiskFile
from tests.fs_server.files.documents.made import refusal, taken


def notebook(tmp_path: Path, *cells: Any, **others: Any) -> Path:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, **others}))
    return path


def output(tmp_path: Path, **facts: Any) -> str:
    text = taken(notebook(tmp_path, {"cell_type": "code", "source": "", "outputs": [facts]}), "notebook").text
    return text.partition("--- Output ---\n")[2].rstrip("\n")


def test_cells_are_given_under_headings_with_their_outputs(tmp_path: Path) -> None:
    path = notebook(
        tmp_path,
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "execution_count": 7,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        },
    )
    with DiskFile(path) as file:
        made = asyncio.run(document_text(file, "notebook"))
    assert made.text == (
        "--- Cell 1 of 2: markdown ---\n# Title\ntext\n--- Cell 2 of 2: code [7] ---\nprint(1)\n--- Output ---\n1\n"
    )
    assert (made.unit, made.count, made.truncated) == ("cell", 2, False)


def test_outputs_are_text_or_named(tmp_path: Path) -> None:
    picture = {"image/png": "iVBOR"}
    assert output(tmp_path, output_type="display_data", data=picture) == "[image/png]"
    both = {"text/plain": ["a", "b"], **picture}
    assert output(tmp_path, output_type="execute_result", data=both) == "ab\n[also image/png]"
    assert output(tmp_path, output_type="execute_result", data={"text/plain": "ab"}) == "ab"
    error = {"ename": "ValueError", "evalue": "no", "traceback": ["long"]}
    assert output(tmp_path, output_type="error", **error) == "ValueError: no"
    assert output(tmp_path, output_type="strange") == "[no text]"
    assert output(tmp_path, output_type="stream", text="\x1b[31mred\x1b[0m") == "red"


def test_a_long_output_is_bounded(tmp_path: Path) -> None:
    assert output(tmp_path, output_type="stream", text="x" * 5000) == "x" * 4000 + "\n[1000 more characters]"


def test_the_cells_of_format_3_stand_in_worksheets(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": ["a = 1"], "prompt_number": 3, "outputs": []}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}))
    assert taken(path, "notebook").text == "--- Cell 1 of 1: code [3] ---\na = 1\n"


def test_what_is_strange_inside_is_passed_over(tmp_path: Path) -> None:
    path = notebook(tmp_path, "no cell", {"source": 5, "outputs": ["no output"]}, {"outputs": None})
    assert taken(path, "notebook").text == "--- Cell 1 of 2: unknown ---\n5\n--- Cell 2 of 2: unknown ---\n"


def test_no_more_cells_are_read_than_there_is_room_for(tmp_path: Path) -> None:
    made = taken(notebook(tmp_path, *[{"source": "x" * 50}] * 5), "notebook", max_chars=100)
    assert (len(made.text), made.count, made.truncated) == (100, 5, True)


@pytest.mark.parametrize("content", ["", "{", "[]", "5", '{"cells": 5}', "[" * 100_000, '{"worksheets": [1]}'])
def test_what_is_no_notebook_is_told_of(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    assert refusal(path, "notebook").startswith("[io_error] This is not a notebook")
