"""`serve`: settings, then the log, then the server until its client leaves."""

import logging
import os
import sys

from fs_server import cli, log
from fs_server.config import load
from fs_server.config.flags import PROGRAM, Invocation
from fs_server.errors import explain
from fs_server.protocol import claim_stdio
from sandbox import ConfigRefused

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(invocation: Invocation) -> int:
    """Serve until the client closes the wire, and return the exit code.

    Raises:
        ConfigError: the settings cannot be used.
    """
    settings = load.load(invocation.layer, os.environ, invocation.config)
    log.to_stderr(settings.log_level)
    for root in settings.roots:
        if root.holds_home:
            _log.warning(
                "The root %s holds your home directory. Keys, cloud credentials and shell start-up files are kept from"
                " the assistant, and all else in it is not. Serve the directories that you mean instead.",
                root.path,
            )
    if sys.stdin is not None and sys.stdin.isatty():
        _log.warning("This speaks to a host, not to a person. To see it at work: %s try %s", PROGRAM, root.path)
    # Before anything else is imported, because anything may print; and late, so that a mistake in the settings is
    # told before the protocol's packages are loaded.
    wire = claim_stdio()
    from fs_server import app  # noqa: PLC0415 - the reason stands above

    try:
        return app.run(settings, wire)
    except ConfigRefused as refusal:
        told = explain(refusal)
        cli.complain(f"cannot serve {told.what}: {told.fact}.")
        return cli.UNUSABLE
