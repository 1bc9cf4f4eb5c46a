"""Start-up: `python -I -m fs_server`, `python -m fs_server` and the console scripts begin here.

The working directory is a workspace that a stranger may have filled. A `sandbox/__init__.py` or a `json.py` in it
must not be taken for ours, so the search path is cleaned before anything else is imported.
"""

import os
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit code."""
    _leave_the_working_directory()
    from fs_server.cli import main as command_line  # noqa: PLC0415 - only now is the search path ours

    return command_line()


def _leave_the_working_directory() -> None:
    """Drop the working directory from where modules are looked up, and what `PYTHONPATH` names relative to it.

    `-m` puts it first, unless -P, -I or PYTHONSAFEPATH forbid that. What Python imports before this line no program
    can take back: with `PYTHONPATH=.` a `sitecustomize.py` or an `fs_server/` in the working directory runs first.
    Only -I keeps those out, and hosts are configured with it.

    Source: https://docs.python.org/3/using/cmdline.html#cmdoption-I
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib would be imported from a search path that is not clean yet
    except OSError:  # it was deleted, so nothing can be imported from it
        return
    told = [] if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "").split(os.pathsep)
    unwanted = {here} | {_full(entry, here) for entry in told if not os.path.isabs(entry)}  # noqa: PTH117
    # Whoever starts us inside the installation itself still gets the standard library and this package.
    unwanted -= {os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(_full(__file__, here)))}  # noqa: PTH120
    sys.path[:] = [entry for entry in sys.path if _full(entry, here) not in unwanted]


def _full(path: str, here: str) -> str:
    return os.path.normpath(os.path.join(here, path))  # noqa: PTH118


if __name__ == "__main__":
    sys.exit(main())
