"""Fetch pip itself, for a Python that came without it (Debian's, without python3-venv and python3-pip)."""

import hashlib
import os
import re
import ssl
import urllib.parse
import urllib.request
from pathlib import Path

NAME = "pip-26.3-py3-none-any.whl"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
LONGEST_WAIT_S = 60


def fetch(folder: Path) -> Path:
    """Return the wheel of pip, in `folder`; its `pip` directory can be run from inside the file.

    The index is pip's own setting (`PIP_INDEX_URL`) where there is one, and the bytes are checked against a hash
    that stands in this file, so a mirror can hold it back but cannot change it.

    Raises:
        OSError: no index could be reached, or it offers other bytes.
    """
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    page = _get(index).decode("utf-8", "replace")
    link = re.search(rf'href="([^"#]*/)?{re.escape(NAME)}["#]', page)
    if link is None:
        message = f"{index} offers no {NAME}"
        raise OSError(message)
    content = _get(urllib.parse.urljoin(index, link[0].removeprefix('href="').rstrip('"#')))
    if hashlib.sha256(content).hexdigest() != SHA256:
        message = f"{NAME} from {index} has another SHA-256 than {SHA256}"
        raise OSError(message)
    wheel = folder / NAME
    wheel.write_bytes(content)
    return wheel


def _get(url: str) -> bytes:
    # The default context honours SSL_CERT_FILE; PIP_CERT is how a company's own authority is told to pip.
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    # Proxies come from the environment. S310: the address is pip's own setting, which may be a file: index.
    with urllib.request.urlopen(url, timeout=LONGEST_WAIT_S, context=context) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content
