"""The command line: one word chooses the subcommand, and only what it needs is imported.

Exit codes: 0 done, 1 something failed, 2 the command line or the settings cannot be used, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

from fs_server.config import flags
from fs_server.config.errors import ConfigError

__all__ = ["complain", "main"]

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for and return the exit code; `argv` is without the program's name."""
    try:
        code = _run(flags.parse(sys.argv[1:] if argv is None else argv))
        # Here rather than at exit, where a reader that has gone would be an error nobody catches.
        if sys.stdout is not None:
            sys.stdout.flush()
    except ConfigError as error:
        complain(str(error))
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left, as `head` does. What is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except SystemExit as end:  # argparse, after it has printed
        return end.code if isinstance(end.code, int) else UNUSABLE
    return code


def complain(text: str) -> None:
    """Tell the operator, on standard error."""
    if sys.stderr is not None:  # closed by whoever started us
        sys.stderr.write(f"{flags.PROGRAM}: {text}\n")


def _run(invocation: flags.Invocation) -> int:
    if invocation.subcommand == "config":
        from fs_server.cli import show_config  # noqa: PLC0415 - each subcommand loads only what it needs

        return show_config.run(invocation)
    if invocation.subcommand == "try":
        from fs_server.cli import try_session  # noqa: PLC0415 - loads the SDK's client

        return try_session.run(invocation.directory)
    if invocation.subcommand == "doctor":
        from fs_server.cli import doctor  # noqa: PLC0415 - loads the sandbox and the journal

        return doctor.run(invocation)
    if invocation.subcommand == "history":
        from fs_server.cli import show_history  # noqa: PLC0415 - loads the journal

        return show_history.run(invocation)
    if invocation.subcommand == "undo":
        from fs_server.cli import undo  # noqa: PLC0415 - loads the journal

        return undo.run(invocation)
    from fs_server.cli import serve  # noqa: PLC0415 - loads the server

    return serve.run(invocation)
