"""The text of a PDF, page by page. Runs in a child process only."""

import codecs
import pkgutil
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

import pypdf
from pypdf import PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from fs_server.errors import Failure
from fs_server.files.documents.collected import Collected

__all__ = ["parse"]

# All of pypdf, which imports parts of itself where it needs them, and the codecs of its fonts: loaded now, because
# nothing can be opened later. 26 ms.
for _module in pkgutil.walk_packages(pypdf.__path__, "pypdf."):
    with suppress(ImportError):  # for a library that is not installed, and not needed
        import_module(_module.name)
for _codec in ("utf-16-be", "utf-16-le", "cp1252", "charmap", "gb2312", "gbk", "gb18030", "cp932", "cp950"):
    codecs.lookup(_codec)

_BASE64 = 'format="base64" gives the bytes'


def parse(stream: BinaryIO, *, max_chars: int) -> tuple[dict[str, Any], bytes]:
    """Return the pages' text, each under a heading; a page that cannot be read says so.

    Raises:
        Failure: `binary_file` for an encrypted PDF or one without text, `io_error` for a damaged one.
    """
    reader, count = _opened(stream)
    collected = Collected(max_chars)
    found, failed = False, ""
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad page must not hide the others, and pypdf raises anything
            failed = type(error).__name__
            text = f"[This page could not be read: {failed}]"
        else:
            found = found or bool(text.strip())
        if not collected.add(f"--- Page {number + 1} of {count} ---\n{text}\n"):
            break
    if failed and not found:
        code = "too_large" if failed == LimitReachedError.__name__ else "io_error"
        raise Failure(code, "No page of the PDF could be read", failed, _BASE64)
    if not found:
        raise Failure("binary_file", "The PDF holds no text", f"{count} pages, probably scanned", _BASE64)
    return collected.answer("page", count)


def _opened(stream: BinaryIO) -> tuple[PdfReader, int]:
    """Return a reader that can decrypt, and the number of pages."""
    try:
        reader = PdfReader(stream)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _encrypted("it needs a password")
        count = len(reader.pages)
    except DependencyError as error:
        raise _encrypted("the library for its cipher is not installed") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("io_error", "The PDF is damaged", type(error).__name__, _BASE64) from error
    return reader, count


def _encrypted(why: str) -> Failure:
    return Failure("binary_file", "The PDF is encrypted", why.capitalize(), _BASE64)
