"""A neighbour of the program under test: a thread that does nothing but wait for its turn."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from brubeck import green


def let_others_run() -> None:
    """Let each other green thread run once; no time passes where none has anything to do."""
    green.sleep(0)


@contextmanager
def neighbour() -> Iterator[list[float]]:
    """Yield the moments at which the neighbour had a turn, in seconds of the process's CPU time.

    CPU time, so that what other processes of a busy machine take is nobody's fault here.
    """
    moments: list[float] = []
    over = green.Event()

    def live() -> None:
        while not over.is_set():
            moments.append(time.process_time())
            let_others_run()

    green.spawn(live)
    let_others_run()  # from now on it waits for its second turn
    moments.clear()
    try:
        yield moments
    finally:
        over.set()


def longest_hold(turns: list[float], work: Callable[[], object]) -> float:
    """Return the longest time (seconds of CPU time) that some work leaves the neighbour no turn.

    Garbage of earlier tests is collected before: going through that of thousands takes long.
    """
    gc.collect()
    turns.clear()
    start = time.process_time()
    work()
    moments = [start, *turns, time.process_time()]
    return max(after - before for before, after in pairwise(moments))
