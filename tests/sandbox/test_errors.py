"""Refusals: one class, one code, the caller's words."""

import errno
import os

import pytest

from sandbox import errors
from sandbox.errors import Code, IoFailure, SandboxError, from_os_error

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SandboxError)]


def test_every_code_has_one_class_and_every_class_but_the_base_a_code() -> None:
    codes = [kind.code for kind in KINDS if kind is not SandboxError]
    assert sorted(codes) == sorted(Code)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, "not_found"),
        (errno.ENOTDIR, "not_directory"),
        (errno.EISDIR, "is_directory"),
        (errno.EXDEV, "escapes_root"),
        (errno.ELOOP, "symlink_loop"),
        (errno.ENAMETOOLONG, "name_too_long"),
        (errno.EACCES, "permission_denied"),
        (errno.EPERM, "permission_denied"),
        (errno.ENXIO, "not_regular_file"),
        (errno.EINVAL, "invalid_path"),
    ],
)
def test_an_answer_of_the_system_becomes_the_refusal_that_says_it(number: int, code: str) -> None:
    refusal = from_os_error(OSError(number, os.strerror(number), "/a/path/of/the/host"), "asked")
    assert (refusal.code, refusal.subject, refusal.facts) == (code, "asked", {})


@pytest.mark.parametrize(
    ("error", "name"), [(OSError(errno.EMFILE, ""), "EMFILE"), (OSError(99_999, ""), "99999"), (OSError("odd"), "0")]
)
def test_an_answer_without_a_meaning_of_its_own_is_named(error: OSError, name: str) -> None:
    refusal = from_os_error(error, "asked")
    assert isinstance(refusal, IoFailure)
    assert refusal.facts == {"errno": name}


def test_a_refusal_told_in_other_words_keeps_its_facts() -> None:
    told = errors.RootGone("x", root="r").about("y")
    assert isinstance(told, errors.RootGone)
    assert (told.subject, told.facts) == ("y", {"root": "r"})
