"""Patches that git made, where there is a git: each gives the files that git has."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fs_server.files.patch import added_text, applied, parse, require_whole
from fs_server.files.text import text_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")

Tree = dict[str, tuple[bytes, bool]]
"""The content of each file, and whether it can be executed."""

LONG = "".join(f"line {number}\n" for number in range(60)).encode()
BEFORE: Tree = {
    "long.txt": (LONG, False),
    "crlf.txt": (LONG.replace(b"\n", b"\r\n"), False),
    "mixed.txt": (b"a\r\nb\nc\r\nd\ne\n", False),
    "cr.txt": (b"a\rb\rc\r", False),
    "bare.txt": (b"a\nb", False),
    "gone.txt": (b"x\ny", False),
    "moved.txt": (LONG + b"more\n", False),
    'f\u00e4 "1"\t.txt': (b"a\n", False),
    "dir/with space.sql": (b"-- one\n-- two\nselect 1;\n", False),
    "run.sh": (b"#!/bin/sh\n", False),
    "empty.txt": (b"", False),
}  # fmt: skip
AFTER: Tree = {
    "long.txt": (LONG.replace(b"line 5\n", b"").replace(b"line 40\n", b"line 40\nnew\n"), False),
    "crlf.txt": (LONG.replace(b"line 7\n", b"seven\n").replace(b"\n", b"\r\n"), False),
    "mixed.txt": (b"a\r\nB\nc\r\nD\nD\ne\n", False),
    "cr.txt": (b"a\rx\rc\r", False),
    "bare.txt": (b"a\nb\nc\n", False),
    "here/moved.txt": (LONG + b"other\n", False),
    'f\u00e4 "1"\t.txt': (b"b\n", False),
    "dir/with space.sql": (b"++ two\nselect 1;\n", False),
    "run.sh": (b"#!/bin/sh\n", True),
    "empty.txt": (b"full\r\n", False),
    "new.txt": (b"n\r\nm", False),
    "new.sh": (b"#!/bin/sh\nexit\n", True),
    "nothing.txt": (b"", False),
}  # fmt: skip


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., bytes]:
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false", "-c", "core.fileMode=true")

    def run(*arguments: str) -> bytes:
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=nobody, check=True, capture_output=True).stdout

    run("init", "--quiet")
    return run


def write(directory: Path, tree: Tree) -> None:
    for file in directory.rglob("*"):
        if file.is_file() and ".git" not in file.parts:
            file.unlink()
    for name, (content, executable) in tree.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if executable else 0o644)


def patched(tree: Tree, patch: str) -> Tree:
    result = dict(tree)
    for file in parse(patch):
        content, executable = (b"", False) if file.kind == "add" else tree[file.path]
        if file.kind == "add":
            content = added_text(file.hunks).encode()
        elif file.hunks:
            text = text_of(content, subject=file.path)
            if file.kind == "delete":
                require_whole(text, file.hunks, subject=file.path)
            content = text.spliced(applied(text, file.hunks, subject=file.path))
        if file.kind != "copy":
            result.pop(file.path, None)
        if file.kind != "delete":
            result[file.new_path or file.path] = (
                content,
                executable if file.executable is None else file.executable,
            )
    return result


@pytest.mark.parametrize(
    "options",
    [
        ("diff",),
        ("diff", "--no-prefix"),
        ("-c", "diff.mnemonicPrefix=true", "diff"),
        ("diff", "-U1"),
        ("diff", "-M", "-C", "--find-copies-harder", "--minimal"),
        ("diff", "--no-renames", "--full-index", "-U20"),
        ("diff", "--patience", "--function-context", "--no-color"),
    ],
)
def test_what_git_says_becomes_what_git_has(
    git: Callable[..., bytes], tmp_path: Path, options: tuple[str, ...]
) -> None:
    write(tmp_path, BEFORE)
    git("add", "--all")
    git("commit", "--quiet", "-m", "before")
    write(tmp_path, AFTER)
    git("add", "--all")
    patch = git(*options, "HEAD").decode()
    assert patch.count("diff --git") > 10
    assert patched(BEFORE, patch) == AFTER
    # And back.
    assert patched(AFTER, git(*options, "-R", "HEAD").decode()) == BEFORE


def test_a_patch_made_for_mail_is_read_with_all_its_words(git: Callable[..., bytes], tmp_path: Path) -> None:
    write(tmp_path, BEFORE)
    git("add", "--all")
    git("commit", "--quiet", "-m", "before")
    write(tmp_path, AFTER)
    git("add", "--all")
    git("commit", "--quiet", "-m", "after\n\n- a list\n+ of words\n")
    assert patched(BEFORE, git("format-patch", "--stdout", "-1").decode()) == AFTER
