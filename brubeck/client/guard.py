"""A limit to the time until an answer begins: one thread for all requests of a connection.

httpx begins its time anew with each byte, so a server can send a head without an end. A thread for
each request would cost as much as a third of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Condition, Thread
from time import monotonic


class Watch:
    """One request, until its time is over."""

    __slots__ = ("is_over", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.is_over = False


class Guard:
    """Calls a function when the time of a request is over."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._watches: set[Watch] = set()
        self._wakes_at = inf
        """When the thread looks again; without a thread never."""
        self._changed = Condition()

    @contextmanager
    def within(self, seconds: float) -> Iterator[Watch]:
        """Watch over the body; afterwards the watch says whether its time was over."""
        watch = Watch(monotonic() + seconds)
        with self._changed:
            self._watches.add(watch)
            if self._wakes_at == inf:
                Thread(target=self._run, name="brubeck-guard", daemon=True).start()
            elif self._wakes_at > watch.until:
                self._changed.notify()
            self._wakes_at = min(self._wakes_at, watch.until)
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.discard(watch)

    def close(self) -> None:
        """End the thread once nothing is watched."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while self._wait():
            self._end()

    def _wait(self) -> bool:
        """Wait until the time of a request is over; False when none is left to watch."""
        with self._changed:
            while self._watches:
                now = monotonic()
                over = {each for each in self._watches if each.until <= now}
                if over:
                    self._watches -= over
                    for each in over:
                        each.is_over = True
                    return True
                self._wakes_at = min(each.until for each in self._watches)
                self._changed.wait(self._wakes_at - now)
            self._wakes_at = inf
            return False
