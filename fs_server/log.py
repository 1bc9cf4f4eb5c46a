"""The log: standard error only, one line per record. Standard output belongs to the protocol."""

import logging
import sys

from sandbox import shown

__all__ = ["to_stderr"]


def to_stderr(level: str) -> None:
    """Send the records of every package, from `level` on, to standard error, and Python's own warnings too.

    Called again, it replaces what it did before.
    """
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(OneLine("%(asctime)s fs-server %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    logging.captureWarnings(capture=True)


class OneLine(logging.Formatter):
    r"""A record with its traceback on one line.

    A file may be called `a\nERROR all is lost`, and a terminal obeys what it is sent.
    """

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))
