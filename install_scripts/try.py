"""Set fs-server up for this checkout and walk through a real session with it: `try.py [DIR]`.

DIR is the directory to serve; the current one by default. Nothing outside the environment is changed.
"""

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

from install_scripts.environment import become, prepare
from install_scripts.installers import CannotInstall

if __name__ == "__main__":
    try:
        environment = prepare()
    except (CannotInstall, OSError) as failure:
        sys.exit("install_scripts: " + str(failure))
    become(environment, ["-I", "-m", "fs_server", "try", *sys.argv[1:]])
