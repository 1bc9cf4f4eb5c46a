"""What is measured: each row is one piece of work, done as a host asks for it."""

import itertools
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus
from benchmarks.peers import Peer
from benchmarks.server import Server

__all__ = ["ROWS", "Row"]

Work = Callable[[Server, Peer], object]


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: of the work.
        target: the ratio that is to be reached, to the floor if there is one, else to the reference server; None where
            there is none to compare with.
        measure: returns milliseconds (or megabytes), or None where the server cannot do it.
        unit: of the figure.
        floor: measures in a directory what the system itself takes for the same, in milliseconds.
    """

    name: str
    target: float | None
    measure: Callable[[Peer], float | None]
    unit: str = "ms"
    floor: Callable[[Path], float] | None = None


def _started(peer: Peer) -> float:
    times = []
    for _ in range(5):
        with Server(peer.argv, peer.environment) as server:
            times.append(server.started_s * 1000)
    return statistics.median(times)


def _resident(peer: Peer) -> float:
    with Server(peer.argv, peer.environment) as server:
        return server.resident_bytes() / 1e6


def _median_of(repeats: int, work: Work) -> Callable[[Peer], float | None]:
    """Return a measurement: the median time of `work` after three rounds that do not count."""

    def measure(peer: Peer) -> float | None:
        with Server(peer.argv, peer.environment) as server:
            times = []
            for number in range(repeats + 3):
                begun = time.perf_counter()
                if work(server, peer) is None:
                    return None
                if number >= 3:
                    times.append((time.perf_counter() - begun) * 1000)
        return statistics.median(times)

    return measure


def _first(work: Work) -> Callable[[Peer], float | None]:
    """Return a measurement of the first time that something is asked of a new process."""

    def measure(peer: Peer) -> float | None:
        with Server(peer.argv, peer.environment) as server:
            begun = time.perf_counter()
            return None if work(server, peer) is None else (time.perf_counter() - begun) * 1000

    return measure


def _hundred(server: Server, peer: Peer) -> object:
    return server.call(*peer.words.read_many([f"hundred/{number:03}.txt" for number in range(100)]))


def _deep(server: Server, peer: Peer) -> object:
    return server.call(*peer.words.lines("huge.log", 5_000_000, 100)) if peer.words.lines else None


def _whole_ten(server: Server, peer: Peer) -> object:
    if peer.words.resource is None:
        return server.call(*peer.words.read("ten.txt"))
    return server.ask("resources/read", {"uri": peer.words.resource("ten.txt")})


def _list_all(server: Server, peer: Peer) -> object:
    """List ten thousand entries: in pages, where the server has pages."""
    tool, arguments = peer.words.list("many")
    cursor = ""
    while True:
        result = server.call(tool, {**arguments, "cursor": cursor} if cursor else arguments)
        cursor = result.get("_meta", {}).get("fs-server/result", {}).get("cursor", "")
        if not cursor:
            return result


def _at_once(server: Server, peer: Peer) -> object:
    tool, arguments = peer.words.read("small.txt")
    return server.ask_at_once("tools/call", [{"name": tool, "arguments": arguments}] * 32)


def _written(peer: Peer, *, new: bool) -> float | None:
    numbers = itertools.count()
    stem = f"written/{peer.name}-{time.time_ns()}-"

    def write(server: Server, peer: Peer) -> object:
        number = next(numbers)
        return server.call(*peer.words.write(f"{stem}{number if new else 0}.txt", f"{number:08}" * 128))

    return _median_of(200, write)(peer)


def _edited(peer: Peer) -> float | None:
    """Edit a line in the middle of a file of a megabyte, to and fro."""
    numbers = itertools.count()
    name = f"written/{peer.name}-1MB.txt"
    line = corpus.LINE.format(6_000, 6_000).rstrip("\n")
    with Server(peer.argv, peer.environment) as server:
        server.call(*peer.words.write(name, "".join(corpus.LINE.format(n, n) for n in range(12_000))))

    def edit(server: Server, peer: Peer) -> object:
        texts = (line, line.upper())
        turn = next(numbers) % 2
        return server.call(*peer.words.edit(name, texts[turn], texts[1 - turn]))

    return _median_of(40, edit)(peer)


def _renamed(directory: Path) -> float:
    """Return the median time of the system for a durable write of 1 kB: written, flushed, renamed, the name flushed."""
    times = []
    for number in range(200):
        begun = time.perf_counter()
        with (directory / "floor.new").open("wb", buffering=0) as file:
            file.write(b"x" * 1024)
            os.fsync(file.fileno())
        (directory / "floor.new").replace(directory / f"floor{number}")
        handle = os.open(directory, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


ROWS = (
    Row("start to tools/list", 0.5, _started),
    Row("trivial call", 1.5, _median_of(300, lambda server, peer: server.call(*peer.words.roots()))),
    Row("read 1 kB", 1.0, _median_of(300, lambda server, peer: server.call(*peer.words.read("small.txt")))),
    Row("100 files of 4 kB, one call", 0.5, _median_of(20, _hundred)),
    Row("last 100 lines of 1 GB", 1.0, _median_of(20, lambda s, p: s.call(*p.words.last_lines("huge.log", 100)))),
    Row("lines 5,000,000-5,000,099 of 1 GB, first time", None, _first(_deep)),
    Row("the same, asked again", None, _median_of(20, _deep)),
    Row("10 MB whole", 0.4, _median_of(5, _whole_ten)),
    Row("list 10,000 entries", 1.0, _median_of(10, _list_all)),
    Row("write 1 kB, a new file", 2.0, lambda peer: _written(peer, new=True), floor=_renamed),
    Row("write 1 kB, a file replaced", 2.0, lambda peer: _written(peer, new=False), floor=_renamed),
    Row("edit in 1 MB", 0.5, _edited),
    Row("32 calls at once", 1.5, _median_of(50, _at_once)),
    Row("resident memory, idle", 1.0, _resident, "MB"),
)
