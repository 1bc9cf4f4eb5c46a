"""The program that `parser_process` starts: limits itself, imports one module, answers once. Only standard library.

It is run by its path, not imported, so that nothing else is loaded before the limits stand. Coverage cannot see it:
a process that may write no file writes no report. The tests observe the process itself.
"""

import importlib
import json
import os
import struct
import sys
from typing import Any

FRAME = struct.Struct(">4sIQ")
MAGIC = b"fsp1"


def limit(cpu_s: int, memory_bytes: int, open_files: int) -> None:  # pragma: no cover - see above
    """Bound what this process can take. Windows has no such limits: there the parent's deadline is all."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, cpu_s + 1),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901 - the same limit
        # macOS refuses to limit the address space.
        if kind != resource.RLIMIT_AS or sys.platform != "darwin":
            # At the soft limit of time SIGXCPU comes, which tells why it died; a second later SIGKILL (setrlimit(2)).
            soft = most - 1 if kind == resource.RLIMIT_CPU else most
            resource.setrlimit(kind, (soft, most))


def open_nothing_more() -> None:  # pragma: no cover - see above
    """Let no further descriptor be opened: no file, no socket, whatever a parser is tricked into."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:  # pragma: no cover - see above
    """Return what the module says, or what kept it from saying something."""
    try:
        limit(**request["limits"])
        sys.path[:] = request["path"]
        parse = importlib.import_module(request["module"]).load(**request["arguments"])
        open_nothing_more()
        with os.fdopen(0, "rb", closefd=False) as stream:
            stream.seek(0)
            facts, body = parse(stream)
    except MemoryError:
        return {"parser_failed": "memory"}, b""
    except Exception as error:  # noqa: BLE001 - a parser of hostile bytes raises anything
        return {"parser_failed": "error", "error": type(error).__name__}, b""
    return facts, body


def main() -> None:  # pragma: no cover - see above
    """Answer in one frame on what was standard output; nothing that is printed gets into it."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    facts, body = answer(json.loads(sys.argv[1]))
    head = json.dumps(facts).encode()
    with os.fdopen(stdout, "wb") as out:
        out.write(FRAME.pack(MAGIC, len(head), len(body)) + head)
        out.write(body)
    # Modules may have left threads or finalisers that nobody waits for.
    os._exit(0)


if __name__ == "__main__":  # pragma: no cover - see above
    main()
