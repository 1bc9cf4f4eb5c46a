"""These ask Linux's kernel."""

import sys

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
