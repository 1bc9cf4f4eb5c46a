"""The environment: FS_SERVER_ and the key in capitals, a dot as an underscore. An empty variable is not set.

`FS_SERVER_READ_ONLY=1`, `FS_SERVER_LIMITS_RESULT_CHARS=50000`, `FS_SERVER_ROOTS` with directories separated as in
PATH, `FS_SERVER_CONFIG` with the file to read.
"""

import os
from collections.abc import Mapping

from fs_server.config.errors import unknown_key
from fs_server.config.keys import KEYS, PREFIX, Found, Layer
from fs_server.config.roots import RootGiven, absolute

__all__ = ["CONFIG", "ROOTS", "read"]

CONFIG = f"{PREFIX}CONFIG"
ROOTS = f"{PREFIX}ROOTS"


def read(environment: Mapping[str, str]) -> Layer:
    """Return what the environment says.

    Raises:
        ConfigError: an unknown FS_SERVER_ variable, because a misspelt restriction must not pass in silence; a value
            of a wrong type.
    """
    known = {key.variable: key for key in KEYS.values() if not key.file_only}
    layer: Layer = {}
    for variable, text in environment.items():
        # The environment of Windows has its names in capitals whatever was written.
        if not variable.startswith(PREFIX) or not text or variable == CONFIG:
            continue
        if variable == ROOTS:
            paths = (absolute(part, ROOTS) for part in text.split(os.pathsep) if part)
            layer["roots"] = Found(tuple(RootGiven(path=path) for path in paths), ROOTS)
        elif variable in known:
            layer[known[variable].name] = known[variable].of_text(text, variable)
        else:
            raise unknown_key("environment", variable, (*known, ROOTS, CONFIG))
    return layer
