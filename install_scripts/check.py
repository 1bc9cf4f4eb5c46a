"""Set up the tools and run the gate: `check.py [--fix] [--nightly]`, as `python -m tests.check`."""

import os
import sys

# Before any import of ours: an older Python stops at their first line, with an error that names the wrong cause.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "fs-server needs Python 3.11 or newer, and this is %s (%s). Start this script with a newer one, "  # noqa: UP031
        "or with uv: uv run --no-project --python 3.13 %s\n"
        % (sys.version.split()[0], sys.executable, " ".join(sys.argv))
    )
    sys.exit(2)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

from install_scripts.environment import CHECKOUT, become, prepare
from install_scripts.installers import CannotInstall

if __name__ == "__main__":
    try:
        environment = prepare(group="dev")
    except (CannotInstall, OSError) as failure:
        sys.exit("install_scripts: " + str(failure))
    become(environment, ["-m", "tests.check", *sys.argv[1:]], folder=CHECKOUT)
