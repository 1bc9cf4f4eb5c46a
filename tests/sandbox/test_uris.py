"""File URIs: decoded once, exact for every name that a file system can hold."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SandboxError, uri_of_path
from sandbox.paths import parse
from sandbox.uris import is_uri, path_of_uri

BYTES = st.binary(min_size=1, max_size=30).map(lambda name: name.replace(b"\0", b"\1").replace(b"/", b"\2"))


@given(st.lists(BYTES, min_size=1, max_size=4))
def test_any_name_comes_back_from_its_uri(names: list[bytes]) -> None:
    parts = tuple(map(os.fsdecode, names))
    uri = uri_of_path("/root", parts)
    assert uri.isascii()
    assert path_of_uri(uri) == "/root/" + "/".join(parts)
    meant = tuple(part for part in parts if part != ".")
    assert parse(uri).parts == ("root", *meant)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b", "/a/b"),
        ("file:/a", "/a"),
        ("FILE:///a", "/a"),
        ("file://localhost/a", "/a"),
        ("file://LocalHost/a", "/a"),
        ("file:///a%20b", "/a b"),
        ("file:///%2561", "/%61"),
        ("file:///a%2Fb", "/a/b"),
        ("file:///%2e%2E/x", "/../x"),
        ("file:///caf%C3%A9", "/café"),
        ("file:///café", "/café"),
        ("file:///%FF", "/\udcff"),
        ("file:////etc", "//etc"),
        ("file:///a+b~c", "/a+b~c"),
        ("file:///%00", "/\0"),
    ],
)
def test_a_uri_is_decoded_once(uri: str, path: str) -> None:
    assert path_of_uri(uri) == path


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("http://localhost/a", "unsupported_uri"),
        ("ftp://x/a", "unsupported_uri"),
        ("file://server/share", "unsupported_uri"),
        ("file://user@localhost/a", "unsupported_uri"),
        ("file://localhost:80/a", "unsupported_uri"),
        ("file://127.0.0.1/a", "unsupported_uri"),
        ("file://%6cocalhost/a", "unsupported_uri"),
        ("file:a", "invalid_path"),
        ("file:", "invalid_path"),
        ("file://", "invalid_path"),
        ("file://localhost", "invalid_path"),
        ("file:///a?b", "invalid_path"),
        ("file:///a#b", "invalid_path"),
        ("file:///a%", "invalid_path"),
        ("file:///a%2", "invalid_path"),
        ("file:///a%zz", "invalid_path"),
        ("file:///a%u0041", "invalid_path"),
    ],
)
def test_what_names_no_file_of_this_machine_is_refused(uri: str, code: str) -> None:
    with pytest.raises(SandboxError) as refused:
        path_of_uri(uri)
    assert (refused.value.code, refused.value.subject) == (code, uri)


@pytest.mark.parametrize("text", ["a", "/a", "a:b", "C:/x", "files:x", "~file:x", "1://x", "a:/b", "", "file"])
def test_a_path_is_not_taken_for_a_uri(text: str) -> None:
    assert not is_uri(text)


@pytest.mark.parametrize("text", ["file:x", "File:x", "http://x", "a+b.c-d://", "file:///"])
def test_a_uri_is_not_taken_for_a_path(text: str) -> None:
    assert is_uri(text)


def test_the_uri_of_the_top_is_the_top() -> None:
    assert uri_of_path("/") == "file:///"
    assert uri_of_path("/", ("a",)) == "file:///a"
    assert uri_of_path("/r/", ("a b", "ü")) == "file:///r/a%20b/%C3%BC"
