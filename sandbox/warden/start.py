"""The program that `client.py` starts: run by its path, isolated, with nothing of a site on its import path.

The package that holds the warden imports what the warden must not load, and needs what is not installed for it. So a
bare package of the same name is put in its place before anything of ours is imported: it has the same files beneath,
and an empty start of its own.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType


def bare_package() -> ModuleType:  # pragma: no cover - runs where nothing measures; the tests observe the process
    """Return a package without content whose modules are those beside this one's directory."""
    package = ModuleType("sandbox")
    package.__path__ = [str(Path(__file__).parent.parent)]
    return package


if __name__ == "__main__":  # pragma: no cover - see above
    sys.modules["sandbox"] = bare_package()
    import_module("sandbox.warden.service").main(int(sys.argv[1]))
