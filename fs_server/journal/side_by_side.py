"""Two things that wait for the disk, at once."""

import _thread
from collections.abc import Callable

__all__ = ["side_by_side"]


def side_by_side(here: Callable[[], object], there: Callable[[], object]) -> None:
    """Do both, the second in a thread of its own, and return when both have ended.

    Raises what one of them raises; of two errors, the one of the first.
    """
    failed: list[BaseException] = []
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            there()
        except BaseException as error:  # noqa: BLE001 # it is raised below
            failed.append(error)
        finally:
            ended.release()

    # Not by `threading` or a pool: handing over takes them longer than a fast disk takes.
    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # no thread is to be had
        run()
    try:
        here()
    finally:
        ended.acquire()
    if failed:
        raise failed[0]
