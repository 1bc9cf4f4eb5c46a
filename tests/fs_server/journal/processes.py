"""Servers as processes of their own: `Process(WORK, DIRECTORY)` starts one of the functions below."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from fs_server.journal.journal import Journal
from fs_server.journal.sessions import Sessions
from tests.fs_server.journal.samples import changed, put

__all__ = ["Process", "opened"]

CHECKOUT = Path(__file__).parents[3]


class Process:
    """A process that works on the journal in a directory, and waits for a line before each piece of work."""

    def __init__(self, work: str, directory: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fs_server.journal.processes", work, str(directory), *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._read = b""

    def line(self) -> str:
        """Return the next line that it prints; empty when it has ended."""
        assert self._process.stdout is not None
        while b"\n" not in self._read:
            ready, _, _ = select.select([self._process.stdout], [], [], 20)
            assert ready, "it printed nothing"
            piece = os.read(self._process.stdout.fileno(), 65_536)
            if not piece:
                return ""
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def go_on(self) -> None:
        """Let it do the next piece of its work."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def kill(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(20)

    def ended(self) -> int:
        """Return its exit status."""
        return self._process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait(20)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


def opened(directory: Path | str) -> Journal:
    """Open a journal as a server does."""
    return Journal.open(Path(directory), max_bytes=1 << 30, max_age_s=30 * 24 * 3_600)


def live(directory: str) -> None:
    """Show that a server is alive."""
    sessions = Sessions(Path(directory) / "sessions")
    sessions.begin()
    say(sessions.own)
    wait()


def write_changes(directory: str, name: str, count: str) -> None:
    """Make changes, each with contents of its own, one with what all servers have in common."""
    with opened(directory) as journal:
        say("open")
        wait()
        for number in range(int(count)):
            mine = f"{name} {number}".encode()
            changed(journal, f"/r/{name}/{number}", mine, b"what all have in common" if number % 2 else mine + b"!")
    say("done")


def begin_and_die(directory: str, *paths: str) -> None:
    """Die between the beginning and the end of changes, with their contents kept only there."""
    journal = opened(directory)
    for path in paths:
        journal.keep(path.encode())
        journal.begin([put(path, path.encode(), b"after")], tool="write_file")
    journal.keep(b"never needed")
    say(journal.session)
    os.kill(os.getpid(), signal.SIGKILL)


def keep_and_die(directory: str, content: str) -> None:
    """Die after a large content was kept, before its change began."""
    journal = opened(directory)
    journal.keep(content.encode() * 20_000)
    os.kill(os.getpid(), signal.SIGKILL)


def recover(directory: str) -> None:
    """Handle what dead servers left, as soon as a line comes; print what was handled."""
    with opened(directory) as journal:
        say("open")
        wait()
        for intent in journal.unfinished():
            with intent as change:
                if change is not None:
                    say(change.id)
                    journal.finish(change)
    say("done")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def wait() -> None:
    sys.stdin.readline()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
