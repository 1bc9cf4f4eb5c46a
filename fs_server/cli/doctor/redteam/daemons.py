"""Daemons that do not want to die. Run as a command: `daemons.py COUNT stay|leave`; standard library only.

Each leaves its parent and its session, ignores requests to end, and goes on as a new process every two milliseconds.
As long as one lives, it writes to the file `beats`. With `stay` the program waits then; with `leave` it ends.
"""

import os
import signal
import sys
import time

assert sys.platform == "linux"  # told to the type checker, which reads every file for every platform

AT_MOST_S = 15.0
"""If nothing ends them, they must not stay on this machine for ever."""

STEP_S = 0.002


def main() -> None:  # pragma: no cover - runs as a command
    """Leave daemons behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    count, then = int(sys.argv[1]), sys.argv[2]
    until = time.monotonic() + AT_MOST_S
    beats = os.open("beats", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(count):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            live(beats, until)
    # What leaves does so when each has gone on some times: a daemon that never lived proves nothing.
    while os.fstat(beats).st_size < count * 3 and time.monotonic() < until:
        time.sleep(STEP_S)
    while then == "stay" and time.monotonic() < until:
        time.sleep(1)


def live(beats: int, until: float) -> None:  # pragma: no cover - as above
    """Beat, and go on as a child."""
    while time.monotonic() < until:
        os.write(beats, b".")
        time.sleep(STEP_S)
        if os.fork():
            os._exit(0)
        os.setsid()
    os._exit(0)


if __name__ == "__main__":
    main()
