"""A program of its own, on green threads: followers that are interrupted while others read.

It prints the answer of each follower: the number of its changes, or the name of its error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import permutations

from brubeck import green

green.patch(sys.argv[1])

from brubeck.green.waking import FairSemaphore  # noqa: E402, it makes locks, which are patched first
from brubeck.storage import Changes, ChangesQuery  # noqa: E402, it is patched first
from brubeck.storage.conformance.machine import SCHEMA, put_new  # noqa: E402, after the patch
from brubeck.storage.memory import MemoryStorage  # noqa: E402, after the patch
from brubeck.storage.shared_steps import AT_ONCE, SharedSteps  # noqa: E402, it waits by locks, too
from tests.servers import wait_until  # noqa: E402, after the patch

ITEMS = 5
LONG, SHORT = 30.0, 0.2


class Followers:
    """Followers of a stream; their reads begin when they are let go."""

    def __init__(self) -> None:
        stream = MemoryStorage().records("quakes", SCHEMA)
        stream.write([put_new(f"i{number}", number, magnitude=number) for number in range(ITEMS)])
        self._stream = stream
        self._query = ChangesQuery(limit=100, after=0, era=stream.head().era)
        self._steps = SharedSteps(self._read, FairSemaphore(AT_ONCE))
        self.reads = 0
        self.go = green.Semaphore(0)
        self.found: dict[str, object] = {}

    def _read(self, query: ChangesQuery) -> Changes:
        self.reads += 1
        assert self.go.acquire()
        return self._stream.changes(query)

    def ask(self, name: str, seconds: float) -> None:
        """Let a follower ask, and be interrupted when it has waited long enough."""
        green.spawn(self._ask, name, seconds)

    def _ask(self, name: str, seconds: float) -> None:
        try:
            with green.timeout(seconds):
                self.found[name] = len(self._steps.step(self._query).changes)
        except Exception as reason:  # noqa: BLE001, its name is the result
            self.found[name] = type(reason).__name__

    def waiting(self) -> int:
        """Return how many wait for the step of others."""
        return sum(map(len, self._steps._waiting.values()))

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        wait_until(condition)

    @property
    def is_over(self) -> bool:
        """Whether nothing is kept of them."""
        return not self._steps._waiting


def interrupted(order: tuple[float, ...], *, while_first_reads: bool) -> dict[str, object]:
    """Interrupt those of three followers with little time, in the step of the first or after it."""
    followers = Followers()
    followers.ask("first", LONG)
    followers.until(lambda: followers.reads == 1)
    for number, seconds in enumerate(order):
        followers.ask(f"{number} {seconds}", seconds)
    followers.until(lambda: followers.waiting() + len(followers.found) == len(order))
    if not while_first_reads:
        followers.go.release()
        followers.until(lambda: followers.reads == 2)
    followers.until(lambda: "TimeoutError" in followers.found.values())
    followers.go.release(10)
    followers.until(lambda: len(followers.found) == 1 + len(order) and followers.is_over)
    return followers.found


if __name__ == "__main__":
    wrong = []
    for order in sorted(set(permutations((SHORT, LONG, LONG)))):
        for while_first_reads in (True, False):
            found = interrupted(order, while_first_reads=while_first_reads)
            for name, answer in found.items():
                if answer != ("TimeoutError" if name.endswith(str(SHORT)) else ITEMS):
                    wrong.append([order, while_first_reads, name, answer])
    print(json.dumps(wrong))
