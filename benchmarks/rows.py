"""What is measured: each row is one piece of work, done as a host asks for it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers import Peer
from benchmarks.server import Server

__all__ = ["ROWS", "Row"]

Work = Callable[[Server, Peer], object]


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: of the work.
        target: the ratio to the reference server that is to be reached; None where there is none to compare with.
        measure: returns milliseconds (or megabytes), or None where the server cannot do it.
        unit: of the figure.
    """

    name: str
    target: float | None
    measure: Callable[[Peer], float | None]
    unit: str = "ms"


def _started(peer: Peer) -> float:
    times = []
    for _ in range(5):
        with Server(peer.argv) as server:
            times.append(server.started_s * 1000)
    return statistics.median(times)


def _resident(peer: Peer) -> float:
    with Server(peer.argv) as server:
        return server.resident_bytes() / 1e6


def _median_of(repeats: int, work: Work) -> Callable[[Peer], float | None]:
    """Return a measurement: the median time of `work` after three rounds that do not count."""

    def measure(peer: Peer) -> float | None:
        with Server(peer.argv) as server:
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
        with Server(peer.argv) as server:
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
    Row("32 calls at once", 1.5, _median_of(50, _at_once)),
    Row("resident memory, idle", 1.0, _resident, "MB"),
)
